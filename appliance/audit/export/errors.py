"""Errors of exports."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Refused, Unavailable


class ExportRefused(Refused):
    """What was asked for cannot be exported: no such range, no such format."""

    code = "export_refused"


class FormatUnavailable(Unavailable):
    """The format needs a library that is not installed."""

    code = "export_format"


class DeliveryFailed(IntramuralError):  # noqa: N818 - what happened, in the words of the trade
    """A receiver did not take everything, or did not confirm it; it is sent again."""

    code = "export_delivery"
