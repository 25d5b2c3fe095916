"""The formats by name: what the command line offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from appliance.audit.export import cef, csv_table, ecs, jsonl, ocsf, parquet, syslog
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.view import Entry, LogView

Write = Callable[[Iterable[Entry], LogView, BinaryIO], None]


@dataclass(frozen=True)
class Format:
    """A format: its file's name, and what writes it."""

    file: str
    write: Write


FORMATS: Final = {
    "jsonl": Format("export.jsonl", jsonl.write),
    "csv": Format("export.csv", csv_table.write),
    "parquet": Format("export.parquet", parquet.write),
    "ocsf": Format("export.ocsf.jsonl", ocsf.write),
    "cef": Format("export.cef", cef.write),
    "ecs": Format("export.ecs.jsonl", ecs.write),
    "syslog": Format("export.syslog", syslog.write),
}


def format_named(name: str) -> Format:
    """A format.

    Raises:
        ExportRefused: there is none of that name.
    """
    if name not in FORMATS:
        message = f"There is no export format {name!r}."
        raise ExportRefused(message, action=f"Choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]
