"""The real Caddy: what reaches an app, what does not, and what happens when Caddy is killed."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from appliance.core.ids import new_id
from appliance.hosting.caddy import Caddy
from appliance.hosting.caddy_admin import SocketAdminClient
from appliance.hosting.release import AppRelease, AppState, FrontDoorFailed, HostingLimits
from appliance.hosting.routes import AppRoute, FrontDoor, admin_config
from appliance.hosting.supervisor import AppSupervisor
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.fakes.app_tokens import PlainTokens
from tests.fixtures.small_app import PACKAGE, write_small_app

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Web:
    """Stands where the web service stands: decides at the gate, serves the studio."""

    path: Path
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    gate: Callable[[dict[str, str]], Reply] = lambda _headers: (200, {"X-Intramural-Identity": "genuine"}, b"")

    def start(self) -> socketserver.BaseServer:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self) -> str:
                return "local"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.rfile.read(int(headers.get("content-length", 0)))
                web.seen.append((self.command, self.path, headers))
                reply = web.gate(headers) if self.path == "/gate/check" else (200, {}, b"studio")
                self.send_response(reply[0])
                for name, value in {**reply[1], "Content-Length": str(len(reply[2]))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply[2])

            do_POST = do_GET  # noqa: N815 - the base class's name

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        server = Server(str(self.path), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@dataclass
class Site:
    door: FrontDoor
    caddy: Caddy
    web: Web
    apps: AppSupervisor
    release: AppRelease

    def ask(self, host: str, path: str = "/", method: str = "GET", **more: object) -> httpx.Response:
        headers = {"Host": f"{host}.intramural.localhost:{self.door.port}", **more.pop("headers", {})}  # type: ignore[dict-item]
        url = f"http://127.0.0.1:{self.door.port}{path}"
        return httpx.request(method, url, headers=headers, timeout=10, **more)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="fd-") as name:
        home = Path(name)
        web = Web(home / "web.sock")
        server = web.start()
        apps = AppSupervisor(BubblewrapSandbox(), PlainTokens(), home / "apps", HostingLimits(start_seconds=10))
        app_id = new_id("app")
        release = AppRelease(app_id, "loans", PACKAGE, write_small_app(home / "code"), home / "data")
        route = AppRoute("loans", apps.address(app_id).socket)
        door = FrontDoor(
            domain="intramural.localhost",
            port=free_port(),
            web_socket=web.path,
            admin_socket=home / "admin.sock",
            storage=home / "caddy",
            apps=(route,),
            max_body_bytes=1 << 20,
        )
        caddy = Caddy(home / "log" / "caddy.log")
        caddy.start(door)
        yield Site(door, caddy, web, apps, release)
        caddy.stop()
        apps.stop_all()
        server.shutdown()
        server.server_close()


@pytest.fixture
def app(site: Site) -> Site:
    """The app runs and the gate lets everybody in."""
    site.web.seen.clear()
    site.web.gate = lambda _headers: (200, {"X-Intramural-Identity": "genuine"}, b"")
    site.apps.ensure_running(site.release)
    return site


pytestmark = pytest.mark.sandbox


def test_studio_and_unknown_hosts(app: Site) -> None:
    assert app.ask("studio").text == "studio"
    unknown = app.ask("nobody")
    assert unknown.status_code == 404
    assert app.ask("loans.evil").status_code == 404
    assert app.web.seen[0][1] == "/"
    assert len(app.web.seen) == 1


def test_a_forged_identity_never_reaches_the_app(app: Site) -> None:
    forged = {"X-Intramural-Identity": "forged", "x_intramural_identity": "forged", "X-INTRAMURAL-ROLE": "forged"}
    told = app.ask("loans", "/list?q=1", headers=forged).json()
    identities = [value for name, value in told["headers"] if "intramural" in name.lower()]
    assert identities == ["genuine"] or [v for v in identities if "localhost" not in v] == ["genuine"]
    assert "forged" not in str(told)
    assert told["path"] == "/list?q=1"


def test_the_gate_sees_the_request_and_not_its_body(app: Site) -> None:
    app.ask("loans", "/loan/new?x=1", "POST", content=b"a=b", headers={"Cookie": "__Host-intramural-app=secret"})
    method, path, headers = app.web.seen[-1]
    assert (method, path) == ("GET", "/gate/check")
    assert headers["x-forwarded-method"] == "POST"
    assert headers["x-forwarded-uri"] == "/loan/new?x=1"
    assert headers["x-forwarded-host"] == f"loans.intramural.localhost:{app.door.port}"
    assert headers["cookie"] == "__Host-intramural-app=secret"
    assert "content-length" not in headers


def test_an_identity_that_the_gate_does_not_give_is_not_taken_from_the_browser(app: Site) -> None:
    app.web.gate = lambda _headers: (200, {}, b"")
    told = app.ask("loans", "/", headers={"X-Intramural-Identity": "forged"}).json()
    assert "forged" not in str(told)


@pytest.mark.parametrize("status", [302, 401, 403, 503])
def test_what_the_gate_refuses_goes_to_the_browser(app: Site, status: int) -> None:
    app.web.gate = lambda _headers: (status, {"Location": "http://studio/sign-in"}, b"not now")
    before = len(app.apps.output(app.release.app_id))
    answer = app.ask("loans", "/secret")
    assert answer.status_code == status
    assert answer.headers["location"] == "http://studio/sign-in"
    assert answer.text == "not now"
    assert len(app.apps.output(app.release.app_id)) == before


def test_the_gate_wakes_a_sleeping_app(app: Site) -> None:
    app.apps.stop(app.release.app_id)

    def wake(_headers: dict[str, str]) -> Reply:
        app.apps.ensure_running(app.release)
        return (200, {"X-Intramural-Identity": "genuine"}, b"")

    app.web.gate = wake
    assert app.apps.state(app.release.app_id) is AppState.ASLEEP
    answer = app.ask("loans", "/")
    assert answer.status_code == 200
    assert app.apps.state(app.release.app_id) is AppState.RUNNING


def test_an_app_that_does_not_answer_is_explained(app: Site) -> None:
    app.apps.stop(app.release.app_id)
    app.apps.address(app.release.app_id).socket.unlink(missing_ok=True)
    answer = app.ask("loans", "/")
    assert answer.status_code == 502
    assert "reload" in answer.text


def test_our_paths_on_an_app_host_go_to_the_web_service(app: Site) -> None:
    assert app.ask("loans", "/.intramural/session?code=1").text == "studio"
    assert app.web.seen[-1][1] == "/.intramural/session?code=1"


def test_the_gate_cannot_be_asked_from_outside(app: Site) -> None:
    for path in ("/gate/check", "/gate/", "/gate/../gate/check", "/%67ate/check"):
        answer = app.ask("studio", path)
        assert "x-intramural-identity" not in answer.headers
        assert answer.status_code == 404, path


def test_the_session_stays_between_browser_and_gate(app: Site) -> None:
    cookies = "a=1; __Host-intramural-app=secret; __Host-intramural=other; b=2"
    answer = app.ask("loans", "/", headers={"Cookie": cookies})
    told = dict(answer.json()["headers"])
    assert "secret" not in told["Cookie"]
    assert "other" not in told["Cookie"]
    assert "a=1" in told["Cookie"]
    assert "b=2" in told["Cookie"]
    assert "stolen" not in str(answer.headers)
    assert "own=1; Path=/" in answer.headers.get_list("set-cookie")
    assert "x-intramural-identity" not in answer.headers


def test_answers_carry_the_headers_that_protect(app: Site) -> None:
    headers = app.ask("loans", "/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert f"frame-ancestors 'self' {app.door.studio_origin}" in headers["content-security-policy"]
    assert "server" not in headers


def test_bodies_are_limited(app: Site) -> None:
    app.web.seen.clear()
    try:
        status = app.ask("loans", "/", "POST", content=b"x" * (2 << 20)).status_code
    except httpx.HTTPError:  # the connection may be closed while the rest is still being sent
        status = 413
    assert status == 413


def test_killed_caddy_comes_back_with_its_configuration(app: Site) -> None:
    first = app.caddy.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while True:
        try:
            assert app.ask("loans", "/").status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert app.caddy.pid not in (None, first)


def test_routes_that_arrive_while_caddy_is_down_are_served_when_it_is_back(app: Site) -> None:
    socket_path = app.apps.address(app.release.app_id).socket
    assert app.caddy.pid is not None
    os.kill(app.caddy.pid, signal.SIGKILL)
    while app.caddy.pid is not None:
        time.sleep(0.001)
    app.caddy.apply(replace(app.door, apps=(AppRoute("cars", socket_path),)))
    deadline = time.monotonic() + 10
    while True:
        try:
            assert app.ask("cars", "/").status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    app.caddy.apply(app.door)


def test_new_routes_are_taken_over_and_wrong_ones_refused(app: Site) -> None:
    socket_path = app.apps.address(app.release.app_id).socket
    app.caddy.apply(replace(app.door, apps=(*app.door.apps, AppRoute("bikes", socket_path))))
    assert app.ask("bikes", "/").status_code == 200
    with pytest.raises(FrontDoorFailed, match="refused"):
        SocketAdminClient(app.door.admin_socket).load({**admin_config(app.door), "apps": {"http": {"servers": 7}}})
    with pytest.raises(FrontDoorFailed, match="administration"):
        SocketAdminClient(app.door.admin_socket).load({"apps": {}})
    assert app.ask("bikes", "/").status_code == 200
    app.caddy.apply(app.door)
    assert app.ask("bikes", "/").status_code == 404


def test_administration_is_reached_by_its_owner_only(app: Site) -> None:
    assert app.door.admin_socket.stat().st_mode & 0o077 == 0
    config = SocketAdminClient(app.door.admin_socket).current()
    assert isinstance(config, dict)
    assert set(config["apps"]["http"]["servers"]) == {"front_door"}


def test_caddy_listens_on_loopback_only_and_connects_to_nobody(app: Site) -> None:
    app.ask("loans", "/")
    inodes = {
        entry.readlink().name.removeprefix("socket:[").removesuffix("]")
        for entry in Path(f"/proc/{app.caddy.pid}/fd").iterdir()
        if "socket:" in str(entry.readlink())
    }
    lines = [line.split() for table in ("tcp", "tcp6", "udp", "udp6") for line in _table(table)]
    ours = [line for line in lines if line[9] in inodes]
    assert [line[1] for line in ours if line[3] == "0A"] == [f"0100007F:{app.door.port:04X}"]
    assert all(line[1].startswith("0100007F:") for line in ours)


def _table(name: str) -> list[str]:
    path = Path("/proc/net") / name
    return path.read_text().splitlines()[1:] if path.exists() else []


def test_a_port_that_is_taken_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory(prefix="fd-") as name:
        port = taken.getsockname()[1]
        home = Path(name)
        door = FrontDoor("intramural.localhost", port, home / "web.sock", home / "admin.sock", home / "caddy")
        caddy = Caddy(tmp_path / "caddy.log")
        with pytest.raises(FrontDoorFailed, match=f"port {port} is already used"):
            caddy.start(door)
        assert caddy.pid is None
