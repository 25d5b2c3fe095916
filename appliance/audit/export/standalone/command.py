"""The command line of the verifier."""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from pathlib import Path

from appliance.audit.export.standalone.checks import Verification
from appliance.audit.export.standalone.container import Archive
from appliance.audit.export.standalone.notes import Broken


def main(arguments: list[str] | None = None) -> int:
    """Check an archive and say what was found; the exit code."""
    parser = argparse.ArgumentParser(description="Check an archive of an Intramural audit log.")
    parser.add_argument("archive")
    parser.add_argument("--vkeys", help="the log's public keys, from a copy kept elsewhere")
    parser.add_argument("--witness-vkey", action="append", default=[], help="a file with keys that must have cosigned")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        given = read_keys(options.vkeys) if options.vkeys else None
        witnesses = [key for path in options.witness_vkey for key in read_keys(path)]
        verification = Verification(Archive(options.archive), given, witnesses)
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        sys.stderr.write(f"The archive could not be checked: {error}\n")
        return 2
    except Broken as error:
        sys.stdout.write(f"The archive does not hold. {error}\n")
        return 1
    holds = verification.run()
    if options.json:
        report = {"holds": holds, "findings": verification.findings, "notes": verification.notes}
        sys.stdout.write(json.dumps({**report, **verification.facts}) + "\n")
        return 0 if holds else 1
    lines = ["The archive holds: every entry is as it was written." if holds else "The archive does not hold:"]
    lines += [f"  - {finding}" for finding in verification.findings]
    lines += [f"  {name:17}{value}" for name, value in verification.facts.items()]
    lines += [f"  note: {note}" for note in verification.notes]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if holds else 1


def read_keys(path: str) -> list[str]:
    """Public keys, one a line."""
    return Path(path).read_text(encoding="utf-8").split()
