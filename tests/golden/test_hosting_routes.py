"""Caddy's configuration, byte for byte, and the rules that every configuration keeps.

After an intended change: ``python -m tests.golden.test_hosting_routes``, then read the difference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.errors import SettingsError
from appliance.hosting.routes import AppRoute, FrontDoor, caddy_config

GOLDEN = Path(__file__).parent / "hosting" / "front_door.json"
RUN = Path("/srv/intramural/run")
DOOR = FrontDoor(
    domain="intramural.localhost",
    port=8080,
    web_socket=RUN / "web.sock",
    admin_socket=RUN / "caddy-admin.sock",
    storage=Path("/srv/intramural/caddy"),
    apps=(AppRoute("loans", RUN / "apps" / "a.sock"), AppRoute("bikes", RUN / "apps" / "b.sock")),
)


def text(door: FrontDoor) -> str:
    return json.dumps(caddy_config(door), indent=1, sort_keys=True) + "\n"


def test_configuration_is_the_reviewed_one() -> None:
    assert text(DOOR) == GOLDEN.read_text()


def test_order_of_apps_does_not_matter() -> None:
    assert text(replace(DOOR, apps=DOOR.apps[::-1])) == text(DOOR)


@pytest.mark.parametrize("slug", ["", "studio", "Loans", "a.b", "-a", "a b", "a*", "{env.HOME}", "x" * 64])
def test_addresses_that_could_mean_something_else_are_refused(slug: str) -> None:
    with pytest.raises(SettingsError):
        caddy_config(replace(DOOR, apps=(AppRoute(slug, RUN / "x.sock"),)))


def test_the_same_address_twice_is_refused() -> None:
    with pytest.raises(SettingsError):
        caddy_config(replace(DOOR, apps=(*DOOR.apps, AppRoute("loans", RUN / "c.sock"))))


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), unique=True, max_size=6))
def test_no_app_is_reached_without_the_gate(slugs: list[str]) -> None:
    """In every chain of handlers that ends at an app's socket, our headers go first and the gate comes before."""
    apps = tuple(AppRoute(slug, RUN / f"{slug}.sock") for slug in slugs if slug != "studio")
    config = caddy_config(replace(DOOR, apps=apps))
    server = config["apps"]["http"]["servers"]["front_door"]  # type: ignore[index]
    for app in apps:
        route = next(r for r in server["routes"] if r.get("match") == [{"host": [f"{app.slug}.intramural.localhost"]}])
        first, *_, last = route["handle"][0]["routes"][0]["handle"]
        assert first["request"]["delete"][0] == "X-Intramural-*"
        gate, proxy = last["routes"][-1]["handle"]
        assert gate["rewrite"] == {"method": "GET", "uri": "/gate/check?"}
        assert gate["upstreams"] == [{"dial": f"unix/{DOOR.web_socket}"}]
        assert proxy["upstreams"] == [{"dial": f"unix/{app.socket}"}]
    assert json.dumps(config).count('"dial"') == 2 + 3 * len(apps)  # the studio and its API
    assert "match" not in server["routes"][-1]
    assert server["routes"][-1]["handle"][0]["status_code"] == 404


if __name__ == "__main__":
    GOLDEN.write_text(text(DOOR))
