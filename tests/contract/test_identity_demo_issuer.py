"""The relying party against the real demonstration issuer, as its own process."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from appliance.core.clock import SystemClock
from appliance.identity.demo_issuer import main
from appliance.identity.errors import IssuerUnavailable, SignInRefused
from appliance.identity.oidc import RelyingParty
from appliance.identity.provider import http_client
from appliance.identity.roles import StudioRole, roles_of
from appliance.identity.sign_in import OidcConfig, PendingSignIn, SignedIn

T = TypeVar("T")
CALLBACK = "http://studio.intramural.localhost:8080/auth/callback"
SIGNED_OUT = "http://studio.intramural.localhost:8080/"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("issuer")
    command = [sys.executable, "-m", "appliance.identity.demo_issuer", "--home", str(home), "--port", "0"]
    command += ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", SIGNED_OUT]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["issuer"]
    process.send_signal(signal.SIGTERM)
    # uvicorn ends by re-raising the signal after a clean shutdown.
    assert process.wait(10) in (0, -signal.SIGTERM)


def config(issuer: str) -> OidcConfig:
    return OidcConfig(issuer, "intramural-studio", CALLBACK, post_logout_redirect_uri=SIGNED_OUT)


def with_party(issuer: str, act: Callable[[RelyingParty, httpx.AsyncClient], Awaitable[T]]) -> T:
    async def run() -> T:
        async with http_client() as http:
            return await act(RelyingParty(config(issuer), http, SystemClock()), http)

    return asyncio.run(run())


async def choose(http: httpx.AsyncClient, url: str, person: str) -> httpx.Response:
    page = await http.get(url)
    assert page.status_code == 200
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    form = {unescape(name): unescape(value) for name, value in fields}
    return await http.post(str(page.url.join("/authorize")), data={**form, "person": person})


def answer_of(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(location).query))


async def sign_in(
    party: RelyingParty, http: httpx.AsyncClient, person: str = "maya", return_to: str = "/"
) -> tuple[dict[str, str], PendingSignIn]:
    url, pending = await party.begin(return_to)
    return answer_of(await choose(http, url, person)), pending


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        ("maya", {StudioRole.MAKER, StudioRole.USER}),
        ("uwe", {StudioRole.USER}),
        ("otto", {StudioRole.OPERATOR}),
        ("ada", {StudioRole.AUDITOR}),
    ],
)
def test_each_person_signs_in_with_their_roles(issuer: str, person: str, roles: set[StudioRole]) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> SignedIn:
        query, pending = await sign_in(party, http, person, "/apps/loans?tab=history")
        return await party.complete(query, pending)

    signed_in = with_party(issuer, act)
    assert signed_in.person.subject == f"demo-{person}"
    assert signed_in.person.name == person.title()
    assert roles_of(signed_in.groups) == roles
    assert signed_in.return_to == "/apps/loans?tab=history"
    assert signed_in.provider_session
    assert signed_in.claims["iss"] == issuer


def test_a_state_is_good_once(issuer: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
        query, pending = await sign_in(party, http)
        await party.complete(query, pending)
        with pytest.raises(SignInRefused, match="already completed"):
            await party.complete(query, pending)

    with_party(issuer, act)


def test_a_code_is_good_once(issuer: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
        query, pending = await sign_in(party, http)
        await party.complete(query, pending)
        async with http_client() as other_http:
            another = RelyingParty(config(issuer), other_http, SystemClock())
            with pytest.raises(SignInRefused, match="invalid_grant"):
                await another.complete(query, pending)

    with_party(issuer, act)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "x" * 43}, "state"),
        ({"state": ""}, "state"),
        ({"iss": "https://evil.example"}, "mix-up"),
        ({"code": "x" * 43}, "invalid_grant"),
        ({"code": ""}, "no code"),
        ({"error": "access_denied"}, "access_denied"),
        ({"code": "x" * 5000}, "too long"),
    ],
)
def test_a_changed_answer_is_refused(issuer: str, change: dict[str, str], reason: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
        query, pending = await sign_in(party, http)
        with pytest.raises(SignInRefused, match=reason):
            await party.complete({**query, **change}, pending)

    with_party(issuer, act)


def test_a_missing_iss_is_refused_because_the_issuer_announces_it(issuer: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
        query, pending = await sign_in(party, http)
        del query["iss"]
        with pytest.raises(SignInRefused, match="iss is missing"):
            await party.complete(query, pending)

    with_party(issuer, act)


@pytest.mark.parametrize(
    ("field", "reason"), [("nonce", "nonce"), ("code_verifier", "invalid_grant"), ("issuer", "another issuer")]
)
def test_an_answer_to_another_sign_in_is_refused(issuer: str, field: str, reason: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
        query, pending = await sign_in(party, http)
        _, other = await party.begin()
        value = "https://other.example" if field == "issuer" else getattr(other, field)
        with pytest.raises(SignInRefused, match=reason):
            await party.complete(query, replace(pending, **{field: value}))

    with_party(issuer, act)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "e30."}, "request_not_supported"),
    ],
)
def test_the_issuer_sends_protocol_errors_back(issuer: str, change: dict[str, str], error: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> dict[str, str]:
        url, _ = await party.begin()
        return answer_of(await http.get(str(httpx.URL(url).copy_merge_params(change))))

    answer = with_party(issuer, act)
    assert answer["error"] == error
    assert answer["iss"] == issuer
    assert "code" not in answer


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "someone-else"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": "https://evil.example/auth/callback"},
    ],
)
def test_the_issuer_never_redirects_to_an_unregistered_address(issuer: str, change: dict[str, str]) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        url, _ = await party.begin()
        merged = httpx.URL(url).copy_merge_params(change)
        form = {**dict(merged.params), "person": "maya"}
        return await http.get(str(merged)), await http.post(f"{issuer}/authorize", data=form)

    for response in with_party(issuer, act):
        assert response.status_code == 400
        assert "location" not in response.headers


def test_the_form_is_taken_from_this_page_only(issuer: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> list[int]:
        url, _ = await party.begin()
        form = {**dict(httpx.URL(url).params), "person": "maya"}
        statuses = []
        for origin in ("https://evil.example", "null", issuer):
            response = await http.post(f"{issuer}/authorize", data=form, headers={"Origin": origin})
            statuses.append(response.status_code)
        return statuses

    assert with_party(issuer, act) == [400, 400, 303]


def test_another_host_name_is_misdirected(issuer: str) -> None:
    response = httpx.get(f"{issuer}/jwks", headers={"Host": "evil.example"}, trust_env=False)
    assert response.status_code == 421


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"\xff\xfe", b"x" * 40_000, b"&".join(b"f%d=1" % n for n in range(60))], ids=len
)
def test_a_malformed_form_is_refused(issuer: str, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = httpx.post(f"{issuer}/token", content=body, headers=headers, trust_env=False)
    assert response.status_code == 400
    assert httpx.get(f"{issuer}/jwks", trust_env=False).status_code == 200


def test_signing_out_leads_back_only_where_registered(issuer: str) -> None:
    async def act(party: RelyingParty, http: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        query, pending = await sign_in(party, http)
        signed_in = await party.complete(query, pending)
        url = await party.end_session_url(signed_in.id_token)
        assert url is not None
        elsewhere = httpx.URL(url).copy_merge_params({"post_logout_redirect_uri": "https://evil.example/"})
        return await http.get(url), await http.get(str(elsewhere))

    home, nowhere = with_party(issuer, act)
    assert home.headers["location"] == SIGNED_OUT
    assert nowhere.status_code == 200
    assert "location" not in nowhere.headers


def test_an_issuer_that_is_away_is_reported_and_comes_back(issuer: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"

        async def act(party: RelyingParty, http: httpx.AsyncClient) -> None:
            with pytest.raises(IssuerUnavailable, match="cannot be used"):
                await party.begin()

        with_party(address, act)


def start(*arguments: str) -> int:
    return main([*arguments, "--redirect-uri", CALLBACK])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost"])  # noqa: S104 - refused is the point
def test_it_refuses_every_address_but_loopback_and_says_why(
    tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start("--home", str(tmp_path), "--port", "0", "--host", host) == 2
    printed = capsys.readouterr()
    assert "no passwords" in printed.err
    assert printed.out == ""


def test_a_taken_port_is_named(issuer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = issuer.rpartition(":")[2]
    assert start("--home", str(tmp_path), "--port", port) == 2
    assert f"port {port}" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "hint"), [(0o644, "chmod 600"), (0o600, "Remove")])
def test_a_key_that_others_can_read_or_that_is_damaged_is_not_used(
    tmp_path: Path, mode: int, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "keys" / "demo-issuer.pem"
    key.parent.mkdir()
    key.write_text("anything")
    key.chmod(mode)
    assert start("--home", str(tmp_path), "--port", "0") == 2
    assert hint in capsys.readouterr().err
