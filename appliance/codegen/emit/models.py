"""``models.py``: one SQLModel class per entity, one enum per choice."""

from __future__ import annotations

import zlib
from datetime import date, datetime, time
from typing import Final, assert_never

from appliance.blueprint import naming
from appliance.blueprint.model import Choice, Entity, Field, Me, Numbering, Ref, Scalar, Today, label_field
from appliance.codegen.emit.names import Names, plain

MAX_CONSTRAINT_NAME: Final = 60
"""PostgreSQL cuts names after 63 bytes."""

_TYPES: Final = {
    Scalar.TEXT: "str",
    Scalar.LONGTEXT: "str",
    Scalar.NUMBER: "float",
    Scalar.MONEY: "Decimal",
    Scalar.BOOLEAN: "bool",
    Scalar.DATE: "dt.date",
    Scalar.DATETIME: "dt.datetime",
    Scalar.TIME: "dt.time",
    Scalar.EMAIL: "str",
    Scalar.PHONE: "str",
    Scalar.URL: "str",
    Scalar.PERSON: "int",
    Scalar.FILE: "str",
    Scalar.IMAGE: "str",
}


def models_module(names: Names) -> str:
    """The text of ``models.py``."""
    blueprint = names.blueprint
    body: list[str] = []
    for entity in blueprint.entities:
        body += [_enum(names, entity, item) for item in entity.fields if isinstance(item.type, Choice)]
        body.append(_model(names, entity))
    body.append(_entities(names))
    text = "\n\n\n".join(body)
    imports = []
    if "dt." in text:
        imports.append("import datetime as dt")
    if "Decimal" in text:
        imports.append("from decimal import Decimal")
    if "(StrEnum)" in text:
        imports.append("from enum import StrEnum")
    if "ClassVar[" in text:
        imports.append("from typing import ClassVar")
    head = f'"""The records of {plain(blueprint.name)}: what is kept, and what kind of value each field holds."""\n\n'
    future = "from __future__ import annotations\n\n"
    if "UniqueConstraint(" in text:
        imports.append("\nfrom sqlalchemy import UniqueConstraint")
    computed = "from .kit.columns import Computed, Kind\n" if "ClassVar[" in text else ""
    kit = f"\n\nfrom .kit import columns\n{computed}from .kit.records import Record, entity\n\n\n"
    return head + future + "\n".join(imports) + kit + text + "\n"


def _enum(names: Names, entity: Entity, item: Field) -> str:
    lines = [f"class {names.enums[entity.name, item.name]}(StrEnum):"]
    lines.append(f'    """Choices for the {plain(names.label(item)).lower()} of a {plain(entity.name)}."""\n')
    if isinstance(item.type, Choice):
        lines += [f"    {names.members[entity.name, item.name, option]} = {option!r}" for option in item.type.options]
    return "\n".join(lines)


def _model(names: Names, entity: Entity) -> str:
    label = label_field(entity)
    called = f", called by its {plain(names.label(label)).lower()}" if label is not None else ""
    lines = [f"class {names.classes[entity.name]}(Record, table=True):"]
    lines.append(f'    """One {plain(entity.name)}{called}."""\n')
    lines.append(f"    __tablename__ = {names.table(entity)!r}")
    lines.append(f"    __table_args__ = ({_unique(names, entity)})\n" if entity.unique else "")
    lines += [_field(names, entity, item) for item in entity.fields]
    return "\n".join(lines)


def _unique(names: Names, entity: Entity) -> str:
    """A constraint for each combination; its name follows from the fields, so that a later version finds it again."""
    made = []
    for combination in entity.unique:
        fields = [item for name in combination if (item := entity.field(name)) is not None]
        columns = [names.attribute(item) for item in fields]
        named = f"uq_{names.table(entity)}_{'_'.join(columns)}"
        if len(named) > MAX_CONSTRAINT_NAME:
            named = f"{named[: MAX_CONSTRAINT_NAME - 9]}_{zlib.crc32(named.encode()):08x}"
        made.append(f"UniqueConstraint({', '.join(map(repr, columns))}, name={named!r}), ")
    return "".join(made)


def _shown(names: Names, item: Field) -> list[str]:
    """What every kind of field may say about itself."""
    arguments = [f"help={item.help!r}"] if item.help else []
    if item.hidden:
        arguments.append("hidden=True")
    if names.attribute(item) != naming.identifier(item.name):
        arguments.append(f"name={naming.identifier(item.name)!r}")
    return arguments


def _computed(names: Names, item: Field) -> str:
    """A field without a column; ``behaviour.py`` says how it is worked out."""
    kind = "choice" if isinstance(item.type, Choice) else "text"
    arguments = [repr(names.label(item)), f"Kind.{item.type.name if isinstance(item.type, Scalar) else kind.upper()}"]
    if isinstance(item.type, Choice):
        arguments.append(f"options={item.type.options!r}")
    arguments += _shown(names, item)
    annotation = _TYPES[item.type] if isinstance(item.type, Scalar) else "str"
    return f"    {names.attribute(item)}: ClassVar[Computed[{annotation}]] = columns.computed({', '.join(arguments)})"


def _field(names: Names, entity: Entity, item: Field) -> str:
    if item.computed is not None or item.custom is not None:
        return _computed(names, item)
    optional = not item.required and item.type is not Scalar.BOOLEAN
    annotation = _annotation(names, entity, item) + (" | None" if optional else "")
    arguments = [repr(names.label(item))]
    if isinstance(item.type, Choice):
        helper = "choice"
        arguments.append(names.enums[entity.name, item.name])
    elif isinstance(item.type, Ref):
        helper = "ref"
        arguments.append(repr(names.table(names.blueprint.entity(item.type.entity))))
    elif isinstance(item.type, Numbering):
        helper = "sequence"
        arguments += [repr(item.type.prefix), str(item.type.digits)]
        if item.type.start != 1:
            arguments.append(f"start={item.type.start}")
        arguments += _shown(names, item)
        return f"    {names.attribute(item)}: str | None = columns.sequence({', '.join(arguments)})"
    else:
        helper = item.type.value
    if item.required and item.type is not Scalar.BOOLEAN:
        arguments.append("required=True")
    if item.unique and item.type not in (Scalar.BOOLEAN, Scalar.LONGTEXT, Scalar.FILE, Scalar.IMAGE):
        arguments.append("unique=True")
    if item.default is not None and (default := _default(names, entity, item)):
        arguments.append(f"default={default}")
    arguments += _shown(names, item)
    return f"    {names.attribute(item)}: {annotation} = columns.{helper}({', '.join(arguments)})"


def _annotation(names: Names, entity: Entity, item: Field) -> str:
    if isinstance(item.type, Choice):
        return names.enums[entity.name, item.name]
    if isinstance(item.type, Numbering):
        return "str"
    return "int" if isinstance(item.type, Ref) else _TYPES[item.type]


def _default(names: Names, entity: Entity, item: Field) -> str:
    value = item.default
    if isinstance(value, Me):
        return "columns.ME"
    if isinstance(value, Today):
        return "columns.TODAY"
    if isinstance(item.type, Choice):
        member = names.members.get((entity.name, item.name, str(value)))
        return f"{names.enums[entity.name, item.name]}.{member}" if member else ""
    if isinstance(item.type, Ref | Numbering) or item.type in (Scalar.FILE, Scalar.IMAGE):
        return ""
    return "" if item.type is Scalar.TIME and not _is_time(str(value)) else literal(item.type, value)


def _is_time(text: str) -> bool:
    """The language takes any text for a time; one that is none is no default."""
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return True


def literal(kind: Scalar, value: object) -> str:
    """A value of a scalar field as a Python expression, as ``columns`` takes its defaults."""
    match kind:
        case Scalar.DATE:
            day = date.fromisoformat(str(value))
            return f"dt.date({day.year}, {day.month}, {day.day})"
        case Scalar.DATETIME:
            moment = datetime.fromisoformat(str(value))
            return f"dt.datetime({moment.year}, {moment.month}, {moment.day}, {moment.hour}, {moment.minute})"
        case Scalar.TIME:
            clock = time.fromisoformat(str(value))
            return f"dt.time({clock.hour}, {clock.minute})"
        case Scalar.MONEY:
            return repr(str(value))
        case Scalar.NUMBER | Scalar.BOOLEAN:
            return repr(value)
        case (
            Scalar.TEXT | Scalar.LONGTEXT | Scalar.EMAIL | Scalar.PHONE | Scalar.URL | Scalar.PERSON
            | Scalar.FILE | Scalar.IMAGE
        ):  # fmt: skip
            return repr(str(value))
        case _:
            assert_never(kind)


def _entities(names: Names) -> str:
    lines = []
    case = ", keep_case=True" if names.blueprint.language == "de" else ""
    for entity in names.blueprint.entities:
        label = label_field(entity)
        named = repr(naming.identifier(label.name)) if label is not None else "None"
        lines.append(
            f"{names.constants[entity.name]} = entity({names.classes[entity.name]}, {entity.name!r}, "
            f"plural={names.plural(entity.name)!r}, slug={naming.slug(entity.name)!r}, label={named}{case})"
        )
    constants = ", ".join(names.constants[entity.name] for entity in names.blueprint.entities)
    lines.append(f"\nENTITIES = ({constants},)")
    return "\n".join(lines)
