"""``docs/audit-events.md``, from the schemas: ``python -m appliance.audit.event_page > docs/audit-events.md``."""

from __future__ import annotations

import sys
from typing import Final

from appliance.audit.space import ADMINISTRATION
from appliance.core.event_schemas import SCHEMAS, VERSION, Detail

_HEAD: Final = """\
# Events of the audit log

Version {version} of the list. Made by `python -m appliance.audit.event_page` from `appliance/core/event_schemas.py`; a
test compares the two. An entry that does not fit is refused before anything is written (`audit_schema`), so the act it
stands for does not happen.

Every event is an intent and an outcome. An outcome that is not `done` may lack the details below and has `error`, the
code of the error, or `reason`. *Italic* details may be missing or null. Events with a star are still possible while the
disk is full.

## Where an act comes from

Each intent has the detail `context`; its outcome refers to it by index and hash.

| member | meaning |
|---|---|
| `source` | the address that the front door saw; `local`: the operator's socket; `appliance`: nobody asked |
| `session` | the name of the session, which is not its cookie and opens nothing |
| `request` | one identifier for everything that one request caused, builds included |
| `rule`, `decision` | which rule decided, and `permit` or `deny` |
| `policy` | digest of the policies that decided (`policy.md`); `built-in` where the appliance acted by itself |
| `asked` | the question that they were asked: who, what, on what, under which circumstances |

The front door sets the address from the connection and ignores what a client claims, because it trusts no proxy before
it. The digest of a model stands in `plan.made` and `model.loaded`.

## What is where

- Changes of records inside an app are in the app itself, in its table `_history`: who, when, and every field before and
  after. They are not in this log.
- That somebody came into an app is here: `app.opened`, once for each session, app, version and role (the last 10,000
  are remembered; a restart forgets them), and `app.kiosk_opened`, once a day for each address. The gate decides on each
  request after that, which is not recorded unless it refuses.
- Refusals are recorded up to 30 at once and 60 a minute for each address; all of them are refused. Asking somebody to
  sign in, and mistakes in forms, are none.

## Events

| event | means | intent | outcome `done` |
|---|---|---|---|
"""


def event_page() -> str:
    """The page."""
    lines = [
        f"| `{event.value}`{' ★' if event in ADMINISTRATION else ''} | {schema.meaning} "
        f"| {_told(schema.intent)} | {_told(schema.done)} |\n"
        for event, schema in SCHEMAS.items()
    ]
    return _HEAD.replace("{version}", str(VERSION)) + "".join(lines)


def _told(details: tuple[Detail, ...]) -> str:
    told = []
    for one in details:
        name = f"`{one.name}`" if one.required else f"*`{one.name}`*"
        told.append(name if one.kind.value == "text" else f"{name} ({one.kind.value})")
    return ", ".join(told)


if __name__ == "__main__":
    sys.stdout.write(event_page())
