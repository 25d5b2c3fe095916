"""Who may do what in Repair Desk.

Default deny: a role that is not named for a kind of record may do nothing with it. The app's owner may do everything.
``OWN`` covers rows that the person created or is named in. ``names`` lets a role see what rows are called where
another record refers to them, for example to choose one in a form, and nothing else of them.
"""

from __future__ import annotations

from .kit.access import ALL, OWN, AccessTable, FieldTable, Grant

ACCESS: AccessTable = {
    "room": {
        "Reporter": Grant(read=ALL),
        "Technician": Grant(create=ALL, read=ALL, edit=ALL, delete=ALL),
        "Auditor": Grant(read=ALL),
    },
    "job": {
        "Reporter": Grant(create=ALL, read=OWN, edit=OWN),
        "Technician": Grant(create=ALL, read=ALL, edit=ALL, delete=ALL),
        "Auditor": Grant(read=ALL),
    },
    "shift": {
        "Technician": Grant(create=ALL, read=ALL, edit=ALL, delete=ALL),
        "Auditor": Grant(read=ALL),
    },
}

FIELDS: FieldTable = {
    "job": {
        "cost": {"Technician": Grant(read=ALL, edit=ALL), "Auditor": Grant(read=ALL)},
        "note": {"Technician": Grant(read=ALL, edit=ALL), "Reporter": Grant(read=OWN), "Auditor": Grant(read=OWN)},
        "double_cost": {"Technician": Grant(read=ALL), "Auditor": Grant(read=ALL)},
    },
}
"""Fields that only some roles may read or set. A field that is not named here follows its record."""
