"""Refusals of single values, in the words and with the codes of the official API."""

from __future__ import annotations

import json

from appliance.web.openai.errors import ApiError


def number(name: str, value: float, low: float, high: float) -> float:
    """A decimal within bounds.

    Raises:
        ApiError: it is not.
    """
    if not low <= value <= high:
        side, bound, kind = (">=", low, "below_min") if value < low else ("<=", high, "above_max")
        words = "below minimum" if value < low else "above maximum"
        message = (
            f"Invalid '{name}': decimal {words} value. Expected a value {side} {bound:g}, but got {value:g} instead."
        )
        raise ApiError(message, param=name, reason=f"decimal_{kind}_value")
    return value


def whole(name: str, value: int, low: int, high: int) -> int:
    """An integer within bounds.

    Raises:
        ApiError: it is not.
    """
    if not low <= value <= high:
        side, bound, kind = (">=", low, "below_min") if value < low else ("<=", high, "above_max")
        words = "below minimum" if value < low else "above maximum"
        message = f"Invalid '{name}': integer {words} value. Expected a value {side} {bound}, but got {value} instead."
        raise ApiError(message, param=name, reason=f"integer_{kind}_value")
    return value


def unsupported(name: str, value: object, plain: tuple[object, ...]) -> ApiError:
    """The refusal of a parameter, or of all its values but the plain ones."""
    if not plain:
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        return ApiError(message, param=name, reason="unsupported_parameter")
    shown, only = json.dumps(value, default=str)[:60], " and ".join(json.dumps(one) for one in plain)
    message = f"Unsupported value: '{name}' does not support {shown} with this model. Only {only} is supported."
    return ApiError(message, param=name, reason="unsupported_value")


def missing(name: str) -> ApiError:
    """The refusal of a request that lacks something."""
    return ApiError(f"Missing required parameter: '{name}'.", param=name, reason="missing_required_parameter")


def too_large(name: str) -> ApiError:
    """The refusal of something that is too large."""
    return ApiError(f"Invalid '{name}': it is too large.", param=name, reason="string_above_max_length")


def invalid(name: str, message: str) -> ApiError:
    """The refusal of a value."""
    return ApiError(message, param=name, reason="invalid_value")
