"""The layout against a whole log that Tessera wrote: every checkpoint, tile and bundle of 15 sizes, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.audit.errors import AuditCorrupt
from appliance.audit.merkle import leaf_hash, nodes_of, tree_hash
from appliance.audit.note import open_checkpoint, parse_vkey
from appliance.audit.storage import TileReader
from appliance.audit.tiles import TileBuilder, levels_of, parse_bundle, parse_tile, tile_path

FOLDER = Path(__file__).parent.parent / "fixtures" / "vectors" / "tlog-tiles-tessera"
LOG = json.loads((FOLDER / "log.json").read_text())
ENTRIES = [entry.encode() for entry in LOG["entries"]]


@pytest.mark.parametrize("size", range(16))
def test_every_checkpoint_of_the_vector_log(size: int) -> None:
    note = (FOLDER / "log" / f"checkpoint.{size}").read_bytes()
    checkpoint = open_checkpoint(note, [parse_vkey(LOG["public_key"])], origin=LOG["origin"])
    assert checkpoint.size == size
    assert checkpoint.root == tree_hash(map(leaf_hash, ENTRIES[:size]))


@pytest.mark.parametrize("size", range(1, 16))
def test_every_file_of_the_vector_log(size: int) -> None:
    builder = TileBuilder()
    builder.extend(ENTRIES[:size], [leaf_hash(entry) for entry in ENTRIES[:size]])
    files = builder.partial_files()
    assert {file.path for file in files} == {f"tile/entries/000.p/{size}", f"tile/0/000.p/{size}"}
    for file in files:
        assert file.content == (FOLDER / "log" / file.path).read_bytes()


def test_the_reader_reads_the_vector_log() -> None:
    reader = TileReader(FOLDER / "log", 15)
    assert [entry for _, entry in reader.all_entries()] == ENTRIES
    assert reader.builder().frontier().root() == tree_hash(map(leaf_hash, ENTRIES))


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (1, 1000, 17, "tile/1/x001/000.p/17"),
        ("entries", 999, 1, "tile/entries/999.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(level: int | str, number: int, width: int, path: str) -> None:
    assert tile_path(level, number, width) == path


def test_the_example_of_the_specification_has_these_tiles() -> None:
    assert list(levels_of(70_000)) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(levels_of(256)) == [(0, 1, 0), (1, 0, 1)]


def test_a_tree_of_three_levels_has_the_right_nodes_in_its_tiles(tmp_path: Path) -> None:
    entries = [b"%d" % number for number in range(66_000)]
    hashes = [leaf_hash(entry) for entry in entries]
    builder = TileBuilder()
    written = []
    for start in range(0, len(entries), 1000):
        written += builder.extend(entries[start : start + 1000], hashes[start : start + 1000])
    written += builder.partial_files()
    for file in written:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes(file.content)
    reader, direct = TileReader(tmp_path, len(entries)), nodes_of(hashes)
    for level, index in [(0, 0), (0, 65_999), (3, 77), (8, 256), (9, 127), (15, 1), (16, 0)]:
        assert reader.node(level, index) == direct(level, index)
    assert reader.builder().frontier().root() == builder.frontier().root() == tree_hash(hashes)


def test_a_bundle_that_ends_early_is_refused() -> None:
    assert parse_bundle(b"\x00\x01a\x00\x00") == [b"a", b""]
    for content in (b"\x00", b"\x00\x02a", b"\x00\x01a\x00"):
        with pytest.raises(AuditCorrupt):
            parse_bundle(content)


def test_a_tile_of_a_wrong_length_is_refused() -> None:
    with pytest.raises(AuditCorrupt):
        parse_tile(bytes(33))
    with pytest.raises(AuditCorrupt):
        parse_tile(bytes(32 * 257))
