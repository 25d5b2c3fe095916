"""Where the compiled operators are, and whether this processor can run them.

The sources lie in ``source/``; the launcher compiles them once for the environment that it makes
(``model_bundle.kernels.build``). Nothing is compiled while the appliance runs.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path
from typing import Final

from model_bundle.errors import ModelBundleError

SOURCES: Final = Path(__file__).parent / "source"
TARGET: Final = "x86_64-linux-gnu.2.28"
PROCESSOR: Final = "x86_64_v4+avx512vnni"
FLAGS: Final = (
    *("-O3", "-std=c++17", "-fPIC", "-shared", "-s", "-fvisibility=hidden"),
    *("-nostdlib++", "-fno-exceptions", "-fno-rtti", "-fno-sanitize=all", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror"),
)
"""Of the compiler, beside target and processor. Contracted sums would differ from one compiler to the next."""

_NEEDED: Final = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni", "f16c", "fma"})
_CPUINFO: Final = Path("/proc/cpuinfo")


class KernelsMissing(ModelBundleError):  # noqa: N818 - says what is so
    """The operators cannot be used: not compiled, or not for this processor."""

    code = "bundle_kernels"


def supported(cpuinfo: Path = _CPUINFO, machine: str | None = None) -> bool:
    """Whether this processor has what the operators are written for: x86-64 with AVX-512 and VNNI."""
    if (machine or platform.machine()) != "x86_64":
        return False
    try:
        return set(cpuinfo.read_text(encoding="ascii", errors="replace").split()) >= _NEEDED
    except OSError:
        return False


def sources() -> tuple[Path, ...]:
    """All files that are compiled or included, in order."""
    return tuple(sorted(path for path in SOURCES.iterdir() if path.suffix in (".cpp", ".h")))


def expected_path() -> Path:
    """Where the library for these very sources lies in this environment."""
    digest = hashlib.sha256(" ".join((TARGET, PROCESSOR, *FLAGS)).encode())
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return Path(sys.prefix) / "lib" / "intramural" / f"kernels-{digest.hexdigest()[:16]}.so"


def library() -> Path:
    """The compiled library.

    Raises:
        KernelsMissing: this processor cannot run it, or it was not compiled.
    """
    message = "The operators of this bundle cannot be used on this machine."
    if not supported():
        cause = "the processor has no AVX-512 with VNNI"
        raise KernelsMissing(message, cause=cause, action="Make a bundle on this machine, or choose another one.")
    path = expected_path()
    if not path.is_file():
        cause = f"{path.name} is missing"
        raise KernelsMissing(message, cause=cause, action="Run: python -m model_bundle.kernels.build")
    return path
