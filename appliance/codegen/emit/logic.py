"""``logic.py``: the app's own conditions and computed values, each under a name, as expressions of the kit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from appliance.blueprint import expressions as ex
from appliance.blueprint import naming
from appliance.blueprint.expression_printer import WHEN, expression_text
from appliance.blueprint.kinds import Type, of_field
from appliance.codegen.emit.formulas import Formulas
from appliance.codegen.emit.names import Names, plain
from appliance.codegen.emit.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Entity, Field

_KIT: Final = {
    "expressions": ("ME", "NOW", "TODAY", "day", "money", "number", "value"),
    "operations": (
        *("all_of", "any_of", "contains", "different", "equal", "field", "is_empty", "negated", "one_of", "through"),
        "when",
    ),
    "figures": (
        *("absolute", "add_months", "average_of", "count", "days", "first_of", "highest", "highest_of", "length"),
        *("lower", "lowest", "lowest_of", "month", "rounded", "sum_of", "upper", "weekday", "year"),
    ),
    "conditions": ("Where",),
}
COMMENT_WIDTH: Final = 110
_TEXT: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

_Key = tuple[str, ex.Expression, Type | None]


@dataclass
class Conditions:
    """Every condition and value of the app under a name of its own; equal ones share it."""

    names: Names
    known: dict[_Key, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def name(self, title: str, entity: str, expression: ex.Expression, wanted: Type | None = None) -> str:
        """The constant in ``logic.py``; ``title`` of what asked first names it.

        Without ``wanted`` it is a condition (``Where``). With it, a value of that type (``Value``).
        """
        key = (entity, expression, wanted)
        if key not in self.known:
            owner = self.names.blueprint.entity(entity)
            text = Formulas(self.names, owner, self.computed).text(expression, wanted)
            base = naming.identifier(title).rstrip("_")
            if wanted is None:
                base = f"{base}_{naming.identifier(naming.plural(entity)).rstrip('_')}"
                text = f"Where({words(self.names.blueprint, owner, expression)!r}, {text})"
            else:
                base = f"{naming.identifier(entity).rstrip('_')}_{base}"
            self.known[key] = self._free(base.upper())
            said = expression_text(expression, self.names.blueprint.entities, owner, loosest=WHEN, wanted=wanted)
            about = f"{naming.plural(entity)} where" if wanted is None else f"{owner.name}:"
            comment = "\n".join(f"# {line}" for line in wrap(f"{about} {said}", COMMENT_WIDTH))
            self.constants[self.known[key]] = f"{comment}\n{self.known[key]} = {text}"
        return self.known[key]

    def computed(self, entity: Entity, item: Field) -> str:
        """The constant of a computed field.

        Raises:
            ValueError: the field is not computed.
        """
        if item.computed is None:
            raise ValueError(item.name)
        return self.name(item.name, entity.name, item.computed, of_field(item))

    def words(self, entity: str, expression: ex.Expression) -> str:
        """An expression in words, in the app's language."""
        return words(self.names.blueprint, self.names.blueprint.entity(entity), expression)

    def module(self) -> str:
        """The text of ``logic.py``."""
        return "".join(_module(self))

    def _free(self, base: str) -> str:
        candidate, count = base, 1
        while candidate in self.constants or candidate in ("ME", "NOW", "TODAY"):
            count += 1
            candidate = f"{base}_{count}"
        return candidate


def _module(conditions: Conditions) -> Iterator[str]:
    name = plain(conditions.names.blueprint.name)
    yield f'"""What is special about {name}: its conditions and the values that it works out."""\n\n'
    if not conditions.constants:
        return
    body = "\n\n".join(conditions.constants.values()) + "\n"
    code = _TEXT.sub("''", "\n".join(line for line in body.splitlines() if not line.startswith("# ")))
    yield "from __future__ import annotations\n\n"
    if "dt." in code:
        yield "import datetime as dt\n\n"
    if "models." in code:
        yield "from . import models\n"
    for module, exported in _KIT.items():
        used = [word for word in exported if re.search(rf"(?<![\w.]){word}\b", code)]
        if used:
            yield f"from .kit.{module} import {', '.join(used)}\n"
    yield "\n" + body
