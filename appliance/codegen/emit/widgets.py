"""The widgets of dashboards in ``pages.py``: their values, and what stands above them."""

from __future__ import annotations

from typing import Final, assert_never

from appliance.blueprint import naming
from appliance.blueprint.expressions import Fold
from appliance.blueprint.screens import BarWidget, CountWidget, FigureWidget, ListWidget, Measure, TablePage, Widget
from appliance.codegen.emit.logic import Conditions
from appliance.codegen.emit.names import Names
from appliance.codegen.emit.words import words

_FOLDS: Final = {
    Fold.COUNT: "Number of",
    Fold.SUM: "Sum of",
    Fold.AVERAGE: "Average",
    Fold.LOWEST: "Lowest",
    Fold.HIGHEST: "Highest",
}


def widget_value(names: Names, conditions: Conditions, page: str, widget: Widget) -> str:
    """A widget as a Python expression; registers the condition that it needs."""
    where = ""
    if widget.where is not None:
        where = f", where=logic.{conditions.name(page, widget.entity, widget.where)}"
    start = f"{widget_title(names, widget)!r}, models.{names.constants[widget.entity]}"
    match widget:
        case CountWidget():
            return f"Count({start}{where})"
        case FigureWidget():
            return f"Figure({start}, {measure_value(widget.measure)}{where})"
        case BarWidget():
            measure = f", measure={measure_value(widget.measure)}" if widget.measure is not None else ""
            return f"Bars({start}, {path_text(widget.by)!r}{where}{measure})"
        case ListWidget():
            return f"Newest({start}{where})"
        case _:
            assert_never(widget)


def measure_value(measure: Measure) -> str:
    """A measure as a Python expression."""
    of = f", {naming.identifier(measure.of)!r}" if measure.of is not None else ""
    return f"Measure({measure.fold.value!r}{of})"


def path_text(by: str) -> str:
    """``item.category`` with each part as it is called in the app."""
    return ".".join(naming.identifier(part) for part in by.split("."))


def widget_title(names: Names, widget: Widget) -> str:
    """What stands above the numbers: ``Loans by item, not returned``."""
    noun = naming.plural(widget.entity)
    title = _bare_title(noun, widget)
    if widget.where is None:
        return title
    for page in names.blueprint.pages:
        same = isinstance(page, TablePage) and (page.entity, page.where) == (widget.entity, widget.where)
        if same and isinstance(widget, CountWidget | ListWidget):
            return page.title
    entity = names.blueprint.entity(widget.entity)
    return f"{title}: {words(names.blueprint, entity, widget.where)}"


def _bare_title(noun: str, widget: Widget) -> str:
    in_sentence = noun if noun.isupper() else noun.lower()
    match widget:
        case CountWidget():
            return noun
        case ListWidget():
            return f"Newest {in_sentence}"
        case FigureWidget():
            return f"{_measured(widget.measure)} of {in_sentence}" if widget.measure.of else noun
        case BarWidget():
            by = naming.label(widget.by.replace(".", " ")).lower()
            if widget.measure is None or widget.measure.of is None:
                return f"{noun} by {by}"
            return f"{noun}: {_measured(widget.measure).lower()} by {by}"
        case _:
            assert_never(widget)


def _measured(measure: Measure) -> str:
    return f"{_FOLDS[measure.fold]} {naming.label(measure.of or '').lower()}".strip()
