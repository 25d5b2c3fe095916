"""The verdict on a log in words, for ``intramural audit verify``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.audit.errors import NoteError
from appliance.audit.findings import VerificationReport
from appliance.audit.keys import vkeys_path
from appliance.audit.note import parse_vkey
from appliance.audit.verify import verify_log
from appliance.audit.verify_anchors import Vouched

INTACT: Final = 0
TAMPERED: Final = 1
IMPOSSIBLE: Final = 2
KEY_FILE: Final = Path("keys") / "audit.json"
_SHOWN: Final = 20


def main_verify(
    directory: Path,
    *,
    vkeys_file: Path | None = None,
    earlier_file: Path | None = None,
    witness_vkeys: Sequence[str] = (),
    quorum: int | None = None,
    stamp_root_files: Sequence[Path] = (),
    as_json: bool = False,
) -> tuple[int, str]:
    """Verify the log in ``directory`` and say what was found: exit code 0 intact, 1 not, 2 could not be verified.

    Without ``vkeys_file`` the public keys that this installation keeps in ``keys/`` beside the log are used.
    ``earlier_file`` is a checkpoint of this log that was kept elsewhere. Each of ``witness_vkeys`` is a verifier key of
    a witness, or a file with some; ``quorum`` of the witnesses must have cosigned (all, if None). ``stamp_root_files``
    are root certificates (PEM) of time-stamping authorities.
    """
    keys = vkeys_file or vkeys_path(directory.parent / KEY_FILE)
    try:
        vkeys = keys.read_text(encoding="utf-8").split()
        earlier = None if earlier_file is None else earlier_file.read_bytes()
        vouched = Vouched(
            earlier=earlier,
            witnesses=tuple(parse_vkey(text) for one in witness_vkeys for text in _texts(one)),
            quorum=quorum,
            stamp_roots=tuple(path.read_bytes() for path in stamp_root_files),
        )
        report = verify_log(directory, vkeys, vouched=vouched)
    except (OSError, UnicodeDecodeError) as error:
        return IMPOSSIBLE, f"The audit log could not be verified. Cause: {error}\n"
    except NoteError as error:
        return IMPOSSIBLE, f"The audit log could not be verified. {error}\n"
    code = INTACT if report.intact else TAMPERED
    compared = earlier is not None or bool(vouched.witnesses)
    return code, _json(report) if as_json else _text(report, keys, vkeys, with_earlier=compared)


def _texts(given: str) -> list[str]:
    """Verifier keys: one as text, or those in a file."""
    return [given] if "+" in given and not Path(given).exists() else Path(given).read_text(encoding="utf-8").split()


def _text(report: VerificationReport, keys: Path, vkeys: list[str], *, with_earlier: bool) -> str:
    lines = []
    if report.intact:
        lines.append(f"The audit log is intact: all {report.size} entries are as they were written.")
    else:
        lines.append(f"The audit log was changed. {len(report.findings)} finding(s):")
        lines += [f"  - {finding}" for finding in report.findings[:_SHOWN]]
        if len(report.findings) > _SHOWN:
            lines.append(f"  … and {len(report.findings) - _SHOWN} more (--json shows all that were kept)")
    lines.append(f"  log         {report.origin}")
    lines.append(f"  entries     {report.published} published, {report.journaled} newer; {report.outcomes} outcomes")
    lines.append(f"  unfinished  {len(report.unfinished)}")
    lines.append(f"  root        {report.root}")
    names = ", ".join(f"{key.key_id.hex()} ({key.algorithm})" for key in map(parse_vkey, vkeys))
    lines.append(f"  keys        {names} from {keys}")
    lines += [f"  note        {note}" for note in report.notes]
    lines.append("This holds as far as you know these keys to be the log's: compare them with a copy kept elsewhere.")
    if not with_earlier:
        lines.append("Whether entries at the end were cut off shows only against an earlier checkpoint kept elsewhere")
        lines.append("(--earlier) or what a witness cosigned (--witness-vkey).")
    return "\n".join(lines) + "\n"


def _json(report: VerificationReport) -> str:
    content = {
        "intact": report.intact,
        "origin": report.origin,
        "published": report.published,
        "journaled": report.journaled,
        "outcomes": report.outcomes,
        "root": report.root,
        "unfinished": [{"index": one.ref.index, "event": one.event, "time": one.time} for one in report.unfinished],
        "findings": [
            {"place": one.place, "problem": one.problem, "first": one.first, "last": one.last}
            for one in report.findings
        ],
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=2) + "\n"
