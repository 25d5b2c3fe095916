"""Proofs hold for every tree and every place in it, and for nothing that was changed by as little as a bit."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.audit.errors import ProofError
from appliance.audit.leaf import LeafReader, encode_leaf
from appliance.audit.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_of,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)
from appliance.audit.records import encode_record
from appliance.audit.tiles import TileBuilder, frame, parse_bundle
from appliance.core.clock import SystemClock

sizes = st.integers(1, 300)


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def defined_root(hashes: list[bytes]) -> bytes:
    """MTH word for word as RFC 6962 §2.1 defines it."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(defined_root(hashes[:split]), defined_root(hashes[split:]))


def flip(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


@given(sizes)
def test_the_root_is_the_defined_one(size: int) -> None:
    assert tree_hash(leaves(size)) == defined_root(leaves(size))


@given(sizes, st.data())
def test_every_leaf_has_a_proof_and_only_at_its_place(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    root, proof = tree_hash(hashes), inclusion_proof(index, size, nodes_of(hashes))
    verify_inclusion(hashes[index], index, size, proof, root)
    other = data.draw(st.integers(0, size + 3))
    assume(other != index)
    with pytest.raises(ProofError):
        verify_inclusion(hashes[index], other, size, proof, root)


@given(sizes, st.data())
def test_a_changed_inclusion_proof_fails(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    root, proof = tree_hash(hashes), list(inclusion_proof(index, size, nodes_of(hashes)))
    leaf = hashes[index]
    bit = data.draw(st.integers(0, 255))
    kind = data.draw(st.sampled_from(["leaf", "root", "hash", "longer", "shorter"]))
    if kind == "leaf":
        leaf = flip(leaf, bit)
    elif kind == "root":
        root = flip(root, bit)
    elif kind == "longer":
        proof.insert(data.draw(st.integers(0, len(proof))), leaf_hash(b"more"))
    else:
        assume(proof)
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place : place + 1] = [flip(proof[place], bit)] if kind == "hash" else []
    with pytest.raises(ProofError):
        verify_inclusion(leaf, index, size, proof, root)


@given(sizes, st.data())
def test_every_prefix_is_consistent_and_no_changed_proof_is(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    hashes = leaves(size)
    old, new = tree_hash(hashes[:first]), tree_hash(hashes)
    proof = list(consistency_proof(first, size, nodes_of(hashes)))
    verify_consistency(first, size, proof, old, new)
    bit = data.draw(st.integers(0, 255))
    arguments: list[Any] = [first, size, proof, old, new]
    kind = data.draw(st.sampled_from(["old", "new", "hash", "longer", "shorter", "empty tree"]))
    if kind in ("old", "new"):
        arguments[3 if kind == "old" else 4] = flip(old if kind == "old" else new, bit)
    elif kind == "empty tree":
        arguments[0] = 0
    elif kind == "longer":
        arguments[2] = [*proof, leaf_hash(b"more")]
    else:
        assume(proof)
        place = data.draw(st.integers(0, len(proof) - 1))
        arguments[2] = [*proof[:place], *([flip(proof[place], bit)] if kind == "hash" else []), *proof[place + 1 :]]
    with pytest.raises(ProofError):
        verify_consistency(*arguments)


@given(sizes, st.data())
def test_a_rewritten_history_is_not_consistent(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, first - 1))
    hashes = leaves(size)
    old = tree_hash(hashes[:first])
    hashes[changed] = leaf_hash(b"another")
    proof = consistency_proof(first, size, nodes_of(hashes))
    with pytest.raises(ProofError):
        verify_consistency(first, size, proof, old, tree_hash(hashes))


@given(st.lists(st.integers(0, 40), max_size=20))
def test_how_leaves_are_batched_makes_no_difference(batches: list[int]) -> None:
    entries = [b"%d" % number for number in range(sum(batches))]
    hashes = [leaf_hash(entry) for entry in entries]
    builder, frontier, at = TileBuilder(), Frontier(), 0
    written = {}
    for count in batches:
        written.update({f.path: f.content for f in builder.extend(entries[at : at + count], hashes[at : at + count])})
        at += count
    for one in hashes:
        frontier.push(one)
    once = TileBuilder()
    expected = {file.path: file.content for file in once.extend(entries, hashes)}
    assert written == expected
    assert builder.partial_files() == once.partial_files()
    assert builder.frontier().root() == frontier.root() == tree_hash(hashes)


@given(st.lists(st.binary(max_size=50), max_size=30))
def test_bundles_are_read_as_written(entries: list[bytes]) -> None:
    assert parse_bundle(b"".join(map(frame, entries))) == entries


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), json_values, max_size=5), st.text(max_size=9))
def test_leaves_are_read_as_written(details: dict[str, object], principal: str) -> None:
    assume(principal.isprintable())
    entry = encode_leaf(time=SystemClock().now(), event="x", principal=principal, resource="r", details=details)
    leaf = LeafReader().read(entry)
    assert leaf.details == details
    assert leaf.principal == principal
    assert encode_leaf(time=leaf.time, event="x", principal=principal, resource="r", details=leaf.details) == entry


@given(json_values)
def test_leaves_are_canonical_json(value: object) -> None:
    """Plain values are encoded a quicker way than others; both must give what RFC 8785 defines."""
    time = SystemClock().now()
    entry = encode_leaf(time=time, event="x", principal="p", resource="r", details={"value": value, "b": 1})
    assert rfc8785.dumps(json.loads(entry)) == entry
    assert json.loads(entry)["details"]["value"] == value


@given(st.integers(0, 2**40), st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5))
def test_a_record_holds_its_leaves_and_its_note(start: int, entries: list[bytes]) -> None:
    record = encode_record(start, entries, b"note")
    assert record.endswith(b"".join(map(frame, entries)) + b"note")
