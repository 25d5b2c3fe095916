"""Sessions: limits, rotation, revocation, codes for app origins, and that the store holds no secret."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.core.clock import ManualClock
from appliance.core.ports import Person
from appliance.identity.app_sessions import AppSessions, bind
from appliance.identity.errors import ReturnUrlRefused, SessionStoreError
from appliance.identity.pending import MAX_PENDING, PendingSignIns
from appliance.identity.seal import TokenSeal
from appliance.identity.sessions import Session, Sessions
from appliance.identity.sign_in import PendingSignIn, SignedIn
from appliance.identity.store import Entry, SqliteSessionStore

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
MAYA = SignedIn(Person("demo-maya", "Maya", "maya@example.com"), frozenset({"maker", "user"}), {}, "id.token.maya")
UWE = SignedIn(Person("demo-uwe", "Uwe"), frozenset({"user"}), {}, "id.token.uwe")
HOST = "loans.intramural.localhost:8080"
BROWSER = "b" * 43


class Bench:
    """Everything on one file and one clock."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(NOW)
        self.store = SqliteSessionStore(path)
        self.sessions = Sessions(self.store, self.clock, seal=TokenSeal.in_file(path.with_name("seal.key")))
        self.apps = AppSessions(self.store, self.sessions, self.clock)
        self.pending = PendingSignIns(self.store, self.clock)

    def app_session(self, session: Session, view_as: str | None = None) -> str:
        code = self.apps.issue_code(session, host=HOST, path="/items", binding=bind(BROWSER), view_as=view_as)
        opened = self.apps.redeem(code, host=HOST, path="/items", browser=BROWSER)
        assert opened is not None
        return opened.id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite"


@pytest.fixture
def bench(path: Path) -> Bench:
    return Bench(path)


def test_a_session_says_who_is_there(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    found = bench.sessions.get(made.id)
    assert found == made
    assert (found.person, found.groups, found.id_token) == (MAYA.person, MAYA.groups, "id.token.maya")
    assert made.signed_in_at == NOW
    assert made.expires_at == NOW + timedelta(hours=10)
    assert len(made.id) == 43
    assert made.id not in repr(made)
    assert made.csrf_token not in repr(made)


def test_unknown_ids_find_nothing(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    for wrong in ("", made.id[:-1], made.id + "x", made.id.swapcase(), made.key, "\ud800", "x" * 10_000):
        assert bench.sessions.get(wrong) is None


def test_a_restart_keeps_people_signed_in(bench: Bench, path: Path) -> None:
    made = bench.sessions.create(MAYA)
    app_id = bench.app_session(made)
    bench.store.close()
    again = Bench(path)
    assert again.sessions.get(made.id) == made
    assert again.apps.get(app_id, host=HOST) is not None


def test_idle_sessions_end_after_30_minutes(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    for _ in range(4):
        bench.clock.advance(29 * 60)
        assert bench.sessions.get(made.id) is not None
    bench.clock.advance(30 * 60)
    assert bench.sessions.get(made.id) is None
    bench.clock.advance(-30 * 60)
    assert bench.sessions.get(made.id) is None


def test_no_session_outlives_10_hours(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    app_id = bench.app_session(made)
    for _ in range(23):
        bench.clock.advance(26 * 60)
        assert bench.sessions.get(made.id) is not None
    bench.clock.advance(2 * 60)
    assert bench.sessions.get(made.id) is None
    assert bench.apps.get(app_id, host=HOST) is None


def test_signing_in_again_replaces_the_old_session(bench: Bench) -> None:
    old = bench.sessions.create(MAYA)
    new = bench.sessions.create(UWE, replaces=old.id)
    assert bench.sessions.get(old.id) is None
    assert bench.sessions.get(new.id) is not None
    assert old.id != new.id


def test_rotation_changes_the_id_and_the_csrf_token_and_keeps_the_rest(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    app_id = bench.app_session(made)
    rotated = bench.sessions.rotate(made.id)
    assert rotated is not None
    assert bench.sessions.get(made.id) is None
    assert bench.sessions.rotate(made.id) is None
    assert bench.sessions.get(rotated.id) == rotated
    assert (rotated.key, rotated.person, rotated.expires_at) == (made.key, made.person, made.expires_at)
    assert rotated.csrf_token != made.csrf_token
    assert bench.apps.get(app_id, host=HOST) is not None


def test_signing_out_ends_everything_of_that_sign_in_and_nothing_else(bench: Bench) -> None:
    first, second = bench.sessions.create(MAYA), bench.sessions.create(MAYA)
    app_ids = [bench.app_session(first), bench.app_session(second)]
    code = bench.apps.issue_code(first, host=HOST, path="/", binding=bind(BROWSER))
    assert bench.sessions.revoke(first.id)
    assert not bench.sessions.revoke(first.id)
    assert bench.sessions.get(first.id) is None
    assert bench.apps.get(app_ids[0], host=HOST) is None
    assert bench.apps.redeem(code, host=HOST, path="/", browser=BROWSER) is None
    assert bench.sessions.get(second.id) is not None
    assert bench.apps.get(app_ids[1], host=HOST) is not None


def test_a_person_can_be_signed_out_everywhere(bench: Bench) -> None:
    made = [bench.sessions.create(one) for one in (MAYA, MAYA, UWE)]
    assert bench.sessions.revoke_person("demo-maya") == 2
    assert [bench.sessions.get(one.id) is None for one in made] == [True, True, False]


def test_csrf_tokens_belong_to_one_session(bench: Bench) -> None:
    first, second = bench.sessions.create(MAYA), bench.sessions.create(MAYA)
    assert bench.sessions.csrf_matches(first, first.csrf_token)
    for wrong in (second.csrf_token, "", first.csrf_token[:-1], "ü"):
        assert not bench.sessions.csrf_matches(first, wrong)


def test_a_code_opens_its_path_on_its_host_once(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    code = bench.apps.issue_code(made, host=HOST.upper(), path="/items?q=1", binding=bind(BROWSER), view_as="Borrower")
    opened = bench.apps.redeem(code, host=HOST, path="/items?q=1", browser=BROWSER)
    assert opened is not None
    assert (opened.person, opened.groups, opened.view_as) == (MAYA.person, MAYA.groups, "Borrower")
    assert (opened.host, opened.session_key, opened.expires_at) == (HOST, made.key, made.expires_at)
    assert bench.apps.redeem(code, host=HOST, path="/items?q=1", browser=BROWSER) is None
    assert bench.apps.get(opened.id, host=HOST) == opened
    assert bench.apps.get(opened.id, host="other.intramural.localhost:8080") is None
    assert bench.apps.get(made.id, host=HOST) is None
    assert bench.sessions.get(opened.id) is None


@pytest.mark.parametrize(("host", "to"), [("evil.example", "/items"), (HOST, "/other"), ("", ""), (HOST, "//evil")])
def test_a_code_in_the_wrong_place_is_spent(bench: Bench, host: str, to: str) -> None:
    code = bench.apps.issue_code(bench.sessions.create(MAYA), host=HOST, path="/items", binding=bind(BROWSER))
    assert bench.apps.redeem(code, host=host, path=to, browser=BROWSER) is None
    assert bench.apps.redeem(code, host=HOST, path="/items", browser=BROWSER) is None


def test_a_code_lives_for_a_minute(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    codes = [bench.apps.issue_code(made, host=HOST, path="/", binding=bind(BROWSER)) for _ in range(2)]
    bench.clock.advance(59)
    assert bench.apps.redeem(codes[0], host=HOST, path="/", browser=BROWSER) is not None
    bench.clock.advance(1)
    assert bench.apps.redeem(codes[1], host=HOST, path="/", browser=BROWSER) is None


def test_of_many_who_redeem_a_code_one_succeeds(bench: Bench) -> None:
    code = bench.apps.issue_code(bench.sessions.create(MAYA), host=HOST, path="/", binding=bind(BROWSER))
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: bench.apps.redeem(code, host=HOST, path="/", browser=BROWSER), range(16)))
    assert sum(one is not None for one in opened) == 1


def test_a_code_needs_a_plain_path(bench: Bench) -> None:
    with pytest.raises(ReturnUrlRefused):
        bench.apps.issue_code(bench.sessions.create(MAYA), host=HOST, path="//evil.example", binding=bind(BROWSER))


def test_using_an_app_keeps_the_studio_session_alive(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    app_id = bench.app_session(made)
    for _ in range(3):
        bench.clock.advance(29 * 60)
        assert bench.apps.get(app_id, host=HOST) is not None
    assert bench.sessions.get(made.id) is not None


def test_an_app_session_can_end_alone(bench: Bench) -> None:
    made = bench.sessions.create(MAYA)
    app_id, other = bench.app_session(made), bench.app_session(made)
    assert bench.apps.revoke(app_id)
    assert not bench.apps.revoke(app_id)
    assert bench.apps.get(app_id, host=HOST) is None
    assert bench.apps.get(other, host=HOST) is not None
    assert bench.sessions.get(made.id) is not None


def pending(state: str = "s") -> PendingSignIn:
    return PendingSignIn(state, "n", "v" * 64, "/apps", "https://login.example", NOW)


def test_a_pending_sign_in_comes_back_once(bench: Bench) -> None:
    handle = bench.pending.put(pending())
    assert bench.pending.take(handle) == pending()
    assert bench.pending.take(handle) is None
    assert bench.pending.take("other") is None


def test_a_pending_sign_in_is_forgotten_after_ten_minutes(bench: Bench) -> None:
    handle = bench.pending.put(pending())
    bench.clock.advance(600)
    assert bench.pending.take(handle) is None


def test_pending_sign_ins_are_bounded(bench: Bench) -> None:
    for number in range(5):
        bench.store.put(Entry("pending", b"%d" % number, "", "", "{}", number, number, 2e9))
    assert bench.store.trim("pending", 3) == 2
    assert [bench.store.get("pending", b"%d" % number) is None for number in range(5)] == [True] * 2 + [False] * 3
    assert MAX_PENDING == 10_000


def test_the_file_is_private_and_holds_no_secret(bench: Bench, path: Path) -> None:
    handle = bench.pending.put(pending())
    made = bench.sessions.create(MAYA)
    app_id = bench.app_session(made)
    code = bench.apps.issue_code(made, host=HOST, path="/", binding=bind(BROWSER))
    bench.store.close()
    assert path.stat().st_mode & 0o777 == 0o600
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in (handle, made.id, made.csrf_token, app_id, code):
        assert secret.encode() not in content
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (4,)


def test_expired_rows_are_removed(bench: Bench) -> None:
    bench.sessions.create(MAYA)
    bench.clock.advance(11 * 3600)
    bench.sessions.create(UWE)
    assert bench.store.delete_subject("demo-maya") == 0


@pytest.mark.parametrize("how", ["not a database", "folder"])
def test_an_unusable_file_is_reported(path: Path, how: str) -> None:
    if how == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(SessionStoreError):
        SqliteSessionStore(path)
