"""The relying party against a real Keycloak: sign-in, refresh and its rotation, step-up, sign-outs, and every trap."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import pytest

from appliance.core.clock import ManualClock, SystemClock
from appliance.identity.access_token import ExpectedAccess, access_hint, validate_access_token
from appliance.identity.assurance import StepUp
from appliance.identity.bearer import API_AUDIENCE, BearerTokens
from appliance.identity.client_key import ClientKey
from appliance.identity.device import DeviceSignIn
from appliance.identity.errors import BearerRefused, IssuerUnavailable, SessionEnded, SignInRefused
from appliance.identity.id_token import TokenRefused
from appliance.identity.oidc import RelyingParty
from appliance.identity.provider import http_client
from appliance.identity.provisioning.wanted import STUDIO_CLIENT, TERMINAL_CLIENT
from appliance.identity.sign_in import OidcConfig, PendingSignIn, SignedIn
from appliance.identity.token_endpoint import TokenEndpoint
from tests.fixtures.keycloak_realm import TestRealm, confirm_device, form_browser, make_realm, part, through_the_form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.fixtures.keycloak_server import KeycloakServer

T = TypeVar("T")
STUDIO = "http://studio.intramural.localhost:8080"
ROBOT = "nightly-robot"
STEP_UP = StepUp("2", timedelta(minutes=5))


class World:
    """A realm, the appliance's key, and people."""

    def __init__(self, server: KeycloakServer, folder: Path) -> None:
        self.key = ClientKey(folder / "client.pem")
        self.robot = ClientKey(folder / "robot.pem")
        self.folder = folder
        automation = {ROBOT: self.robot.jwks}
        self.realm: TestRealm = make_realm(server, "relying-party", STUDIO, self.key.jwks, automation=automation)
        self.maya = self.realm.add("maya", "maker", "user", otp=True)
        self.otto = self.realm.add("otto", "operator", otp=True)  # a one-time password is good once
        self.uwe = self.realm.add("uwe", "user")

    def config(self, **more: object) -> OidcConfig:
        settings: dict[str, object] = {
            "issuer": self.realm.issuer,
            "client_id": STUDIO_CLIENT,
            "redirect_uri": f"{STUDIO}/sign-in/callback",
            "post_logout_redirect_uri": f"{STUDIO}/sign-in",
            "client_key": self.key,
            "hardened": True,
            **more,
        }
        return OidcConfig(**settings)  # type: ignore[arg-type]

    def run(self, act: Callable[[RelyingParty, httpx.AsyncClient], Awaitable[T]], **more: object) -> T:
        async def go() -> T:
            async with http_client() as http, form_browser() as browser:
                http.timeout = httpx.Timeout(60)  # a busy machine must not turn a right answer into a failed test
                return await act(RelyingParty(self.config(**more), http, SystemClock()), browser)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def world(keycloak: KeycloakServer, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(keycloak, tmp_path_factory.mktemp("keys"))


async def answer(
    party: RelyingParty, browser: httpx.AsyncClient, name: str, step_up: StepUp | None = None, subject: str = ""
) -> tuple[dict[str, str], PendingSignIn]:
    address, pending = await party.begin("/apps", step_up=step_up, subject=subject)
    back = await through_the_form(browser, address, name)
    assert back.startswith(f"{STUDIO}/sign-in/callback?")
    return dict(parse_qsl(urlsplit(back).query)), pending


async def sign_in(party: RelyingParty, browser: httpx.AsyncClient, name: str) -> SignedIn:
    query, pending = await answer(party, browser, name)
    return await party.complete(query, pending)


def test_a_person_signs_in_with_groups_and_is_refreshed(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "maya")
        assert first.person.subject == world.maya
        assert (first.person.name, first.person.email) == ("Maya Sample", "maya@acme.example")
        assert first.groups == {"/maker", "/user"}
        assert first.provider_session
        assert (first.acr, first.return_to) == ("1", "/apps")
        second = await party.refresh(first.refresh_token, world.maya)
        assert second.refresh_token != first.refresh_token
        world.realm.leave("maya", "maker")
        try:
            third = await party.refresh(second.refresh_token, world.maya)
        finally:
            world.realm.join("maya", "maker")
        assert third.groups == {"/user"}
        assert third.provider_session == first.provider_session

    world.run(act)


def test_a_stolen_refresh_token_ends_the_sign_in_for_both(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "uwe")
        second = await party.refresh(first.refresh_token, world.uwe)
        with pytest.raises(SessionEnded):
            await party.refresh(first.refresh_token, world.uwe)
        with pytest.raises(SessionEnded):
            await party.refresh(second.refresh_token, world.uwe)

    world.run(act)


def test_a_disabled_person_is_not_refreshed(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "uwe")
        world.realm.disable("uwe")
        try:
            with pytest.raises(SessionEnded):
                await party.refresh(first.refresh_token, world.uwe)
        finally:
            world.realm.disable("uwe", enabled=True)

    world.run(act)


def test_an_administrators_logout_ends_the_refresh(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "uwe")
        world.realm.admin.user_logout(world.uwe)
        with pytest.raises(SessionEnded):
            await party.refresh(first.refresh_token, world.uwe)

    world.run(act)


def test_a_refresh_is_only_for_the_same_person(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "uwe")
        with pytest.raises(SessionEnded, match="somebody else"):
            await party.refresh(first.refresh_token, world.maya)

    world.run(act)


def test_step_up_asks_for_the_second_factor(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        first = await sign_in(party, browser, "maya")
        assert first.acr == "1"
        query, pending = await answer(party, browser, "maya", STEP_UP, world.maya)
        second = await party.complete(query, pending)
        assert second.acr == "2"
        assert second.provider_session == first.provider_session

    world.run(act)


def test_step_up_by_somebody_else_is_refused(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        query, pending = await answer(party, browser, "otto", STEP_UP, world.uwe)
        with pytest.raises(SignInRefused, match="somebody else"):
            await party.complete(query, pending)

    world.run(act)


def test_a_browser_that_drops_the_step_up_from_the_request_gains_nothing(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        address, pending = await party.begin("/", step_up=STEP_UP, subject=world.uwe)
        parts = urlsplit(address)
        kept = [(k, v) for k, v in parse_qsl(parts.query) if k not in {"acr_values", "claims", "max_age"}]
        back = await through_the_form(browser, parts._replace(query=str(httpx.QueryParams(kept))).geturl(), "uwe")
        with pytest.raises(SignInRefused, match="acr"):
            await party.complete(dict(parse_qsl(urlsplit(back).query)), pending)

    world.run(act)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "x" * 43}, "state"),
        ({"iss": "https://other.example/realms/x"}, "mix-up"),
        ({"iss": None}, "iss is missing"),
        ({"code": "forged"}, "invalid_grant"),
    ],
)
def test_a_changed_answer_is_refused(world: World, change: dict[str, str | None], reason: str) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        query, pending = await answer(party, browser, "uwe")
        changed = {name: value for name, value in {**query, **change}.items() if value is not None}
        with pytest.raises(SignInRefused, match=reason):
            await party.complete(changed, pending)

    world.run(act)


def test_state_code_and_nonce_are_good_once(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        query, pending = await answer(party, browser, "uwe")
        await party.complete(query, pending)
        with pytest.raises(SignInRefused, match="state replayed"):
            await party.complete(query, pending)
        other, second = await party.begin("/")
        with pytest.raises(SignInRefused, match="invalid_grant"):
            await party.complete({**query, "state": second.state}, second)
        assert other

    world.run(act)


def test_a_code_of_another_sign_in_does_not_fit(world: World) -> None:
    """The attacker's code in the victim's browser: the PKCE verifier is another one, and so is the nonce."""

    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        attackers, _ = await answer(party, browser, "uwe")
        _, victims = await party.begin("/")
        with pytest.raises(SignInRefused, match="invalid_grant"):
            await party.complete({**attackers, "state": victims.state}, victims)

    world.run(act)


def test_another_client_key_is_not_this_client(world: World, tmp_path: Path) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        query, pending = await answer(party, browser, "uwe")
        with pytest.raises(SignInRefused, match=r"invalid_client|unauthorized_client"):
            await party.complete(query, pending)

    world.run(act, client_key=ClientKey(tmp_path / "other.pem"))


def test_keys_rotate_without_an_outage_and_survive_one(world: World, tmp_path: Path) -> None:
    kept = tmp_path / "provider.json"

    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> str:
        await sign_in(party, browser, "uwe")
        realm = world.realm.admin.get_realm(world.realm.name)
        provider = {"providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider"}
        config = {"priority": ["200"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"]}
        world.realm.admin.create_component({"name": "rotated", "parentId": realm["id"], **provider, "config": config})
        later = RelyingParty(party.config, party.client._http, LaterClock())
        later._keys._keys = party.keys._keys
        later._keys._fetched_at = datetime.now(UTC)
        return (await sign_in(later, browser, "uwe")).id_token

    token = world.run(act, last_good=kept)
    assert kept.stat().st_mode & 0o777 == 0o600

    async def without_provider() -> None:
        async def gone(_: httpx.Request) -> httpx.Response:
            message = "unplugged"
            raise httpx.ConnectError(message)

        async with httpx.AsyncClient(transport=httpx.MockTransport(gone)) as http:
            party = RelyingParty(world.config(last_good=kept), http, SystemClock())
            hint = jwt.get_unverified_header(token)
            from appliance.identity.id_token import key_hint

            keys = await party.keys.keys_for(key_hint(token))
            assert [key.kid for key in keys] == [hint["kid"]]
            clock = ManualClock(datetime.now(UTC) + timedelta(days=2))
            old = RelyingParty(world.config(last_good=kept), http, clock)
            with pytest.raises(IssuerUnavailable):
                await old.begin("/")

    asyncio.run(without_provider())


class LaterClock:
    """Ahead by what a refetch is throttled."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=11)


def test_a_service_account_gets_a_token_for_the_api_and_an_id_token_is_none(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        config = OidcConfig(world.realm.issuer, ROBOT, "", client_key=world.robot)
        token = await TokenEndpoint(party.client, config, SystemClock()).client_credentials()
        expected = ExpectedAccess(world.realm.issuer, API_AUDIENCE, frozenset({ROBOT}))
        keys = await party.keys.keys_for(access_hint(token))
        now = datetime.now(UTC)
        assert validate_access_token(token, keys, expected, now)["client_id"] == ROBOT
        signed_in = await sign_in(party, browser, "uwe")
        with pytest.raises(TokenRefused, match="not of the kind"):
            access_hint(signed_in.id_token)
        for wrong, reason in (
            (ExpectedAccess(world.realm.issuer, "another-api", frozenset({ROBOT})), "aud"),
            (ExpectedAccess("https://else.example", API_AUDIENCE, frozenset({ROBOT})), "iss"),
            (ExpectedAccess(world.realm.issuer, API_AUDIENCE, frozenset({"somebody"})), "client"),
        ):
            with pytest.raises(TokenRefused, match=reason):
                validate_access_token(token, keys, wrong, now)
        with pytest.raises(TokenRefused, match="expired"):
            validate_access_token(token, keys, expected, now + timedelta(minutes=10))
        header = json.loads(part(token, 0))
        for forged in ({**header, "alg": "none"}, {**header, "alg": "HS256"}):
            from tests.fakes.scripted_provider import b64

            text = ".".join((b64(json.dumps(forged).encode()), token.split(".")[1], ""))
            with pytest.raises(TokenRefused, match=r"not allowed|not a signed"):
                access_hint(text)

    world.run(act)


def test_the_provisioned_client_lets_nothing_else_in(world: World) -> None:
    """No password grant, no implicit flow, no other redirect address, no code without PKCE."""
    base = f"{world.realm.issuer}/protocol/openid-connect"

    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        password = {"grant_type": "password", "client_id": "intramural-terminal", "username": "uwe", "password": "x"}
        refused = await browser.post(f"{base}/token", data=password)
        assert refused.json()["error"] == "unauthorized_client"
        address, _ = await party.begin("/")
        query = dict(parse_qsl(urlsplit(address).query))
        elsewhere = await browser.get(f"{base}/auth", params={**query, "redirect_uri": f"{STUDIO}/evil"})
        assert elsewhere.status_code == 400
        del query["code_challenge"], query["code_challenge_method"]
        without = await browser.get(f"{base}/auth", params=query)
        assert "error=invalid_request" in without.headers["location"]
        implicit = {**query, "response_type": "id_token"}
        assert "error=" in (await browser.get(f"{base}/auth", params=implicit)).headers["location"]

    world.run(act)


async def _no_wait(_seconds: float) -> None:
    """The code is confirmed already."""
    await asyncio.sleep(1.1)


def test_a_terminal_signs_in_by_a_code_that_a_person_confirms(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        device = DeviceSignIn(party.client, TERMINAL_CLIENT)
        code = await device.begin()
        assert code.user_code in code.complete
        said = await confirm_device(browser, code.complete, "uwe")
        assert "successful" in said.lower(), said
        tokens = await device.wait(replace(code, interval=1), _no_wait)
        bearer = BearerTokens(party, frozenset({TERMINAL_CLIENT}), SystemClock())
        person, groups, session = await bearer.authenticate(tokens.access_token)
        assert (person.subject, groups) == (world.uwe, {"/user"})
        assert session
        fresh = await device.refresh(tokens)
        assert fresh.access_token != tokens.access_token
        ended = BearerTokens(party, frozenset({TERMINAL_CLIENT}), SystemClock(), ended=lambda sid, _: sid == session)
        with pytest.raises(BearerRefused, match="has ended"):
            await ended.authenticate(fresh.access_token)
        with pytest.raises(BearerRefused, match="client"):
            await BearerTokens(party, frozenset({"another"}), SystemClock()).authenticate(fresh.access_token)
        with pytest.raises(SessionEnded):
            await device.refresh(tokens)  # used before

    world.run(act)


def test_a_terminal_whose_code_is_declined_is_not_signed_in(world: World) -> None:
    async def act(party: RelyingParty, browser: httpx.AsyncClient) -> None:
        device = DeviceSignIn(party.client, TERMINAL_CLIENT)
        code = await device.begin()
        await confirm_device(browser, code.complete, "uwe", accept=False)
        with pytest.raises(SignInRefused):
            await device.wait(replace(code, interval=1, seconds=3), _no_wait)

    world.run(act)
