"""What the parser says when a text is not a blueprint: where, what, and what to write instead."""

from __future__ import annotations

import pytest

from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import OWNER, Permission, Verb
from appliance.blueprint.naming import identifier, label, package_name, plural, slug
from appliance.blueprint.parser import parse

START = (
    'app "Keys"\nrole Porter\nentity Key\n  label text required\n  opens choice(gate, Health and Safety)\n  due date\n'
)


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ("", 1, 1, "Start with: app"),
        ('app "Keys"\n', 1, 1, "entity Item"),
        ('app "Keys\nentity Key\n  label text\n', 1, 5, 'second "'),
        ("app Keys\nentity Key\n  label text\n", 1, 5, '"Keys"'),
        (START + "entty Lock\n", 7, 1, "entity"),
        (START + "entity Lock\n  key ref(Kye)\n", 8, 11, "Key"),
        (START + "entity Lock\n  kind txt\n", 8, 8, "text"),
        (START + "entity Lock\n  Kind text\n", 8, 3, "due_date"),
        (START + "entity Lock\n  kind choice(one)\n", 8, 8, ""),
        (START + "entity Static\n  name text\n", 7, 14, "another name"),
        (START + "access Key: Portr read\n", 7, 13, "Porter"),
        (START + "access Key: Porter red\n", 7, 20, "read"),
        (START + 'page "All" tabel Key\n', 7, 12, "table"),
        (START + 'page "All" table Key where dew < today\n', 7, 28, "due"),
        (START + 'page "All" table Key where label < "a"\n', 7, 34, "="),
        (START + 'page "All" dashboard: bar Key by due\n', 7, 34, "choice"),
        (START + 'example Key: "K1", gat\n', 7, 20, "gate"),
        (START + 'example Key: "K1", gate, tomorrow\n', 7, 26, "2026-11-30"),
        (START + 'entity Lock\n  at time default "noon"\n', 8, 19, "14:30"),
    ],
)
def test_a_mistake_is_placed_and_answered(text: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(BlueprintError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column), caught.value
    assert hint in caught.value.hint


def test_an_option_with_a_keyword_in_it_is_read_whole() -> None:
    page = parse(START + 'page "All" table Key where opens = Health and Safety and due < today\n').pages[0]
    assert "Health and Safety" in str(page)
    assert "due" in str(page)


def test_nobody_may_do_what_nobody_was_granted() -> None:
    blueprint = parse(START + "access Key: Porter create, read own\n")
    assert blueprint.permission("Key", "Porter", Verb.READ) == Permission(Verb.READ, own=True)
    assert blueprint.permission("Key", "Porter", Verb.DELETE) is None
    assert parse(START).permission("Key", "Porter", Verb.READ) is None
    assert parse(START).permission("Key", OWNER, Verb.DELETE) == Permission(Verb.DELETE)


@pytest.mark.parametrize(
    ("language", "singulars", "plurals"),
    [
        (
            "de",
            ("Rechnung", "Kunde", "Mitarbeiterin", "Lieferant", "Schlüssel", "Büro", "Zeugnis", "Antrag auf Urlaub"),
            ("Rechnungen", "Kunden", "Mitarbeiterinnen", "Lieferant", "Schlüssel", "Büros", "Zeugnisse",
             "Antrag auf Urlaub"),
        ),
        (
            "fr",
            ("Demande de congé", "Bureau", "Journal", "Prix", "Salle", "Grand projet"),
            ("Demandes de congé", "Bureaux", "Journaux", "Prix", "Salles", "Grand projet"),
        ),
        (
            "es",
            ("Solicitud de vacaciones", "Reunión", "Lápiz", "Cliente", "Crisis"),
            ("Solicitudes de vacaciones", "Reuniones", "Lápices", "Clientes", "Crisis"),
        ),
    ],
)  # fmt: skip
def test_plurals_that_exist(language: str, singulars: tuple[str, ...], plurals: tuple[str, ...]) -> None:
    assert tuple(plural(noun, language) for noun in singulars) == plurals


def test_names_become_identifiers_and_addresses() -> None:
    assert identifier("class") == "class_"
    assert identifier("2nd_contact") == "n_2nd_contact"
    assert identifier("fällig_am") == "fallig_am"
    assert slug("R&D Größe") == "r-d-grosse"
    assert package_name("Lab Equipment Loans") == "lab_equipment_loans_app"
    assert (label("due_date"), plural("Category"), plural("Box"), plural("Equipment")) == (
        *("Due date", "Categories", "Boxes"),
        "Equipment",
    )
