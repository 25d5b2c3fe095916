"""Proposals on disk: one file each below the app's folder, written whole or not at all, so they survive a restart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.core.errors import IntramuralError
from appliance.core.ids import is_id
from appliance.core.ports import Person
from appliance.core.private_files import PrivateFileError, write_private
from appliance.studio.errors import NotFound
from appliance.studio.proposal import Ask, Proposal, ProposalState, Question, RowInTheWay, Sentence, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.studio.version import VersionStore

KEPT: Final = 50
MAX_BYTES: Final = 1 << 20


class ProposalDamaged(IntramuralError):  # noqa: N818
    """A stored proposal cannot be read or written."""

    code = "proposal_damaged"


@dataclass(frozen=True)
class Kept:
    """A proposal with what was answered so far, by question."""

    proposal: Proposal
    answers: Mapping[str, str] = field(default_factory=dict)


class Proposals:
    """Reads and writes them; the newest :data:`KEPT` of an app stay."""

    def __init__(self, versions: VersionStore) -> None:
        self._versions = versions

    def put(self, kept: Kept) -> None:
        """Store one.

        Raises:
            ProposalDamaged: it cannot be written.
        """
        proposal = kept.proposal
        data = {"proposal": asdict(proposal), "answers": dict(kept.answers)}
        body = json.dumps(data, default=lambda value: value.isoformat(), ensure_ascii=False).encode()
        folder = self._folder(proposal.project_id)
        try:
            write_private(folder / f"{proposal.id}.json", body)
        except PrivateFileError as error:
            message = "The proposed change could not be stored."
            raise ProposalDamaged(message, cause=error.cause, action="Ask your operator to check the disk.") from error
        # An identifier begins with the time, so the names are in the order in which they were made.
        for old in sorted(folder.glob("*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)

    def get(self, project_id: str, proposal_id: str) -> Kept:
        """One of them.

        Raises:
            NotFound: there is none of that name.
            ProposalDamaged: it cannot be read.
        """
        path = self._folder(project_id) / f"{proposal_id}.json"
        if not is_id(proposal_id) or not path.exists():
            message = "There is no such proposal."
            raise NotFound(message, action="Go back to the app's page.")
        return _read(path)

    def all(self, project_id: str) -> Iterator[Kept]:
        """All of an app, newest first."""
        for path in sorted(self._folder(project_id).glob("*.json"), reverse=True):
            yield _read(path)

    def of_build(self, project_id: str, build_id: str) -> Kept:
        """The one that a build carries out.

        Raises:
            NotFound: there is none.
        """
        for kept in self.all(project_id):
            if kept.proposal.build == build_id:
                return kept
        message = "The proposal that was to be carried out is no longer there."
        raise NotFound(message, action="Propose the change again.")

    def _folder(self, project_id: str) -> Path:
        return self._versions.folder(project_id) / "proposals"


def _read(path: Path) -> Kept:
    try:
        with path.open("rb") as file:
            data: dict[str, Any] = json.loads(file.read(MAX_BYTES))
        return Kept(_proposal(data["proposal"]), {str(key): str(value) for key, value in data["answers"].items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = "A proposed change cannot be read."
        raise ProposalDamaged(message, cause=f"{path.name}: {error!r}", action="Propose it again.") from error


def _proposal(data: dict[str, Any]) -> Proposal:
    def sentences(name: str) -> tuple[Sentence, ...]:
        return tuple(Sentence(**item) for item in data[name])

    questions = tuple(
        Question(
            **{
                **item,
                "ask": Ask(item["ask"]),
                "options": tuple((str(key), str(text)) for key, text in item["options"]),
                "rows": tuple(RowInTheWay(**row) for row in item["rows"]),
            }
        )
        for item in data["questions"]
    )
    made = {
        "author": Person(**data["author"]),
        "created_at": datetime.fromisoformat(data["created_at"]),
        "source": Source(data["source"]),
        "state": ProposalState(data["state"]),
        "renames": tuple(Rename(**{**item, "kind": Renamed(item["kind"])}) for item in data["renames"]),
        "screens": sentences("screens"),
        "data": sentences("data"),
        "access": sentences("access"),
        "effects": tuple(data["effects"]),
        "confirm": tuple(data["confirm"]),
        "left_out": tuple(data.get("left_out", ())),
        "questions": questions,
    }
    return Proposal(**{**data, **made})
