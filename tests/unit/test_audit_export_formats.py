"""Every format, read back by something that is not the writer: csv, pyarrow, the OCSF schema, a syslog parser."""

from __future__ import annotations

import base64
import csv
import importlib
import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance.audit.errors import AuditCorrupt
from appliance.audit.export import cef, csv_table, ecs, jsonl, ocsf, parquet, syslog
from appliance.audit.export.errors import ExportRefused, FormatUnavailable
from appliance.audit.export.formats import FORMATS, format_named
from appliance.audit.merkle import leaf_hash, verify_inclusion
from appliance.core.events import Event
from tests.fixtures.exports import TIME, Exported, make_log
from tests.fixtures.ocsf_schema import OcsfSchema
from tests.fixtures.syslog_parser import parse_rfc5424

if TYPE_CHECKING:
    from appliance.audit.export.view import Entry, LogView

VECTORS = Path(__file__).parent.parent / "fixtures" / "vectors"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return make_log(tmp_path_factory.mktemp("home"), acts=3 * len(Event))


@pytest.fixture(scope="module")
def view(exported: Exported) -> LogView:
    return exported.view()


@pytest.fixture(scope="module")
def entries(view: LogView) -> list[Entry]:
    return list(view.entries())


def written(name: str, entries: list[Entry], view: LogView) -> bytes:
    out = io.BytesIO()
    format_named(name).write(iter(entries), view, out)
    return out.getvalue()


def test_every_line_of_jsonl_proves_itself(entries: list[Entry], view: LogView) -> None:
    lines = written("jsonl", entries, view).decode().split("\n")[:-1]
    assert len(lines) == view.size
    for index, (text, entry) in enumerate(zip(lines, entries, strict=True)):
        one = json.loads(text)
        raw = re.search(r'"leaf":(.*),"proof":\[', text)
        assert raw is not None
        assert raw.group(1).encode() == entry.raw
        assert one["leaf"]["principal"] == entry.leaf.principal
        proof = [base64.b64decode(hashed) for hashed in one["proof"]]
        assert one["hash"] == leaf_hash(entry.raw).hex()
        verify_inclusion(leaf_hash(entry.raw), index, view.size, proof, view.checkpoint.root)


def test_csv_comes_back_and_no_cell_is_a_formula(entries: list[Entry], view: LogView) -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", entries, view).decode(), newline="")))
    assert len(rows) == view.size
    dangerous = re.compile(r"^[\s\ufeff]*[=+\-@\t\r＝＋－＠]")  # noqa: RUF001
    for row, entry in zip(rows, entries, strict=True):
        assert not [value for value in row.values() if dangerous.match(value)]
        assert row["principal"].removeprefix("'") == entry.leaf.principal
        assert json.loads(row["details"]) == entry.leaf.details
        assert int(row["index"]) == entry.index
    assert "'=cmd|'/C calc'!A0" in {row["principal"] for row in rows}


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "\ufeff=1", "＝1", "＠a"],  # noqa: RUF001
)
def test_formulas_are_disarmed(text: str) -> None:
    assert csv_table.cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "user:x", "3", "{}", "'quoted"])
def test_other_cells_are_left_alone(text: str) -> None:
    assert csv_table.cell(text) == text


def test_parquet_comes_back(entries: list[Entry], view: LogView) -> None:
    reader = importlib.import_module("pyarrow.parquet")
    table = reader.read_table(io.BytesIO(written("parquet", entries, view)))
    assert table.schema.metadata[b"root"].decode() == view.checkpoint.root.hex()
    rows = table.to_pylist()
    assert [row["index"] for row in rows] == list(range(view.size))
    assert [row["hash"] for row in rows] == [entry.hash.hex() for entry in entries]
    assert [row["time"] for row in rows] == [entry.leaf.time for entry in entries]
    assert [json.loads(row["details"]) for row in rows] == [dict(entry.leaf.details) for entry in entries]
    assert [row["intent"] for row in rows][:4] == [None, 0, None, 2]


def test_parquet_without_its_library_says_what_to_install() -> None:
    hidden = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "pyarrow"}
    sys.modules.update(dict.fromkeys([*hidden, "pyarrow"]))  # type: ignore[arg-type]
    try:
        with pytest.raises(FormatUnavailable, match=r"pip install 'intramural\[parquet\]'"):
            parquet.load()
    finally:
        del sys.modules["pyarrow"]
        sys.modules.update(hidden)


@pytest.fixture(scope="module")
def schema() -> OcsfSchema:
    return OcsfSchema(VECTORS / "ocsf" / "schema.jsonl")


def test_every_event_is_valid_ocsf(entries: list[Entry], view: LogView, schema: OcsfSchema) -> None:
    seen = set()
    for entry in entries:
        document = json.loads(ocsf.line(entry, view))
        assert schema.problems(document) == [], document
        assert document["attestation_list"][0]["fingerprint"]["value"] == entry.hash.hex()
        seen.add((entry.leaf.event, document["class_uid"]))
    assert {name for name, _ in seen} == set(Event)
    assert {number for _, number in seen} == {3002, 3005, 6002, 6003}


def test_the_ocsf_check_can_fail(entries: list[Entry], view: LogView, schema: OcsfSchema) -> None:
    def broken(**change: Any) -> list[str]:
        prompt = next(entry for entry in entries if entry.leaf.event == "prompt.submitted")
        document = {**ocsf.document(prompt, view), **change}
        return schema.problems({name: value for name, value in document.items() if value is not None})

    assert broken() == []
    assert broken(actor=None)
    assert broken(nonsense=1)
    assert broken(severity_id=77)
    assert broken(time="yesterday")
    assert broken(type_uid=1)
    assert broken(metadata={"version": "1"})
    assert broken(actor={"user": {"uid": "x", "nonsense": 1}})
    assert broken(actor={"user": {}})


def test_cef_has_one_line_and_comes_back(entries: list[Entry], view: LogView) -> None:
    lines = written("cef", entries, view).decode().splitlines()
    assert len(lines) == view.size
    for text, entry in zip(lines, entries, strict=True):
        header = re.split(r"(?<!\\)\|", text, maxsplit=7)
        assert header[:5] == ["CEF:0", "Intramural", "Intramural", "1", entry.leaf.event]
        pairs = re.findall(r"(\w+)=((?:\\.|[^\\=])*?)(?=(?: \w+=)|$)", header[7])
        values = {name: re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), v) for name, v in pairs}
        assert values["externalId"] == str(entry.index)
        assert values["cs1"] == entry.hash.hex()
        assert values["suser"].replace(" ", "") == entry.leaf.principal.replace("\u2028", "").replace(" ", "")


def test_ecs_has_the_fields_of_the_schema(entries: list[Entry], view: LogView) -> None:
    categories = {"authentication", "configuration", "iam", "process"}
    types = {"access", "admin", "change", "info"}
    for entry in entries:
        one = json.loads(ecs.line(entry, view))
        assert one["@timestamp"] == entry.leaf.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert one["event"]["kind"] == "event"
        assert set(one["event"]["category"]) <= categories
        assert set(one["event"]["type"]) <= types
        assert one["event"]["outcome"] in {"success", "failure", "unknown"}
        assert one["event"]["sequence"] == entry.index
        assert json.loads(one["intramural"]["audit"]["details"]) == entry.leaf.details


def syslog_cases() -> list[tuple[bytes, bool]]:
    """The valid ones are UTF-8; bytes that are not stand in the file as Latin-1."""

    def raw(text: str, *, valid: bool) -> bytes:
        return text.encode() if valid or max(text, default="") > "ÿ" else text.encode("latin-1")

    lines = (VECTORS / "syslog" / "rfc5424_cases.jsonl").read_text().splitlines()
    return [(raw(one["input"], valid=one["valid"]), one["valid"]) for one in map(json.loads, lines)]


def test_the_syslog_parser_of_the_tests_knows_the_vectors() -> None:
    wrong = [(text, valid) for text, valid in syslog_cases() if (parse_rfc5424(text) is not None) != valid]
    assert wrong == []


@pytest.mark.parametrize("payload", syslog.PAYLOADS)
def test_every_syslog_message_is_accepted(entries: list[Entry], view: LogView, payload: str) -> None:
    how = syslog.SyslogFormat(host="log host\n.example", payload=payload, enterprise=4711)
    for entry in entries:
        parsed = parse_rfc5424(how.message(entry, view))
        assert parsed is not None
        assert parsed.priority == (108 if entry.leaf.result in {"refused", "failed", "unknown"} else 109)
        assert (parsed.host, parsed.app) == ("log_host_.example", "intramural")
        assert parsed.message_id == entry.leaf.event[:32]
        assert parsed.data["intramural@4711"]["index"] == str(entry.index)
        assert parsed.data["intramural@4711"]["hash"] == entry.hash.hex()
        assert parsed.message.startswith("\ufeff")
        if payload == "json":
            assert parsed.message[1:].encode() == entry.raw


def test_octet_counting_frames_come_apart(entries: list[Entry], view: LogView) -> None:
    content = written("syslog", entries, view)
    count = 0
    while content:
        length, _, rest = content.partition(b" ")
        assert parse_rfc5424(rest[: int(length)]) is not None
        content, count = rest[int(length) :], count + 1
    assert count == view.size


def test_formats_outside_the_list_are_refused() -> None:
    with pytest.raises(ExportRefused, match="jsonl, csv, parquet"):
        format_named("xml")
    assert set(FORMATS) == {"jsonl", "csv", "parquet", "ocsf", "cef", "ecs", "syslog"}


def test_ranges_by_index_and_time(view: LogView) -> None:
    assert [entry.index for entry in view.entries(3, 6)] == [3, 4, 5]
    for start, stop in ((-1, 2), (5, 4), (0, view.size + 1)):
        with pytest.raises(ExportRefused):
            view.require(start, stop)
    second = TIME.replace(second=2)
    assert view.between(second, TIME.replace(second=4)) == (2, 6)
    assert view.between(None, second) == (0, 2)
    assert view.between(TIME.replace(year=2030), None) == (view.size, view.size)


def test_a_changed_log_is_not_exported(tmp_path: Path) -> None:
    exported = make_log(tmp_path, acts=3)
    (bundle,) = (exported.directory / "tile" / "entries").rglob("6")
    bundle.write_bytes(bundle.read_bytes().replace(b"app_1", b"app_7"))
    with pytest.raises(AuditCorrupt, match="leaf 2"):
        list(exported.view().entries())


def test_jsonl_of_one_entry_is_what_stands_in_the_docs(view: LogView) -> None:
    one = json.loads(jsonl.line(view.entry(0), view))
    assert set(one) == {"hash", "index", "leaf", "proof", "size"}
    assert cef.line(view.entry(1), view).startswith("CEF:0|Intramural|Intramural|1|service.started|Service started|3|")
