"""The Merkle tree of RFC 6962 §2.1: hashes, inclusion and consistency proofs. Pure functions over bytes.

A *node* ``(level, index)`` is the root of the complete subtree over leaves ``[index << level, (index + 1) << level)``.
Everything else follows from such nodes, so a proof can be made from stored tiles as well as from a list.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from appliance.audit.errors import ProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_SIZE: Final = 2**63 - 1

NodeSource = Callable[[int, int], bytes]
"""``(level, index)`` → hash of that complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, left to right. Not thread-safe."""

    def __init__(self) -> None:
        self._edge: list[tuple[int, bytes]] = []
        self._size = 0

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def push(self, subtree: bytes, level: int = 0) -> None:
        """Append a complete subtree of ``2**level`` leaves; its place must be aligned to that."""
        if self._size & ((1 << level) - 1):
            message = "A subtree was appended where it cannot stand."
            raise ProofError(message, cause=f"size {self._size}, level {level}")
        self._size += 1 << level
        while self._edge and self._edge[-1][0] == level:
            subtree = node_hash(self._edge.pop()[1], subtree)
            level += 1
        self._edge.append((level, subtree))

    def root(self) -> bytes:
        """The tree hash now."""
        return _fold([subtree for _, subtree in self._edge])

    def copy(self) -> Frontier:
        """An independent copy."""
        twin = Frontier()
        twin._edge, twin._size = list(self._edge), self._size
        return twin


def tree_hash(leaf_hashes: Iterable[bytes]) -> bytes:
    """MTH of leaves given by their hashes."""
    frontier = Frontier()
    for one in leaf_hashes:
        frontier.push(one)
    return frontier.root()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two; the quick way for whole tiles."""
    row = hashes
    while len(row) > 1:
        row = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


def nodes_of(leaf_hashes: Sequence[bytes]) -> NodeSource:
    """Nodes computed from a list of leaf hashes; for small trees and tests."""

    def node(level: int, index: int) -> bytes:
        return tree_hash(leaf_hashes[index << level : (index + 1) << level])

    return node


def range_hash(start: int, stop: int, node: NodeSource) -> bytes:
    """MTH(D[start:stop]) where ``start`` is aligned as in RFC 6962 (a left sibling is complete)."""
    parts = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        parts.append(node(level, start >> level))
        start += 1 << level
    return _fold(parts)


def inclusion_proof(index: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """PATH(index, D[size]), RFC 6962 §2.1.1, from the leaf upwards.

    Raises:
        ProofError: there is no such leaf in a tree of that size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        message = f"A tree of {size} leaves has no leaf {index}."
        raise ProofError(message)
    path, start, stop = [], 0, size
    while stop - start > 1:
        split = start + _split(stop - start)
        if index < split:
            path.append((split, stop))
            stop = split
        else:
            path.append((start, split))
            start = split
    return tuple(range_hash(*part, node) for part in reversed(path))


def consistency_proof(first: int, second: int, node: NodeSource) -> tuple[bytes, ...]:
    """PROOF(first, D[second]), RFC 6962 §2.1.2.

    Raises:
        ProofError: the sizes are not ``0 < first <= second``.
    """
    if not 0 < first <= second <= MAX_SIZE:
        message = f"There is no consistency proof from size {first} to size {second}."
        raise ProofError(message)
    path, start, stop, complete = [], 0, second, True
    while first != stop:
        split = start + _split(stop - start)
        if first <= split:
            path.append((split, stop))
            stop = split
        else:
            path.append((start, split))
            start, complete = split, False
    if not complete:
        path.append((start, stop))
    return tuple(range_hash(*part, node) for part in reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that ``leaf`` (a leaf hash) stands at ``index`` in the tree of ``size`` leaves with this root.

    Raises:
        ProofError: it does not, or the proof has the wrong shape (RFC 9162 §2.1.3.2).
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise _refused(f"no leaf {index} in a tree of {size}")
    _require_hashes(leaf, root, *proof)
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _refused("the proof is too long")
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise _refused("the proof is too short")
    _compare(current, root, "the root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Check that the tree of ``first`` leaves is a prefix of the tree of ``second`` leaves.

    ``first`` = 0 is refused: every tree extends the empty one, so such a proof says nothing, and accepting it would
    let a caller mistake "no earlier checkpoint" for "checked".

    Raises:
        ProofError: it is not, or the proof has the wrong shape (RFC 9162 §2.1.4.2).
    """
    if not 0 < first <= second <= MAX_SIZE:
        raise _refused(f"sizes {first} and {second} are not comparable")
    if first == second:
        if proof:
            raise _refused("equal sizes need an empty proof")
        _compare(first_root, second_root, "the roots of equal sizes")
        return
    _require_hashes(first_root, second_root, *proof)
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        raise _refused("the proof is empty")
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _refused("the proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise _refused("the proof is too short")
    _compare(old, first_root, "the earlier root")
    _compare(new, second_root, "the later root")


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(subtrees: Sequence[bytes]) -> bytes:
    if not subtrees:
        return EMPTY_ROOT
    current = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        current = node_hash(left, current)
    return current


def _require_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise _refused("a hash is not 32 bytes long")


def _compare(computed: bytes, expected: bytes, what: str) -> None:
    if not hmac.compare_digest(computed, expected):
        raise _refused(f"{what} does not match")


def _refused(cause: str) -> ProofError:
    message = "The proof does not hold."
    return ProofError(message, cause=cause, action="Do not rely on this entry; verify the whole log.")
