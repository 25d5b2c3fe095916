"""The standalone verifier against the appliance's own, over archives that somebody tampered with."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cffi
import cryptography
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.audit.errors import LeafRefused
from appliance.audit.export.archive import ExportKey, load_or_make_export_key
from appliance.audit.export.assemble import verifier
from appliance.audit.export.standalone.checks import Verification
from appliance.audit.export.standalone.container import Archive
from appliance.audit.export.standalone.leaves import es_number, read_leaf
from appliance.audit.export.standalone.notes import Broken
from appliance.audit.export.view import LogView
from appliance.audit.keys import LogKey, load_or_make_log_key
from appliance.audit.leaf import LeafReader, encode_leaf
from appliance.audit.merkle import leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.storage import TileStore
from appliance.audit.tiles import TileBuilder
from appliance.audit.vault import Vault
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import BodyKind, LeafRef
from tests.fixtures.exports import TIME, Exported, contents, make_archive, make_log, rewrite
from tests.fixtures.privacy import parts_in

if TYPE_CHECKING:
    from collections.abc import Callable


class Quiet(bytes):
    """Bytes that do not fill a report."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return make_log(tmp_path_factory.mktemp("home"), acts=150)


@pytest.fixture(scope="module")
def whole(exported: Exported) -> bytes:
    """An archive of everything up to its own announcement."""
    size = exported.view().size
    return Quiet(make_archive(exported, 0, size + 2))


def check(archive: bytes, vkeys: list[str] | None = None) -> Verification:
    try:
        verification = Verification(Archive(io.BytesIO(archive)), vkeys)  # type: ignore[arg-type]
    except (Broken, zipfile.BadZipFile) as error:
        verification = Verification(object(), None)  # type: ignore[arg-type]
        verification.findings.append(str(error))
        return verification
    verification.run()
    return verification


def resigned(archive: bytes, key: ExportKey, changes: dict[str, bytes | None]) -> bytes:
    """The archive with other files and a right manifest for them: what a thief of the export key could make."""
    files = {**contents(archive), **changes}
    manifest = json.loads(files["manifest.json"] or b"{}")
    kept = {name: content for name, content in files.items() if content is not None and "manifest" not in name}
    manifest["files"] = [
        {"bytes": len(content), "name": name, "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in kept.items()
    ]
    encoded = f"{json.dumps(manifest)}\n".encode()
    return rewrite(archive, {**changes, "manifest.json": encoded, "manifest.sig": key.sign(encoded)})


def as_log(archive: bytes, folder: Path) -> Path | None:
    """The archive's entries and checkpoint laid out as a log, for the appliance's own verifier; None if they cannot."""
    files = contents(archive)
    entries = []
    for line in files["entries.jsonl"].split(b"\n")[:-1]:
        try:
            entries.append(json.loads(line)["entry"].encode())
        except (ValueError, KeyError, AttributeError, TypeError):
            return None
    builder = TileBuilder()
    made = builder.extend(entries, [leaf_hash(one) for one in entries]) + builder.partial_files()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    TileStore(folder).publish(made, "")
    (folder / "checkpoint").write_bytes(files["checkpoint"])
    return folder


def test_an_untouched_archive_holds_for_both(whole: bytes, exported: Exported, tmp_path: Path) -> None:
    vkeys = [one.text for one in exported.key.verifier_keys]
    verification = check(whole, vkeys)
    assert verification.findings == []
    assert verification.facts["entries"] == verification.facts["size"]
    folder = as_log(whole, tmp_path / "log")
    assert folder is not None
    assert verify_log(folder, vkeys).intact


def test_an_entry_that_nothing_else_refers_to_is_still_held_by_the_root(whole: bytes, exported: Exported) -> None:
    """An outcome: no later entry names its hash, its form is right, and the thief signed the manifest anew."""
    changed = contents(whole)["entries.jsonl"].replace(rb"{\"n\":149}", rb"{\"n\":148}")
    assert changed != contents(whole)["entries.jsonl"]
    findings = check(resigned(whole, exported.export_key, {"entries.jsonl": changed})).findings
    assert findings == ["the entries are not the ones in the signed tree"]


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (7, 7), (7, 20), (255, 257), (100, 300), (299, 300)])
def test_every_range_proves_itself(exported: Exported, start: int, stop: int) -> None:
    verification = check(make_archive(exported, start, stop))
    assert verification.findings == []
    assert (verification.facts["start"], verification.facts["stop"]) == (start, stop)


def test_a_range_cannot_be_passed_off_as_another(exported: Exported) -> None:
    archive = make_archive(exported, 10, 20)
    files = contents(archive)
    lines = files["entries.jsonl"].splitlines(keepends=True)
    manifest = json.loads(files["manifest.json"])
    proof = json.loads(files["range-proof.json"])
    for changes in (
        {"entries.jsonl": b"".join(lines[:-1])},
        {"entries.jsonl": b"".join(lines[1:])},
        {"entries.jsonl": b"".join([lines[1], lines[0], *lines[2:]])},
        {"entries.jsonl": b"".join([*lines, lines[-1]])},
        {"range-proof.json": json.dumps({**proof, "left": proof["left"][:-1]}).encode()},
        {"range-proof.json": json.dumps({**proof, "right": [*proof["right"], "00" * 32]}).encode()},
        {"range-proof.json": json.dumps({**proof, "stop": 19}).encode()},
        {"range-proof.json": json.dumps({**proof, "start": True}).encode()},
        {"manifest.json": json.dumps({**manifest, "start": 11}).encode()},
        {"manifest.json": json.dumps({**manifest, "by": "somebody else"}).encode()},
    ):
        assert check(resigned(archive, exported.export_key, dict(changes))).findings, changes


CHANGED = [
    *("entries.jsonl", "checkpoint", "act.json", "range-proof.json", "keys/log.vkeys", "keys/export.vkey"),
    *("manifest.json", "manifest.sig", "export.csv", "verify.py"),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CHANGED), st.integers(0, 1 << 30), st.integers(1, 255))
def test_any_changed_byte_of_any_file_is_found(
    whole: bytes, exported: Exported, name: str, at: int, change: int
) -> None:
    content = bytearray(contents(whole)[name])
    content[at % len(content)] ^= change
    vkeys = [one.text for one in exported.key.verifier_keys]
    assert check(rewrite(whole, {name: bytes(content)}), vkeys).findings


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 255))
def test_any_changed_byte_of_the_container_is_found_or_harmless(whole: bytes, at: int, change: int) -> None:
    """A byte of the ZIP's own book-keeping (a time, an attribute) may change nothing; then every file is as it was."""
    content = bytearray(whole)
    content[at % len(content)] ^= change
    try:
        findings = check(bytes(content)).findings
    except NotImplementedError:
        return
    if not findings:
        assert contents(bytes(content)) == contents(whole)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["entries.jsonl", "checkpoint"]),
    st.integers(0, 1 << 30),
    st.tuples(st.binary(max_size=3), st.integers(0, 3)),
)
@example("checkpoint", 0, (b"", 0))
@example("entries.jsonl", 12, (b"", 1))
def test_both_verifiers_agree_when_the_manifest_was_signed_anew(
    whole: bytes, exported: Exported, name: str, at: int, change: tuple[bytes, int]
) -> None:
    """The export key was stolen, so only the log's own proof decides: both must come to the same answer."""
    content = contents(whole)[name]
    put, cut = change
    at %= len(content) + 1
    changed = content[:at] + put + content[at + cut :]
    vkeys = [one.text for one in exported.key.verifier_keys]
    archive = resigned(whole, exported.export_key, {name: changed})
    ours = check(archive, vkeys).findings == []
    with tempfile.TemporaryDirectory() as name_:
        folder = as_log(archive, Path(name_) / "log")
        theirs = folder is not None and verify_log(folder, vkeys).intact
    if changed == content:
        assert ours
        assert theirs
    # The framing of entries.jsonl is the archive's own: what it refuses there, a log folder cannot even show.
    assert ours == theirs or (name == "entries.jsonl" and not ours)
    assert not (ours and changed != content and name == "entries.jsonl" and json_changed(content, changed))


def json_changed(one: bytes, other: bytes) -> bool:
    def entries(content: bytes) -> list[Any]:
        return [json.loads(line) for line in content.split(b"\n")[:-1]]

    try:
        return entries(one) != entries(other)
    except ValueError:
        return True


def signed_archive(exported: Exported, entries: list[bytes]) -> tuple[bytes, bytes]:
    """Any entries, properly signed by the log's key, with the announcement of their own export at the end."""
    key = exported.key
    details = {"start": 0, "stop": len(entries), "export_key": exported.export_key.vkey.text}
    act = encode_leaf(time=TIME, event=Event.AUDIT_EXPORTED, principal="p", resource="audit", details=details)
    everything = [*entries, act]
    builder = TileBuilder()
    builder.extend(everything, [leaf_hash(one) for one in everything])
    checkpoint = Checkpoint(key.name, builder.size, builder.frontier().root())
    log = {"checkpoint": key.checkpoint_note(checkpoint, TIME).encode()}
    lines = [json.dumps({"entry": one.decode(), "index": at}) + "\n" for at, one in enumerate(entries)]
    log["entries.jsonl"] = "".join(lines).encode()
    log["keys/log.vkeys"] = "".join(f"{one.text}\n" for one in key.verifier_keys).encode()
    log["keys/export.vkey"] = exported.export_key.vkey.text.encode()
    folder = Path(tempfile.mkdtemp())
    try:
        TileStore(folder).publish(builder_files(everything), key.checkpoint_note(checkpoint, TIME))
        view = LogView(folder, key.verifier_keys)
        proof = view.range_proof(0, len(entries))
        log["range-proof.json"] = json.dumps(
            {
                "left": [],
                "right": [one.hex() for one in proof.right],
                "size": proof.size,
                "start": 0,
                "stop": len(entries),
            }
        ).encode()
        inclusion = [one.hex() for one in view.proof(len(entries))]
    finally:
        shutil.rmtree(folder)
    log["act.json"] = json.dumps({"entry": act.decode(), "index": len(entries), "proof": inclusion}).encode()
    manifest = {
        "act": len(entries), "by": "p", "origin": key.name, "root": checkpoint.root.hex(),
        "size": checkpoint.size, "start": 0, "stop": len(entries),
        "files": [
            {"name": name, "bytes": len(one), "sha256": hashlib.sha256(one).hexdigest()} for name, one in log.items()
        ],
    }  # fmt: skip
    encoded = json.dumps(manifest).encode()
    log |= {"manifest.json": encoded, "manifest.sig": exported.export_key.sign(encoded)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in log.items():
            archive.writestr(name, content)
    return out.getvalue(), log["checkpoint"]


def builder_files(entries: list[bytes]) -> list[Any]:
    builder = TileBuilder()
    return builder.extend(entries, [leaf_hash(one) for one in entries]) + builder.partial_files()


def leaf(**values: object) -> bytes:
    return encode_leaf(**{"time": TIME, "event": "x", "principal": "p", "resource": "r", **values})  # type: ignore[arg-type]


INTENT = leaf()
REF = LeafRef(0, leaf_hash(INTENT).hex())
END = leaf(intent=REF, result=Outcome.DONE)
NONSENSE = [
    [INTENT, b"{}"],
    [INTENT, b"[]"],
    [INTENT, b"no json"],
    [INTENT, INTENT.replace(b":", b": ", 1)],
    [INTENT, INTENT.replace(b'"v":1', b'"v":true')],
    [INTENT, INTENT.replace(b'"v":1', b'"v":1.0')],
    [INTENT, INTENT.replace(b'"v":1', b'"v":2')],
    [INTENT, INTENT.replace(b"2026-11", b"2026-13")],
    [INTENT, INTENT.replace(b'"details":{}', b'"details":{"a":1.50}')],
    [INTENT, INTENT.replace(b'"details":{}', b'"details":{"a":NaN}')],
    [INTENT, INTENT.replace(b'"details":{}', '"details":{"ä":99999999999999999}'.encode())],
    [INTENT, INTENT.replace(b'"kind":"intent"', b'"kind":"outcome"')],
    [INTENT, INTENT.replace(b'"principal":"p",', b"")],
    [END],
    [INTENT, END, END],
    [INTENT, leaf(intent=LeafRef(0, "00" * 32), result=Outcome.DONE)],
    [INTENT, leaf(intent=LeafRef(1, REF.leaf_hash), result=Outcome.DONE)],
    [INTENT, leaf(intent=REF, result=Outcome.DONE, principal="q")],
    [INTENT, END],
    [INTENT, leaf(details={"a": 1.5, "é": 1e21, "🎉": -1e-7})],
]


@pytest.mark.parametrize("entries", NONSENSE)
def test_both_agree_on_nonsense_that_the_log_itself_signed(
    exported: Exported, entries: list[bytes], tmp_path: Path
) -> None:
    archive, checkpoint = signed_archive(exported, entries)
    act = json.loads(contents(archive)["act.json"])["entry"].encode()
    TileStore(tmp_path).publish(builder_files([*entries, act]), checkpoint.decode())
    vkeys = [one.text for one in exported.key.verifier_keys]
    assert (check(archive, vkeys).findings == []) == verify_log(tmp_path, vkeys).intact


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.booleans())
def test_both_read_leaves_alike(details: dict[str, Any], ascii_only: bool) -> None:
    base = json.loads(INTENT)
    try:
        text = json.dumps({**base, "details": details}, ensure_ascii=ascii_only, separators=(",", ":"), sort_keys=True)
        candidates = [text.encode()]
    except UnicodeEncodeError:
        return
    with contextlib.suppress(rfc8785.CanonicalizationError, UnicodeError):
        candidates.append(rfc8785.dumps({**base, "details": details}))
    for entry in candidates:
        assert accepts(lambda entry=entry: LeafReader().read(entry), LeafRefused) == accepts(  # type: ignore[misc]
            lambda entry=entry: read_leaf(entry.decode(), 0),
            Broken,  # type: ignore[misc]
        )


def accepts(read: Callable[[], object], refusal: type[Exception]) -> bool:
    try:
        read()
    except refusal:
        return False
    return True


@settings(max_examples=2000)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_rfc_8785_wants(value: float) -> None:
    assert es_number(value).encode() == rfc8785.dumps(value)


def test_opened_bodies_are_checked_against_the_log(tmp_path: Path) -> None:
    with parts_in(tmp_path) as parts:
        first, second = parts.prompt("first words"), parts.prompt("second", subject="uwe", kind=BodyKind.CODE)
        parts.erase("uwe")
        size = parts.log.size
    exported = Exported(tmp_path, *keys_of(tmp_path))
    vault = Vault(tmp_path / "vault", tmp_path / "keys" / "vault.json", ManualClock(TIME), reading=True)
    archive = make_archive(exported, 0, size, open_body=vault.open)
    verification = check(archive)
    assert verification.findings == []
    assert any("Erased on" in note and "approved by user:bob" in note for note in verification.notes)
    name = f"bodies/{first.address}.json"
    body = json.loads(contents(archive)[name])
    assert base64.b64decode(body["body"]) == b"first words"
    forged = {**body, "body": base64.b64encode(b"other words").decode()}
    found = check(resigned(archive, exported.export_key, {name: json.dumps(forged).encode()})).findings
    assert any("not the ones that the log is about" in one for one in found)
    stray = {f"bodies/{'0' * 64}.json": json.dumps({**body, "address": "0" * 64}).encode()}
    assert any("no entry" in one for one in check(resigned(archive, exported.export_key, dict(stray))).findings)
    assert f"bodies/{second.address}.json" in contents(archive)


def keys_of(home: Path) -> tuple[LogKey, ExportKey]:
    key = load_or_make_log_key(home / "keys" / "audit.json")
    return key, load_or_make_export_key(home / "keys" / "audit-export.key", key.name)


def test_other_keys_and_a_missing_announcement_are_found(exported: Exported, tmp_path: Path) -> None:
    archive = make_archive(exported, 0, 10)
    other = make_log(tmp_path, acts=2)
    assert check(archive, [one.text for one in other.key.verifier_keys]).findings
    thief = load_or_make_export_key(tmp_path / "thief.key", exported.key.name)
    swapped = resigned(archive, thief, {"keys/export.vkey": f"{thief.vkey.text}\n".encode()})
    assert any("announces another export, or another key" in one for one in check(swapped).findings)
    act = {"act.json": json.dumps({**json.loads(contents(archive)["act.json"]), "index": 0}).encode()}
    assert any("inclusion proof" in one for one in check(resigned(archive, exported.export_key, dict(act))).findings)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with ``cryptography`` and what it is made of, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    source = Path(cryptography.__file__).parents[1]
    for name in ("cryptography", "cffi", "pycparser", *(one.name for one in source.glob("_cffi_backend*"))):
        if (source / name).exists():
            (packages / name).symlink_to(source / name)
    assert Path(cffi.__file__).parents[1] == source
    return folder / "bin" / "python"


def test_the_verifier_in_the_archive_runs_in_a_bare_environment(
    whole: bytes, exported: Exported, bare_python: Path, tmp_path: Path
) -> None:
    script, archive, vkeys = tmp_path / "verify.py", tmp_path / "archive.zip", tmp_path / "vkeys"
    script.write_bytes(contents(whole)["verify.py"])
    assert script.read_bytes() == verifier()
    vkeys.write_text("".join(f"{one.text}\n" for one in exported.key.verifier_keys))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [str(bare_python), "-I", "-B", str(script), *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    probe = subprocess.run([str(bare_python), "-I", "-c", "import appliance"], capture_output=True, check=False)
    assert probe.returncode == 1
    archive.write_bytes(whole)
    done = run(str(archive), "--vkeys", str(vkeys), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["entries"] == json.loads(contents(whole)["manifest.json"])["stop"] == 302
    lines = contents(whole)["entries.jsonl"].replace(b"app_3", b"app_4", 1)
    archive.write_bytes(rewrite(whole, {"entries.jsonl": lines}))
    done = run(str(archive))
    assert done.returncode == 1
    assert "the entries are not the ones in the signed tree" in done.stdout
    assert "entries.jsonl is not the file that was signed" in done.stdout
    archive.write_bytes(b"no archive")
    assert run(str(archive)).returncode == 2
    assert sys.version_info >= (3, 11)
