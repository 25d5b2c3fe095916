"""The tree against the vectors of transparency-dev/merkle; most of the proofs are to be refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.errors import ProofError
from appliance.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parent.parent / "fixtures" / "vectors" / "rfc6962-merkle"


def cases(name: str) -> list[Any]:
    lines = (VECTORS / name).read_text().splitlines()
    return [pytest.param(case, id=case["id"]) for case in map(json.loads, lines)]


def decoded(value: str | None) -> bytes:
    return base64.b64decode(value or "")


@pytest.mark.parametrize("case", cases("inclusion.jsonl"))
def test_inclusion_vectors(case: dict[str, Any]) -> None:
    proof = [decoded(one) for one in case["proof"] or []]
    arguments = (decoded(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, decoded(case["root"]))
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("case", cases("consistency.jsonl"))
def test_consistency_vectors(case: dict[str, Any]) -> None:
    proof = [decoded(one) for one in case["proof"] or []]
    arguments = (case["size1"], case["size2"], proof, decoded(case["root1"]), decoded(case["root2"]))
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)


def test_all_vectors_are_there() -> None:
    assert len(cases("inclusion.jsonl")) == 98
    assert len(cases("consistency.jsonl")) == 98


def test_reference_tree() -> None:
    reference = json.loads((VECTORS / "reference_tree.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(one)) for one in reference["leaf_inputs_hex"]]
    node = nodes_of(leaves)
    for level, row in enumerate(reference["node_hashes_by_level"]):
        assert [node(level, index).hex() for index in range(len(row))] == row
    for size, root in enumerate(reference["root_hash_by_size"]):
        assert tree_hash(leaves[:size]).hex() == root


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_subtree_can_only_be_appended_where_it_is_aligned() -> None:
    frontier = Frontier()
    frontier.push(leaf_hash(b"a"))
    with pytest.raises(ProofError):
        frontier.push(leaf_hash(b"b"), 1)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3), (5, 2)])
def test_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(index, size, nodes_of([leaf_hash(b"x")] * size))


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 2)])
def test_no_consistency_proof_between_sizes_that_are_not_comparable(first: int, second: int) -> None:
    with pytest.raises(ProofError):
        consistency_proof(first, second, nodes_of([leaf_hash(b"x")] * second))
