"""What can be wrong with a table that somebody hands in."""

from __future__ import annotations

from appliance.core.errors import Refused


class ImportRefused(Refused):
    """The file or text cannot be taken in; nothing of it was kept."""

    code = "import_refused"


class TooLarge(ImportRefused):
    """More bytes, sheets, rows, columns or characters than are taken in at once."""

    code = "import_too_large"


class NotATable(ImportRefused):
    """No table was found in what was handed in."""

    code = "import_not_a_table"
