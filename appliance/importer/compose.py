"""A proposal as a blueprint: entities, a list page each, an overview, and two roles that the maker can change later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import MAX_FIELDS, MAX_NAME, Blueprint
from appliance.blueprint.naming import slug
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import quote
from appliance.importer import names
from appliance.importer.errors import ImportRefused
from appliance.importer.proposal import ColumnProposal, ColumnType, ImportProposal, TableProposal

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_WIDGETS: Final = 8
_BARS: Final = frozenset({ColumnType.CHOICE, ColumnType.BOOLEAN, ColumnType.REF})


def compose(proposal: ImportProposal) -> Blueprint:
    """The blueprint of the app that the proposal describes.

    Raises:
        ImportRefused: a question is open, nothing is kept, or a table keeps more columns than an entity has fields.
    """
    _check(proposal)
    tables = proposal.kept
    entities = {table.index: table.entity for table in tables}
    change, read = names.roles(proposal.language)
    lines = [f"app {quote(proposal.name)}", f"about {quote(names.about(proposal.language))}"]
    lines += [f"role {change}", f"role {read}"]
    for table in tables:
        lines.append(f"entity {table.entity}")
        lines += [f"  {_field(column, entities)}" for column in table.kept]
    lines += [f"access {table.entity}: {change} all; {read} read" for table in tables]
    lines += _pages(proposal, tables)
    try:
        return parse("\n".join(lines) + "\n")
    except BlueprintError as error:
        message = "These tables cannot become an app as they are."
        action = "Change the name of the column or table that is meant, or leave it out."
        raise ImportRefused(message, cause=str(error), action=action) from error


def load_order(proposal: ImportProposal) -> tuple[TableProposal, ...]:
    """The tables, each after those that it refers to."""
    done: dict[int, TableProposal] = {}
    waiting = list(proposal.kept)
    for _ in proposal.kept:
        for table in list(waiting):
            if {column.target for column in table.kept if column.target is not None} <= done.keys():
                done[table.index] = table
                waiting.remove(table)
    return tuple(done.values())


def _check(proposal: ImportProposal) -> None:
    if not proposal.kept:
        message = "Every table is left out, so there is nothing to make an app of."
        raise ImportRefused(message, action="Keep at least one table.")
    for table in proposal.kept:
        if not table.kept:
            message = f"Every column of {table.entity} is left out."
            raise ImportRefused(message, action="Keep at least one column, or leave out the whole table.")
        if len(table.kept) > MAX_FIELDS:
            message = f"{table.entity} keeps {len(table.kept)} columns; a record holds up to {MAX_FIELDS}."
            raise ImportRefused(message, action="Leave out those that the app does not need.")
        for column in table.kept:
            if column.type is ColumnType.CHOICE and len(column.options) < 2:
                message = f"“{column.header or column.field}” has no words to choose from."
                raise ImportRefused(message, action="Make it a text, or leave it out.")
            if column.type is ColumnType.REF and column.target is None:
                message = f"“{column.header or column.field}” does not match any other table that is kept."
                raise ImportRefused(message, action="Make it a text, or keep the table that it refers to.")
    if proposal.open_questions:
        table, column = proposal.open_questions[0]
        message = f"“{column.header or column.field}” in {table.entity} can be read in two ways."
        raise ImportRefused(message, action="Say which one is meant, then create the app.")


def _field(column: ColumnProposal, entities: dict[int, str]) -> str:
    if column.type is ColumnType.CHOICE:
        kind = f"choice({', '.join(column.options)})"
    elif column.type is ColumnType.REF and column.target is not None:
        kind = f"ref({entities[column.target]})"
    else:
        kind = column.type.value
    return " ".join([column.field, kind, *(["required"] * column.required), *(["unique"] * column.unique)])


def _pages(proposal: ImportProposal, tables: Sequence[TableProposal]) -> list[str]:
    widgets = [f"count {table.entity}" for table in tables]
    for table in tables:
        widgets += [f"bar {table.entity} by {column.field}" for column in table.kept if column.type in _BARS][:2]
    title = names.overview(proposal.language)
    taken = {slug(title)}
    pages = [f"page {quote(title)} dashboard: {', '.join(widgets[:_MAX_WIDGETS])}"]
    for table in tables:
        title = table.source[:MAX_NAME].strip() if names.is_plain_title(table.source) else table.entity
        if slug(title) in taken:
            title = table.entity
        if slug(title) not in taken:
            taken.add(slug(title))
            pages.append(f"page {quote(title)} table {table.entity}")
    return pages
