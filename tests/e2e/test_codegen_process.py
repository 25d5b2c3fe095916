"""A generated app as a process: its socket, its stop, its data over a restart, its local sign-in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

from appliance.blueprint import naming
from appliance.codegen.render import render
from tests.fixtures.generated_apps import AUDIENCE, ISSUER, JWKS, blueprint, row_ids, token

DEADLINE = 60


@contextmanager
def process(code, data, *arguments, **environment):
    command = [sys.executable, "-u", "-m", naming.package_name(blueprint("equipment_loans").name), *arguments]
    env = {"PATH": os.environ["PATH"], "APP_DATA_DIR": str(data), **environment}
    running = subprocess.Popen(command, cwd=code, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def wait_for(client, running):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and running.poll() is None:
        try:
            return client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(running.stdout.read())


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    render(blueprint("equipment_loans")).write_to(folder)
    return folder


def test_behind_the_appliance_it_keeps_its_data_and_stops_cleanly(code, tmp_path):
    socket = tmp_path / "app.sock"
    settings = {"APP_IDENTITY_JWKS": JWKS, "APP_IDENTITY_ISSUER": ISSUER, "APP_IDENTITY_AUDIENCE": AUDIENCE}
    for already in (0, 1):
        transport = httpx.HTTPTransport(uds=str(socket))
        with (
            process(code, tmp_path / "data", "--socket", str(socket), **settings) as running,
            httpx.Client(transport=transport, base_url="http://app") as client,
        ):
            assert wait_for(client, running).json() == {"status": "ok"}
            header = {"X-Intramural-Identity": token("@owner")}
            assert client.get("/item").status_code == 401
            assert len(row_ids(client.get("/item", headers=header).text)) == already
            form = client.get("/item/new", headers=header).text
            csrf = re.search(r'name="csrf_token" value="([^"]+)"', form).group(1)
            made = client.post("/item/new", headers=header, data={"csrf_token": csrf, "name": "kept"})
            assert made.status_code == 303
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 0
    kept = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"app.db", "secret.key"} <= kept
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o077 == 0


def test_alone_the_printed_link_signs_the_owner_in_once(code, tmp_path):
    with process(code, tmp_path / "data", "--port", "0", APP_LOAD_EXAMPLES="1") as running:
        link = re.search(r"http://127\.0\.0\.1:(\d+)(/\S+)", running.stdout.readline())
        base = f"http://127.0.0.1:{link.group(1)}"
        with httpx.Client(base_url=base) as client:
            wait_for(client, running)
            assert client.get("/item").status_code == 401
            assert client.get("/item", headers={"X-Intramural-Identity": token("@owner")}).status_code == 401
            answer = client.get(link.group(2))
            assert answer.status_code == 303
            assert "httponly" in answer.headers["set-cookie"].lower()
            assert len(row_ids(client.get("/item").text)) == 5
        with httpx.Client(base_url=base) as other:
            assert other.get(link.group(2)).status_code == 401


def test_half_an_identity_is_refused_before_listening(code, tmp_path):
    with process(code, tmp_path / "data", "--port", "0", APP_IDENTITY_JWKS="{}") as running:
        assert running.wait(DEADLINE) == 2
        assert "APP_IDENTITY_ISSUER" in running.stdout.read()


def test_installed_by_pip_it_starts_without_its_source(code, tmp_path):
    site = tmp_path / "site"
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", *install, str(code)], check=True)
    with process(tmp_path, tmp_path / "data", "--port", "0", PYTHONPATH=str(site), APP_LOAD_EXAMPLES="1") as running:
        link = re.search(r"http://127\.0\.0\.1:\d+/\S+", running.stdout.readline()).group()
        with httpx.Client(base_url=link, follow_redirects=True) as client:
            wait_for(client, running)
            page = client.get(link)
            assert page.status_code == 200
            assert "<h1" in page.text
            assert client.get(str(page.url.copy_with(path="/item"))).status_code == 200
