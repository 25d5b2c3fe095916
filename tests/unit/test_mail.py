"""Mail through a real SMTP server: letters arrive, a relay that is away is tried again, and nobody ever waits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

from appliance.core.settings import MailSettings
from appliance.studio.mail import MAX_QUEUED, TRIES, Mailer
from appliance.studio.notices import Letter
from tests.fixtures.studio import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTER = Letter(("rita@intramural.example", "ralf@intramural.example"), "Waiting for you: Prüfung", "See http://x/ä\n")


class Inbox:
    """What an SMTP server took; ``refuse`` gives the answer to the next transmissions instead."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.refuse: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.refuse:
            return self.refuse.pop(0)
        self.letters.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextmanager
def relay(inbox: Inbox, port: int) -> Iterator[None]:
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield
    finally:
        server.stop()


@contextmanager
def mailer_to(port: int) -> Iterator[Mailer]:
    mailer = Mailer(MailSettings(host="127.0.0.1", port=port), first_pause=0.05)
    mailer.start()
    try:
        yield mailer
    finally:
        mailer.stop()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(condition)


def test_a_letter_arrives_whole() -> None:
    inbox, port = Inbox(), free_port()
    with relay(inbox, port), mailer_to(port) as mailer:
        mailer.send(LETTER)
        until(lambda: inbox.letters)
        to, message = inbox.letters[0]
        assert to == list(LETTER.to)
        assert message["Subject"] == "Waiting for you: Prüfung"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.get_content().strip() == "See http://x/ä"
        assert mailer.state() == "ok"


def test_a_relay_that_is_busy_or_away_is_tried_again() -> None:
    inbox, port = Inbox(), free_port()
    inbox.refuse = ["451 try later", "451 try later"]
    with mailer_to(port) as mailer:
        mailer.send(LETTER)
        until(lambda: "does not answer" in mailer.state())
        with relay(inbox, port):
            until(lambda: inbox.letters)
            until(lambda: mailer.state() == "ok")


def test_what_cannot_be_sent_is_given_up_and_told() -> None:
    inbox, port = Inbox(), free_port()
    inbox.refuse = ["554 never"] * TRIES
    with relay(inbox, port), mailer_to(port) as mailer:
        mailer.send(LETTER)
        until(lambda: mailer.state().startswith("1 mails could not be sent"))
        mailer.send(Letter(("nobody@intramural.example",), "x", "y"))
        until(lambda: "2 mails could not be sent: the relay refuses every recipient" in mailer.state())
        mailer.send(LETTER)
        until(lambda: inbox.letters)


def test_nobody_waits_for_mail_even_if_the_queue_is_full() -> None:
    mailer = Mailer(MailSettings(host="127.0.0.1", port=free_port()))
    begun = time.monotonic()
    for _ in range(MAX_QUEUED + 3):
        mailer.send(LETTER)
    assert time.monotonic() - begun < 5
    assert mailer.state() == "3 mails could not be sent: the queue is full"


def test_without_a_relay_nothing_is_sent_or_kept() -> None:
    mailer = Mailer(MailSettings())
    mailer.start()
    mailer.send(LETTER)
    assert mailer.state() == "off"
    mailer.stop()


def test_a_subject_cannot_become_a_header() -> None:
    inbox, port = Inbox(), free_port()
    with relay(inbox, port), mailer_to(port) as mailer:
        mailer.send(Letter(LETTER.to, "x\r\nBcc: all@intramural.example", "y"))
        mailer.send(LETTER)
        until(lambda: inbox.letters)
        assert [message["Bcc"] for _, message in inbox.letters] == [None]
        assert "cannot be sent as a mail" in mailer.state()
