"""An app in few words, for a model that shall change it: names, types and titles, nothing that it need not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.model import Choice, Numbering, Ref, Scalar
from appliance.blueprint.printer import quote

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint, Field


def outline(blueprint: Blueprint) -> str:
    """A line for the name, the roles, each record and the pages; about three tokens a field."""
    lines = [f"app {quote(blueprint.name)}", f"roles {', '.join(blueprint.roles) or '-'}"]
    for entity in blueprint.entities:
        lines.append(f"{entity.name}: {', '.join(f'{item.name} {type_text(item)}' for item in entity.fields)}")
    lines.append(f"pages {', '.join(quote(page.title) for page in blueprint.pages) or '-'}")
    return "\n".join(lines)


def type_text(item: Field) -> str:
    """A field's type as the language writes it; what the app works out itself is only named."""
    match item.type:
        case Choice(options):
            return f"choice({', '.join(options)})"
        case Ref(entity):
            return f"ref({entity})"
        case Numbering():
            return "number"
        case Scalar():
            return item.type.value
