"""Trying a function or a template out in the sandbox: its cases, its properties, and that it is total on samples."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.codegen.custom.expect import holds, properties, samples
from appliance.codegen.custom.signature import field_kind, kind_of, parameter
from appliance.core.sandboxing import SandboxCommand, SandboxLimits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import FieldType
    from appliance.blueprint.places import Case, Place
    from appliance.core.sandboxing import Sandbox

_KIT: Final = Path(__file__).parents[1] / "kit"
_LIMITS: Final = SandboxLimits(memory_bytes=256 << 20, cpu_seconds=5, processes=4, open_files=64, file_bytes=1 << 20)
SECONDS: Final = 10.0
_PROGRAM: Final = """
import datetime as dt, json, sys
from decimal import Decimal
sys.path.insert(0, "/app")
work = json.load(open("/app/work.json"))
def value(kind, text):
    if text is None or kind == "boolean": return text
    if kind == "number": return float(text)
    if kind == "money": return Decimal(text)
    if kind == "date": return dt.date.fromisoformat(text)
    if kind == "datetime": return dt.datetime.fromisoformat(text)
    if kind == "time": return dt.time.fromisoformat(text)
    return text
def said(found):
    if isinstance(found, (bool, str)) or found is None: return found
    return format(found, "f") if isinstance(found, (Decimal, float)) else found.isoformat()
if work["template"]:
    from jinja2.sandbox import SandboxedEnvironment
    shown = SandboxedEnvironment(autoescape=True).from_string(open("/app/place.html").read())
    def run(row): return shown.render(dict(zip(work["names"], ["" if item is None else str(item) for item in row])))
else:
    import bounded, place
    function = getattr(place, work["function"])
    def run(row):
        return said(bounded.outcome(function, work["kinds"], row, work["kind"], work["options"]))
for row in work["rows"]:
    try:
        print(json.dumps({"got": run([value(kind, item) for kind, item in zip(work["kinds"], row)])}))
    except BaseException as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:200]}))
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried. ``text`` is a sentence that is true when ``passed``; ``why`` says what happened."""

    text: str
    passed: bool
    why: str = ""


HEAD: Final = "import datetime as dt\nfrom decimal import Decimal\n\nfrom bounded import rounded\n\n\n"


def tried(sandbox: Sandbox, place: Place, source: str, cases: Sequence[Case]) -> tuple[Tried, ...]:
    """Run the cases, then the samples.

    Raises:
        SandboxUnavailable: nothing was run.
    """
    rows: list[list[object]] = [[*case.values] for case in cases]
    rows += samples(place)
    found = _run(sandbox, place, source, rows)
    if found is None or len(found) != len(rows):
        return (Tried("It comes to an end", passed=False, why="it took too long, or too much memory"),)
    results = [_case_result(place, case, answer) for case, answer in zip(cases, found, strict=False)]
    return (*results, *_sample_results(place, rows[len(cases) :], found[len(cases) :]))


def _run(sandbox: Sandbox, place: Place, source: str, rows: list[list[object]]) -> list[dict[str, object]] | None:
    work = {
        "template": place.output is None,
        "function": place.function,
        "names": [parameter(field.name) for field in place.inputs],
        "kinds": [field_kind(field.type) for field in place.inputs],
        "kind": "" if place.output is None else field_kind(place.output),
        "options": list(getattr(place.output, "options", ())),
        "rows": [[_plain(value) for value in row] for row in rows],
    }
    with tempfile.TemporaryDirectory(prefix="place-") as code, tempfile.TemporaryDirectory(prefix="place-") as data:
        folder = Path(code)
        (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")
        (folder / "try_out.py").write_text(_PROGRAM, encoding="utf-8")
        if place.output is None:
            (folder / "place.html").write_text(source, encoding="utf-8")
        else:
            (folder / "bounded.py").write_bytes((_KIT / "bounded.py").read_bytes())
            (folder / "place.py").write_text(HEAD + source, encoding="utf-8")
        folder.chmod(0o755)
        argv = ("python", "-I", "/app/try_out.py")
        done = sandbox.run(SandboxCommand(argv, folder, Path(data), limits=_LIMITS), timeout=SECONDS)
    if done.timed_out:
        return None
    try:
        return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    except ValueError:
        return None


def _plain(value: object) -> object:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _shown(values: Sequence[object]) -> str:
    return ", ".join("nothing" if value in (None, "") else str(_plain(value)) for value in values)


def _case_result(place: Place, case: Case, answer: dict[str, object]) -> Tried:
    wanted = "nothing" if case.gives in (None, "") else str(case.gives)
    word = "shows" if place.output is None else "gives"
    text = f"{_shown(case.values)} {word} {wanted}"
    if "error" in answer:
        return Tried(text, passed=False, why=f"it fails: {answer['error']}")
    got = answer["got"]
    if place.output is None:
        return Tried(text, wanted in str(got), why=f"it shows {str(got)[:120]}")
    return Tried(text, _same(place.output, case.gives, got), why=f"it gives {'nothing' if got is None else got}")


def _same(kind: FieldType, wanted: object, got: object) -> bool:
    if wanted in (None, ""):
        return got in (None, "")
    if isinstance(wanted, bool) or isinstance(got, bool) or got is None:
        return wanted is got or wanted == got
    if isinstance(wanted, int | float):
        return abs(Decimal(str(wanted)) - Decimal(str(got))) < Decimal("0.000001")
    text = str(got)
    return text.startswith(str(wanted)) if field_kind(kind) == "datetime" else text == str(wanted)


def _sample_results(place: Place, rows: list[list[object]], found: list[dict[str, object]]) -> tuple[Tried, ...]:
    failed = next(((row, answer["error"]) for row, answer in zip(rows, found, strict=True) if "error" in answer), None)
    what = "a text" if place.output is None else kind_of(place.output)
    total = f"It gives {what} or nothing for {len(rows)} rows of usual and empty values"
    made = [Tried(total, failed is None, "" if failed is None else f"for {_shown(failed[0])} it fails: {failed[1]}")]
    if place.output is None:
        raw = next((row for row, answer in zip(rows, found, strict=True) if "<b>" in str(answer.get("got"))), None)
        made.append(Tried("What is shown is escaped", raw is None, "" if raw is None else f"for {_shown(raw)}"))
        return tuple(made)
    for wanted in properties(place):
        bad = next(
            (
                (row, answer["got"])
                for row, answer in zip(rows, found, strict=True)
                if answer.get("got") not in (None, "") and not holds(wanted, answer["got"])
            ),
            None,
        )
        text = f"What it gives {wanted.words}"
        made.append(Tried(text, bad is None, "" if bad is None else f"for {_shown(bad[0])} it gives {bad[1]}"))
    return tuple(made)
