"""The rows of an import that are not in the app: counted, explained, and kept as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.studio.exchange import CommandFailed

if TYPE_CHECKING:
    from pathlib import Path

MAX_REASONS: Final = 50
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_MAX_REASON: Final = 400


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table. ``reasons`` are the first of ``left_out``: a row's number and why it is not in the app."""

    number: int
    name: str
    added: int
    left_out: int
    reasons: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How an import went; ``problem`` if no row at all was loaded."""

    tables: tuple[TableReport, ...]
    problem: str = ""

    @property
    def added(self) -> int:
        """Rows in the app."""
        return sum(table.added for table in self.tables)

    @property
    def left_out(self) -> int:
        """Rows that are not."""
        return sum(table.left_out for table in self.tables)

    @property
    def sentence(self) -> str:
        """What happened, in one sentence for the maker."""
        rows = (
            f"{self.added:,} row{'' if self.added == 1 else 's'} of your table {'is' if self.added == 1 else 'are'} in"
        )
        if self.problem:
            return f"The rows of your table could not be loaded: {self.problem} All of them are kept for you as CSV."
        if not self.left_out:
            return f"{rows} the app."
        return f"{rows} the app, {self.left_out:,} did not fit. They are kept for you as CSV, with the reasons."

    @staticmethod
    def read(folder: Path) -> LeftOut:
        """The report of an import."""
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        tables = tuple(
            TableReport(**{**item, "reasons": tuple((row, why) for row, why in item["reasons"])})
            for item in told["tables"]
        )
        return LeftOut(tables, told["problem"])


def parse_report(content: bytes, told: dict[str, Any]) -> dict[str, Any]:
    """What the app says about the rows, in the shape that it must have.

    Raises:
        CommandFailed: it does not have it.
    """
    try:
        report = json.loads(content)
        tables = report["tables"] if report["import"] == told["import"] else {}
        return {
            item["table"]: {
                int(refused["row"]): " ".join(str(reason) for reason in refused["reasons"])[:_MAX_REASON]
                for refused in tables[item["table"]]["refused"]
            }
            for item in told["tables"]
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = "The app's report about the rows cannot be read."
        raise CommandFailed(
            message, cause=type(error).__name__, action="Build the app again from the table."
        ) from error


def save_left_out(folder: Path, told: dict[str, Any], report: dict[str, Any] | None, problem: str) -> LeftOut:
    """Write the report and, per table, the rows that are not in the app. Without a report that is every row."""
    tables = []
    for number, item in enumerate(told["tables"]):
        refused = None if report is None else report[item["table"]]
        added, reasons = 0, []
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow([*map(_harmless, item["headings"]), "Row", "Why it was left out"])
        with (folder / item["file"]).open(encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                why = " ".join(row["problems"]) or (problem if refused is None else refused.get(row["row"], ""))
                if not why:
                    added += 1
                    continue
                reasons.append((row["row"], why))
                cells = [*map(_harmless, row["cells"]), *[""] * (len(item["headings"]) - len(row["cells"]))]
                writer.writerow([*cells, row["row"], why])
        if reasons:
            (folder / f"left-out-{number}.csv").write_bytes(
                b"\xef\xbb\xbf" + buffer.getvalue().encode("utf-8", "surrogatepass")
            )
        tables.append(TableReport(number, item["name"], added, len(reasons), tuple(reasons[:MAX_REASONS])))
    result = LeftOut(tuple(tables), problem)
    written = [
        {"number": table.number, "name": table.name, "added": table.added, "left_out": table.left_out,
         "reasons": [list(reason) for reason in table.reasons]}
        for table in result.tables
    ]  # fmt: skip
    (folder / "report.json").write_text(json.dumps({"tables": written, "problem": problem}), encoding="utf-8")
    return result


def _harmless(text: str) -> str:
    """A spreadsheet would run text that starts like a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
