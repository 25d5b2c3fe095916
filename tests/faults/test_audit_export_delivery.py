"""Delivery to a real TLS receiver that is killed in the middle, slow, silent, or somebody else."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.audit.export.cursor import Cursor
from appliance.audit.export.delivery import Destination, deliver
from appliance.audit.export.errors import DeliveryFailed, ExportRefused
from appliance.audit.export.forwarder import MAX_BATCH, SyslogForwarder
from appliance.audit.export.syslog import SyslogFormat
from appliance.audit.export.view import LogView
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from tests.fixtures.exports import TIME
from tests.fixtures.studio import free_port
from tests.fixtures.syslog_parser import parse_rfc5424

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVER = Path(__file__).parent.parent / "fixtures" / "tls_receiver.py"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@dataclass
class Receiver:
    """The receiver as a process; ``path`` is what it wrote."""

    port: int
    certificate: Path
    key: Path
    path: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, pause: float = 0.0) -> None:
        command = [sys.executable, str(RECEIVER), str(self.port), str(self.certificate), str(self.key), str(self.path)]
        self.process = subprocess.Popen([*command, str(pause)], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"listening\n"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def messages(self) -> list[bytes]:
        content = self.path.read_bytes() if self.path.exists() else b""
        return [line for line in content.split(b"\n")[:-1] if parse_rfc5424(line) is not None]

    def indexes(self) -> list[int]:
        return [int(found[1]) for line in self.messages() if (found := re.search(rb' index="(\d+)"', line))]

    @property
    def destination(self) -> Destination:
        return Destination("127.0.0.1", self.certificate, self.port, timeout=5.0)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(free_port(), *certificate(tmp_path, "receiver"), tmp_path / "received")
    yield made
    made.kill()


@contextlib.contextmanager
def forwarding(tmp_path: Path, destination: Destination) -> Iterator[tuple[AuditLog, SyslogForwarder]]:
    key = load_or_make_log_key(tmp_path / "keys" / "audit.json")
    with AuditLog.open(tmp_path / "audit", key, ManualClock(TIME), publish_seconds=0.02) as log:
        log.record_unknown()
        log.checkpoint()
        forwarder = SyslogForwarder(
            lambda: LogView(tmp_path / "audit", key.verifier_keys),
            destination,
            SyslogFormat(),
            Cursor(tmp_path / "exports" / "siem.json", key.name),
            log,
            principal="appliance",
            idle_seconds=0.02,
        )
        forwarder.start()
        try:
            yield log, forwarder
        finally:
            forwarder.stop()


def write(log: AuditLog, acts: int) -> None:
    for number in range(acts):
        log.outcome(log.intent(Event.APP_OPENED, principal="p", resource=f"app_{number}"), Outcome.DONE)


def wait_for(reached: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.02)
    assert reached()  # type: ignore[operator]


def test_everything_arrives_in_order_and_a_restart_goes_on(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start()
    with forwarding(tmp_path, receiver.destination) as (log, _):
        write(log, 100)
        wait_for(lambda: len(receiver.indexes()) >= 201)
    first = receiver.indexes()
    assert first == list(range(201))  # and the leaf that says the log is being sent away
    with forwarding(tmp_path, receiver.destination) as (log, forwarder):
        write(log, 10)
        wait_for(lambda: forwarder.state.lag == 0 and len(receiver.indexes()) >= log.size)
        assert receiver.indexes() == list(range(log.size))
        acts = [leaf for _, leaf in log.leaves() if leaf.event == Event.AUDIT_EXPORTED]
    assert [(leaf.kind, leaf.details.get("start"), leaf.details.get("stop")) for leaf in acts] == [
        ("intent", 0, None),
        ("outcome", None, 201),
        ("intent", 201, None),
    ]


def test_a_receiver_killed_in_the_middle_gets_everything_at_least_once(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start(pause=0.01)
    with forwarding(tmp_path, receiver.destination) as (log, forwarder):
        writer = threading.Thread(target=write, args=(log, 600))
        writer.start()
        for number in range(5):
            wait_for(lambda number=number: len(receiver.indexes()) > number * 100)  # type: ignore[misc]
            receiver.kill()
            time.sleep(0.1)
            receiver.start(pause=0.01)
        writer.join()
        wait_for(lambda: forwarder.state.lag == 0 and set(receiver.indexes()) >= set(range(log.size)), 60)
        got = receiver.indexes()
    fresh = list(dict.fromkeys(got))
    assert fresh == sorted(fresh)  # repeated perhaps, but never out of order and never with a gap
    assert set(got) >= set(range(1201))


def test_the_log_never_waits_for_a_receiver(tmp_path: Path) -> None:
    """A listener that accepts and then never reads: the worst receiver there is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        pem, _ = certificate(tmp_path, "nobody")
        destination = Destination("127.0.0.1", pem, port, timeout=0.5)
        with forwarding(tmp_path, destination) as (log, forwarder):
            began = time.monotonic()
            write(log, 100)
            assert time.monotonic() - began < 20
            wait_for(lambda: forwarder.state.error != "")
            assert forwarder.state.following == 0
            assert "did not confirm" in forwarder.state.error


def test_a_receiver_too_slow_for_a_batch_gets_smaller_ones(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start(pause=0.05)
    destination = dataclasses.replace(receiver.destination, timeout=0.6)
    with forwarding(tmp_path, destination) as (log, forwarder):
        write(log, 100)
        wait_for(lambda: forwarder.state.following >= 200, 60)


def test_who_dies_before_saying_good_bye_has_confirmed_nothing(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start(pause=0.3)
    killer = threading.Timer(0.15, receiver.kill)
    killer.start()
    with pytest.raises(DeliveryFailed):
        deliver(receiver.destination, [b"<109>1 - - - - - - hello"] * 10)
    killer.join()


def test_a_receiver_with_another_certificate_gets_nothing(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start()
    other, _ = certificate(tmp_path, "other")
    with pytest.raises(DeliveryFailed, match="did not confirm") as refused:
        deliver(Destination("127.0.0.1", other, receiver.port, timeout=5.0), [b"<109>1 - - - - - - secret"])
    assert "certificate verify failed" in refused.value.cause
    with pytest.raises(DeliveryFailed):
        deliver(Destination("localhost", receiver.certificate, receiver.port, timeout=5.0), [b"x"])
    assert receiver.messages() == []


def test_a_cursor_of_another_log_is_refused(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "siem.json", "example.com/log")
    assert cursor.read() == 0
    cursor.write(17)
    assert cursor.read() == 17
    with pytest.raises(ExportRefused, match="how far"):
        Cursor(tmp_path / "siem.json", "example.com/other").read()
    for content in ("", "[]", '{"next":-1,"origin":"example.com/log"}', '{"next":true,"origin":"example.com/log"}'):
        (tmp_path / "siem.json").write_text(content)
        with pytest.raises(ExportRefused):
            cursor.read()


def test_a_batch_is_bounded(tmp_path: Path, receiver: Receiver) -> None:
    receiver.start()
    key = load_or_make_log_key(tmp_path / "keys" / "audit.json")
    with AuditLog.open(tmp_path / "audit", key, ManualClock(TIME)) as log:
        write(log, 300)
        log.checkpoint()
        cursor = Cursor(tmp_path / "siem.json", key.name)
        forwarder = SyslogForwarder(
            lambda: LogView(tmp_path / "audit", key.verifier_keys),
            receiver.destination,
            SyslogFormat(payload="ocsf"),
            cursor,
            log,
            principal="p",
        )
        assert [forwarder.step(), forwarder.step(), forwarder.step()] == [MAX_BATCH, 600 - MAX_BATCH, 0]
    assert receiver.indexes() == list(range(600))
