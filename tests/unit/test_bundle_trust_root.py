"""Keys of this machine: made once, private, and floors that only rise."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from model_bundle.errors import TrustRootError, UntrustedBundle
from model_bundle.trust_root import (
    SIGNING_NAME,
    TRUST_NAME,
    machine_signing_key,
    raise_floor,
    read_trust_root,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_machine_key_is_made_once_trusted_and_private(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    first = machine_signing_key(keys)
    assert machine_signing_key(keys) == first
    assert stat.S_IMODE((keys / SIGNING_NAME).stat().st_mode) == 0o600
    assert read_trust_root(keys).key(first.public().key_id) == first.public()
    assert first.ed25519_seed.hex() not in repr(first)
    with pytest.raises(UntrustedBundle):
        read_trust_root(keys).key("0" * 64)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    machine_signing_key(tmp_path)
    (tmp_path / SIGNING_NAME).chmod(0o640)
    with pytest.raises(TrustRootError, match="open to others"):
        machine_signing_key(tmp_path)


def test_a_trust_root_that_others_can_write_is_refused(tmp_path: Path) -> None:
    machine_signing_key(tmp_path)
    (tmp_path / TRUST_NAME).chmod(0o666)
    with pytest.raises(TrustRootError, match="open to others"):
        read_trust_root(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"keys":[{}],"floors":{}}', b'{"keys":1,"floors":{}}', b"\xff"]
)
def test_a_damaged_trust_root_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TRUST_NAME).write_bytes(content)
    with pytest.raises(TrustRootError):
        read_trust_root(tmp_path)


def test_a_damaged_signing_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / SIGNING_NAME).write_bytes(b'{"ed25519_seed":"AAAA","ml_dsa_44_seed":"AAAA"}')
    (tmp_path / SIGNING_NAME).chmod(0o600)
    with pytest.raises(TrustRootError):
        machine_signing_key(tmp_path)
    assert b"AAAA" in (tmp_path / SIGNING_NAME).read_bytes()


def test_a_link_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    machine_signing_key(tmp_path / "real")
    (tmp_path / SIGNING_NAME).symlink_to(tmp_path / "real" / SIGNING_NAME)
    with pytest.raises(TrustRootError):
        machine_signing_key(tmp_path)


def test_floors_only_rise(tmp_path: Path) -> None:
    machine_signing_key(tmp_path)
    assert raise_floor(tmp_path, "model", 3).floors == {"model": 3}
    assert raise_floor(tmp_path, "model", 2).floors == {"model": 3}
    assert read_trust_root(tmp_path).floors == {"model": 3}


def test_a_missing_trust_root_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrustRootError) as caught:
        read_trust_root(tmp_path)
    assert caught.value.as_dict()["code"] == "bundle_trust_root"
    assert caught.value.action
