"""A generated app that runs on its own: accounts with passwords, sessions, and what strangers cannot do."""

from __future__ import annotations

import importlib
import re
from contextlib import contextmanager

import pytest
from litestar.testing import TestClient

from tests.fixtures.generated_apps import blueprint, imported, token

PASSWORD = "correct horse battery"
APP = "equipment_loans"


@contextmanager
def alone(folder, **settings):
    """The app with accounts, its client (which follows no redirects), and its accounts."""
    with imported(blueprint(APP), folder / "code") as module:
        package = module.__package__
        kit = importlib.import_module(f"{package}.kit.settings")
        data = folder / "data"
        values = {"data_dir": data, "database_url": f"sqlite:///{data / 'app.db'}", "login": kit.Login.ACCOUNTS}
        app = module.create_app(kit.Settings(**values | settings))
        accounts = importlib.import_module(f"{package}.kit.accounts")
        made = accounts.Accounts(app.state["runtime"].database, ("Borrower", "Lab Manager", "@owner"))
        with TestClient(app) as client:
            client.follow_redirects = False
            yield client, made, accounts


@pytest.fixture
def app(tmp_path):
    with alone(tmp_path) as made:
        yield made


def form(client, to="/"):
    page = client.get("/-/sign-in", params={"to": to})
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def sign_in(client, email, password=PASSWORD, *, to="/", **more):
    fields = {"email": email, "password": password, "to": to, "csrf_token": form(client, to), **more}
    return client.post("/-/sign-in", data=fields)


def test_an_account_signs_in_and_has_its_roles(app):
    client, accounts, _ = app
    accounts.add("Ada@Example.com", "Ada", PASSWORD, ["Borrower"])
    assert client.get("/item?q=x").headers["location"] == "/-/sign-in?to=%2Fitem%3Fq%3Dx"
    arrived = sign_in(client, "ada@example.com", to="/item?q=x")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/item?q=x")
    cookie = arrived.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/item").status_code == 200
    assert client.get("/item/new").status_code == 403  # Borrowers only read items
    assert "Sign out" in client.get("/item").text


def test_signing_out_ends_the_session_on_the_server(app):
    client, accounts, _ = app
    accounts.add("ada@example.com", "Ada", PASSWORD, ["@owner"])
    sign_in(client, "ada@example.com")
    cookie = client.cookies["app_session"]
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/item/new").text)[1]
    assert client.post("/-/sign-out", data={"csrf_token": "x"}).status_code == 403
    assert client.get("/item").status_code == 200
    assert client.post("/-/sign-out", data={"csrf_token": csrf}).status_code == 200
    client.cookies.set("app_session", cookie)
    assert client.get("/item").status_code == 303


@pytest.mark.parametrize("change", ["passwd", "remove"])
def test_a_new_password_and_a_removal_end_every_session(app, change):
    client, accounts, _ = app
    accounts.add("ada@example.com", "Ada", PASSWORD, ["@owner"])
    sign_in(client, "ada@example.com")
    assert client.get("/item").status_code == 200
    if change == "passwd":
        accounts.change_password("ada@example.com", "another long password")
    else:
        accounts.remove("ada@example.com")
    assert client.get("/item").status_code == 303
    client.cookies.clear()
    assert sign_in(client, "ada@example.com").status_code == 422


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong password!"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("ada@example.com", "x" * 5000),
    ],
)
def test_wrong_passwords_are_refused_in_the_same_words(app, email, password):
    client, accounts, _ = app
    accounts.add("ada@example.com", "Ada", PASSWORD, [])
    answer = sign_in(client, email, password)
    assert answer.status_code == 422
    assert "do not belong together" in answer.text
    assert "app_session" not in client.cookies


def test_trying_passwords_is_slowed_down(app):
    client, accounts, kit = app
    accounts.add("ada@example.com", "Ada", PASSWORD, [])
    csrf = form(client)
    fields = {"email": "ada@example.com", "password": "wrong password!", "to": "/", "csrf_token": csrf}
    for _ in range(kit.FREE_TRIES):
        assert client.post("/-/sign-in", data=fields).status_code == 422
    waiting = client.post("/-/sign-in", data=fields | {"password": PASSWORD, "email": "ADA@example.com "})
    assert waiting.status_code == 429
    assert "Try again in" in waiting.text


def test_the_form_needs_its_token_its_browser_and_its_site(app):
    client, accounts, _ = app
    accounts.add("ada@example.com", "Ada", PASSWORD, [])
    csrf = form(client)
    fields = {"email": "ada@example.com", "password": PASSWORD, "to": "/"}
    assert client.post("/-/sign-in", data=fields).status_code == 403
    forged = client.post("/-/sign-in", data={**fields, "csrf_token": csrf}, headers={"origin": "https://evil.example"})
    assert forged.status_code == 403
    client.cookies.clear()
    assert client.post("/-/sign-in", data={**fields, "csrf_token": csrf}).status_code == 403
    assert "app_session" not in client.cookies


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x"]
)
def test_signing_in_leads_nowhere_else(app, to):
    client, accounts, _ = app
    accounts.add("ada@example.com", "Ada", PASSWORD, [])
    assert sign_in(client, "ada@example.com", to=to).headers["location"] == "/"


def test_a_header_and_a_made_up_cookie_name_nobody(app):
    client, _, _ = app
    assert client.get("/item", headers={"x-intramural-identity": token("@owner")}).status_code == 303
    client.cookies.set("app_session", "A" * 43)
    assert client.get("/item").status_code == 303
    assert client.post("/item/new", data={"name": "x"}).status_code == 401


def test_cookies_are_secure_behind_https(tmp_path):
    with alone(tmp_path, public_url="https://app.example") as (client, accounts, _):
        accounts.add("ada@example.com", "Ada", PASSWORD, [])
        page = client.get("/-/sign-in")
        assert "secure" in page.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("email", "password", "roles", "says"),
    [
        ("not an address", PASSWORD, [], "not an e-mail address"),
        ("a@b.org", "short", [], "12 to 256"),
        ("a@b.org", PASSWORD, ["Boss"], "no role 'Boss'"),
        ("ada@example.com", PASSWORD, [], "has an account already"),
    ],
)
def test_accounts_that_cannot_be_made(app, email, password, roles, says):
    _, accounts, kit = app
    accounts.add("ada@example.com", "Ada", PASSWORD, [])
    with pytest.raises(kit.AccountRefused, match=says):
        accounts.add(email, "A", password, roles)


def test_the_table_of_accounts_holds_no_password(app):
    _, accounts, kit = app
    made = accounts.add("ada@example.com", "Ada", PASSWORD, [])
    assert PASSWORD not in made.password
    assert kit.password_matches(PASSWORD, made.password)
    assert kit.password_matches("Ⅳ" * 12, kit.hash_password("IV" * 12))  # NFKC: one key press or two
    assert made.password != kit.hash_password(PASSWORD)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"APP_LOGIN": "magic"}, "It can be: link, accounts, oidc"),
        ({"APP_LOGIN": "oidc"}, "needs APP_PUBLIC_URL"),
        ({"APP_LOGIN": "oidc", "APP_PUBLIC_URL": "http://app.example"}, "https"),
        ({"APP_LOGIN": "oidc", "APP_PUBLIC_URL": "https://app.example"}, "APP_OIDC_ISSUER"),
        ({"APP_LOGIN": "accounts", "APP_PUBLIC_URL": "https://app.example/x"}, "without a path"),
        (
            {"APP_LOGIN": "oidc", "APP_PUBLIC_URL": "https://a.example", "APP_OIDC_ISSUER": "http://i.example",
             "APP_OIDC_CLIENT_ID": "a"},
            "APP_OIDC_ISSUER must be an https address",
        ),
        ({"APP_LOGIN": "accounts", "APP_IDENTITY_JWKS": "{}", "APP_IDENTITY_ISSUER": "i", "APP_IDENTITY_AUDIENCE": "a"},
         "leave it out"),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(tmp_path, environment, says):
    with imported(blueprint(APP), tmp_path / "code") as module:
        kit = importlib.import_module(f"{module.__package__}.kit.settings")
        with pytest.raises(kit.SettingsError, match=says):
            kit.Settings.from_environment(environment)
