"""The tree of RFC 6962."""

from __future__ import annotations

import hashlib
import re

from appliance.audit.export.standalone.notes import Broken, need


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 ‖ entry), RFC 6962."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 ‖ left ‖ right), RFC 6962."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The right edge of a growing tree."""

    def __init__(self) -> None:
        self.edge: list[tuple[int, bytes]] = []

    def push(self, subtree: bytes, level: int = 0) -> None:
        """Append a complete subtree of ``2**level`` leaves, aligned to that."""
        while self.edge and self.edge[-1][0] == level:
            subtree = node_hash(self.edge.pop()[1], subtree)
            level += 1
        self.edge.append((level, subtree))

    def root(self) -> bytes:
        """The tree hash now."""
        if not self.edge:
            return hashlib.sha256(b"").digest()
        current = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            current = node_hash(left, current)
        return current

    def push_range(self, start: int, stop: int, hashes: list[str], side: str) -> None:
        """Append the leaves ``[start, stop)`` by the roots of the fewest complete subtrees."""
        for one in hashes:
            need(start < stop, f"the range proof has too many hashes {side}")
            level = (stop - start).bit_length() - 1
            if start:
                level = min(level, (start & -start).bit_length() - 1)
            self.push(unhex(one, 32), level)
            start += 1 << level
        need(start == stop, f"the range proof has too few hashes {side}")


def inclusion_root(leaf: bytes, index: int, size: int, proof: list[str]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2)."""
    need(0 <= index < size, "a proof is for a leaf outside the tree")
    position, last, current = index, size - 1, leaf
    for one in proof:
        need(last > 0, "an inclusion proof is too long")
        if position & 1 or position == last:
            current = node_hash(unhex(one, 32), current)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, unhex(one, 32))
        position, last = position >> 1, last >> 1
    need(last == 0, "an inclusion proof is too short")
    return current


def unhex(text: object, length: int) -> bytes:
    """So many bytes from lower-case hex."""
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", text):
        message = "something is no hash"
        raise Broken(message)
    return bytes.fromhex(text)
