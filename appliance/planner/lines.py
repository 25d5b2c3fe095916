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

_TITLE: Final = r"/[\p{L}\p{N}][\p{L}\p{N}&',\/\- ]{1,32}[\p{L}\p{N})]/"
_SENTENCE: Final = r"/[\p{L}\p{N}][\p{L}\p{N}&',;:()\/\- ]{8,110}\./"
_NOUN: Final = r"/\p{Lu}[\p{L}]{1,15}( (of |and |de |du |der |des |für )?\p{Lu}[\p{L}]{0,15}){0,2}/"
_FIELD: Final = r"/\p{Ll}{2,14}(_[\p{Ll}\p{N}]{1,12}){0,3}/"
_OPTION: Final = r"/[\p{L}\p{N}][\p{L}\p{N}\-]{0,14}( [\p{L}\p{N}][\p{L}\p{N}\-]{0,14}){0,2}/"
_EXAMPLE: Final = r"/[\p{L}\p{N}][\p{L}\p{N}&'.\- ]{1,28}[\p{L}\p{N}]/"

MIN_FIELDS: Final = 3
MAX_OPTIONS: Final = 6


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
TITLE: {_TITLE}
ABOUT: {_SENTENCE}
""")


def list_item(taken: Sequence[str], most: int) -> Grammar:
    """The next name of ``roles A, B`` or ``records X, Y``, followed by a comma or by the end of the line."""
    tail = '"\\n"' if len(taken) + 1 >= most else '("," | "\\n")'
    return Grammar(f"""start: " " NAME {tail}
NAME: {_NOUN}{_except(taken)}
""")


def field_line(entities: Sequence[str], taken: Sequence[str], end: str, *, most: int) -> Grammar:
    """A field of an entity, or ``end``, the word that starts what follows the entity."""
    options = f'("," " " OPTION){{1,{MAX_OPTIONS - 1}}}'
    line = '"  " NAME " " type mods "\\n"'
    if len(taken) < MIN_FIELDS:
        start = line
    elif len(taken) >= most:
        start = _quoted(end)
    else:
        start = f"({line}) | {_quoted(end)}"
    return Grammar(f"""start: {start}
type: SCALAR | "choice(" OPTION {options} ")" | "ref(" REF ")"
mods: (" required")?
SCALAR: {_any_of(scalar.value for scalar in Scalar)}
REF: {_any_of(entities)}
OPTION: {_OPTION}
NAME: {_FIELD}{_except([*taken, *FIELD_KEYWORDS])}
""")


VERB_LISTS: Final = (
    "all",
    "read",
    "create, read",
    "create, read, edit",
    "create, read, edit own",
    "create, read own",
    "create, read own, edit own",
    "read, edit",
    "read own",
    "none",
)


def verbs(*, last: bool, may_be_none: bool) -> Grammar:
    """What one role may do with one entity; ``none`` is written for nothing at all."""
    end = '"\\n"' if last else '";"'
    return Grammar(f"""start: " " VERBS {end}
VERBS: {_any_of(text for text in VERB_LISTS if may_be_none or text != "none")}
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
TITLE: {_TITLE}{_except(titles)}
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
