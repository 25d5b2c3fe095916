"""An exported app in a bare virtual environment: its own tests, SQLite and PostgreSQL, both ways to sign in.

Everything runs as its README says and nothing of the appliance is there, but for the issuer that stands in for a
customer's sign-in service.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from appliance.blueprint import naming
from tests.fixtures.generated_apps import blueprint, row_ids, served
from tests.fixtures.postgresql import postgresql
from tests.fixtures.studio import free_port

APP = "equipment_loans"
PACKAGE = naming.package_name(blueprint(APP).name)
PASSWORD = "correct horse battery"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SECONDS = 60


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project folder with the data of a used app: examples, and one item with a photo that somebody added."""
    folder = tmp_path_factory.mktemp("exported")
    with served(blueprint(APP), folder / "served") as app:
        files = {"photo": ("scope.png", PNG, "image/png")}
        made = app.owner.post("/item/new", {"name": "Skop – ünïcode 😀"}, files=files)
        assert made.status_code == 303, made.text
        transfer = importlib.import_module(f"{PACKAGE}.kit.transfer")
        transfer.dump(app.client.app.state["runtime"], folder / "app" / "data")
    for path in (folder / "served" / "code").iterdir():
        if path.is_dir():
            shutil.copytree(path, folder / "app" / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / "app" / path.name)
    return folder / "app"


@pytest.fixture(scope="module")
def python(project, tmp_path_factory):
    """The interpreter of a new virtual environment with the project in it."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    install = [str(interpreter), "-m", "pip", "install", "--quiet", ".[oidc,postgresql]", "pytest"]
    subprocess.run(install, cwd=project, check=True)
    return str(interpreter)


@pytest.fixture(scope="module")
def expected(project) -> int:
    return len((project / "data/tables/item.jsonl").read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def server():
    with postgresql() as url:
        yield url


def environment(folder, **settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "APP_DATA_DIR": str(folder / "kept"), "LANG": "C.UTF-8", **settings}


def command(python, project, env, *words: str, stdin: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [python, "-m", PACKAGE, *words], cwd=project, env=env, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def running(python, project, env, *words: str):
    process = subprocess.Popen(
        [python, "-u", "-m", PACKAGE, *words], cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, line + process.stdout.read()
        with httpx.Client(base_url=address.group(), timeout=SECONDS) as client:
            end = time.monotonic() + SECONDS
            while True:
                try:
                    assert client.get("/healthz").json() == {"status": "ok"}
                    break
                except httpx.TransportError:
                    assert time.monotonic() < end
                    time.sleep(0.05)
            yield client
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def csrf(page: httpx.Response) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def test_its_own_tests_are_green(project, python, tmp_path):
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=project, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d+ passed", done.stdout)
    loaded = subprocess.run([python, "-c", "import appliance"], cwd=tmp_path, capture_output=True, check=False)
    assert loaded.returncode != 0  # nothing of the appliance is in that environment


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_accounts_sign_in_and_the_data_is_there(  # noqa: PLR0917 - fixtures
    project, python, expected, tmp_path, database, request
):
    env = environment(tmp_path, APP_LOGIN="accounts")
    if database == "postgresql":
        env["APP_DATABASE_URL"] = request.getfixturevalue("server")
    assert "1 files loaded" in command(python, project, env, "load", "data")
    assert "already" in command(python, project, env, "load", "data", code=1)
    command(
        python, project, env, "users", "add", "ada@example.com", "--owner", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert "no role" in command(
        python,
        project,
        env,
        "users",
        "add",
        "x@example.com",
        "--role",
        "King",
        "--password-stdin",
        stdin=PASSWORD,
        code=1,
    )
    assert command(python, project, env, "users", "list") == "ada@example.com\tada@example.com\t@owner\n"
    with running(python, project, env, "--port", "0") as client:
        assert client.get("/item").status_code == 303
        form = client.get("/-/sign-in?to=/item")
        fields = {"email": "ada@example.com", "password": PASSWORD, "to": "/item", "csrf_token": csrf(form)}
        assert client.post("/-/sign-in", data=fields | {"password": "wrong horse battery"}).status_code == 422
        assert client.post("/-/sign-in", data=fields).headers["location"] == "/item"
        page = client.get("/item?q=ünïcode")
        assert "Skop – ünïcode 😀" in page.text
        everything = client.get("/item/export.csv").content.decode("utf-8-sig")
        assert len(everything.strip().splitlines()) == expected + 1
        (found,) = row_ids(page.text)
        assert client.get(f"/item/{found}/files/photo").content == PNG
        made = client.post("/item/new", data={"csrf_token": csrf(client.get("/item/new")), "name": "New here"})
        assert made.status_code == 303, made.text  # ids go on behind those that were loaded
        assert int(made.headers["location"].rpartition("/")[2]) > found
    again = tmp_path / "again"
    command(python, project, env, "dump", str(again))
    before = json.loads((project / "data/manifest.json").read_text(encoding="utf-8"))
    after = json.loads((again / "manifest.json").read_text(encoding="utf-8"))
    assert after["tables"]["item"] == before["tables"]["item"] + 1
    assert "_accounts" not in after["tables"]
    kept = (project / "data/tables/item.jsonl").read_text(encoding="utf-8").splitlines()
    assert (again / "tables/item.jsonl").read_text(encoding="utf-8").splitlines()[: len(kept)] == kept


@contextmanager
def issuer(home, redirect_uri: str):
    words = ["--home", str(home), "--port", "0", "--client-id", "loans", "--redirect-uri", redirect_uri]
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.identity.demo_issuer", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield json.loads(process.stdout.readline())["issuer"]
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def choose(at_app: httpx.Client, person: str) -> httpx.Response:
    """From the app to the issuer, pick somebody there, and the answer that leads back to the app."""
    begun = at_app.get("/-/sign-in?to=/item")
    address = urlsplit(begun.headers["location"])
    query = dict(parse_qsl(address.query))
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) > 30
    assert len(query["nonce"]) > 30
    origin = f"{address.scheme}://{address.netloc}"
    with httpx.Client(base_url=origin) as there:
        return there.post("/authorize", data={**query, "person": person}, headers={"origin": origin})


def test_a_sign_in_service_signs_in_with_roles_by_group(project, python, expected, tmp_path):
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    with issuer(tmp_path, f"{public}/-/sign-in/callback") as address:
        env = environment(
            tmp_path, APP_LOGIN="oidc", APP_PUBLIC_URL=public, APP_OIDC_ISSUER=address, APP_OIDC_CLIENT_ID="loans",
            APP_OIDC_SCOPES="openid profile email groups", APP_OIDC_TRUST_EMAIL="1",
            APP_OIDC_ROLE_MAP='{"maker": "@owner", "user": ["Borrower"]}',
        )  # fmt: skip
        command(python, project, env, "load", "data")
        with running(python, project, env, "--port", str(port)) as client:
            back = choose(client, "uwe").headers["location"]
            with httpx.Client(base_url=public) as stranger:
                assert stranger.get(back).status_code == 403  # another browser began this sign-in
            arrived = client.get(back)
            assert (arrived.status_code, arrived.headers["location"]) == (303, "/item"), arrived.text
            assert client.get("/item").status_code == 200
            assert client.get("/item/new").status_code == 403  # Uwe is a Borrower
            assert client.get(back).status_code == 403  # a code and its cookie are good once
            page = client.get("/item").text
            token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
            assert client.post("/-/sign-out", data={"csrf_token": token}).status_code == 200
            assert client.get("/item").status_code == 303
            assert client.get(choose(client, "maya").headers["location"]).status_code == 303
            assert client.get("/item/new").status_code == 200  # Maya is a maker: here the owner
            client.cookies.clear()
            client.get("/-/sign-in")
            forged = client.get("/-/sign-in/callback?code=x&state=y")
            assert forged.status_code == 403


def test_beyond_this_machine_only_with_a_sign_in(project, python, tmp_path):
    env = environment(tmp_path)
    told = command(python, project, env, "--host", "0.0.0.0", "--port", "0", code=2)  # noqa: S104 - refused
    assert "APP_LOGIN" in told
    told = command(python, project, {**env, "APP_LOGIN": "oidc"}, "--port", "0", code=2)
    assert "APP_PUBLIC_URL" in told
