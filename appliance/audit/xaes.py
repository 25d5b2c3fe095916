"""XAES-256-GCM (C2SP): AES-256-GCM with a 192-bit nonce, so that random nonces do not repeat in any realistic number.

A key and the first half of the nonce give a fresh AES-256-GCM key (NIST SP 800-108r1 in counter mode with CMAC); the
second half is the GCM nonce. With 2**80 messages under one key the chance of a repeated nonce is 2**-32. No counter
has to be stored, so a restored backup cannot repeat one.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
_HALF: Final = 12


def encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Ciphertext and tag.

    Raises:
        ValueError: key or nonce has the wrong length.
    """
    subkey, rest = derive(key, nonce)
    return AESGCM(subkey).encrypt(rest, plaintext, associated)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes | None:
    """The plaintext, or None if key, nonce, ciphertext and associated data do not belong together.

    Raises:
        ValueError: key or nonce has the wrong length.
    """
    subkey, rest = derive(key, nonce)
    try:
        return AESGCM(subkey).decrypt(rest, ciphertext, associated)
    except InvalidTag:
        return None


def derive(key: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """The AES-256-GCM key and 96-bit nonce that the specification derives.

    Raises:
        ValueError: key or nonce has the wrong length.
    """
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        message = f"a key of {KEY_BYTES} bytes and a nonce of {NONCE_BYTES} are needed"
        raise ValueError(message)
    block = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305 - single blocks inside CMAC
    first = block.update(bytes(16))
    doubled = int.from_bytes(first, "big") << 1
    if doubled >> 128:
        doubled = (doubled & ((1 << 128) - 1)) ^ 0b10000111
    derived = b""
    for counter in (1, 2):
        message_block = bytes([0, counter]) + b"X\x00" + nonce[:_HALF]
        mixed = int.from_bytes(message_block, "big") ^ doubled
        derived += block.update(mixed.to_bytes(16, "big"))
    return derived, nonce[_HALF:]
