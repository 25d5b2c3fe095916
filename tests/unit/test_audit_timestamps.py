"""Time stamps from a real authority: asked for, kept, checked by the verifier and by another tool."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from appliance.audit.anchoring import Anchoring, AnchoringPolicy
from appliance.audit.findings import VerificationReport
from appliance.audit.history import PublishedLog
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.timestamps import StampError, check_stamp, load_roots, request_stamp
from appliance.audit.verify import verify_log
from appliance.audit.verify_anchors import Vouched
from appliance.core.clock import SystemClock
from appliance.core.events import Event
from tests.fixtures.time_authority import TimeAuthority, openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeAuthority]:
    one = TimeAuthority(tmp_path_factory.mktemp("tsa"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


def anchoring(directory: Path, key: LogKey, url: str, root: Path) -> Anchoring:
    policy = AnchoringPolicy(
        (), 0, timedelta(seconds=1), timedelta(1), stamp_url=url, stamp_roots=tuple(load_roots([root.read_bytes()]))
    )
    return Anchoring(PublishedLog(directory, key.verifier_keys, key.name), policy, SystemClock(), lambda _: None)


def verify(directory: Path, key: LogKey, root: Path) -> VerificationReport:
    return verify_log(
        directory, [one.text for one in key.verifier_keys], vouched=Vouched(stamp_roots=(root.read_bytes(),))
    )


@pytest.fixture
def stamped(tmp_path: Path, key: LogKey, authority: TimeAuthority) -> Path:
    """A log of three leaves with a stamp over two of them."""
    directory = tmp_path / "audit"
    with AuditLog.open(directory, key, SystemClock()) as log:
        for _ in range(2):
            log.intent(Event.BUILD_STARTED, principal="p", resource="r")
    outside = anchoring(directory, key, authority.url, authority.root)
    outside.check()
    assert outside.states() == {"time stamps": "ok"}
    outside.round()
    outside.stop()
    with AuditLog.open(directory, key, SystemClock()) as log:
        log.intent(Event.APP_OPENED, principal="p", resource="r")
    return directory


def test_a_stamp_is_kept_and_verified(stamped: Path, key: LogKey, authority: TimeAuthority) -> None:
    note, stamp = sorted((stamped / "stamps").iterdir())
    assert (note.name, stamp.suffix) == (f"{2:020d}.note", ".tsr")
    report = verify(stamped, key, authority.root)
    assert report.intact
    assert "size 2 was stamped at" in report.notes[-1]
    roots = load_roots([authority.root.read_bytes()])
    assert abs(check_stamp(stamp, note.read_bytes(), roots) - datetime.now(UTC)) < timedelta(minutes=1)
    again = openssl(authority.folder, "ts", "-verify", "-data", str(note), "-in", str(stamp), "-CAfile", "root.pem")
    assert again.returncode == 0, again.stderr
    outside = anchoring(stamped, key, "http://127.0.0.1:9/", authority.root)
    outside.check()
    assert outside.states() == {"time stamps": "ok"}


def test_every_changed_stamp_is_found(stamped: Path, key: LogKey, authority: TimeAuthority) -> None:
    note, stamp = sorted((stamped / "stamps").iterdir())
    whole = stamp.read_bytes()
    for at in range(0, len(whole), 37):
        content = bytearray(whole)
        content[at] ^= 1
        stamp.write_bytes(content)
        changed = verify(stamped, key, authority.root)
        # Some bytes are outside of what is signed, such as copies of certificates; what the stamp says never changes.
        assert not changed.intact or "size 2 was stamped at" in changed.notes[-1]
    stamp.write_bytes(whole[:-1])
    assert not verify(stamped, key, authority.root).intact
    stamp.unlink()
    assert not verify(stamped, key, authority.root).intact
    stamp.write_bytes(whole)
    with note.open("ab") as file:
        file.write(b"x")
    assert not verify(stamped, key, authority.root).intact


def test_a_stamped_checkpoint_shows_a_rewritten_history(
    stamped: Path, tmp_path: Path, key: LogKey, authority: TimeAuthority
) -> None:
    forged = tmp_path / "forged"
    with AuditLog.open(forged, key, SystemClock()) as log:
        for _ in range(4):
            log.intent(Event.APP_OPENED, principal="demo-uwe", resource="r")
    (stamped / "stamps").rename(forged / "stamps")
    (finding,) = verify(forged, key, authority.root).findings
    assert "history changed" in finding.problem


def test_another_authority_is_not_believed(
    stamped: Path, tmp_path: Path, key: LogKey, authority: TimeAuthority
) -> None:
    other = TimeAuthority(tmp_path / "other")
    assert not verify(stamped, key, other.root).intact
    outside = anchoring(stamped, key, other.url, authority.root)
    outside.round()
    assert "does not hold" in outside.states()["time stamps"]
    outside.stop()
    other.close()


def test_an_answer_to_another_request_is_refused(authority: TimeAuthority) -> None:
    roots = load_roots([authority.root.read_bytes()])
    with httpx.Client() as client:
        kept = request_stamp(authority.url, b"note", roots, client)

    def replay(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=kept)

    with httpx.Client(transport=httpx.MockTransport(replay)) as client, pytest.raises(StampError, match="Nonce"):
        request_stamp("http://tsa.test", b"note", roots, client)
    for answer in (httpx.Response(500), httpx.Response(200, content=b"x"), httpx.Response(200, content=bytes(70_000))):
        transport = httpx.MockTransport(lambda _, answer=answer: answer)  # type: ignore[misc]
        with httpx.Client(transport=transport) as client, pytest.raises(StampError):
            request_stamp("http://tsa.test", b"note", roots, client)


def test_without_a_root_nothing_is_claimed(stamped: Path, key: LogKey) -> None:
    with pytest.raises(StampError):
        load_roots([b"no certificate"])
    report = verify_log(stamped, [one.text for one in key.verifier_keys], vouched=Vouched(stamp_roots=(b"x",)))
    assert not report.intact
