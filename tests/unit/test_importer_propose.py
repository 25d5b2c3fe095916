"""Whole imports: names, headings, references between sheets, decisions, and the blueprint that comes out."""

from __future__ import annotations

import pytest

from appliance.blueprint.model import Ref, Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.importer.compose import compose, load_order
from appliance.importer.errors import ImportRefused
from appliance.importer.grid import Source
from appliance.importer.names import language_of
from appliance.importer.proposal import ColumnDecision, ColumnType, Decisions, TableDecision
from appliance.importer.propose import propose
from tests.unit.test_importer_reading import workbook

SUPPLIERS = [["Supplier ID", "Name", "City"], *([f"S{n}", f"Supplier {n}", "Bonn"] for n in range(5))]
ORDERS = [["Order no", "Supplier", "Quantity"], *([f"O{n}", f"S{n % 5}", n] for n in range(12))]


def stock(**decisions):
    return propose([Source("Stock 2026.xlsx", workbook(Orders=ORDERS, Suppliers=SUPPLIERS))], Decisions(**decisions))


def test_sheets_become_entities_that_refer_to_each_other():
    proposal = stock()
    orders, suppliers = proposal.tables
    assert (orders.entity, suppliers.entity) == ("Order", "Supplier")
    supplier = orders.columns[1]
    assert (supplier.type, supplier.target) == (ColumnType.REF, 1)
    assert orders.rows[0].values["supplier"] == "2"  # the row of S0 on its sheet
    assert [table.entity for table in load_order(proposal)] == ["Supplier", "Order"]
    blueprint = compose(proposal)
    assert parse(to_text(blueprint)) == blueprint
    assert blueprint.entity("Order").field("supplier").type == Ref("Supplier")
    assert blueprint.entity("Supplier").field("supplier_id").unique
    assert blueprint.permission("Order", "Reader", Verb.EDIT) is None


def test_a_reference_to_nobody_is_listed_by_row():
    orders = [*ORDERS, ["O99", "S77", 1]]
    proposal = propose([Source("x.xlsx", workbook(Orders=orders, Suppliers=SUPPLIERS))])
    assert [(row.number, row.problems) for row in proposal.tables[0].bad] == [
        (14, ("Supplier: “S77” is not in the other table",))
    ]


def test_small_numbers_that_match_by_chance_are_offered_and_not_proposed():
    rooms = [["Room", "Seats"], *([str(n), n] for n in range(1, 9))]
    visits = [["Guest", "Persons"], *([f"G{n}", n % 4 + 1] for n in range(12))]
    proposal = propose([Source("x.xlsx", workbook(Visits=visits, Rooms=rooms))])
    persons = proposal.tables[0].columns[1]
    assert persons.type is ColumnType.NUMBER


def test_references_never_go_round_in_a_circle():
    a = [["A code", "B"], *([f"a{n}", f"b{n}"] for n in range(6))]
    b = [["B code", "A"], *([f"b{n}", f"a{n}"] for n in range(6))]
    proposal = propose([Source("x.xlsx", workbook(A=a, B=b))])
    assert len(load_order(proposal)) == 2
    assert sum(column.type is ColumnType.REF for table in proposal.tables for column in table.columns) == 1


def test_names_are_made_in_the_language_of_the_headings():
    text = "Gerätenummer;Straße & Ort;;Preis (€);Preis (€);2026;id\nA1;Weg 1;x;1,5;2,5;3;1\nA2;Weg 2;y;1,5;2;4;2\n"
    proposal = propose([Source("geräte_liste.csv", text.encode("cp1252"))])
    (table,) = proposal.tables
    assert proposal.language == "de"
    assert proposal.name == "Geräte liste"
    assert [column.field for column in table.columns] == [
        "gerätenummer", "straße_ort", "spalte_3", "preis", "preis_2", "spalte_2026", "id",
    ]  # fmt: skip
    assert compose(proposal).roles == ("Bearbeitung", "Lesezugriff")


@pytest.mark.parametrize(
    ("headings", "language"),
    [(["Nombre", "Fecha", "Importe"], "es"), (["Nom", "Prénom", "Ville"], "fr"), (["Name", "Date"], "en"), ([], "en")],
)
def test_the_language_of_headings(headings, language):
    assert language_of(headings) == language


def test_titles_above_the_headings_are_left_out_and_said_so():
    text = "Inventory of the lab,,\n,,\nName,Place,Count\nScale,A,1\nLamp,B,2\n"
    (table,) = propose([Source("x.csv", text.encode())]).tables
    assert table.header_row == 3
    assert "above the headings" in " ".join(table.notes)
    assert [row.number for row in table.rows] == [4, 5]


def test_without_headings_columns_are_numbered_and_the_maker_can_disagree():
    text = b"Scale,3\nLamp,4\nDesk,5\n"
    (table,) = propose([Source("x.csv", text)]).tables
    assert (table.header_row, len(table.rows)) == (0, 3)
    assert [column.field for column in table.columns] == ["column_1", "column_2"]
    said = Decisions(tables={0: TableDecision(headings=True)})
    assert propose([Source("x.csv", text)], said).tables[0].columns[0].field == "scale"
    said = Decisions(tables={0: TableDecision(headings=False)})
    assert propose([Source("x.csv", b"Name,Count\na,1\n")], said).tables[0].header_row == 0


def test_decisions_drop_rename_and_retype():
    proposal = stock(
        name="Warehouse",
        tables={0: TableDecision(name="Purchase")},
        columns={(0, 2): ColumnDecision(keep=False), (0, 1): ColumnDecision(type=ColumnType.TEXT, name="Vendor code")},
    )
    purchase = compose(proposal).entity("Purchase")
    assert proposal.name == "Warehouse"
    assert [field.name for field in purchase.fields] == ["order_no", "vendor_code"]


def test_leaving_out_a_table_turns_references_to_it_into_text():
    proposal = stock(tables={1: TableDecision(keep=False)})
    assert [entity.name for entity in compose(proposal).entities] == ["Order"]
    assert proposal.tables[0].columns[1].target is None


def test_more_columns_than_fields_are_left_out_and_a_person_may_choose_which():
    text = ",".join(f"h{n}" for n in range(30)) + "\n" + ",".join("ab" for _ in range(30)) + "\n"
    proposal = propose([Source("x.csv", text.encode())])
    assert len(proposal.tables[0].kept) == 24
    assert "up to 24" in proposal.tables[0].notes[-1]
    said = Decisions(columns={(0, 29): ColumnDecision(keep=True)})
    with pytest.raises(ImportRefused, match="keeps 25 columns"):
        compose(propose([Source("x.csv", text.encode())], said))


def test_an_open_question_stops_the_making():
    proposal = propose([Source("x.csv", b"Name,Due\na,03/04/2026\nb,04/05/2026\n")])
    with pytest.raises(ImportRefused, match="two ways"):
        compose(proposal)


def test_everything_left_out_is_refused():
    with pytest.raises(ImportRefused, match="nothing to make"):
        compose(stock(tables={0: TableDecision(keep=False), 1: TableDecision(keep=False)}))
