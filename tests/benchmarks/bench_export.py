"""Leaves a second of processor time in each export format; size and time of an archive; the time of its verifier.

    ./intramural bench export [--leaves 50000] [--json]

Also, by the clock: bodies of 2 KiB sealed (durable) and opened a second.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from appliance.audit.export.archive import Wanted, load_or_make_export_key, write_archive
from appliance.audit.export.formats import FORMATS
from appliance.audit.export.view import LogView
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.leaf import encode_leaf
from appliance.audit.merkle import leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.storage import TileStore
from appliance.audit.tiles import TileBuilder
from appliance.audit.vault import Vault
from appliance.core.clock import SystemClock
from appliance.core.events import Event
from appliance.core.ports import BodyKind, LeafRef
from tests.benchmarks.machine import describe_machine

DETAILS = {"body": {"address": "ab" * 32, "digest": "cd" * 32, "kind": "prompt", "subject": "demo-maya"}}


def build_log(folder: Path, key: LogKey, leaves: int, export_vkey: str) -> None:
    """A published log of ``leaves`` intents; the last one announces the export."""
    now = SystemClock().now()
    builder, store, files = TileBuilder(), TileStore(folder), []
    folder.mkdir(parents=True)
    for index in range(leaves - 1):
        entry = encode_leaf(
            time=now,
            event=Event.PROMPT_SUBMITTED,
            principal="user:demo-maya",
            resource=f"app_{index}",
            details=DETAILS,
        )
        files += builder.extend([entry], [leaf_hash(entry)])
    details = {"start": 0, "stop": leaves - 1, "format": "jsonl", "export_key": export_vkey}
    act = encode_leaf(time=now, event=Event.AUDIT_EXPORTED, principal="p", resource="audit", details=details)
    files += builder.extend([act], [leaf_hash(act)])
    checkpoint = Checkpoint(key.name, builder.size, builder.frontier().root())
    store.publish([*files, *builder.partial_files()], key.checkpoint_note(checkpoint, now))


def measure(home: Path, leaves: int) -> dict[str, Any]:
    key = make_log_key("example.com/bench")
    export_key = load_or_make_export_key(home / "export.key", key.name)
    build_log(home / "audit", key, leaves, export_key.vkey.text)
    result: dict[str, Any] = {"machine": describe_machine(), "leaves": leaves}
    view = LogView(home / "audit", key.verifier_keys)
    for name, one in FORMATS.items():
        began = time.process_time()
        with (home / "out").open("wb") as out:
            one.write(view.entries(), view, out)
        result[f"{name}_leaves_per_cpu_s"] = leaves / (time.process_time() - began)
    act = LeafRef(leaves - 1, "")
    began = time.process_time()
    archive = home / "archive.zip"
    with archive.open("wb") as out:
        write_archive(out, view, export_key, Wanted(0, leaves - 1, FORMATS["csv"], act, "p", ""))
    result["archive_cpu_s"], result["archive_mib"] = time.process_time() - began, archive.stat().st_size / 2**20
    script = home / "verify.py"
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as opened:
        script.write_bytes(opened.read("verify.py"))
    began = os.times().children_user
    subprocess.run([sys.executable, "-I", str(script), str(archive)], check=True, stdout=subprocess.DEVNULL)
    result["archive_verify_cpu_s"] = os.times().children_user - began
    return result | measure_vault(home)


def measure_vault(home: Path, bodies: int = 300) -> dict[str, Any]:
    vault = Vault(home / "vault", home / "vault.json", SystemClock())
    body = b"x" * 2048
    began = time.perf_counter()
    refs = [vault.seal(body, subject="demo-maya", kind=BodyKind.PROMPT) for _ in range(bodies)]
    sealed = time.perf_counter() - began
    began = time.perf_counter()
    for ref in refs:
        vault.open(ref)
    return {"seals_per_s": bodies / sealed, "opens_per_s": bodies / (time.perf_counter() - began)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="bench-export-"))
    try:
        result = measure(home, options.leaves)
    finally:
        shutil.rmtree(home)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        shown = {name: f"{value:,.2f}" if isinstance(value, float) else value for name, value in result.items()}
        sys.stdout.write("".join(f"{name:24} {value}\n" for name, value in shown.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
