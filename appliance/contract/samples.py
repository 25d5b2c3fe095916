"""Values that obey what is said of them: different ones for different numbers, as far as there are any."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from appliance.contract.patterns import example
from appliance.contract.shapes import Leaf, Value

if TYPE_CHECKING:
    from appliance.contract.binding import Slot

_START: Final = datetime(2031, 1, 1, 9, 30, tzinfo=UTC)


def sample(value: Value, count: int) -> str | int | float | bool | None:  # noqa: PLR0911 - one return per kind
    """A value; None if none obeys."""
    if value.options:  # the empty text stands for no value in a form
        options = [option for option in value.options if option != ""]
        return options[count % len(options)] if options else None
    match value.leaf:
        case Leaf.BOOLEAN:
            return bool(count % 2)
        case Leaf.INTEGER | Leaf.NUMBER:
            return _number(value, count)
        case Leaf.DATE:
            return (_START + timedelta(days=count)).date().isoformat()
        case Leaf.MOMENT:
            return (_START + timedelta(hours=count)).isoformat().replace("+00:00", "Z")
        case Leaf.TIME:
            return f"{count // 60 % 24:02}:{count % 60:02}:00"
        case Leaf.UUID:
            return str(uuid.uuid5(uuid.NAMESPACE_URL, str(count)))
        case Leaf.EMAIL:
            return _fitted(value, f"trial{count}@example.org", f"t{count}@x.org")
        case Leaf.URI:
            return _fitted(value, f"https://example.org/trial/{count}", f"https://x.org/{count}")
        case _:
            if value.pattern:
                return example(value.pattern, count, value.shortest, value.longest)
            return _text(value, count)


def form_text(slot: Slot, count: int, otherwise: str) -> str:
    """What somebody types into a form for a property; ``otherwise`` where its type says everything."""
    if slot.many is not None:
        of = slot.many.of
        if not isinstance(of, Value):
            return otherwise
        return "\n".join(str(sample(of, count + number) or "x") for number in range(max(1, slot.many.fewest)))
    value = slot.value
    if value is None or value.leaf in (Leaf.BOOLEAN, Leaf.DATE, Leaf.MOMENT, Leaf.TIME):
        return otherwise
    if value == Value(value.leaf) and value.leaf not in (Leaf.URI, Leaf.UUID):
        return otherwise
    found = sample(value, count)
    return otherwise if found is None else str(found)


def _fitted(value: Value, *made: str) -> str | None:
    return next((text for text in made if len(text) <= (value.longest or len(text))), None)


def _text(value: Value, count: int) -> str | None:
    longest = value.longest if value.longest is not None else 200
    text = f"Trial {count}"
    if len(text) > longest:
        text = f"{count}"[-longest:] if longest else ""
    return text.ljust(value.shortest, "x") if value.shortest <= longest else None


def _number(value: Value, count: int) -> int | float | None:
    step = Decimal(str(value.multiple)) if value.multiple else Decimal(1)
    whole = value.leaf is Leaf.INTEGER
    lowest = Decimal(str(value.minimum if value.minimum is not None else value.above if value.above is not None else 0))
    highest = value.maximum if value.maximum is not None else value.below
    if value.minimum is None and value.above is None and highest is not None:
        lowest = min(lowest, Decimal(str(highest)) - step * 50)
    first = -(-lowest // step) * step
    if value.above is not None and first <= Decimal(str(value.above)):
        first += step
    for number in (first + step * (count % 1000), first + step * (count % 7), first + step * (count % 2), first):
        found = number if not whole else number.to_integral_value()
        if _fits(value, found):
            return int(found) if whole or found == found.to_integral_value() else float(found)
    middle = (lowest + Decimal(str(highest))) / 2 if highest is not None and not whole else None
    return float(middle) if middle is not None and not value.multiple and _fits(value, middle) else None


def _fits(value: Value, found: Decimal) -> bool:
    exact = float(found)
    return not (
        (value.minimum is not None and exact < value.minimum)
        or (value.maximum is not None and exact > value.maximum)
        or (value.above is not None and exact <= value.above)
        or (value.below is not None and exact >= value.below)
        or (value.multiple is not None and found % Decimal(str(value.multiple)) != 0)
    )
