"""Lark grammars for one line of a plan, narrowed by what is known by then (DESIGN §4, staged decoding).

Each function returns the grammar of the next line. Lists are bounded by not offering another line; a repeated name
cannot be written because known names are subtracted from the terminal. Dialect: llguidance Lark (``&`` and ``~`` on
terminals, bounded repetition in regular expressions).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint.clauses import is_groupable
from appliance.blueprint.model import Choice, Scalar
from appliance.blueprint.words import FIELD_KEYWORDS
from appliance.core.ports import Grammar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.blueprint.model import Entity

# Repetition is bounded by tokens, not by counts in the expressions: counted Unicode classes cost the lexer too much.
TITLE: Final = r"/[\p{L}\p{N}]+([&',\/\- ]+[\p{L}\p{N}]+)*/"
_SENTENCE: Final = r"/[\p{L}\p{N}][\p{L}\p{N}&',;:()\/\- ]*\./"
_WORD: Final = r"(\p{Lu}\p{Ll}+|\p{Lu}\p{Lu}+)"
NOUN: Final = rf"/{_WORD}( (of |and |de |du |der |des |für )?{_WORD})*/"
FIELD: Final = r"/\p{Ll}\p{Ll}+(_[\p{Ll}\p{N}]+)*/"
OPTION: Final = r"/[\p{L}\p{N}]+([ \-][\p{L}\p{N}]+)*/"
_EXAMPLE: Final = r"/[\p{L}\p{N}]+([&'.\- ]+[\p{L}\p{N}]+)*/"

_HEADERS: Final = ("entity.*", "access.*", "page.*", "dashboard.*", "examples.*")
"""What no field's name may begin with, since it begins what follows the fields."""

MIN_FIELDS: Final = 3
MAX_OPTIONS: Final = 6

TYPE_RULE: Final = f'SCALAR | "choice(" OPTION ("," " " OPTION){{1,{MAX_OPTIONS - 1}}} ")" | "ref(" REF ")"'
"""A field's type, for grammars that have the terminals SCALAR, OPTION and REF."""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _any_of(texts: Iterable[str]) -> str:
    return " | ".join(_quoted(text) for text in texts)


def _except(names: Iterable[str]) -> str:
    taken = "|".join(re.escape(name).replace("/", r"\/").replace("\\ ", " ").replace(r"\-", "-") for name in names)
    return f" & ~/({taken})/" if taken else ""


def title_lines() -> Grammar:
    """``app "…"`` and ``about "…"``."""
    return Grammar(f"""start: "app \\"" TITLE "\\"\\nabout \\"" ABOUT "\\"\\n"
TITLE: {TITLE}
ABOUT: {_SENTENCE}
""")


def list_item(taken: Sequence[str], most: int, *, may_go_on: bool = True) -> Grammar:
    """The next name of ``roles A, B`` or ``records X, Y``, followed by a comma or by the end of the line."""
    tail = '("," | "\\n")' if may_go_on and len(taken) + 1 < most else '"\\n"'
    return Grammar(f"""start: " " NAME {tail}
NAME: {NOUN}{_except(taken)}
""")


def field_line(entities: Sequence[str], taken: Sequence[str], end: str, *, most: int) -> Grammar:
    """A field of an entity, or ``end``, the whole header of what follows, so that no field name can begin like it.

    No indentation and no marks after the type: each would cost a sampled token per field.
    """
    line = 'NAME " " type "\\n"'
    if len(taken) < MIN_FIELDS:
        start = line
    elif len(taken) >= most:
        start = _quoted(end)
    else:
        start = f"{line} | {_quoted(end)}"
    return Grammar(f"""start: {start}
type: {TYPE_RULE}
SCALAR: {_any_of(scalar.value for scalar in Scalar)}
REF: {_any_of(entities)}
OPTION: {OPTION}
NAME: {FIELD} & ~/({"|".join([*taken, *sorted(FIELD_KEYWORDS), *_HEADERS])})/
""")


LEVELS: Final = {
    "all": "all",
    "edit": "create, read, edit",
    "add": "create, read, edit own",
    "own": "create, read own, edit own",
    "read": "read",
    "none": "",
}
"""What a role may do with an entity, in one token each, and what that means in the language."""


def level(*, must_add: bool) -> Grammar:
    """The level of one role for one entity; ``must_add`` when nobody else could add records."""
    return Grammar(f"""start: " " LEVEL
LEVEL: {_any_of(name for name, verbs in LEVELS.items() if not must_add or "create" in verbs or name == "all")}
""")


def conditions(entity: Entity) -> list[str]:
    """Every condition of one clause that makes a useful list: open dates, unfinished things, states, mine."""
    found: list[str] = []
    for field in entity.fields:
        if field.type in (Scalar.DATE, Scalar.DATETIME):
            found += [f"{field.name} < today", f"{field.name} > today"]
            if field.type is Scalar.DATE:
                found.append(f"{field.name} = today")
        elif field.type is Scalar.BOOLEAN:
            found += [field.name, f"not {field.name}"]
        elif field.type is Scalar.PERSON:
            found.append(f"{field.name} = me")
        elif isinstance(field.type, Choice):
            found += [f"{field.name} = {option}" for option in field.type.options]
            found += [f"{field.name} != {option}" for option in field.type.options]
    return found


def _where_rules(entities: Sequence[Entity]) -> tuple[str, list[tuple[int, Entity]]]:
    rules, usable = [], []
    for index, entity in enumerate(entities):
        if found := conditions(entity):
            rules.append(f'where{index}: C{index} | C{index} " and " C{index}\nC{index}: {_any_of(found)}')
            usable.append((index, entity))
    return "\n".join(rules), usable


def page_line(entities: Sequence[Entity], titles: Sequence[str]) -> Grammar | None:
    """``page "Title" table X where …`` or ``dashboard``; None if no entity has anything to filter by."""
    rules, usable = _where_rules(entities)
    if not usable:
        return None
    tables = " | ".join(f"{_quoted(entity.name + ' where ')} where{index}" for index, entity in usable)
    return Grammar(f"""start: "page \\"" TITLE "\\" table " table "\\n" | "dashboard"
table: {tables}
{rules}
TITLE: {TITLE}{_except(titles)}
""")


def widget(entities: Sequence[Entity], taken: Sequence[str], most: int) -> Grammar:
    """The next figure of the dashboard, followed by a comma or the end of the line."""
    rules, usable = _where_rules(entities)
    filtered = dict(usable)
    choices = []
    for index, entity in enumerate(entities):
        where = f' (" where " where{index})?' if index in filtered else ""
        choices.append(f"{_quoted(f'count {entity.name}')}{where}")
        groups = [f"bar {entity.name} by {field.name}" for field in entity.fields if is_groupable(field)]
        choices += [_quoted(text) for text in groups if text not in taken]
    tail = '"\\n"' if len(taken) + 1 >= most else '("," | "\\n")'
    return Grammar(f"""start: " " ({" | ".join(choices)}) {tail}
{rules}
""")


def example_names(most: int) -> Grammar:
    """Names of sample records: ``"…", "…"``."""
    return Grammar(f"""start: " \\"" NAME "\\"" (", \\"" NAME "\\""){{1,{most - 1}}} "\\n"
NAME: {_EXAMPLE}
""")
