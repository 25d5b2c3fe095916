"""Custom places in the project: functions in ``logic.py``, fragments as templates, cases as tests; and back again."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Scalar
from appliance.blueprint.naming import identifier, package_name
from appliance.blueprint.places import places
from appliance.codegen.custom.expect import derived_cases
from appliance.codegen.custom.signature import field_kind, parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.blueprint.model import Blueprint, FieldType, Literal
    from appliance.blueprint.places import Place
    from appliance.codegen.emit.names import Names
    from appliance.core.filetree import FileTree

_TEST: Final = '''"""The app's own functions: what each makes of the examples that its maker gave."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from {package} import logic
from {package}.kit.bounded import outcome

# function, kinds and values of its inputs, kind and options of its result, the result
CASES: tuple[tuple[Any, tuple[str, ...], tuple[Any, ...], str, tuple[str, ...], Any], ...] = (
{cases})


@pytest.mark.parametrize(("function", "kinds", "values", "kind", "options", "result"), CASES)
def test_a_function_gives_what_its_maker_expects(
    function: Any, kinds: tuple[str, ...], values: tuple[Any, ...], kind: str, options: tuple[str, ...], result: Any
) -> None:
    assert outcome(function, kinds, values, kind, options) == result
'''


class CustomCode:
    """The code of the places of one blueprint."""

    def __init__(self, names: Names, code: Mapping[str, str]) -> None:
        self._names = names
        self._places = [(place, code[place.key]) for place in places(names.blueprint) if code.get(place.key)]

    @property
    def functions(self) -> dict[str, Place]:
        """The fields that have a function, by the place's key."""
        return {place.key: place for place, _ in self._places if place.output is not None}

    @property
    def fragments(self) -> list[Place]:
        """The fragments that have a template."""
        return [place for place, _ in self._places if place.output is None]

    @property
    def tested(self) -> bool:
        """Whether there is a case of a function."""
        return any(place.cases or derived_cases(place) for place in self.functions.values())

    def value(self, place: Place) -> str:
        """The entry of a field in ``behaviour.py``."""
        if place.output is None:
            raise ValueError(place.key)
        inputs = "".join(f"({self._names.attribute(field)!r}, {field_kind(field.type)!r}), " for field in place.inputs)
        options = getattr(place.output, "options", ())
        more = f", {options!r}" if options else ""
        kind = field_kind(place.output)
        return f"Function({place.key!r}, logic.{place.function}, ({inputs}), {kind!r}{more})"

    def fragment(self, place: Place) -> str:
        """The entry of a fragment in ``behaviour.py``."""
        pairs = "".join(f"({parameter(field.name)!r}, {identifier(field.name)!r}), " for field in place.inputs)
        return f"Fragment({_entity(self._names, place)}, {place.name!r}, {_template(place)!r}, ({pairs}))"

    def module(self, text: str) -> str:
        """``logic.py`` with the functions behind what is there."""
        sources = [source for place, source in self._places if place.output is not None]
        if not sources:
            return text
        body = "\n\n".join(source.strip() + "\n" for source in sources)
        if "from __future__" not in text:
            text = f"{text.rstrip()}\n\nfrom __future__ import annotations\n\n"
        head, _, rest = text.partition("from __future__ import annotations\n")
        imports = ["from .kit.bounded import rounded\n"] if "rounded(" in body else []
        if "Decimal" in body:
            imports.insert(0, "from decimal import Decimal\n")
        if "dt." in body and "import datetime as dt" not in rest:
            imports.insert(0, "import datetime as dt\n")
        clash = "rounded(" in body and "rounded" in rest
        if clash:  # the kit's expressions have a function of that name
            imports[-1] = "from .kit.bounded import rounded as rounded_half_up\n"
            body = body.replace("rounded(", "rounded_half_up(")
        return f"{head}from __future__ import annotations\n\n{''.join(imports)}{rest}\n\n{body}"

    def templates(self) -> dict[str, str]:
        """The fragments' files below the package."""
        return {f"templates/{_template(place)}": source for place, source in self._places if place.output is None}

    def tests(self) -> str:
        """The text of ``tests/test_logic.py``."""
        lines = []
        for place in self.functions.values():
            if place.output is None:
                continue
            kinds = tuple(field_kind(field.type) for field in place.inputs)
            options = getattr(place.output, "options", ())
            for case in dict.fromkeys((*place.cases, *derived_cases(place))):
                values = "".join(
                    f"{_python(field.type, value)}, " for field, value in zip(place.inputs, case.values, strict=True)
                )
                result = _python(place.output, case.gives)
                kind = field_kind(place.output)
                lines.append(f"    (logic.{place.function}, {kinds!r}, ({values}), {kind!r}, {options!r}, {result}),\n")
        return _TEST.format(package=self._names.package, cases="".join(lines))


def read_back(tree: FileTree, blueprint: Blueprint, of_api: tuple[Place, ...] = ()) -> dict[str, str]:
    """The code of a version's places, by key; what cannot be found is left out. ``of_api``: those of its JSON API."""
    package = package_name(blueprint.name)
    files = dict(tree.files)
    functions = _functions_in(files.get(f"{package}/logic.py", b""))
    found = {}
    others = _functions_in(files.get(f"{package}/api_functions.py", b"")) if of_api else {}
    for place in of_api:
        if source := others.get(place.function):
            found[place.key] = source
    for place in places(blueprint):
        template = files.get(f"{package}/templates/{_template(place)}", b"").decode("utf-8", "replace")
        source = template if place.output is None else functions.get(place.function, "")
        if source:
            found[place.key] = source.replace("rounded_half_up(", "rounded(")
    return found


def _functions_in(content: bytes) -> dict[str, str]:
    text = content.decode("utf-8", "replace")
    try:
        nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError):
        return {}
    return {node.name: ast.get_source_segment(text, node) or "" for node in nodes}


def _template(place: Place) -> str:
    return f"fragments/{place.function}.html"


def _entity(names: Names, place: Place) -> str:
    return f"models.{names.constants[place.entity]}"


def _python(kind: FieldType, value: Literal | None) -> str:  # noqa: PLR0911 - one return per kind
    """A value as the app holds it, as a Python expression."""
    if value is None or value == "":
        return "None"
    match kind:
        case Scalar.MONEY:
            return f"Decimal({str(value)!r})"
        case Scalar.NUMBER:
            return f"{float(str(value))!r}"
        case Scalar.DATE:
            return f"dt.date.fromisoformat({value!r})"
        case Scalar.DATETIME:
            return f"dt.datetime.fromisoformat({value!r})"
        case Scalar.TIME:
            return f"dt.time.fromisoformat({value!r})"
        case _:
            return repr(value)
