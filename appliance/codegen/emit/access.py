"""``access.py``: the access table."""

from __future__ import annotations

from appliance.blueprint.model import Blueprint, Entity, Grant, Ref, Verb
from appliance.codegen.emit.field_access import field_table
from appliance.codegen.emit.names import Names, plain

FIELDS_NOTE = "Fields that only some roles may read or set. A field that is not named here follows its record."

HEAD = '''"""Who may do what in {name}.

Default deny: a role that is not named for a kind of record may do nothing with it. The app's owner may do everything.
``OWN`` covers rows that the person created or is named in. ``names`` lets a role see what rows are called where
another record refers to them, for example to choose one in a form, and nothing else of them.
"""

from __future__ import annotations

from .kit.access import {imports}

ACCESS: AccessTable = {{
'''


def access_module(names: Names) -> str:
    """The text of ``access.py``."""
    lines = []
    for entity in names.blueprint.entities:
        grants = _grants(names.blueprint, entity)
        if not grants:
            lines.append(f"    {names.table(entity)!r}: {{}},  # nobody but the app's owner")
            continue
        lines.append(f"    {names.table(entity)!r}: {{")
        lines += [f"        {role!r}: Grant({arguments})," for role, arguments in grants]
        lines.append("    },")
    body, fields = "\n".join(lines), field_table(names)
    words = ("ALL", "OWN", "AccessTable", "FieldTable", "Grant")
    used = [word for word in words if word.endswith("Table") or word in body or word in fields]
    head = HEAD.format(name=plain(names.blueprint.name), imports=", ".join(used))
    inner = f"{{\n{fields}\n}}" if fields else "{}"
    return f'{head}{body}\n}}\n\nFIELDS: FieldTable = {inner}\n"""{FIELDS_NOTE}"""\n'


def _grants(blueprint: Blueprint, entity: Entity) -> list[tuple[str, str]]:
    found = []
    for role in blueprint.roles:
        allowed = [permission for verb in Verb if (permission := blueprint.permission(entity.name, role, verb))]
        arguments = [f"{item.verb}={'OWN' if item.own and item.verb is not Verb.CREATE else 'ALL'}" for item in allowed]
        if blueprint.permission(entity.name, role, Verb.READ) is None and _refers(blueprint, entity, role):
            arguments.append("names=ALL")
        if arguments:
            found.append((role, ", ".join(arguments)))
    return found


def _refers(blueprint: Blueprint, entity: Entity, role: str) -> bool:
    """Whether the role works with records that refer to this entity, so that it must be able to tell rows apart."""
    return any(
        _has_grant(access.grants, role) and any(item.type == Ref(entity.name) for item in other.fields)
        for access in blueprint.access
        for other in blueprint.entities
        if other.name == access.entity
    )


def _has_grant(grants: tuple[Grant, ...], role: str) -> bool:
    return any(grant.role == role and grant.permissions for grant in grants)
