"""Syslog over TLS (RFC 5425) with confirmation: batches, each on a connection of its own.

Syslog knows no acknowledgement. So a batch ends with the TLS closure handshake: our ``close_notify``, then the
receiver's, which it sends after it has read everything before ours. Only then the batch counts as delivered. A receiver
that dies in between resets or just ends the connection, and the batch is sent again: at least once, never lost.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.audit.export.errors import DeliveryFailed
from appliance.audit.export.syslog import framed

SYSLOG_TLS_PORT: Final = 6514
_CHUNK_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class Destination:
    """A receiver. The certificate must be for ``host`` and of an authority in ``ca_file``; times are seconds.

    ``certificate`` and ``key`` are shown to a receiver that asks who we are.
    """

    host: str
    ca_file: Path
    port: int = SYSLOG_TLS_PORT
    certificate: Path | None = None
    key: Path | None = None
    timeout: float = 10.0

    @property
    def name(self) -> str:
        """For people and for the log."""
        return f"{self.host}:{self.port}"


def deliver(destination: Destination, messages: Iterable[bytes]) -> None:
    """Send a batch and wait until the receiver confirms that it has read all of it.

    Raises:
        DeliveryFailed: it is not known to have arrived; send it again.
    """
    try:
        context = ssl.create_default_context(cafile=destination.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if destination.certificate is not None:
            context.load_cert_chain(destination.certificate, destination.key)
        with (
            socket.create_connection((destination.host, destination.port), destination.timeout) as plain,
            context.wrap_socket(plain, server_hostname=destination.host) as secure,
        ):
            content = b"".join(map(framed, messages))
            for at in range(0, len(content), _CHUNK_BYTES):
                secure.sendall(content[at : at + _CHUNK_BYTES])
            secure.unwrap()
    except (OSError, ValueError) as error:
        text = f"The receiver {destination.name} did not confirm a batch of audit messages; it is sent again."
        raise DeliveryFailed(
            text,
            cause=f"{type(error).__name__}: {error}",
            action="Check the receiver, its certificate, and that it answers a TLS close_notify with its own.",
        ) from error
