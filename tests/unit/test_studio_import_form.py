"""The proposal's form: what is sent as it was shown decides nothing, what differs decides."""

from __future__ import annotations

from appliance.importer.grid import Source
from appliance.importer.proposal import ColumnType, Decisions
from appliance.importer.propose import propose
from appliance.web.import_form import decisions_of

SOURCE = Source("Stock.csv", b"Name,Due,Note\na,03/04/2026,x\nb,05/06/2026,y\n")


def shown_form(proposal):
    """What a browser sends when nothing was touched."""
    form = {"name": proposal.name}
    for table in proposal.tables:
        form |= {f"t{table.index}.name": table.entity}
        form |= {f"t{table.index}.keep": "on"} if table.keep else {}
        form |= {f"t{table.index}.headings": "on"} if table.header_row else {}
        for column in table.columns:
            at = f"c{table.index}.{column.index}"
            form |= {f"{at}.name": column.field, f"{at}.type": column.type.value}
            form |= {f"{at}.keep": "on"} if column.keep else {}
    return form


def sent(changes, decisions=None, without=()):
    decisions = decisions or Decisions()
    proposal = propose([SOURCE], decisions)
    form = shown_form(proposal) | changes
    for name in without:
        del form[name]
    said = decisions_of(form, proposal, decisions)
    return propose([SOURCE], said), said


def test_an_untouched_form_changes_nothing():
    assert sent({})[0] == propose([SOURCE])


def test_changes_are_kept_over_the_next_ones():
    proposal, said = sent({"c0.1.answer": "month-first", "name": "Store"})
    assert not proposal.open_questions
    proposal, said = sent({"c0.2.type": "longtext"}, said, without=["c0.0.keep"])
    (table,) = proposal.tables
    assert proposal.name == "Store"
    assert [column.keep for column in table.columns] == [False, True, True]
    assert (table.columns[1].answer, table.columns[2].type) == ("month-first", ColumnType.LONGTEXT)
    proposal, _ = sent({"c0.0.keep": "on"}, said)
    assert proposal.tables[0].columns[0].keep


def test_other_headings_forget_what_was_said_about_the_old_columns():
    _, said = sent({"c0.2.type": "longtext"})
    proposal, said = sent({}, said, without=["t0.headings"])
    assert not said.columns
    assert proposal.tables[0].header_row == 0


def test_a_table_that_is_left_out_and_taken_again_keeps_its_decisions():
    _, said = sent({"c0.2.type": "longtext"})
    form = {"name": "Stock", "t0.headings": "on"}
    said = decisions_of(form, propose([SOURCE], said), said)
    assert not propose([SOURCE], said).kept
    proposal = propose([SOURCE], said)
    said = decisions_of(form | {"t0.keep": "on", "t0.name": proposal.tables[0].entity}, proposal, said)
    assert propose([SOURCE], said).tables[0].columns[2].type is ColumnType.LONGTEXT


def test_nonsense_is_ignored():
    proposal, _ = sent(
        {"c0.2.type": "rocket", "c0.1.answer": "never", "t0.name": "", "name": " " * 50, "c9.9.type": "x"}
    )
    assert proposal == propose([SOURCE])
