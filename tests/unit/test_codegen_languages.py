"""The kit's own words: every language has every phrase, with the same values in it, and apps speak it."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from decimal import Decimal
from string import Formatter

import pytest

from appliance.blueprint.parser import parse
from appliance.codegen.kit.columns import FieldSpec, Kind
from appliance.codegen.kit.language import CODES, Said, load_language
from appliance.codegen.kit.values import Invalid
from appliance.codegen.kit.values import parse as read
from appliance.codegen.render import KIT
from tests.fixtures.generated_apps import APPS, served

FOLDER = KIT / "languages"
TELLING = ("say", "some", "_", "Invalid", "UploadRefused")
CATALOGUES = {code: json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8")) for code in CODES}


def literals(node):
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def phrases_of_code():
    """Phrases that stand where they are told, and every literal of the code."""
    told, all_of_them = set(), set()
    for path in KIT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        all_of_them |= literals(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                for argument in node.args[: 2 if name == "some" else 1] if name in TELLING else ():
                    told |= literals(argument)
    return told, all_of_them


def phrases_of_templates():
    found = set()
    for path in KIT.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= {match[1] for match in re.finditer(r'\b_\(\s*"([^"]*)"', text)}
        for match in re.finditer(r'\bsome\(\s*"([^"]*)",\s*"([^"]*)"', text):
            found |= {match[1], match[2]}
    return found


def test_every_phrase_that_is_told_is_in_the_catalogue():
    told, _ = phrases_of_code()
    lacking = (told | phrases_of_templates()) - CATALOGUES["en"]["words"].keys()
    assert not lacking, f"Add these to every file in {FOLDER}"


OPERATORS = ("commands", "importing", "migration", "migration_values", "serve", "settings")
"""Modules that speak to whoever runs the app, in its log and on its command line: in English."""


def sentences(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    notes = {id(line.value) for body in bodies for line in body if isinstance(line, ast.Expr)}
    return {
        part.value
        for part in ast.walk(tree)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in notes
        if re.match(r"[A-Z“].* .*[.!?…]$", part.value)
    }


def test_every_sentence_of_the_code_is_in_the_catalogue():
    for path in KIT.rglob("*.py"):
        if path.stem not in OPERATORS:
            assert sentences(path) <= CATALOGUES["en"]["words"].keys(), path.name


def test_no_catalogue_keeps_phrases_that_nobody_tells():
    _, literal = phrases_of_code()
    templates = "\n".join(path.read_text(encoding="utf-8") for path in KIT.rglob("*.html"))
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in KIT.rglob("*.js"))
    for phrase in CATALOGUES["en"]["words"]:
        assert phrase in literal or f'"{phrase}"' in templates or phrase in scripts, phrase


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", CODES)
def test_languages_have_the_same_phrases_with_the_same_values(code):
    english, words = CATALOGUES["en"]["words"], CATALOGUES[code]["words"]
    assert list(words) == list(english)
    for phrase, text in words.items():
        assert fields(text) == fields(phrase), phrase
        assert text.strip(), phrase
        if code == "en":
            assert text == phrase
    assert CATALOGUES[code]["formats"].keys() == CATALOGUES["en"]["formats"].keys()
    assert [len(CATALOGUES[code]["formats"][name]) for name in ("months", "long_months", "weekdays")] == [12, 12, 7]


def test_translations_differ_from_the_english_phrase():
    """A phrase that was only copied over was not translated; short words may be the same in two languages."""
    for code in CODES[1:]:
        same = [
            phrase for phrase, text in CATALOGUES[code]["words"].items() if phrase == text and len(phrase.split()) > 3
        ]
        assert same == [], code


@pytest.mark.parametrize(
    ("code", "looks"),
    [
        ("en", ("2 Mar 2026", "Monday, 2 March 2026", "1\u202f234.50", "1\u202f200.5", "in 3 days")),
        ("de", ("2. März 2026", "Montag, 2. März 2026", "1.234,50", "1.200,5", "in 3 Tagen")),
        ("fr", ("2 mars 2026", "lundi 2 mars 2026", "1\u202f234,50", "1\u202f200,5", "dans 3 jours")),
        ("es", ("2 mar 2026", "lunes, 2 de marzo de 2026", "1.234,50", "1.200,5", "dentro de 3 días")),
    ],
)
def test_days_and_numbers_look_as_the_language_writes_them(code, looks):
    day, long_day, amount, number, near = looks
    language, date = load_language(FOLDER, code), dt.date(2026, 3, 2)
    assert (language.day(date), language.long_day(date)) == (day, long_day)
    assert (language.money(Decimal("1234.5")), language.number(1200.5)) == (amount, number)
    assert language.relative_day(date + dt.timedelta(3), date) == near


@pytest.mark.parametrize("code", CODES)
def test_what_a_form_shows_is_read_back(code):
    language = load_language(FOLDER, code)
    for amount in (Decimal("1234.50"), Decimal("0.05"), Decimal("-9.90"), Decimal("1000000.00")):
        spec = FieldSpec("x", Kind.MONEY)
        assert read(spec, language.plain_number(amount), decimal=language.decimal_mark) == amount
        assert read(spec, language.money(amount), decimal=language.decimal_mark) == amount


@pytest.mark.parametrize(
    ("text", "meant"), [("1.234,50", "1234.50"), ("9,5", "9.50"), ("9.5", "9.50"), ("1.234.567", "1234567.00")]
)
def test_numbers_where_a_comma_stands_before_the_fraction(text, meant):
    assert read(FieldSpec("x", Kind.MONEY), text, decimal=",") == Decimal(meant)


def test_a_number_that_can_be_read_in_two_ways_is_asked_about():
    for text, mark in (("1.250", ","), ("1,250", ".")):
        with pytest.raises(Invalid) as caught:
            read(FieldSpec("x", Kind.MONEY), text, decimal=mark)
        assert "1250" in str(caught.value)


def test_an_error_is_told_in_the_language_with_its_values():
    error = Said("This is {count} characters long. Keep it to {limit}.", count=7, limit=5)
    assert str(error) == "This is 7 characters long. Keep it to 5."
    assert load_language(FOLDER, "de").tell(error) == "Das sind 7 Zeichen. Höchstens 5 sind möglich."


def test_a_language_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no language"):
        load_language(FOLDER, "../en")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("de", ("Zum Inhalt springen", "Abbrechen", "Füllen Sie dieses Feld aus.", "Erinnerungen")),
        ("fr", ("Aller au contenu", "Ajouter", "Remplissez ce champ.", "Rappels")),
        ("es", ("Ir al contenido", "Añadir", "Rellene este campo.", "Recordatorios")),
    ],
)
def test_an_app_speaks_its_language(code, words, tmp_path):
    text = (
        (APPS / "repair_desk.app")
        .read_text(encoding="utf-8")
        .replace("role Reporter", f"language {code}\nrole Reporter", 1)
    )
    with served(parse(text), tmp_path, examples=False) as app:
        owner = app.owner
        owner.post("/room/new", {"name": "Halle"})
        owner.post("/job/new", {"title": "Licht", "room": "1", "status": "open", "due": "2026-03-02", "cost": "1234,5"})
        pages = [
            owner.get(path).text for path in ("/job", "/job/1", "/job/new", "/-/reminders", "/nothing", "/pages/board")
        ]
        pages.append(owner.post("/job/new", {}).text)
        everything = "\n".join(pages)
        assert all(f'<html lang="{code}">' in page for page in pages)
        for word in words:
            assert re.search(word, everything), word
        assert "1.234,50" in everything.replace("\u202f", ".")
        english = [phrase for phrase in CATALOGUES["en"]["words"] if "{" not in phrase and len(phrase.split()) > 2]
        assert [phrase for phrase in english if phrase in everything] == []
