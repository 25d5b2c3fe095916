"""What the verifier refuses. Each test changes one thing in a bundle that is accepted as it is."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
import rfc8785

from model_bundle.errors import InvalidManifest, UntrustedBundle
from model_bundle.signature import PrivateKey
from model_bundle.trust_root import TrustRoot
from model_bundle.verify import VerifiedBundle, verify
from tests.fixtures.tiny_bundle import sign_tiny, tiny_bundle, tiny_config

if TYPE_CHECKING:
    from pathlib import Path

KEY = PrivateKey.generate()
ROOT = TrustRoot({KEY.public().key_id: KEY.public()}, {})


@pytest.fixture
def bundle(tmp_path: Path) -> VerifiedBundle:
    return tiny_bundle(tmp_path / "bundle", key=KEY)


def test_a_whole_bundle_is_accepted_and_says_what_it_is(bundle: VerifiedBundle) -> None:
    again = verify(bundle.directory, ROOT)
    assert again.digest == bundle.digest
    assert again.key_id == KEY.public().key_id
    assert again.manifest.graph.layers == 3
    assert again.manifest.graph.cache_bytes_per_token == 3 * 2 * 2 * 16 * 4
    assert {path.name for path in (again.graph_path, again.tokenizer_path, again.chat_template_path)} <= set(
        again.manifest.files
    )


@pytest.mark.parametrize("name", ["decoder.onnx", "decoder.onnx.data", "tokenizer.json", "chat_template.jinja"])
@pytest.mark.parametrize("where", [0, -1])
def test_one_changed_bit_anywhere_is_refused(bundle: VerifiedBundle, name: str, where: int) -> None:
    path = bundle.directory / name
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(UntrustedBundle, match="was changed"):
        verify(bundle.directory, ROOT)


def test_a_longer_and_a_missing_file_are_refused(bundle: VerifiedBundle) -> None:
    with (bundle.directory / "tokenizer.json").open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(UntrustedBundle, match="wrong size"):
        verify(bundle.directory, ROOT)
    (bundle.directory / "tokenizer.json").unlink()
    with pytest.raises(UntrustedBundle, match="lacks 'tokenizer"):
        verify(bundle.directory, ROOT)


def test_an_unlisted_file_is_refused(bundle: VerifiedBundle) -> None:
    (bundle.directory / "extra.bin").write_bytes(b"")
    with pytest.raises(UntrustedBundle, match="does not list"):
        verify(bundle.directory, ROOT)


def test_links_and_folders_are_refused(bundle: VerifiedBundle, tmp_path: Path) -> None:
    (bundle.directory / "folder").mkdir()
    with pytest.raises(UntrustedBundle, match="not a regular file"):
        verify(bundle.directory, ROOT)
    (bundle.directory / "folder").rmdir()
    outside = tmp_path / "outside"
    (bundle.directory / "tokenizer.json").rename(outside)
    (bundle.directory / "tokenizer.json").symlink_to(outside)
    with pytest.raises(UntrustedBundle, match="not a regular file"):
        verify(bundle.directory, ROOT)


def test_a_stranger_s_signature_is_refused(bundle: VerifiedBundle) -> None:
    with pytest.raises(UntrustedBundle, match="does not trust"):
        verify(bundle.directory, TrustRoot({}, {}))
    stranger = PrivateKey.generate()
    forged = json.loads(stranger.sign((bundle.directory / "manifest.json").read_bytes()))
    forged["key_id"] = KEY.public().key_id
    (bundle.directory / "manifest.sig.json").write_bytes(rfc8785.dumps(forged))
    with pytest.raises(UntrustedBundle, match="does not hold"):
        verify(bundle.directory, ROOT)


@pytest.mark.parametrize("half", ["ed25519", "ml_dsa_44"])
def test_each_half_of_the_signature_must_hold(bundle: VerifiedBundle, half: str) -> None:
    path = bundle.directory / "manifest.sig.json"
    document = json.loads(path.read_bytes())
    raw = bytearray(base64.b64decode(document[half]))
    raw[5] ^= 1
    document[half] = base64.b64encode(bytes(raw)).decode()
    path.write_bytes(rfc8785.dumps(document))
    with pytest.raises(UntrustedBundle, match="does not hold"):
        verify(bundle.directory, ROOT)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 10_000, b"x" * 70_000, b'{"format": 1}'])
def test_a_malformed_signature_file_is_refused(bundle: VerifiedBundle, content: bytes) -> None:
    (bundle.directory / "manifest.sig.json").write_bytes(content)
    with pytest.raises(UntrustedBundle):
        verify(bundle.directory, ROOT)


def test_versions_below_the_floor_are_refused(bundle: VerifiedBundle) -> None:
    floor = TrustRoot(ROOT.keys, {"tiny": 2})
    with pytest.raises(UntrustedBundle, match="older than this machine accepts"):
        verify(bundle.directory, floor)
    config = tiny_config(bundle.manifest.graph.vocabulary)
    sign_tiny(bundle.directory, config, KEY, version=2)
    assert verify(bundle.directory, floor).manifest.version == 2


def test_a_bundle_for_a_later_appliance_is_refused(bundle: VerifiedBundle) -> None:
    with pytest.raises(UntrustedBundle, match=r"needs version 0\.1\.0"):
        verify(bundle.directory, ROOT, appliance_version="0.0.9")
    assert verify(bundle.directory, ROOT, appliance_version="0.10.0").digest == bundle.digest


def test_a_signed_manifest_that_is_not_canonical_is_refused(bundle: VerifiedBundle) -> None:
    path = bundle.directory / "manifest.json"
    pretty = json.dumps(json.loads(path.read_bytes()), indent=1).encode()
    path.write_bytes(pretty)
    (bundle.directory / "manifest.sig.json").write_bytes(KEY.sign(pretty))
    with pytest.raises(InvalidManifest, match="canonical"):
        verify(bundle.directory, ROOT)


def test_an_empty_or_absent_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UntrustedBundle):
        verify(tmp_path, ROOT)
    with pytest.raises(UntrustedBundle):
        verify(tmp_path / "absent", ROOT)


def test_nobody_else_makes_a_verified_bundle(bundle: VerifiedBundle) -> None:
    with pytest.raises(TypeError):
        VerifiedBundle(object(), bundle.directory, bundle.manifest, bundle.digest, bundle.key_id)
    with pytest.raises(AttributeError):
        bundle.digest = "0" * 64
