"""Why a blueprint could not be turned into a project."""

from __future__ import annotations

from appliance.core.errors import IntramuralError


class RenderError(IntramuralError):
    """The blueprint cannot become a project as it is, or the formatter refused the result; nothing was returned."""

    code = "render"
