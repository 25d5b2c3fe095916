"""Who may do what in Visitor Sign-in.

Default deny: a role that is not named for a kind of record may do nothing with it. The app's owner may do everything.
``OWN`` covers rows that the person created or is named in. ``names`` lets a role see what rows are called where
another record refers to them, for example to choose one in a form, and nothing else of them.
"""

from __future__ import annotations

from .kit.access import ALL, OWN, AccessTable, FieldTable, Grant

ACCESS: AccessTable = {
    "visitor": {
        "Reception": Grant(create=ALL, read=ALL, edit=ALL, delete=ALL),
        "Host": Grant(create=ALL, read=ALL),
    },
    "visit": {
        "Reception": Grant(create=ALL, read=ALL, edit=ALL, delete=ALL),
        "Host": Grant(create=ALL, read=OWN),
    },
}

FIELDS: FieldTable = {}
"""Fields that only some roles may read or set. A field that is not named here follows its record."""
