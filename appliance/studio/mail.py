"""Mail through the company's own relay: a bounded queue, a thread of its own, bounded retries. Nobody waits for it.

What cannot be sent is counted and told in the health of the appliance; the studio's pages say the same as the mails.
"""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.core.settings import MailSettings
    from appliance.studio.notices import Letter

MAX_QUEUED: Final = 200
TRIES: Final = 5
FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 120.0
TIMEOUT_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class Mailer:
    """Implements :class:`appliance.studio.notices.Post` over SMTP (RFC 5321). Without a relay letters are dropped."""

    def __init__(self, settings: MailSettings, *, first_pause: float = FIRST_PAUSE_SECONDS) -> None:
        self._settings, self._first_pause = settings, first_pause
        self._queue: queue.Queue[Letter] = queue.Queue(MAX_QUEUED)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost, self._lost_why = 0, ""
        self._trouble = ""

    def start(self) -> None:
        """Begin to send."""
        if self._settings.host and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mailer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop; what is still in the queue is given up, because the pages say it too."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_SECONDS + 5)
            self._thread = None

    def send(self, letter: Letter) -> None:
        """Queue a letter; a full queue drops it, and says so in :meth:`state`."""
        if not self._settings.host:
            return
        try:
            self._queue.put_nowait(letter)
        except queue.Full:
            self._lose("the queue is full")

    def state(self) -> str:
        """``ok``, ``off``, or what is wrong."""
        if not self._settings.host:
            return "off"
        if self._lost:
            return f"{self._lost} mails could not be sent: {self._lost_why}"
        return f"the relay does not answer: {self._trouble}" if self._trouble else "ok"

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                letter = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            self._deliver(letter)

    def _deliver(self, letter: Letter) -> None:
        pause = self._first_pause
        for attempt in range(TRIES):
            try:
                self._transmit(letter)
            except smtplib.SMTPRecipientsRefused as error:
                self._lose(f"the relay refuses every recipient: {_first_line(error)}")
                return
            except (ValueError, smtplib.SMTPNotSupportedError) as error:
                self._lose(f"it cannot be sent as a mail: {_first_line(error)}")
                return
            except (OSError, smtplib.SMTPException) as error:
                self._trouble = _first_line(error)
                if attempt + 1 == TRIES or self._stopping.wait(pause):
                    break
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                self._trouble = ""
                return
        self._lose(self._trouble)

    def _transmit(self, letter: Letter) -> None:
        settings = self._settings
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = settings.sender, ", ".join(letter.to), letter.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="intramural.invalid")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(letter.text)
        with smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS) as relay:
            if settings.starttls:
                relay.starttls(context=ssl.create_default_context(cafile=settings.ca_file))
            relay.send_message(message)

    def _lose(self, why: str) -> None:
        self._lost, self._lost_why = self._lost + 1, why
        _log.warning("a mail about a request could not be sent: %s", why)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
