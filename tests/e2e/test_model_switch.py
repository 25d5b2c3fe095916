"""The model exchanged by two people while the appliance runs: for a bundle that is whole, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner, Result

from appliance.app import Appliance
from appliance.cli import main
from appliance.core.errors import Refused
from appliance.core.ports import Message, Prompt
from appliance.core.settings import ModelSettings
from appliance.db.approval_records import ApprovalState
from appliance.studio import engine
from appliance.studio.engine import NotExchanged
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.model_choice import ModelChoice
from appliance.studio.model_use import ModelAtWork
from appliance.studio.models import BundleRefused
from model_bundle.signature import PrivateKey
from model_bundle.trust_root import TrustRoot, write_trust_root
from tests.fixtures.api_service import serving
from tests.fixtures.governed import MAKER, OPERATOR, REVIEWER
from tests.fixtures.studio import settings_in, short_folder, sign_in
from tests.fixtures.tiny_bundle import sign_tiny, tiny_bundle, tiny_config, tiny_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.db.approval_records import Approval

pytestmark = pytest.mark.sandbox
CONTEXT = 2048
NAMES = ("first", "second", "unreadable")


def home_with_bundles(home: Path) -> dict[str, str]:
    """Bundles of random weights: two that run, and one that is signed but whose graph is none; digests by folder."""
    key = PrivateKey.generate()
    made = {"second": tiny_bundle(home / "bundles" / "second", key=key, layers=2).digest}
    unreadable = home / "bundles" / "unreadable"
    tiny_bundle(unreadable, key=key)
    (unreadable / "decoder.onnx").write_bytes(b"no graph")
    signed = sign_tiny(unreadable, tiny_config(tiny_tokenizer()[1]), key)
    made["unreadable"] = hashlib.sha256(signed.to_bytes()).hexdigest()
    made["first"] = tiny_bundle(home / "bundles" / "first", key=key).digest
    (home / "keys").mkdir(mode=0o700, exist_ok=True)
    public = key.public()
    write_trust_root(home / "keys", TrustRoot({public.key_id: public}, {}))
    return made


@contextmanager
def running(home: Path) -> Iterator[Appliance]:
    model = ModelSettings(threads=1, context_tokens=CONTEXT, streams=1, prefill_chunk=64)
    appliance = Appliance(settings_in(home).model_copy(update={"model": model}))
    try:
        appliance.start()
        yield appliance
    finally:
        appliance.stop()


def digest_of(appliance: Appliance, *, soon: str | None = None) -> str:
    """Of what runs, once something does."""
    assert appliance._engine is not None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = appliance._engine.digest()
        if found and soon in {None, found}:
            return found
        time.sleep(0.05)
    raise AssertionError(appliance.health())


def ask(appliance: Appliance, folder: str) -> Approval:
    return appliance.governance.models.ask(OPERATOR, folder, "it writes better")


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Appliance, dict[str, str]]]:
    with short_folder() as home:
        digests = home_with_bundles(home)
        with running(home) as appliance:
            assert digest_of(appliance) == digests["first"]  # the newest
            yield appliance, digests


def test_operators_see_what_lies_there(world: tuple[Appliance, dict[str, str]]) -> None:
    appliance, digests = world
    bundles = appliance.settings.home / "bundles"
    (bundles / "stranger").mkdir(exist_ok=True)
    (bundles / "stranger" / "manifest.json").write_text("{}")
    shelf = {one.folder: one for one in appliance.governance.models.shelf()}
    assert set(shelf) == {*NAMES, "stranger"}
    assert {name: one.digest for name, one in shelf.items() if one.digest} == digests
    assert [name for name, one in shelf.items() if one.running] == ["first"]
    assert shelf["stranger"].trouble
    assert shelf["first"].bytes > shelf["unreadable"].bytes > 0
    with pytest.raises(BundleRefused):
        ask(appliance, "stranger")
    for folder in ("../keys", "", "nothing"):
        with pytest.raises(NotFound):
            ask(appliance, folder)
    with pytest.raises(Refused, match="runs already"):
        ask(appliance, "first")
    with pytest.raises(NotAllowed):
        appliance.governance.models.ask(MAKER, "second", "mine")


def test_the_operator_asks_at_the_command_line_and_on_the_page(world: tuple[Appliance, dict[str, str]]) -> None:
    appliance, digests = world
    runner, home = CliRunner(), {"INTRAMURAL_HOME": str(appliance.settings.home)}

    def run(*arguments: str) -> Result:
        return runner.invoke(main, ["models", *arguments], env=home)

    with serving(appliance) as app:
        listed = run()
        assert listed.exit_code == 0, listed.output
        assert next(line for line in listed.output.splitlines() if line.startswith("first")).endswith("runs now")
        told = json.loads(run("--json").output)
        assert {one["folder"]: one["digest"] for one in told["models"] if one["digest"]} == digests
        assert run("switch", "nothing", "--reason", "x").exit_code == 2
        asked = run("switch", "second", "--reason", "it writes better")
        assert asked.exit_code == 0, asked.output
        assert json.loads(run("--json").output)["waiting"]["id"] in asked.output
        waiting = appliance.governance.models.waiting()
        assert waiting is not None
        appliance.governance.decisions.refuse(REVIEWER, waiting.id, "measure it first")

        otto = sign_in(appliance, OPERATOR.person, "operator")
        studio = appliance.addresses.studio
        headers = {"x-forwarded-for": "192.0.2.9", "origin": studio, "x-csrf-token": otto.session.csrf_token}
        transport = httpx.ASGITransport(app=app)
        form = {"folder": "second", "comment": "it writes better"}

        async def go() -> tuple[httpx.Response, httpx.Response]:
            async with httpx.AsyncClient(transport=transport, base_url=studio, cookies=otto.cookies) as browser:
                page = await browser.get("/models", headers=headers)
                return page, await browser.post("/models", data=form, headers=headers)

        page, answer = asyncio.run(go())
        assert digests["first"] in page.text
        assert page.text.count("Ask to run") == 2
        assert answer.status_code == 303
        waiting = appliance.governance.models.waiting()
        assert waiting is not None
        assert answer.headers["location"] == f"/approvals/{waiting.id}"
        appliance.governance.decisions.withdraw(OPERATOR, waiting.id)


def test_two_people_exchange_it_and_the_choice_stays(world: tuple[Appliance, dict[str, str]]) -> None:
    appliance, digests = world
    governance = appliance.governance
    asked = ask(appliance, "second")
    with pytest.raises(Refused, match="already"):
        ask(appliance, "unreadable")
    with pytest.raises(NotFound):
        governance.decisions.approve(MAKER, asked.id, "")
    with pytest.raises(NotAllowed):
        governance.decisions.approve(OPERATOR, asked.id, "")
    assert governance.decisions.approve(REVIEWER, asked.id, "measured").state is ApprovalState.DONE
    assert digest_of(appliance) == digests["second"]
    chosen = ModelChoice(appliance.settings.home).read()
    assert chosen is not None
    assert (chosen.folder, chosen.digest, chosen.approval) == ("second", digests["second"], asked.id)
    leaves = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "model.switched"]
    assert [leaf.result for leaf in leaves] == [None, "done"]
    assert (leaves[0].details["from"], leaves[0].details["to"]) == (digests["first"], digests["second"])
    assert leaves[0].details["approved_by"] == [REVIEWER.principal]


def test_one_that_does_not_start_leaves_the_one_before(world: tuple[Appliance, dict[str, str]]) -> None:
    appliance, _ = world
    before = digest_of(appliance)
    asked = ask(appliance, "unreadable")
    with pytest.raises(NotExchanged, match="did not start"):
        appliance.governance.decisions.approve(REVIEWER, asked.id, "")
    assert digest_of(appliance) == before
    kept = appliance.governance.approvals.find(asked.id)
    assert kept is not None
    assert (kept.state, "did not start" in kept.outcome) == (ApprovalState.APPROVED, True)
    assert [leaf.result for _, leaf in appliance.audit.leaves() if leaf.event == "model.switched"][-1] == "failed"
    appliance.governance.decisions.withdraw(OPERATOR, asked.id)


def test_one_that_was_changed_is_found_out_before_anything_stops(world: tuple[Appliance, dict[str, str]]) -> None:
    appliance, _ = world
    before = digest_of(appliance)
    assert appliance._engine is not None
    pid = appliance._engine._supervisor.pid
    folder = "first" if appliance.governance.models.shelf()[0].folder == "second" else "second"
    asked = ask(appliance, folder)
    weights = appliance.settings.home / "bundles" / folder / "decoder.onnx.data"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(BundleRefused, match="was changed"):
            appliance.governance.decisions.approve(REVIEWER, asked.id, "")
        assert (digest_of(appliance), appliance._engine._supervisor.pid) == (before, pid)
    finally:
        weights.write_bytes(whole)
        appliance.governance.decisions.withdraw(OPERATOR, asked.id)


def test_it_waits_for_conversations_and_they_for_it(
    world: tuple[Appliance, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance, digests = world
    assert appliance._engine is not None
    other = next(one for one in appliance.governance.models.shelf() if not one.running and one.folder in NAMES[:2])
    generator, prompt = appliance._engine.generator, Prompt((Message("user", "loans"),))
    with generator.session(prompt):
        monkeypatch.setattr(engine, "DRAIN_SECONDS", 0.2)
        with pytest.raises(ModelAtWork):
            appliance._engine.exchange(appliance.settings.home / "bundles" / other.folder, other.digest)
        monkeypatch.setattr(engine, "DRAIN_SECONDS", 30.0)
        folder = appliance.settings.home / "bundles" / other.folder
        exchange = threading.Thread(target=appliance._engine.exchange, args=(folder, other.digest))
        exchange.start()
        time.sleep(0.2)
        assert appliance._engine.digest() != digests[other.folder]
    with generator.session(prompt) as session:  # waits until the other one runs
        assert session.mark() > 0
    assert appliance._engine.digest() == digests[other.folder]
    exchange.join(30)


def test_a_chosen_one_that_is_gone_or_changed_is_not_replaced_in_silence() -> None:
    with short_folder() as home:
        digests = home_with_bundles(home)
        (home / "model.json").write_text(json.dumps({"folder": "second", "digest": digests["second"], "approval": ""}))
        (home / "bundles" / "second").rename(home / "away")
        with running(home) as appliance:
            deadline = time.monotonic() + 30
            while "not there any more" not in appliance.health()["engine"]:
                assert time.monotonic() < deadline, appliance.health()
                time.sleep(0.05)
            assert appliance._engine is not None
            assert appliance._engine.digest() == ""
            # The way out: another one is asked for and approved.
            asked = ask(appliance, "first")
            appliance.governance.decisions.approve(REVIEWER, asked.id, "")
            assert digest_of(appliance) == digests["first"]
        with running(home) as appliance:
            assert digest_of(appliance) == digests["first"]
