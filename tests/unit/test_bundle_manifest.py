"""The manifest is read strictly and written canonically."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785

from model_bundle.build.distribution import DEFAULT_MODEL
from model_bundle.errors import InvalidManifest
from model_bundle.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from model_bundle.signature import PrivateKey
from tests.fixtures.tiny_bundle import sign_tiny, tiny_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    for name in ("decoder.onnx", "tokenizer.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes(name.encode())
    return sign_tiny(tmp_path, tiny_config(386), PrivateKey.generate())


def changed(manifest: Manifest, *path: str, to: Any) -> bytes:
    document = json.loads(manifest.to_bytes())
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return rfc8785.dumps(document)


def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    content = manifest.to_bytes()
    assert parse_manifest(content) == manifest
    assert content == rfc8785.dumps(json.loads(content))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("surplus",), 1),
        (("format",), "intramural-model-bundle/2"),
        (("name",), "../x"),
        (("version",), 0),
        (("version",), True),
        (("version",), "1"),
        (("files",), {}),
        (("files",), []),
        (("files", "../evil"), {"bytes": 0, "sha256": "0" * 64}),
        (("files", "manifest.json"), {"bytes": 0, "sha256": "0" * 64}),
        (("files", "tokenizer.json"), {"bytes": -1, "sha256": "0" * 64}),
        (("files", "tokenizer.json"), {"bytes": 1, "sha256": "A" * 64}),
        (("files", "tokenizer.json"), {"bytes": 1}),
        (("graph", "file"), "absent.onnx"),
        (("graph", "contract"), "decoder/9"),
        (("graph", "cache_type"), "bfloat16"),
        (("graph", "layers"), 0),
        (("graph", "layers"), 1 << 30),
        (("graph", "layers"), 3.5),
        (("tokenizer", "eos_token_ids"), []),
        (("tokenizer", "eos_token_ids"), [386]),
        (("tokenizer", "eos_token_ids"), ["1"]),
        (("tokenizer", "bos_token_id"), -1),
        (("provenance", "customer_data"), 0),
        (("provenance", "precision"), {"all": 4}),
        (("provenance",), None),
    ],
)
def test_one_wrong_value_is_refused(manifest: Manifest, path: tuple[str, ...], value: Any) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(changed(manifest, *path, to=value))


def test_what_was_measured_may_be_said_and_is_left_out_when_nothing_was(manifest: Manifest) -> None:
    assert b"quality" not in manifest.to_bytes()
    told = dataclasses.replace(manifest, quality=DEFAULT_MODEL.quality)
    assert told.quality
    assert parse_manifest(told.to_bytes()) == told
    empty = json.loads(manifest.to_bytes()) | {"quality": {}}
    for wrong in ({}, {"x": ""}, {"x": "y" * 201}, {str(n): "y" for n in range(25)}, {"x": 1}, ["x"]):
        with pytest.raises(InvalidManifest):
            parse_manifest(rfc8785.dumps(empty | {"quality": wrong}))


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Manifest) if field.name != "quality"])
def test_a_missing_key_is_refused(manifest: Manifest, key: str) -> None:
    document = json.loads(manifest.to_bytes())
    del document[key]
    with pytest.raises(InvalidManifest):
        parse_manifest(rfc8785.dumps(document))


@pytest.mark.parametrize("content", [b"", b"null", b"[" * 100_000, b" " * (MAX_MANIFEST_BYTES + 1), b"\xff{}"])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(content)


def test_a_repeated_key_is_refused(manifest: Manifest) -> None:
    content = manifest.to_bytes().replace(b'"version":1', b'"version":2,"version":1')
    with pytest.raises(InvalidManifest, match="canonical"):
        parse_manifest(content)


def test_the_manifest_cannot_be_changed_after_it_was_checked(manifest: Manifest) -> None:
    with pytest.raises(TypeError):
        manifest.files["x"] = manifest.files["tokenizer.json"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest.version = 9  # type: ignore[misc]
