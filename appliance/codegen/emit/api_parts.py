"""Small parts of ``api.py`` as expressions, and the module of the functions that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.codegen.emit.api_models import value_type
from appliance.contract.binding import Source
from appliance.contract.shapes import Leaf, Value

if TYPE_CHECKING:
    from appliance.contract.binding import Fault, Given, Kept, Slot
    from appliance.contract.shapes import Kind


def query_parameter(item: Given) -> str:
    """A parameter that a function is given."""
    kind = "bool" if item.value.leaf is Leaf.BOOLEAN else value_type(item.value)
    more = ", required=True" if item.required else ""
    more += f", default={item.default!r}" if item.default is not None else ""
    return f"Asked({item.name!r}, 'query', TypeAdapter({kind}){more})"


def functions_module(title: str, sources: list[str]) -> str:
    """The text of ``api_functions.py``."""
    body = "\n\n".join(source.strip() + "\n" for source in sources)
    imports = ["import datetime as dt\n"] if "dt." in body else []
    imports += ["from decimal import Decimal\n"] if "Decimal" in body else []
    imports += ["\nfrom .kit.bounded import rounded\n"] if "rounded(" in body else []
    head = f'"""What the operations of {title} compute, as their contract describes it."""\n\n'
    return f"{head}from __future__ import annotations\n\n{''.join(imports)}\n\n{body}"


def fault_text(fault: Fault) -> str:
    """How a refusal looks, as an expression."""
    more = f", {fault.media!r}, {fault.members!r}" if fault.members else ""
    return f"Fault({fault.status!r}{more})"


def body_leaf(kind: Kind, slot: Slot, target: Kept | None) -> str:
    """How a single value is written; for a whole record, the name of its id."""
    if slot.source is Source.EMBEDDED and target is not None:
        own = next((one for one in target.slots if one.source is Source.ID), None)
        return own.path[0] if own is not None else ""
    return kind.leaf.value if isinstance(kind, Value) else Leaf.TEXT.value
