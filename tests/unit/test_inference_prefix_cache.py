"""Stored prefixes: exact when good, gone when not."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.inference.kv_cache import CacheShape, KvCache, common_prefix
from appliance.inference.prefix_cache import PrefixCache, bundle_folder

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = CacheShape(layers=2, kv_heads=2, max_len=64, head_dim=4)


def opened(folder: Path, *, bundle: str = "b" * 64, limit: int = 4) -> PrefixCache:
    cache = PrefixCache(folder, bundle=bundle, shape=SHAPE, limit=limit)
    cache.load()
    return cache


def rows(count: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal(SHAPE.prefix_shape(count)).astype(np.float32)


def test_what_is_stored_comes_back_exactly(tmp_path: Path) -> None:
    cache = opened(tmp_path / "p")
    assert cache.find([1, 2, 3]) is None
    cache.store([1, 2, 3], rows(3))
    cache.close()
    again = opened(tmp_path / "p")
    found = again.find([1, 2, 3])
    assert found is not None
    np.testing.assert_array_equal(found, rows(3))
    assert again.find([1, 2]) is None
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "p").iterdir()] == ["0o600"]
    again.close()


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path / "p", limit=2)
    cache.store([1], rows(1))
    cache.store([2], rows(1))
    assert cache.find([1]) is not None
    cache.store([3], rows(1))
    assert cache.find([2]) is None
    assert cache.find([1]) is not None
    cache.close()
    assert len(list((tmp_path / "p").iterdir())) == 2


@pytest.mark.parametrize("damage", ["flip header", "flip token", "flip row", "cut", "grow", "empty", "rename"])
def test_damaged_file_is_discarded_with_a_log_line(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache = opened(tmp_path / "p")
    cache.store([1, 2, 3], rows(3))
    cache.close()
    (file,) = (tmp_path / "p").iterdir()
    content = bytearray(file.read_bytes())
    changed: dict[str, bytes] = {
        "flip header": bytes(content[:20]) + bytes([content[20] ^ 1]) + bytes(content[21:]),
        "flip token": content.replace(b"}\x01\0\0\0", b"}\x07\0\0\0"),
        "flip row": bytes(content[:-1]) + bytes([content[-1] ^ 1]),
        "cut": bytes(content[:-4]),
        "grow": bytes(content) + b"\0\0\0\0",
        "empty": b"",
        "rename": bytes(content),
    }
    assert changed[damage] != bytes(content) or damage == "rename"
    file.write_bytes(changed[damage])
    if damage == "rename":
        file.rename(file.with_name("0" * 64 + ".kv"))
    with caplog.at_level(logging.WARNING):
        again = opened(tmp_path / "p")
    assert again.find([1, 2, 3]) is None
    assert "discarding" in caplog.text
    assert not list((tmp_path / "p").iterdir())
    again.close()


def test_prefix_of_another_bundle_is_not_used(tmp_path: Path) -> None:
    cache = opened(tmp_path / "p")
    cache.store([1, 2, 3], rows(3))
    cache.close()
    other = opened(tmp_path / "p", bundle="c" * 64)
    assert other.find([1, 2, 3]) is None
    other.close()


def test_folder_that_cannot_be_written_costs_only_the_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a file where the folder should be")
    cache = opened(tmp_path / "p")
    cache.store([1, 2, 3], rows(3))
    assert cache.find([1, 2, 3]) is not None
    cache.close()


def test_cache_restores_what_it_gave(tmp_path: Path) -> None:
    first, second = KvCache(SHAPE), KvCache(SHAPE)
    first.layer(1, 0)[...] = np.random.default_rng(1).standard_normal(first.layer(1, 0).shape)
    first.extend(0, range(10))
    second.restore(0, first.tokens(), first.prefix(0, 10))
    np.testing.assert_array_equal(second.layer(1, 0)[:, :, :10], first.layer(1, 0)[:, :, :10])
    assert second.tokens() == list(range(10))
    second.rewind(0, 4)
    assert second.length() == 4


def test_prefixes_of_few_other_bundles_are_kept(tmp_path: Path) -> None:
    for age, bundle in enumerate("abcd"):
        folder = tmp_path / (bundle * 16)
        folder.mkdir()
        os.utime(folder, (age, age))
    (tmp_path / "file").write_text("left alone")
    own = bundle_folder(tmp_path, "a" * 64)
    assert own.name == "a" * 16
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["a", "c", "d", "f"]


def test_cache_memory_is_aligned() -> None:
    assert KvCache(SHAPE).layer(0, 0).ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("first", "second", "expected"), [([], [1], 0), ([1, 2], [1, 2, 3], 2), ([1, 2, 3], [1, 9, 3], 1), ([5], [6], 0)]
)
def test_common_prefix(first: list[int], second: list[int], expected: int) -> None:
    assert common_prefix(first, second) == expected
