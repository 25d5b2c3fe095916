"""Custom places: what a model may write, what is made of it, how it is tried, repaired, kept, and put into the app."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.blueprint.model import Scalar
from appliance.blueprint.parser import parse
from appliance.blueprint.places import Case, Place, places
from appliance.codegen.custom.checker import checked
from appliance.codegen.custom.expect import derived_cases, properties, samples
from appliance.codegen.custom.format import formatted
from appliance.codegen.custom.problem import CodeProblem
from appliance.codegen.custom.renaming import with_names
from appliance.codegen.custom.template import checked_template
from appliance.codegen.custom.write import Coder, Status
from appliance.codegen.emit.custom import read_back
from appliance.codegen.kit.bounded import TooMuch, Unfit, bounded, given, outcome
from appliance.codegen.render import render
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.fakes.generator import FakeGenerator
from tests.fixtures.generated_apps import served

APP = """app "Batches"
role Keeper
entity Batch
  name text required
  made_on date
  size number
  price money
  urgent boolean
  code text custom(made_on, size) "The year, then the size in three digits, for example 2026-11-30 and 7 gives 2026007"
  fee money custom(size, price) "Two a piece, at most fifty, never negative"
  initials text custom(name) "The first letter of each word, in capitals"
fragment Batch "Label" from name, size "The name in capitals above the size"
access Batch: Keeper all
case Batch.initials: "Ada Lovelace" gives "AL"
case Batch "Label": "Vial", 3 shows "VIAL"
page "Batches" table Batch (name, code, fee, initials)
example Batch: "Ada <b>Lovelace</b>", 2026-11-30, 7, 12.50
example Batch: "No date", -, 7
"""
CODE = '    return f"{made_on.year}{size:03d}"'
FEE = "    total = 0\n    total += size * 2\n    return max(0, min(total, 50))"
INITIALS = '    return "".join(word[0] for word in name.split()).upper()'
LABEL = '<p class="large">{{ name | upper }}</p>\n<p>{{ size }}</p>\n'
BLUEPRINT = parse(APP)
PLACES = {place.key: place for place in places(BLUEPRINT)}


@pytest.fixture(scope="module")
def sandbox() -> BubblewrapSandbox:
    return BubblewrapSandbox()


@pytest.mark.parametrize(
    "body",
    [
        'return open("x").read()',
        "return name.__class__",
        "while True:\n        pass",
        "import os\n    return name",
        "return name * 1000",
        "return (lambda: name)()",
        'return eval("1")',
        'return "%s" % name',
        'return f"{name!r}"',
        "result = name\n    return result.format(1)",
        "return part",
        "return [x for x in range(10 ** 9)][0]",
        "return name if name else None",
        "global result\n    return name",
        "return name[::2]",
        "return 3",
        "name = name\n    return name",
        "for word in range(5000):\n        result = name\n    return name",
        "if name:\n        return name",
        "return name.replace(name, name)",
        "return name.zfill(9999)",
        "try:\n        return name\n    except ValueError:\n        return name",
        "return name.join(name.split())",
        "return getattr(name, 'upper')()",
        "return str(name, 'utf8')",
        "return dt.datetime.now().isoformat()",
        "def f():\n        return name\n    return f()",
        "return sorted(name.split(), key=len)[0]",
        "return",
        'return "".join(letter for letter in name for word in name)',
        "return name.encode()",
        "assert name\n    return name",
        "del name\n    return name",
        "yield name",
        "return await_",
        "x: int = 1\n    return name",
        "return (part := name)",
    ],
)
def test_what_is_not_allowed_is_refused(body: str) -> None:
    with pytest.raises(CodeProblem):
        checked(PLACES["Batch.initials"], f"    {body}\n")


@pytest.mark.parametrize(
    "text", ["", "\x00", "    return (", "    return " + "(" * 200, "    return " + "-" * 3000 + "1"]
)
def test_what_is_no_python_is_refused(text: str) -> None:
    with pytest.raises(CodeProblem):
        checked(PLACES["Batch.initials"], text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>{{ name }}</script>",
        '<p onclick="x">{{ name }}</p>',
        "<p>{{ name | safe }}</p>",
        "<p>{{ secret }}</p>",
        "<p>{{ name }}",
        "<p>text alone</p>",
        "<p>{{ name.__class__ }}</p>",
        "{% for x in name %}<p>{{ x }}</p>{% endfor %}",
        '<a href="x">{{ name }}</a>',
        "<!-- x --><p>{{ name }}</p>",
        "<p>{{ name }}</div>",
        "<p>{{ 7 * 7 }}{{ name }}</p>",
        '<p style="x">{{ name }}</p>',
        "<p>{{ name() }}</p>",
        "{% include 'x' %}<p>{{ name }}</p>",
        '<p class="x">{{ name }}</p>',
    ],
)
def test_a_fragment_holds_values_and_a_little_html(text: str) -> None:
    with pytest.raises(CodeProblem):
        checked_template(PLACES['Batch "Label"'], text)
    assert checked_template(PLACES['Batch "Label"'], LABEL) == LABEL


def test_numbers_become_exact() -> None:
    made = checked(PLACES["Batch.fee"], "    return size / 3 * 0.1 + (1 / 2)\n")
    assert "size / 3 * Decimal('0.1') + Decimal(1) / 2" in made
    assert "Decimal(0)" in checked(PLACES["Batch.fee"], FEE)
    assert ":03.0f" in checked(PLACES["Batch.code"], CODE)


def test_a_description_gives_examples_and_bounds() -> None:
    (case,) = derived_cases(PLACES["Batch.code"])
    assert (case.values, case.gives) == (("2026-11-30", 7), "2026007")
    assert [item.words for item in properties(PLACES["Batch.fee"])] == ["is never more than 50", "is never below zero"]
    assert [item.words for item in properties(PLACES["Batch.initials"])] == ["has no small letters"]
    tariff = replace(PLACES["Batch.fee"], description="4.90 up to 2 kilograms, at least 3 pieces cost 8.50 together")
    assert [item.words for item in properties(tariff)] == ["is never less than 3"]
    assert properties(replace(tariff, cases=(Case("Batch", "fee", (1, 1), 2.5),))) == ()
    assert derived_cases(PLACES["Batch.fee"]) == ()
    assert [None, 0] in [row[:2] for row in samples(PLACES["Batch.code"])]


def written(sandbox: BubblewrapSandbox, place: Place, *texts: str) -> tuple[Coder, FakeGenerator]:
    del place
    generator = FakeGenerator(texts)
    return Coder(generator, sandbox), generator


def test_code_that_does_what_is_asked_is_taken_at_once(sandbox: BubblewrapSandbox) -> None:
    for key, text in (("Batch.code", CODE), ("Batch.fee", FEE), ("Batch.initials", INITIALS), ('Batch "Label"', LABEL)):
        coder, _ = written(sandbox, PLACES[key], text)
        made = coder.write(PLACES[key])
        assert (made.status, made.attempts, made.problem) == (Status.WRITTEN, 1, "")
        assert all(item.passed for item in made.results)
        assert coder.keep(PLACES[key], made.source).status is Status.KEPT


def test_a_failure_is_told_to_the_model_and_mended(sandbox: BubblewrapSandbox) -> None:
    coder, generator = written(sandbox, PLACES["Batch.code"], '    return f"{made_on.year}{size}"', CODE)
    made = coder.write(PLACES["Batch.code"])
    assert (made.status, made.attempts) == (Status.WRITTEN, 2)
    asked = generator.prompts[1].messages[-1].content
    assert "2026-11-30, 7 gives 2026007 is wanted, but it gives 20267" in asked


def test_the_same_failure_twice_ends_it(sandbox: BubblewrapSandbox) -> None:
    wrong = '    return f"{made_on.year}"'
    coder, generator = written(sandbox, PLACES["Batch.code"], wrong, wrong, CODE)
    made = coder.write(PLACES["Batch.code"])
    assert (made.status, made.attempts, made.source) == (Status.REFUSED, 2, "")
    assert "it gives 2026" in made.problem
    assert len(generator.texts) == 1


def test_at_most_two_repairs(sandbox: BubblewrapSandbox) -> None:
    wrong = [f'    return "{number}"' for number in range(5)]
    coder, generator = written(sandbox, PLACES["Batch.code"], *wrong)
    assert coder.write(PLACES["Batch.code"]).attempts == 3
    assert len(generator.texts) == 2


def test_what_fails_on_usual_values_or_leaves_its_bounds_is_refused(sandbox: BubblewrapSandbox) -> None:
    for text, why in (
        ("    return size * 2", "never more than 50"),
        ("    return 5 / size", "it fails: DivisionByZero"),
    ):
        coder, _ = written(sandbox, PLACES["Batch.fee"], text, text)
        assert why in coder.write(PLACES["Batch.fee"]).problem


def test_code_follows_another_name() -> None:
    after = parse(APP.replace("made_on", "produced").replace("entity Batch", "entity Lot").replace("Batch", "Lot"))
    place = next(item for item in places(after) if item.name == "code")
    source = formatted(checked(PLACES["Batch.code"], CODE))
    renamed = with_names(source, PLACES["Batch.code"], place)
    assert "def lot_code(produced:" in renamed
    assert "produced.year" in renamed


CODES = {
    "Batch.code": formatted(checked(PLACES["Batch.code"], CODE)),
    "Batch.fee": formatted(checked(PLACES["Batch.fee"], FEE)),
    "Batch.initials": formatted(checked(PLACES["Batch.initials"], INITIALS)),
    'Batch "Label"': LABEL,
}


def test_the_app_holds_the_code_with_its_tests_and_gives_it_back(tmp_path: Path) -> None:
    tree = render(BLUEPRINT, CODES)
    files = dict(tree.files)
    assert b"def batch_code(made_on: dt.date, size: Decimal) -> str:" in files["batches_app/logic.py"]
    assert b"logic.batch_code" in files["tests/test_logic.py"]
    assert read_back(tree, BLUEPRINT).keys() == CODES.keys()
    assert {
        name: ast.dump(ast.parse(source)) for name, source in read_back(tree, BLUEPRINT).items() if "def " in source
    } == {name: ast.dump(ast.parse(source)) for name, source in CODES.items() if "def " in source}
    assert read_back(render(BLUEPRINT), BLUEPRINT) == {}
    with served(BLUEPRINT, tmp_path, code=CODES) as app:
        table = app.owner.get("/batch/export.csv").text
        assert "2026007" in table
        assert ",14.00,A<" in table
        assert app.owner.get("/pages/batches").status_code == 200
        page = app.owner.get("/batch/1").text
        assert 'class="large">ADA &lt;B&gt;LOVELACE&lt;/B&gt;</p>' in page


def test_what_is_accepted_is_well_typed_for_mypy_too(tmp_path: Path) -> None:
    functions = [source for key, source in CODES.items() if key != 'Batch "Label"']
    more = {
        "Batch.fee": [
            "    if price > 5 and not size < 1:\n        return price * 0.5\n    return 0",
            "    total = 0\n    for number in range(5):\n        total += number\n    return min(total, size)",
            '    return {"a": 1, "b": 2}.get("a", 0) if size in [1, 2] else round(price / size, 2)',
        ],
        "Batch.initials": [
            "    words = name.split()\n    if len(words) > 1:\n        return words[0] + words[1]\n    return name",
        ],
    }
    for key, bodies in more.items():
        for number, text in enumerate(bodies):
            made = formatted(checked(PLACES[key], text))
            functions.append(made.replace(f"def {PLACES[key].function}(", f"def {PLACES[key].function}_{number}("))
    head = (
        "import datetime as dt\nfrom decimal import Decimal\n\nfrom appliance.codegen.kit.bounded import rounded\n\n\n"
    )
    (tmp_path / "functions.py").write_text(head + "\n\n".join(functions))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(tmp_path / "functions.py")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_function_that_fails_leaves_its_field_empty(tmp_path: Path) -> None:
    broken = {**CODES, "Batch.fee": "def batch_fee(size: Decimal, price: Decimal) -> Decimal:\n    return price / 0\n"}
    endless = "def batch_code(made_on: dt.date, size: Decimal) -> str:\n    while True:\n        pass\n"
    with served(BLUEPRINT, tmp_path, code={**broken, "Batch.code": endless}) as app:
        answer = app.owner.get("/batch/export.csv")
        assert answer.status_code == 200
        assert "2026007" not in answer.text
        assert ",A<" in answer.text
        assert app.owner.get("/batch/1").status_code == 200


def test_work_and_size_are_bounded() -> None:
    def grows() -> str:
        text = "x"
        for _ in range(100):
            text = text + text
        return text

    def counts() -> int:
        number = 2
        for _ in range(100):
            number = number * number
        return number

    for function in (grows, counts):
        with pytest.raises(TooMuch):
            bounded(function, ())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 1),
        ("text", "x" * 2000),
        ("number", "1"),
        ("number", float("inf")),
        ("boolean", 1),
        ("date", "2026-01-01"),
        ("choice", "none"),
        ("money", 10**15),
        ("number", True),
    ],
)
def test_what_a_field_cannot_hold_is_unfit(kind: str, value: object) -> None:
    with pytest.raises(Unfit):
        given(kind, value, ("a", "b"))


def test_empty_inputs_give_nothing_without_a_call() -> None:
    assert outcome(lambda text: text + "!", ["text"], [None], "text") is None
    assert outcome(lambda first, last: f"{first} {last}".strip(), ["text", "text"], [None, "Ada"], "text") == "Ada"
    assert outcome(lambda number: number, ["number"], [None], "number") is None
    assert outcome(lambda number: number + 1, ["number"], [2.5], "number") == 3.5


def test_a_place_that_nobody_wrote_is_left_empty(tmp_path: Path) -> None:
    with served(BLUEPRINT, tmp_path) as app:
        assert app.owner.get("/pages/batches").status_code == 200
        assert app.owner.get("/batch/1").status_code == 200


def test_an_output_of_each_kind_has_a_head() -> None:
    place = PLACES["Batch.code"]
    for kind in (Scalar.NUMBER, Scalar.BOOLEAN, Scalar.DATE, Scalar.DATETIME):
        with pytest.raises(CodeProblem):
            checked(replace(place, output=kind), CODE)
