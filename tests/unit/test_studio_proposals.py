"""Proposals survive a restart whole, and are bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.core.ids import new_id
from appliance.studio.errors import NotFound
from appliance.studio.proposal import Ask, Proposal, ProposalState, Question, RowInTheWay, Sentence, Source
from appliance.studio.proposals import KEPT, Kept, ProposalDamaged, Proposals
from appliance.studio.version import VersionStore
from tests.fixtures.studio import MAYA

if TYPE_CHECKING:
    from pathlib import Path


def made(app_id: str) -> Proposal:
    question = Question(
        "rows Note.day", Ask.ROWS, "What?", (("empty", "Leave it"),), (RowInTheWay(1, "Ä", "x", "no day"),), 1, "empty"
    )
    return Proposal(
        id=new_id("prp"),
        project_id=app_id,
        author=MAYA,
        created_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        source=Source.MODEL,
        words="Größer",
        base=3,
        blueprint='app "X"\n',
        renames=(Rename(Renamed.OPTION, "Note.state", "open", "lent"),),
        data=(Sentence("A text.", "loses", "Note.day"),),
        effects=("One.",),
        questions=(question,),
        confirm=("Note.day",),
        build=new_id("bld"),
        state=ProposalState.ACCEPTED,
    )


@pytest.fixture
def app_id(tmp_path: Path) -> str:
    name = new_id("app")
    (tmp_path / name).mkdir()
    return name


def test_a_proposal_comes_back_as_it_was(tmp_path: Path, app_id: str) -> None:
    kept = Kept(made(app_id), {"rows Note.day": "empty"})
    Proposals(VersionStore(tmp_path)).put(kept)
    again = Proposals(VersionStore(tmp_path))
    assert again.get(app_id, kept.proposal.id) == kept
    assert again.of_build(app_id, kept.proposal.build or "") == kept
    with pytest.raises(NotFound):
        again.of_build(app_id, new_id("bld"))
    with pytest.raises(NotFound):
        again.get(app_id, "../../etc/passwd")


def test_only_the_newest_stay(tmp_path: Path, app_id: str) -> None:
    store = Proposals(VersionStore(tmp_path))
    all_ = [replace(made(app_id), id=f"prp_{number:026}") for number in range(KEPT + 3)]
    for proposal in all_:
        store.put(Kept(proposal))
    assert [kept.proposal.id for kept in store.all(app_id)] == [proposal.id for proposal in all_[:2:-1]]


def test_a_torn_file_is_an_error_of_ours(tmp_path: Path, app_id: str) -> None:
    store = Proposals(VersionStore(tmp_path))
    kept = Kept(made(app_id))
    store.put(kept)
    path = tmp_path / app_id / "proposals" / f"{kept.proposal.id}.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ProposalDamaged):
        store.get(app_id, kept.proposal.id)
