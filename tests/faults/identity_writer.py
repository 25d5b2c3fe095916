"""Writers of the session and directory stores, to be killed.

``python -m tests.faults.identity_writer WHAT HOME [NAME]``.

Each line on standard output is said after the store has said that it is done, and names what must hold from then on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from appliance.core.clock import SystemClock
from appliance.core.ports import Person
from appliance.identity.directory import Directory
from appliance.identity.directory_records import DirectoryGroup, DirectoryPerson
from appliance.identity.scim.storage import DirectoryStorage, FullUser
from appliance.identity.sessions import Sessions
from appliance.identity.sign_in import SignedIn
from appliance.identity.store import SqliteSessionStore

PEOPLE = 120


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def sessions(home: Path, name: str) -> None:
    """Sign people in, give sessions new ids, and sign every third out, for ever."""
    kept = Sessions(SqliteSessionStore(home / "sessions.sqlite"), SystemClock())
    number = 0
    while True:
        number += 1
        person = Person(f"{name}-{number}", "Somebody")
        signed_in = SignedIn(person=person, groups=frozenset({"user"}), claims={"acr": "1"}, id_token="")
        made = kept.create(signed_in)
        say(subject=person.subject, id=made.id)
        stronger = kept.strengthen(made.id, signed_in)
        assert stronger is not None
        say(subject=person.subject, id=stronger.id, instead_of=made.id)
        if number % 3 == 0:
            kept.revoke(stronger.id)
            say(subject=person.subject, gone=stronger.id)


def people(letter: str) -> tuple[list[DirectoryPerson], list[DirectoryGroup]]:
    """Everybody of one of two companies, all in one group of its name."""
    found = [
        DirectoryPerson("keycloak", f"{letter}{n}", f"sub-{letter}{n}", f"{letter}{n}", f"Person {n}", "", True, "")
        for n in range(PEOPLE)
    ]
    return found, [DirectoryGroup("keycloak", letter, letter, tuple(one.id for one in found))]


def directory(home: Path, _name: str) -> None:
    """Read one company and then the other, for ever."""
    kept, number = Directory(home / "directory.sqlite"), 0
    while True:
        letter = "ab"[number % 2]
        kept.replace_all("keycloak", *people(letter))
        say(stands=letter)
        number += 1


def scim(home: Path, moment: str) -> None:
    """Push that somebody has left, and die at the given change of the file (counted from 0) or before its commit."""
    kept = Directory(home / "directory.sqlite")
    storage = DirectoryStorage(kept)
    kind = _kind()
    ((_, body),) = kept.resources()[1]
    user = storage.get(kind, str(json.loads(body)["id"]))
    count = 0

    def trace(statement: str) -> None:
        nonlocal count
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "COMMIT")):
            if count == int(moment):
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    kept._file._writer.set_trace_callback(trace)
    user.active = False
    storage.update(kind, user)
    say(done=True)


def _kind() -> Any:
    from scim2_models import ResourceType

    return ResourceType.from_resource(FullUser)


def first_scim(home: Path, _name: str) -> None:
    """Push that somebody is here."""
    storage = DirectoryStorage(Directory(home / "directory.sqlite"))
    storage.create(_kind(), FullUser(user_name="maya@acme.example", active=True))
    say(done=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
