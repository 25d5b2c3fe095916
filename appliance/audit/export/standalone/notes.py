"""Signed notes: C2SP signed-note, tlog-checkpoint, tlog-cosignature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Key = tuple[str, str, int, bytes]


class Broken(Exception):  # noqa: N818 - this file shares nothing with the appliance's errors
    """Something is not as it was written."""


def need(holds: object, problem: str) -> None:
    """Raises Broken with ``problem`` unless ``holds``."""
    if not holds:
        raise Broken(problem)


def unbase64(text: str) -> bytes:
    """Strict, padded, never empty."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Broken("something is not base64") from error
    need(content and base64.b64encode(content).decode() == text, "something is not base64")
    return content


def parse_vkey(text: str) -> Key:
    """Name, id, type and public key (C2SP signed-note)."""
    parts = text.split("+", 2)
    need(len(parts) == 3, "a public key is malformed")
    name, key_id, content = parts[0], parts[1], unbase64(parts[2])
    hashed = hashlib.sha256(name.encode() + b"\n" + content).hexdigest()[:8]
    need(hashed == key_id, "the id of a public key is not its own")
    need(len(content) - 1 == {1: 32, 4: 32, 6: 1312}.get(content[0]), "a public key has an unknown type")
    return name, key_id, content[0], content[1:]


def split_note(note: bytes) -> tuple[str, list[tuple[str, str, bytes]]]:
    """Text, and name, key id and content of every signature."""
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Broken("a signed note is not UTF-8") from error
    need(not any(c < " " and c != "\n" for c in whole), "a signed note holds control characters")
    end = whole.rfind("\n\n")
    need(end >= 0 and whole.endswith("\n"), "a signed note has no signatures")
    signatures = []
    for line in whole[end + 2 :].split("\n")[:-1]:
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "—", "a signature line is malformed")
        content = unbase64(parts[2])
        need(len(content) > 4, "a signature is too short")
        signatures.append((parts[1], content[:4].hex(), content[4:]))
    need(0 < len(signatures) <= 64, "a signed note has no signatures or too many")
    return whole[: end + 1], signatures


def signature_holds(key: Key, text: str, signature: bytes) -> bool:
    """Ed25519 (1), cosignature/v1 (4), ML-DSA-44 over subtree/v1 (6)."""
    name, _, kind, public = key
    try:
        if kind == 1:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
            return True
        time, content = struct.unpack(">Q", signature[:8])[0], signature[8:]
        if kind == 4:
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
            Ed25519PublicKey.from_public_bytes(public).verify(content, message)
            return True
        # Not every version of the library has it; without it, what it signed counts as not verified.
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415

        origin, size, root = parse_checkpoint(text)
        message = b"subtree/v1\n\x00" + bytes([len(name.encode())]) + name.encode() + struct.pack(">Q", time)
        message += bytes([len(origin.encode())]) + origin.encode() + struct.pack(">QQ", 0, size) + root
        MLDSA44PublicKey.from_public_bytes(public).verify(content, message)
    except (InvalidSignature, ValueError, struct.error, ImportError, Broken):
        return False
    return True


def parse_checkpoint(text: str) -> tuple[str, int, bytes]:
    """Origin, size and root (C2SP tlog-checkpoint)."""
    lines = text.split("\n")
    need(len(lines) >= 4 and lines[0] and re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]), "no checkpoint")
    root = unbase64(lines[2])
    need(len(root) == 32, "the root is no SHA-256")
    return lines[0], int(lines[1]), root


def check_note(note: bytes, keys: list[Key], what: str) -> tuple[str, int]:
    """Every one of ``keys`` must have signed; returns the text and how many signatures are by other keys."""
    text, signatures = split_note(note)
    seen: dict[tuple[str, str], bytes] = {}
    for name, key_id, content in signatures:
        seen.setdefault((name, key_id), content)
    for key in keys:
        need(key[:2] in seen, f"{what} lacks the signature of {key[0]}+{key[1]}")
        need(signature_holds(key, text, seen[key[:2]]), f"{what}: the signature of {key[0]}+{key[1]} is wrong")
    return text, sum(one not in {key[:2] for key in keys} for one in seen)
