"""From two versions of a blueprint to the plan by which an app carries its own records over (``kit/migration.py``).

Pure: the plan is JSON values. Names of tables and columns are those that the emitted models have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Renamed
from appliance.blueprint.model import Choice, Numbering, Ref, label_field
from appliance.codegen.emit.names import Names

if TYPE_CHECKING:
    from appliance.blueprint.lineage import Lineage
    from appliance.blueprint.model import Blueprint, Entity, Field

FORMAT: Final = 1


@dataclass(frozen=True)
class Decision:
    """What the maker decided about one field.

    ``fill``: what rows without a value get. ``empty``: values that do not fit are emptied; ``note`` names the field of
    the same entity that then keeps their text.
    """

    fill: str | None = None
    empty: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Side:
    """One version: its blueprint and what is what in it."""

    blueprint: Blueprint
    lineage: Lineage
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", Names(self.blueprint))

    def entities(self) -> dict[str, Entity]:
        """Entities by uid."""
        return {self.lineage.uid(Renamed.ENTITY, "", entity.name): entity for entity in self.blueprint.entities}

    def fields(self, entity: Entity | None) -> dict[str, Field]:
        """The fields that have a column, by uid."""
        if entity is None:
            return {}
        return {
            self.lineage.uid(Renamed.FIELD, entity.name, item.name): item
            for item in entity.fields
            if item.computed is None and item.custom is None
        }

    def kind(self, item: Field | None) -> str:
        """The kind as the plan writes it."""
        if item is None:
            return ""
        match item.type:
            case Choice():
                return "choice"
            case Ref(entity):
                return f"ref {self.lineage.uid(Renamed.ENTITY, '', entity)}"
            case Numbering():
                return "sequence"
            case scalar:
                return scalar.value

    def words(self, entity: Entity | None, item: Field | None) -> dict[str, str]:
        """The options of a choice, word → uid."""
        if entity is None or item is None or not isinstance(item.type, Choice):
            return {}
        within = f"{entity.name}.{item.name}"
        return {option: self.lineage.uid(Renamed.OPTION, within, option) for option in item.type.options}


def plan(
    before: Side,
    after: Side,
    *,
    id_: str,
    version: int,
    restores: int | None = None,
    since: str = "",
    decisions: Mapping[str, Decision] | None = None,
) -> dict[str, object]:
    """The plan that leads from ``before`` to version ``version``, which is ``after``.

    ``decisions`` are by uid of the field. ``restores``: the version that comes back; then what was put aside since is
    brought back too, and rows added at or after ``since`` (ISO 8601, UTC) are counted.
    """
    decided = decisions or {}
    old, new = before.entities(), after.entities()
    tables = [_table(before, after, uid, old.get(uid), new.get(uid), decided) for uid in dict.fromkeys([*new, *old])]
    head = {"format": FORMAT, "id": id_, "version": version, "restores": restores, "since": since}
    return {**head, "tables": tables}


def _table(  # noqa: PLR0917 - private, and always called in this order
    before: Side, after: Side, uid: str, old: Entity | None, new: Entity | None, decisions: Mapping[str, Decision]
) -> dict[str, object]:
    old_fields, new_fields = before.fields(old), after.fields(new)
    label = None if old is None else label_field(old)
    columns = []
    for item in dict.fromkeys([*new_fields, *old_fields]):
        was, now = old_fields.get(item), new_fields.get(item)
        shown = now or was
        decision = decisions.get(item, Decision())
        note = None if new is None or decision.note is None else new.field(decision.note)
        columns.append(
            {
                "uid": item,
                "name": "" if shown is None else shown.name,
                "source": None if was is None else before.names.attribute(was),
                "target": None if now is None else after.names.attribute(now),
                "before": before.kind(was),
                "after": after.kind(now),
                "words_before": before.words(old, was),
                "words_after": after.words(new, now),
                "fill": decision.fill,
                "unfit": "empty" if decision.empty else "refuse",
                "note": None if note is None else after.names.attribute(note),
            }
        )
    shown_entity = new or old
    return {
        "uid": uid,
        "entity": "" if shown_entity is None else shown_entity.name,
        "source": None if old is None else before.names.table(old),
        "target": None if new is None else after.names.table(new),
        "label": None if label is None else before.names.attribute(label),
        "columns": columns,
    }


def same_tables(before: Side, after: Side) -> bool:
    """Whether both versions can open the same records: equal tables that hold the same things."""
    return _shape(before) == _shape(after)


def _shape(side: Side) -> object:
    return {
        uid: (
            side.names.table(entity),
            {
                item: (
                    side.names.attribute(found),
                    side.kind(found),
                    side.words(entity, found),
                    found.required,
                    found.unique,
                )
                for item, found in side.fields(entity).items()
            },
            {
                frozenset(side.lineage.uid(Renamed.FIELD, entity.name, name) for name in group)
                for group in entity.unique
            },
        )
        for uid, entity in side.entities().items()
    }
