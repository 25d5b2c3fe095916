"""Kill -9 on what keeps sign-ins and people: what was said to be done is done, and nothing is half done."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.entries import by_schema
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.core.clock import SystemClock
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Project
from appliance.db.repositories.projects import Projects
from appliance.identity.directory import Directory
from appliance.identity.directory_records import DirectoryPerson
from appliance.identity.sessions import Sessions
from appliance.identity.sign_in import SignedIn
from appliance.identity.store import SqliteSessionStore
from appliance.studio.departures import Departures
from appliance.studio.directory_sync import DirectorySync
from tests.faults.identity_writer import PEOPLE

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def writer(what: str, home: Path, name: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.identity_writer", what, str(home), name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def heard(process: subprocess.Popen[str], lines: int) -> list[dict[str, Any]]:
    """That many lines, then the end of the process, then what it had still said."""
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    rest = process.stdout.read()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    return [json.loads(line) for line in [*told, *rest.splitlines()] if line.strip().endswith("}")]


def sound(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_sign_ins_that_were_told_stand_and_those_that_ended_stay_ended(tmp_path: Path) -> None:
    """Two workers share the store; one is killed again and again, the other goes on."""
    steady = writer("sessions", tmp_path, "steady")
    told: list[dict[str, Any]] = []
    for round_, lines in enumerate((23, 61, 95, 118)):
        told += heard(writer("sessions", tmp_path, f"mortal{round_}"), lines)
        assert steady.poll() is None
    told += heard(steady, 300)
    sound(tmp_path / "sessions.sqlite")
    store = SqliteSessionStore(tmp_path / "sessions.sqlite")
    sessions = Sessions(store, SystemClock())
    last: dict[str, dict[str, Any]] = {}
    for one in told:
        last[one["subject"]] = one
    assert len(last) > 150
    # What a process was doing when it was killed, it told nobody: the last thing that each one said may be overtaken.
    final = {one["subject"] for name in ("steady", *(f"mortal{n}" for n in range(4)))
             for one in [[x for x in told if x["subject"].startswith(name)][-1]]}  # fmt: skip
    for subject, one in last.items():
        if "gone" in one:
            assert sessions.get(one["gone"]) is None
        elif subject not in final:
            found = sessions.get(one["id"])
            assert found is not None, one
            assert found.person.subject == subject
        if "instead_of" in one:
            assert sessions.get(one["instead_of"]) is None
    store.close()


def test_a_reading_of_the_directory_counts_whole_or_not_at_all(tmp_path: Path) -> None:
    for lines in (1, 4, 2, 5, 3):
        told = heard(writer("directory", tmp_path), lines)
        sound(tmp_path / "directory.sqlite")
        directory = Directory(tmp_path / "directory.sqlite")
        active = {person.id for person in directory.people("keycloak") if person.active}
        (letter,) = {id_[0] for id_ in active}
        assert len(active) == PEOPLE
        assert directory.group_names() == [letter]
        known = told[-1]["stands"]
        assert letter in {known, "b" if known == "a" else "a"}
        directory.close()


@pytest.mark.parametrize("moment", range(4))
def test_what_an_identity_system_reads_back_is_what_counts(tmp_path: Path, moment: int) -> None:
    """It says once that somebody has left; were that kept, and the person not marked, nobody would say it again."""
    first = writer("first_scim", tmp_path)
    assert first.communicate(timeout=60)[0], first.stderr
    process = writer("scim", tmp_path, str(moment))
    said, errors = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGKILL}, errors
    sound(tmp_path / "directory.sqlite")
    directory = Directory(tmp_path / "directory.sqlite")
    ((_, body),) = directory.resources()[1]
    (person,) = directory.people("scim")
    assert json.loads(body)["active"] is person.active
    if process.returncode == 0:
        assert said
        assert person.active is False
    directory.close()


class Gone:
    """A company of two, of whom one has left."""

    def read(self) -> tuple[list[DirectoryPerson], list[Any]]:
        return [DirectoryPerson("keycloak", "b", "sub-boss", "boss", "Boss", "boss@acme.example", True, "")], []


def test_somebody_whose_leaving_was_interrupted_has_left_after_the_next_start(tmp_path: Path) -> None:
    directory, store = Directory(tmp_path / "directory.sqlite"), SqliteSessionStore(tmp_path / "sessions.sqlite")
    database = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(database.engine)
    projects, sessions = Projects(database), Sessions(store, SystemClock())
    for id_, subject, manager in (("b", "sub-boss", ""), ("m", "sub-maya", "b")):
        directory.put_person(DirectoryPerson("keycloak", id_, subject, id_, id_, f"{id_}@acme.example", True, manager))
    maya = Person("sub-maya", "Maya", "m@acme.example")
    projects.add(Project(new_id("app"), "Loans", "", maya, NOW, NOW))
    session = sessions.create(SignedIn(person=maya, groups=frozenset(), claims={}, id_token=""))
    key = load_or_make_log_key(tmp_path / "audit.json")
    with AuditLog.open(tmp_path / "audit", key, SystemClock(), compose=by_schema) as audit:
        departures = Departures(
            directory=directory,
            projects=projects,
            end_sessions=store.delete_subject,
            has_sessions=lambda subject: bool(store.families_of_subject("studio", subject)),
            audit=audit,
            clock=SystemClock(),
        )

        class Killed(Exception):  # noqa: N818
            """The process ends between the reading and what follows from it."""

        def die(*_: Any, **__: Any) -> None:
            raise Killed

        real, departures.left = departures.left, die  # type: ignore[method-assign, assignment]
        with pytest.raises(Killed):
            DirectorySync(Gone(), directory, departures, 30).once()
        assert sessions.get(session.id) is not None
        departures.left = real  # type: ignore[method-assign]
        departures.recover()
        assert sessions.get(session.id) is None
        assert projects.owned_by("sub-boss")[0].name == "Loans"
        said = [leaf for _, leaf in audit.leaves() if leaf.event == "directory.person_deprovisioned"]
        assert [leaf.result for leaf in said] == [None, "done"]
        assert (said[0].details["by"], said[1].details["sessions"]) == ("restart", 1)
        departures.recover()
        assert len([leaf for _, leaf in audit.leaves() if leaf.event == "directory.person_deprovisioned"]) == 2
    for part in (directory, store, database):
        part.close()
