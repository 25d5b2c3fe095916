"""The checks, in the order in which one rests on the other."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from appliance.audit.export.standalone.container import Archive
from appliance.audit.export.standalone.leaves import read_leaf
from appliance.audit.export.standalone.notes import Broken, check_note, need, parse_checkpoint, parse_vkey
from appliance.audit.export.standalone.tree import Tree, inclusion_root, leaf_hash, unhex

LABEL = "intramural audit archive v1"
FIXED = {"checkpoint", "keys/log.vkeys", "keys/export.vkey", "act.json", "range-proof.json", "entries.jsonl"}
MALFORMED = (
    *(KeyError, TypeError, ValueError, AttributeError, IndexError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
)
Begun = tuple[str, tuple[str, str, str]]
Result = TypeVar("Result")


class Verification:
    """Goes on after a finding where that makes sense, and keeps them all (up to 100)."""

    def __init__(self, archive: Archive, log_vkeys: list[str] | None = None, witness_vkeys: Sequence[str] = ()) -> None:
        self.archive, self.given, self.witnesses = archive, log_vkeys, witness_vkeys
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.facts: dict[str, object] = {}
        self.refs: dict[str, dict[str, Any]] = {}

    def attempt(self, step: Callable[[], Result]) -> Result | None:
        """What ``step`` returns, or None after noting what it found."""
        try:
            return step()
        except (Broken, *MALFORMED) as error:
            if len(self.findings) < 100:
                self.findings.append(str(error) if isinstance(error, Broken) else f"malformed: {error!r}")
            return None

    def run(self) -> bool:
        """Check everything; whether it all holds."""
        self.attempt(self.check_manifest)
        head = self.attempt(self.check_checkpoint)
        if head is not None:
            self.attempt(partial(self.check_entries, *head))
            self.attempt(partial(self.check_act, *head))
            self.attempt(self.check_bodies)
        return not self.findings

    def check_manifest(self) -> None:
        """The manifest's signature, and every file against it."""
        encoded = self.archive.small("manifest.json")
        manifest = self.archive.object("manifest.json")
        key = parse_vkey(self.archive.small("keys/export.vkey").decode().strip())
        text, _ = check_note(self.archive.small("manifest.sig"), [key], "the manifest")
        need(text == f"{LABEL}\n{hashlib.sha256(encoded).hexdigest()}\n", "the manifest is not the one that was signed")
        listed = {one["name"]: one for one in manifest["files"]}
        need(len(listed) == len(manifest["files"]), "the manifest lists a file twice")
        need(listed.keys() >= FIXED, "the manifest lacks a file")
        for name in sorted(self.archive.names - listed.keys() - {"manifest.json", "manifest.sig"}):
            self.attempt(partial(need, None, f"{name} is not in the manifest"))
        for name, one in listed.items():
            self.attempt(partial(self.check_file, name, one["sha256"]))

    def check_file(self, name: str, digest: str) -> None:
        """A file is there, and is the one that the manifest lists."""
        need(name in self.archive.names, f"{name} is missing")
        need(self.archive.sha256(name) == digest, f"{name} is not the file that was signed")

    def check_checkpoint(self) -> tuple[dict[str, Any], int, bytes]:
        """The tree head with all its signatures; returns manifest, size and root."""
        manifest = self.archive.object("manifest.json")
        brought = self.archive.small("keys/log.vkeys").decode().split()
        keys = [parse_vkey(one) for one in (self.given or brought)]
        need(keys, "there is no public key of the log")
        if self.given is None:
            self.notes.append("the log's public keys came with the archive: compare them with a copy kept elsewhere")
        else:
            same = sorted(brought) == sorted(self.given)
            self.attempt(partial(need, same, "the archive brings other keys of the log"))
        text, others = check_note(self.archive.small("checkpoint"), keys, "the checkpoint")
        origin, size, root = parse_checkpoint(text)
        need(origin == keys[0][0], f"the checkpoint is of another log, {origin}")
        for witness in self.witnesses:
            key = parse_vkey(witness)
            self.attempt(partial(check_note, self.archive.small("checkpoint"), [key], "the checkpoint"))
        stated = (manifest["origin"], manifest["size"], manifest["root"])
        same = stated == (origin, size, root.hex())
        self.attempt(partial(need, same, "the manifest states another checkpoint"))
        self.facts.update(origin=origin, size=size, root=root.hex(), other_signatures=others)
        return manifest, size, root

    def check_entries(self, manifest: dict[str, Any], size: int, root: bytes) -> None:
        """Every entry of the range, and that together they are what was signed."""
        proof = self.archive.object("range-proof.json")
        start, stop = proof["start"], proof["stop"]
        need(type(start) is int and type(stop) is int and 0 <= start <= stop <= size, "the range is not in the tree")
        stated = (manifest["start"], manifest["stop"], proof["size"])
        self.attempt(partial(need, stated == (start, stop, size), "manifest and range proof state another range"))
        tree, index = Tree(), start
        begun: dict[int, Begun] = {}
        tree.push_range(0, start, proof["left"], "before the range")
        for line in self.archive.lines("entries.jsonl"):
            one = json.loads(line)
            need(one["index"] == index, f"leaf {index} is missing or not in its place")
            entry = one["entry"]
            hashed = leaf_hash(entry.encode("utf-8", "surrogatepass"))
            tree.push(hashed)
            leaf = self.attempt(partial(read_leaf, entry, index))
            if leaf is not None:
                self.attempt(partial(self.check_link, index, leaf, hashed, begun, start))
            index += 1
        need(index == stop, f"leaves {index} to {stop - 1} are missing, or there are too many")
        tree.push_range(stop, size, proof["right"], "after the range")
        need(tree.root() == root, "the entries are not the ones in the signed tree")
        self.facts.update(start=start, stop=stop, entries=stop - start)

    def check_link(self, index: int, leaf: dict[str, Any], hashed: bytes, begun: dict[int, Begun], start: int) -> None:
        """An outcome belongs to an open intent; intents before the range cannot be looked at."""
        for value in leaf["details"].values():
            if isinstance(value, dict) and value.keys() == {"address", "digest", "kind", "subject"}:
                self.refs[value["address"]] = value
        same = (leaf["event"], leaf["principal"], leaf["resource"])
        if leaf["intent"] is None:
            begun[index] = (hashed.hex(), same)
            return
        link = leaf["intent"]
        found = begun.pop(link["index"], None)
        if found is None and link["index"] < start:
            return
        if found is None or found[0] != link["hash"]:
            message = f"leaf {index}: an outcome without an open intent"
            raise Broken(message)
        need(found[1] == same, f"leaf {index}: an outcome unlike its intent")

    def check_act(self, manifest: dict[str, Any], size: int, root: bytes) -> None:
        """The log announced this very export, and the key that signed the manifest."""
        act = self.archive.object("act.json")
        hashed = leaf_hash(act["entry"].encode())
        need(inclusion_root(hashed, act["index"], size, act["proof"]) == root, "the export was never announced")
        leaf = read_leaf(act["entry"], act["index"])
        vkey = self.archive.small("keys/export.vkey").decode().strip()
        announced = (leaf["event"], leaf["kind"], leaf["details"].get("export_key"))
        need(announced == ("audit.exported", "intent", vkey), "the log announces another export, or another key")
        stated = (leaf["details"].get("start"), leaf["details"].get("stop"), act["index"], leaf["principal"])
        wanted = (manifest["start"], manifest["stop"], manifest["act"], manifest["by"])
        need(stated == wanted, "the log announces an export of another range, or by somebody else")

    def check_bodies(self) -> None:
        """Every opened body against the digest in the log."""
        for name in sorted(one for one in self.archive.names if one.startswith("bodies/")):
            self.attempt(partial(self.check_body, name))

    def check_body(self, name: str) -> None:
        """One opened body."""
        one = self.archive.object(name)
        ref = {part: one[part] for part in ("address", "digest", "kind", "subject")}
        need(name == f"bodies/{one['address']}.json", f"{name} is another body")
        need(self.refs.get(one["address"]) == ref, f"{name}: no entry of the range names this body")
        if "absent" in one:
            self.notes.append(f"{name}: {one['absent']}")
            return
        hashed = hashlib.sha256(b"intramural sealed body v1\x00" + unhex(one["salt"], 32))
        for text in (ref["subject"].encode(), ref["kind"].encode()):
            hashed.update(struct.pack(">I", len(text)) + text)
        hashed.update(base64.b64decode(one["body"], validate=True))
        need(hashed.hexdigest() == ref["digest"], f"{name}: the words are not the ones that the log is about")
