"""Apache Parquet, by pyarrow: a large library, so an extra that is installed where it is wanted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from appliance.audit.export.errors import FormatUnavailable
from appliance.audit.export.wording import column_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView

ROW_GROUP: Final = 4096


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write row groups of 4,096 entries; ``time`` is a UTC timestamp in microseconds. Raises OSError.

    Raises:
        FormatUnavailable: pyarrow is not installed.
    """
    arrow, parquet = load()
    schema = arrow.schema(
        [
            ("index", arrow.int64()),
            ("hash", arrow.string()),
            ("time", arrow.timestamp("us", tz="UTC")),
            *((name, arrow.string()) for name in ("kind", "event", "principal", "resource", "result")),
            ("intent", arrow.int64()),
            ("details", arrow.string()),
        ],
        metadata={"origin": view.origin, "size": str(view.size), "root": view.checkpoint.root.hex()},
    )
    writer = parquet.ParquetWriter(out, schema, compression="zstd")
    rows: list[dict[str, object]] = []
    for entry in entries:
        rows.append({**column_values(entry), "time": entry.leaf.time})
        if len(rows) == ROW_GROUP:
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            rows = []
    writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
    writer.close()


def load() -> tuple[Any, Any]:
    """The library.

    Raises:
        FormatUnavailable: it is not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        message = "Parquet needs the library pyarrow, which is not installed."
        action = "Install the extra: pip install 'intramural[parquet]'. Or export csv or jsonl."
        raise FormatUnavailable(message, cause=str(error), action=action) from error
