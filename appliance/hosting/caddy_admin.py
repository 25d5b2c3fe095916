"""Caddy's administration API over its Unix socket, through caddy-api-client (docs/adr/0002-caddy-admin.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
from caddy_api_client import CaddyAPIClient

from appliance.hosting.release import FrontDoorFailed

_TIMEOUT_SECONDS: Final = 10.0
_MAX_CAUSE: Final = 500


class SocketAdminClient(CaddyAPIClient):  # type: ignore[misc]
    """The library's client with another transport: requests, which it uses, cannot reach a Unix socket.

    Its own operations work unchanged; we use :meth:`load` and :meth:`current`.
    """

    def __init__(self, socket: Path) -> None:
        super().__init__("http://127.0.0.1")
        self._socket = socket

    def _make_request(
        self,
        method: str,
        endpoint: str,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self._socket))
        try:
            with httpx.Client(transport=transport, base_url=self.base_url, timeout=_TIMEOUT_SECONDS) as client:
                answer = client.request(method, endpoint, json=data or None, headers=dict(headers or {}))
        except httpx.HTTPError as error:
            message = "The front door does not answer."
            raise FrontDoorFailed(message, cause=str(error), action="Start the appliance again.") from error
        if answer.is_error:
            message = "The front door refused its configuration; the one before stays in force."
            raise FrontDoorFailed(message, cause=answer.text[:_MAX_CAUSE], action="Report this to the operator.")
        return answer

    def load(self, config: Mapping[str, object]) -> None:
        """Replace the whole configuration; Caddy switches without dropping a connection, or changes nothing.

        Raises:
            FrontDoorFailed: no answer, or refused.
        """
        if "admin" not in config:
            # Caddy would move its administration to a TCP port at once, even if it then refuses the rest.
            message = "A configuration without the administration socket is not loaded."
            raise FrontDoorFailed(message, cause="no 'admin'", action="Report this to the operator.")
        self._make_request("POST", "/load", data=config, headers={"Cache-Control": "must-revalidate"})

    def current(self) -> object:
        """The configuration in force.

        Raises:
            FrontDoorFailed: no answer.
        """
        return self._make_request("GET", "/config/").json()
