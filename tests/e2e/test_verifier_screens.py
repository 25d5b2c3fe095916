"""An app with every kind of page passes its verification, and a kiosk that opens more is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier
from tests.fixtures.screens_app import screens_blueprint

pytestmark = pytest.mark.sandbox
BLUEPRINT = screens_blueprint()


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    return Verifier(BubblewrapSandbox(), AppTokens(tmp_path / "keys" / "app-tokens.json", SystemClock()))


def test_every_kind_of_page_is_opened_for_every_role(verifier: Verifier, tmp_path: Path) -> None:
    render(BLUEPRINT).write_to(tmp_path / "app")
    result = verifier.verify(tmp_path / "app", BLUEPRINT)
    assert result.findings == ()
    titles = {check.title for check in result.checks}
    for page in BLUEPRINT.pages:
        assert f"The page “{page.title}” opens" in titles
    assert {
        "A Technician can open the page “Job board”",
        "A Technician cannot open the page “Visits”",
        "A Watcher can open the page “Cost by region”",
        "A Watcher cannot open the page “Welcome”",
        "Anybody can open the form “Welcome”",
        "Whoever uses the form “Welcome” can open nothing else",
        "The form “Welcome” adds nothing without having been opened first",
    } <= titles


def test_a_kiosk_that_opens_the_app_is_found(verifier: Verifier, tmp_path: Path) -> None:
    small = replace(BLUEPRINT, roles=(), access=(), pages=(BLUEPRINT.pages[-1],))
    folder = tmp_path / "app"
    render(small).write_to(folder)
    access = folder / "site_works_app" / "kit" / "access.py"
    web = folder / "site_works_app" / "kit" / "web.py"
    for file, old, new in (
        (access, "if OWNER in self.roles:", "if self.roles:"),
        (web, "if PUBLIC in identity.roles:", "if False:"),
    ):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    result = verifier.verify(folder, small)
    assert not result.passed
    assert "Whoever uses the form “Welcome” can open nothing else" in {finding.title for finding in result.findings}
