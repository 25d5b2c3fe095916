"""The whole verification: build, boot, pages, acceptance per role, restart. One start and one restart of the app."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.blueprint.model import Blueprint
from appliance.blueprint.naming import plural, slug
from appliance.contract.binding import Binding, slots_of
from appliance.core.ports import AppTokenIssuer
from appliance.core.sandboxing import Sandbox
from appliance.verifier.acceptance import check_as_owner
from appliance.verifier.behaviour import check_behaviour
from appliance.verifier.boot import Launch, Place, prepare, start, stop
from appliance.verifier.build import check_build
from appliance.verifier.client import AppClient, expect
from appliance.verifier.contract import check_contract
from appliance.verifier.model import Check, CheckFailed, Stage, Verification
from appliance.verifier.own_checks import check_own
from appliance.verifier.pages import check_pages, check_strangers, open_page
from appliance.verifier.people import Passes
from appliance.verifier.recorder import Recorder
from appliance.verifier.roles import check_role
from appliance.verifier.samples import Sampler, creation_order
from appliance.verifier.world import World


@dataclass(frozen=True)
class VerifierLimits:
    """Seconds for one start of the app, and for the whole verification."""

    boot_seconds: float = 20.0
    total_seconds: float = 120.0


class Verifier:
    """Proves that a project does what its blueprint says, or says what it does not. Keeps no state; thread-safe.

    ``folder`` is where the trial's data lives for as long as it lasts (default: the system's temporary folder).
    """

    def __init__(
        self,
        sandbox: Sandbox,
        tokens: AppTokenIssuer,
        *,
        limits: VerifierLimits | None = None,
        folder: Path | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._tokens = tokens
        self._limits = limits or VerifierLimits()
        self._folder = folder

    def verify(
        self,
        project: Path,
        blueprint: Blueprint,
        *,
        binding: Binding | None = None,
        on_check: Callable[[Check], None] = lambda _: None,
    ) -> Verification:
        """Try everything out in a sandbox, on a fresh database with the blueprint's examples; with ``binding`` every
        operation of the app's API, too.

        ``project`` stays as it is, but for read permissions that the sandbox needs.

        ``on_check`` is called as each check ends. What an app does wrong is in the result, never an exception.

        Raises:
            SandboxUnavailable: nothing could be tried.
        """
        return self._tried(partial(_run, binding), project, blueprint, None, on_check)

    def open_with(self, project: Path, blueprint: Blueprint, data: Path) -> Verification:
        """Start the app on records that it has already, and open every page and list of it as the owner.

        ``data`` is a copy of the app's data folder; the app may write to it.

        Raises:
            SandboxUnavailable: nothing could be tried.
        """
        return self._tried(_open, project, blueprint, data, lambda _: None)

    def _tried(
        self,
        attempt: Callable[[Recorder, Place], None],
        project: Path,
        blueprint: Blueprint,
        data: Path | None,
        on_check: Callable[[Check], None],
    ) -> Verification:
        recorder = Recorder(on_check)
        complete = False
        with tempfile.TemporaryDirectory(prefix="try-", dir=self._folder) as name:
            place = Place(
                sandbox=self._sandbox,
                project=project,
                blueprint=blueprint,
                passes=Passes(self._tokens),
                folder=Path(name),
                boot_seconds=self._limits.boot_seconds,
                deadline=time.monotonic() + self._limits.total_seconds,
                data=data,
            )
            try:
                attempt(recorder, place)
                complete = True
            except CheckFailed:
                complete = False  # recorded where it happened
        return recorder.verification(complete=complete)


def _open(recorder: Recorder, place: Place) -> None:
    client = _boot(recorder, place, prepare(place), Stage.BOOT, "The app starts with its records")
    try:
        with recorder.stage(Stage.PAGES):
            check_pages(
                recorder, client, place.blueprint, World(client, place.blueprint, Sampler(place.blueprint)).owner
            )
    finally:
        client.close()
        client.process.terminate(grace_seconds=0)


def _run(binding: Binding | None, recorder: Recorder, place: Place) -> None:
    with recorder.stage(Stage.BUILD):
        check_build(recorder, place.sandbox, place.project, place.blueprint)
    client = _boot(recorder, place, prepare(place), Stage.BOOT, "The app starts")
    again = prepare(place, held=True)
    try:
        _try_out(recorder, place, client, again, binding)
    finally:
        again.process.terminate(grace_seconds=0)


def _try_out(recorder: Recorder, place: Place, client: AppClient, again: Launch, binding: Binding | None) -> None:
    try:
        world = World(client, place.blueprint, Sampler(place.blueprint, {} if binding is None else slots_of(binding)))
        with recorder.stage(Stage.PAGES):
            check_pages(recorder, client, place.blueprint, world.owner)
        with recorder.stage(Stage.ACCEPTANCE):
            check_strangers(recorder, client, place.blueprint)
            check_as_owner(recorder, world, creation_order(place.blueprint))
            for role in place.blueprint.roles:
                check_role(recorder, world, role)
            check_behaviour(recorder, world)
        if binding is not None:
            with recorder.stage(Stage.CONTRACT):
                check_contract(recorder, world, binding)
        with recorder.stage(Stage.OWN):
            check_own(recorder, world)
        before: Mapping[str, list[int]] = {}
        title = "The app closes properly when it is asked to"
        with recorder.stage(Stage.RESTART), recorder.check(Stage.RESTART, title):
            before = _row_lists(world)
            stop(client)
    finally:
        client.close()
        client.process.terminate(grace_seconds=0)
    world.client = _boot(recorder, place, again, Stage.RESTART, "The app starts again")
    _check_restart(recorder, place, world, before)


def _boot(recorder: Recorder, place: Place, launch: Launch, stage: Stage, title: str) -> AppClient:
    with recorder.stage(stage), recorder.check(stage, title, final=True):
        return start(place, launch)


def _row_lists(world: World) -> Mapping[str, list[int]]:
    return {
        entity.name: world.client.get(world.owner, f"/{slug(entity.name)}").page.rows
        for entity in world.blueprint.entities
    }


def _check_restart(recorder: Recorder, place: Place, world: World, before: Mapping[str, list[int]]) -> None:
    client = world.client
    try:
        with recorder.stage(Stage.RESTART):
            for name, row in world.rows.items():
                title = f"What was saved in {plural(name)} is still there after a restart"
                with recorder.check(Stage.RESTART, title, subject=name):
                    message = f"{plural(name)} are lost when the app is restarted."
                    world.must_show(row, "data_lost", message)
                    listed = expect(client.get(world.owner, f"/{slug(name)}"), (200,), "data_lost", message)
                    if listed.page.rows != before.get(name):
                        changed = f"{plural(name)} are not the same after a restart."
                        detail = f"{before.get(name, [])[:8]} became {listed.page.rows[:8]}"
                        raise CheckFailed("data_changed", changed, detail=detail)
            for page in place.blueprint.pages:
                title = f"The page “{page.title}” opens with records in it"
                with recorder.check(Stage.RESTART, title, subject=page.title):
                    open_page(client, world.owner, page)
    finally:
        client.close()
        client.process.terminate(grace_seconds=0)
