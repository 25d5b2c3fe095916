"""The log and those who vouch for it: cosignatures are kept, a fork or an old copy stops the log, nothing blocks it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from appliance.audit.anchoring import Anchoring, AnchoringPolicy
from appliance.audit.cosign import WitnessKey, make_witness_key
from appliance.audit.counter import local_counter
from appliance.audit.errors import NoteError
from appliance.audit.exchange import ExchangeFailed, exchange
from appliance.audit.history import AuditForked, AuditRolledBack, PublishedLog
from appliance.audit.keys import LogKey, load_or_make_log_key, make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.verify import verify_log
from appliance.audit.verify_anchors import Vouched
from appliance.audit.witness import Witness
from appliance.audit.witness_client import WitnessAddress
from appliance.core.clock import ManualClock
from appliance.core.errors import SettingsError
from appliance.core.events import Event
from appliance.core.ports import AuditUnavailable
from appliance.core.settings import AuditSettings, Settings, load_settings

TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
URL = "http://witness.test"


class Network:
    """Carries requests to a witness in this process; ``down`` cuts it, ``status`` makes it lie."""

    def __init__(self, witness: Witness) -> None:
        self.witness, self.down, self.status, self.silent = witness, False, 0, False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("no route", request=request)
        if request.method == "GET":
            note = None if self.silent else self.witness.latest(request.url.path.rpartition("/")[2])
            return httpx.Response(404 if note is None else 200, content=note or b"")
        if self.status:
            return httpx.Response(self.status, content=b"9999999\n")
        answer = self.witness.add_checkpoint(request.content)
        return httpx.Response(answer.status, content=answer.body)


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture(scope="module")
def own() -> WitnessKey:
    return make_witness_key("example.com/witness")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(TIME)


@pytest.fixture
def network(tmp_path: Path, own: WitnessKey, key: LogKey, clock: ManualClock) -> Iterator[Network]:
    (tmp_path / "witness").mkdir()
    witness = Witness(tmp_path / "witness", own, clock, {key.name: key.verifier_keys})
    yield Network(witness)
    witness.close()


def anchoring(
    directory: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock, *, quorum: int = 1
) -> Anchoring:
    policy = AnchoringPolicy(
        (WitnessAddress(URL, own.verifier_keys),), quorum, timedelta(seconds=0.02), timedelta(minutes=10)
    )
    log = PublishedLog(directory, key.verifier_keys, key.name)
    return Anchoring(log, policy, clock, lambda _: None, httpx.Client(transport=httpx.MockTransport(network)))


def grow(directory: Path, key: LogKey, clock: ManualClock, leaves: int, principal: str = "demo-maya") -> None:
    with AuditLog.open(directory, key, clock) as log:
        for _ in range(leaves):
            log.intent(Event.BUILD_STARTED, principal=principal, resource="app_1")


def act_until_refused(log: AuditLog) -> None:
    for _ in range(1000):
        log.intent(Event.BUILD_STARTED, principal="p", resource="r")
        log.checkpoint()


def test_a_growing_log_is_cosigned_and_the_verifier_says_so(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock
) -> None:
    directory = tmp_path / "audit"
    vkeys = [one.text for one in key.verifier_keys]
    for leaves in (3, 0, 260, 5):
        grow(directory, key, clock, leaves)
        outside = anchoring(directory, key, own, network, clock)
        outside.check()
        assert outside.states() == {"witness": "ok"}
        report = verify_log(directory, vkeys, vouched=Vouched(witnesses=own.verifier_keys))
        assert report.intact
        assert f"size {report.published} was cosigned by example.com/witness" in report.notes[-1]
    stranger = make_witness_key("example.com/stranger")
    both = Vouched(witnesses=(*own.verifier_keys, *stranger.verifier_keys))
    (finding,) = verify_log(directory, vkeys, vouched=both).findings
    assert "1 of 2 needed witnesses" in finding.problem
    assert verify_log(directory, vkeys, vouched=Vouched(witnesses=both.witnesses, quorum=1)).intact
    (directory / "witness" / "checkpoint").unlink()
    assert not verify_log(directory, vkeys, vouched=Vouched(witnesses=own.verifier_keys)).intact


def test_every_changed_byte_of_a_cosigned_checkpoint_is_found(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 3)
    anchoring(directory, key, own, network, clock).check()
    path = directory / "witness" / "checkpoint"
    whole = path.read_bytes()
    vkeys, vouched = [one.text for one in key.verifier_keys], Vouched(witnesses=own.verifier_keys)
    for at in range(0, len(whole), 97):
        content = bytearray(whole)
        content[at] ^= 1
        path.write_bytes(content)
        assert not verify_log(directory, vkeys, vouched=vouched).intact, at
    path.write_bytes(whole)
    assert verify_log(directory, vkeys, vouched=vouched).intact


@pytest.mark.parametrize("evidence", [True, False])
def test_a_restored_old_copy_is_not_continued(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock, *, evidence: bool
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 5)
    backup = Path(shutil.copytree(directory, tmp_path / "backup"))
    grow(directory, key, clock, 2)
    anchoring(directory, key, own, network, clock).check()
    network.silent = not evidence
    with pytest.raises(AuditRolledBack) as caught:
        anchoring(backup, key, own, network, clock).check()
    assert "covers 7 entries, the log has 5" in caught.value.cause
    assert ("own keys signed" in caught.value.cause) is evidence
    assert "Restore the newest copy" in caught.value.action
    # Without the network the cosigned checkpoint beside the log still tells.
    shutil.copytree(directory / "witness", backup / "witness")
    network.down = True
    with pytest.raises(AuditRolledBack):
        anchoring(backup, key, own, network, clock).check()


@pytest.mark.parametrize("leaves", [2, 9])
def test_an_old_copy_that_went_on_is_a_fork(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock, *, leaves: int
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 5)
    backup = Path(shutil.copytree(directory, tmp_path / "backup"))
    grow(directory, key, clock, 2)
    anchoring(directory, key, own, network, clock).check()
    grow(backup, key, clock, leaves, "demo-uwe")
    with pytest.raises(AuditForked):
        anchoring(backup, key, own, network, clock).check()
    shutil.copytree(directory / "witness", backup / "witness")
    network.down = True
    with pytest.raises(AuditForked):
        anchoring(backup, key, own, network, clock).check()
    report = verify_log(backup, [one.text for one in key.verifier_keys])
    assert [one.place for one in report.findings] == ["witness/checkpoint"]


def test_a_command_does_not_continue_a_restored_copy(tmp_path: Path, own: WitnessKey, clock: ManualClock) -> None:
    home = tmp_path / "home"
    directory, key = home / "audit", load_or_make_log_key(home / "keys" / "audit.json")
    (tmp_path / "witness").mkdir()
    with closing(Witness(tmp_path / "witness", own, clock, {key.name: key.verifier_keys})) as witness:
        grow(directory, key, clock, 5)
        backup = Path(shutil.copytree(directory, tmp_path / "backup"))
        grow(directory, key, clock, 2)
        anchoring(directory, key, own, Network(witness), clock).check()
    with local_counter(Settings(home=home), {}, principal="local-operator:eve") as counter:
        counter.act("hold", "user:maya", "a lawsuit")
    shutil.copytree(directory / "witness", backup / "witness")
    shutil.rmtree(directory)
    backup.rename(directory)
    with (
        pytest.raises(AuditRolledBack),
        local_counter(Settings(home=home), {}, principal="local-operator:eve") as counter,
    ):
        counter.act("hold", "user:maya", "a lawsuit")


def test_a_fork_found_while_running_refuses_every_act(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 5)
    backup = Path(shutil.copytree(directory, tmp_path / "backup"))
    grow(directory, key, clock, 2)
    network.down = True
    with AuditLog.open(backup, key, clock, publish_seconds=0.01) as log:
        policy = AnchoringPolicy((WitnessAddress(URL, own.verifier_keys),), 1, timedelta(seconds=0.02), timedelta(1))
        published = PublishedLog(backup, key.verifier_keys, key.name)
        client = httpx.Client(transport=httpx.MockTransport(network))
        outside = Anchoring(published, policy, clock, log.halt, client)
        outside.check()
        outside.start()
        log.intent(Event.BUILD_STARTED, principal="p", resource="r")
        anchoring(directory, key, own, Network(network.witness), clock).check()
        network.down = False
        with pytest.raises(AuditUnavailable) as caught:
            act_until_refused(log)
        assert caught.value.code in ("audit_forked", "audit_rolled_back")
        assert log.state().accepts == "nothing"
        assert "witnessed" in log.state().sentence
        outside.stop()


def test_a_witness_that_is_away_or_wrong_stops_nothing(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 5)
    network.down = True
    outside = anchoring(directory, key, own, network, clock)
    outside.check()
    assert "did not cosign" in outside.states()["witness"]
    network.down = False
    outside.round()
    assert outside.states() == {"witness": "ok"}
    for status in (200, 403, 404, 409, 422, 500):
        network.status = status
        outside.round()
        assert "ok" in outside.states()["witness"]
        clock.advance(601)
        assert "the last one was at 2026-11-22" in outside.states()["witness"]
        network.status = 0
        outside.round()
        assert outside.states() == {"witness": "ok"}


def test_an_answer_without_end_is_cut_off() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(4096)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    with httpx.Client(transport=transport) as client, pytest.raises(ExchangeFailed, match="too large"):
        exchange(client, "GET", URL)
    with httpx.Client() as client, pytest.raises(ExchangeFailed):
        exchange(client, "GET", "no address")


def test_too_few_witnesses_are_told_and_nothing_is_kept(
    tmp_path: Path, key: LogKey, own: WitnessKey, network: Network, clock: ManualClock
) -> None:
    directory = tmp_path / "audit"
    grow(directory, key, clock, 5)
    outside = anchoring(directory, key, own, network, clock, quorum=2)
    outside.check()
    assert outside.states() == {"witness": "not yet"}
    assert not (directory / "witness").exists()


def test_settings_are_read_strictly(tmp_path: Path, own: WitnessKey) -> None:
    vkeys = [one.text for one in own.verifier_keys]
    (tmp_path / "config.toml").write_text(
        f'[audit]\nquorum = 1\n[[audit.witnesses]]\nurl = "https://w.test/"\nvkeys = {vkeys!r}\n'
    )
    settings = load_settings({"INTRAMURAL_HOME": str(tmp_path)}).audit
    policy = AnchoringPolicy.from_settings(settings)
    assert (policy.quorum, policy.witnesses[0].url, policy.witnesses[0].name) == (1, "https://w.test", own.name)
    for wrong in ("quorum = 1", "witnesses = [{}]", 'stamp_url = "http://tsa.test"', "unknown = 1"):
        (tmp_path / "config.toml").write_text(f"[audit]\n{wrong}\n")
        with pytest.raises(SettingsError):
            load_settings({"INTRAMURAL_HOME": str(tmp_path)})
    mixed = [vkeys[0], make_witness_key("other").verifier_keys[0].text]
    for one in (["x"], mixed):
        with pytest.raises(NoteError):
            AnchoringPolicy.from_settings(AuditSettings.model_validate({"witnesses": [{"url": URL, "vkeys": one}]}))
