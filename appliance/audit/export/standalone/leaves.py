"""Leaves: canonical JSON (RFC 8785) with a fixed set of members."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

from appliance.audit.export.standalone.notes import Broken, need

LEAF = {"details", "event", "intent", "kind", "principal", "resource", "result", "time", "v"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SAFE = 2**53 - 1


def es_number(value: float) -> str:
    """A finite double as ECMAScript writes it (RFC 8785 §3.2.2.3)."""
    if value == 0:
        return "0"
    _, parts, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    digits = "".join(map(str, parts))
    point = len(digits) + int(exponent)
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{point - 1:+d}"
    return f"-{text}" if value < 0 else text


def canonical(value: object, *, bounded: bool) -> str:
    """RFC 8785; ``bounded``: integers must be exact as doubles."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        return (
            "{" + ",".join(canonical(k, bounded=bounded) + ":" + canonical(v, bounded=bounded) for k, v in pairs) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(canonical(one, bounded=bounded) for one in value) + "]"
    if isinstance(value, float):
        need(math.isfinite(value), "a number is not finite")
        return es_number(value)
    if isinstance(value, int) and bounded:
        need(abs(value) <= SAFE, "a number is too large")
    return json.dumps(value, ensure_ascii=False)


def refuse_constant(text: str) -> NoReturn:
    """NaN and the infinities are no JSON."""
    message = f"{text} is no JSON"
    raise Broken(message)


def read_leaf(entry: str, index: int) -> dict[str, Any]:
    """The members of a leaf, if ``entry`` is the canonical form of one."""
    floats = []

    def on_float(text: str) -> float:
        floats.append(text)
        return float(text)

    try:
        leaf: dict[str, Any] = json.loads(entry, parse_float=on_float, parse_constant=refuse_constant)
        need(isinstance(leaf, dict) and leaf.keys() == LEAF, "it does not have the members of a leaf")
        encoded = canonical(leaf, bounded=bool(floats) or not entry.isascii()).encode("utf-8")
        need(encoded == entry.encode("utf-8"), "it is not in canonical form")
        need(type(leaf["v"]) is int and leaf["v"] == 1 and isinstance(leaf["details"], dict), "it has another version")
        texts = [leaf[name] for name in ("event", "principal", "resource", "time")]
        need(all(isinstance(one, str) for one in texts) and TIME.fullmatch(leaf["time"]), "a member has a wrong type")
        datetime.fromisoformat(leaf["time"][:-1] + "+00:00")
        link, result = leaf["intent"], leaf["result"]
        need(result is None or isinstance(result, str), "a member has a wrong type")
        need(leaf["kind"] == ("intent" if link is None else "outcome"), "kind and intent do not belong together")
        need((link is None) == (result is None), "intent and result do not belong together")
        if link is not None:
            need(isinstance(link, dict) and link.keys() == {"hash", "index"}, "the link to the intent is malformed")
            need(type(link["index"]) is int and isinstance(link["hash"], str), "the link to the intent is malformed")
    except (Broken, ValueError, RecursionError) as error:
        message = f"leaf {index}: {error}"
        raise Broken(message) from error
    return leaf
