"""The running appliance as the operator on this machine reaches it: its Unix socket and the token beside it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx

from appliance.core.errors import IntramuralError, Unavailable
from appliance.core.private_files import read_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FINAL: Final = frozenset({"build.done", "build.failed", "build.cancelled"})
_RECONNECTS: Final = 60
_RECONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = 60.0
_EXPORT_SECONDS: Final = 600.0


class LocalApi:
    """Talks to the service. ``home`` is the appliance's home folder."""

    def __init__(self, home: Path) -> None:
        self._socket = home / "run" / "web.sock"
        self._token = home / "run" / "cli.token"

    def alive(self) -> bool:
        """Whether the web service answers."""
        return self._status("/health/live") == 200

    def ready(self) -> bool:
        """Whether a build could start now."""
        return self._status("/health/ready") == 200

    def create(self, request: str, *, sensitive: str = "") -> dict[str, str]:
        """Ask for an app; the answer names the build. ``sensitive``: ``mask`` or ``send`` what the policy asks about.

        Raises:
            IntramuralError: the service refuses, with its own words.
        """
        try:
            with self._client() as client:
                answer = client.post(
                    "/api/apps", json={"request": request, "sensitive": sensitive}, headers=self._headers()
                )
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        if answer.status_code != 201:
            raise _refusal(answer)
        created: dict[str, str] = answer.json()
        return created

    def export(self, app: str, out: Path) -> int:
        """Write the archive of an app to ``out``; returns its size in bytes.

        Raises:
            IntramuralError: the service refuses, with its own words, or the file cannot be written.
        """
        staging = out.with_name(f".{out.name}.part")
        try:
            with (
                self._client() as client,
                client.stream("POST", f"/api/apps/{quote(app, safe='')}/export", headers=self._headers(),
                              timeout=_EXPORT_SECONDS) as answer,
            ):  # fmt: skip
                if answer.status_code != 200:
                    answer.read()
                    raise _refusal(answer)
                with staging.open("wb") as stream:
                    size = sum(stream.write(piece) for piece in answer.iter_bytes())
            staging.replace(out)
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        except OSError as error:
            message = f"The archive cannot be written to {out}."
            raise IntramuralError(message, cause=str(error), action="Name another place with --out.") from error
        finally:
            staging.unlink(missing_ok=True)
        return size

    def ask(self, method: str, path: str, content: Mapping[str, object] | None = None) -> dict[str, Any]:
        """One request of the operator, JSON both ways.

        Raises:
            IntramuralError: the service refuses, with its own words, or does not answer.
        """
        try:
            with self._client() as client:
                answer = client.request(method, path, json=content, headers=self._headers())
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        if answer.status_code >= 300:
            raise _refusal(answer)
        found: dict[str, Any] = answer.json()
        return found

    def follow(self, build_id: str) -> Iterator[dict[str, Any]]:
        """Every event of a build up to its last one; reconnects when the service restarts in between.

        Raises:
            Unavailable: the service stays away.
        """
        last = 0
        for _ in range(_RECONNECTS):
            try:
                for event in self._events(build_id, last):
                    last = event["seq"]
                    yield event
                    if event["type"] in FINAL:
                        return
            except httpx.HTTPError as error:
                cause = error
                time.sleep(_RECONNECT_SECONDS)
            else:
                cause = httpx.ReadError("the stream ended early")
        raise self._gone(cause)

    def _events(self, build_id: str, after: int) -> Iterator[dict[str, Any]]:
        with (
            self._client() as client,
            client.stream("GET", f"/api/builds/{build_id}/events?after={after}", headers=self._headers()) as answer,
        ):
            answer.raise_for_status()
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def _client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self._socket))
        return httpx.Client(
            transport=transport, base_url="http://appliance.local", timeout=httpx.Timeout(10.0, read=_READ_SECONDS)
        )

    def _headers(self) -> dict[str, str]:
        token = read_private(self._token)
        if token is None:
            message = "The appliance is not running here."
            raise Unavailable(message, cause=f"{self._token} is missing", action="Start it: ./intramural demo")
        return {"Authorization": f"Bearer {token.decode()}"}

    def _status(self, path: str) -> int:
        if not self._socket.exists():
            return 0
        try:
            with self._client() as client:
                return client.get(path).status_code
        except httpx.HTTPError:
            return 0

    def _gone(self, error: Exception) -> Unavailable:
        message = "The appliance does not answer any more."
        return Unavailable(message, cause=repr(error), action="See log/ in its home folder, then start it again.")


def _refusal(answer: httpx.Response) -> IntramuralError:
    try:
        body = answer.json()
        error = body.get("error", body)
        return IntramuralError(
            str(error["message"]), cause=str(error.get("cause", "")), action=str(error.get("action", ""))
        )
    except (ValueError, KeyError, AttributeError):
        message = f"The appliance answered with status {answer.status_code}."
        return IntramuralError(message, cause=answer.text[:300], action="See log/ in its home folder.")
