"""Blueprint to text. ``parse(to_text(bp)) == bp`` for every resolved blueprint; the form is canonical."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.model import Choice, Me, Operator, Scalar, Today, Verb
from appliance.blueprint.screens import (
    BarWidget,
    CountWidget,
    DashboardPage,
    DetailPage,
    FormPage,
    ListWidget,
    TablePage,
)

if TYPE_CHECKING:
    from appliance.blueprint.model import (
        Access,
        Blueprint,
        Comparison,
        Condition,
        Entity,
        Example,
        Field,
        FieldType,
        Grant,
        Value,
    )
    from appliance.blueprint.screens import Page, Widget


def to_text(blueprint: Blueprint) -> str:
    """The canonical text, ending in a newline."""
    lines = [f"app {quote(blueprint.name)}"]
    if blueprint.about:
        lines.append(f"about {quote(blueprint.about)}")
    lines += [f"role {role}" for role in blueprint.roles]
    for entity in blueprint.entities:
        lines += entity_lines(entity)
    lines += [access_line(access) for access in blueprint.access]
    lines += [page_line(page, blueprint) for page in blueprint.pages]
    lines += [example_line(example, blueprint) for example in blueprint.examples]
    return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entity_lines(entity: Entity) -> list[str]:
    """The ``entity`` line and its fields."""
    return [f"entity {entity.name}", *(f"  {field_text(field)}" for field in entity.fields)]


def type_text(kind: FieldType) -> str:
    """A field type as written."""
    if isinstance(kind, Scalar):
        return kind.value
    if isinstance(kind, Choice):
        return f"choice({', '.join(kind.options)})"
    return f"ref({kind.entity})"


def field_text(field: Field) -> str:
    """A field without its indentation."""
    parts = [field.name, type_text(field.type)]
    if field.required:
        parts.append("required")
    if field.unique:
        parts.append("unique")
    if field.default is not None:
        parts.append(f"default {value_text(field.default, field.type)}")
    return " ".join(parts)


def value_text(value: Value, kind: FieldType) -> str:
    """A value as written for a field of that type."""
    if isinstance(value, Me):
        return "me"
    if isinstance(value, Today):
        return "today"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(value, "f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    bare = isinstance(kind, Choice) or kind in (Scalar.DATE, Scalar.DATETIME)
    return value if bare else quote(value)


def grant_text(grant: Grant) -> str:
    """``Borrower create, read own``."""
    if all((found := grant.permission(verb)) is not None and not found.own for verb in Verb):
        return f"{grant.role} all"
    return f"{grant.role} " + ", ".join(f"{item.verb} own" if item.own else item.verb for item in grant.permissions)


def access_line(access: Access) -> str:
    """``access Item: Lab Manager all; Borrower read``."""
    return f"access {access.entity}: " + "; ".join(grant_text(grant) for grant in access.grants)


def comparison_text(clause: Comparison, entity: Entity) -> str:
    """One clause; booleans without an operator."""
    field = entity.field(clause.field)
    if field is None:
        raise KeyError(clause.field)
    if field.type is Scalar.BOOLEAN and clause.operator in (Operator.EQ, Operator.NE):
        positive = bool(clause.value) is (clause.operator is Operator.EQ)
        return clause.field if positive else f"not {clause.field}"
    return f"{clause.field} {clause.operator} {value_text(clause.value, field.type)}"


def condition_text(condition: Condition | None, entity: Entity) -> str:
    """`` where …`` or nothing."""
    if condition is None:
        return ""
    return " where " + " and ".join(comparison_text(clause, entity) for clause in condition.clauses)


def widget_text(widget: Widget, blueprint: Blueprint) -> str:
    """A widget of a dashboard."""
    where = condition_text(widget.where, blueprint.entity(widget.entity))
    match widget:
        case CountWidget():
            return f"count {widget.entity}{where}"
        case BarWidget():
            return f"bar {widget.entity} by {widget.by}{where}"
        case ListWidget():
            return f"list {widget.entity}{where}"
        case _:
            assert_never(widget)


def page_line(page: Page, blueprint: Blueprint) -> str:
    """``page "Overdue" table Loan where due < today``."""
    head = f"page {quote(page.title)}"
    match page:
        case TablePage():
            return f"{head} table {page.entity}{condition_text(page.where, blueprint.entity(page.entity))}"
        case FormPage():
            return f"{head} form {page.entity}"
        case DetailPage():
            return f"{head} detail {page.entity}"
        case DashboardPage():
            return f"{head} dashboard: " + ", ".join(widget_text(widget, blueprint) for widget in page.widgets)
        case _:
            assert_never(page)


def example_line(example: Example, blueprint: Blueprint) -> str:
    """``example Item: "ThinkPad X1", "SN-1042", laptop``; ``-`` where a value is left out."""
    fields = blueprint.entity(example.entity).fields
    values = [
        "-" if value is None else value_text(value, field.type)
        for field, value in zip(fields, example.values, strict=False)
    ]
    return f"example {example.entity}: {', '.join(values)}"


__all__ = ["access_line", "entity_lines", "example_line", "field_text", "page_line", "quote", "to_text"]
