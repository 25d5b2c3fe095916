"""From an API contract to an app that serves it: what it would become, and the build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.authz.questions import DEFAULT_LEVEL, LEVELS
from appliance.blueprint.printer import to_text
from appliance.contract.binding import Contract, Does
from appliance.contract.compose import propose
from appliance.contract.errors import ContractRefused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.db.records import Origin
from appliance.importer.grid import Source
from appliance.importer.proposal import Decisions
from appliance.studio.evidence import act
from appliance.studio.people import Actor, require_maker
from appliance.studio.screening import NOTHING_SAID, Choice, Cleared

if TYPE_CHECKING:
    from appliance.contract.compose import Proposal
    from appliance.core.ports import AuditSink
    from appliance.db.records import Build
    from appliance.studio.build import BuildService
    from appliance.studio.contracts import Contracts
    from appliance.studio.drafts import Draft, Drafts
    from appliance.studio.screening import Screening

MAX_ABOUT: Final = 600
_CONTRACT: Final = "the contract"
_ABOUT: Final = "the description"


@dataclass(frozen=True, slots=True)
class Offered:
    """A contract that was handed in, and what it would become."""

    draft: Draft
    proposal: Proposal


class ContractService:
    """What a maker does with contracts. Nothing of a contract is kept but in the maker's drafts until they create."""

    def __init__(
        self,
        drafts: Drafts,
        builds: BuildService,
        contracts: Contracts,
        *,
        audit: AuditSink,
        screening: Screening,
    ) -> None:
        self._drafts = drafts
        self._builds = builds
        self._contracts = contracts
        self._audit = audit
        self._screening = screening

    def take(self, actor: Actor, content: bytes, about: str) -> Offered:
        """Keep a contract for a day and say what it would become.

        Raises:
            ContractRefused: it cannot be read, or nothing of it can be served; nothing was kept.
            NotAllowed: the person is no maker.
        """
        require_maker(actor)
        proposal = propose(content, _checked(about))
        sources = (Source("contract", content), Source("about", about.encode()))
        return Offered(self._drafts.add(actor.person.subject, sources), proposal)

    def read(self, actor: Actor, content: bytes, about: str, name: str) -> Proposal:
        """What a contract would become, without keeping it.

        Raises:
            ContractRefused: it cannot be read, or nothing of it can be served.
            NotAllowed: the person is no maker.
        """
        require_maker(actor)
        return propose(content, _checked(about), name)

    def look(self, actor: Actor, draft_id: str) -> Offered:
        """What a draft would become.

        Raises:
            NotFound: it is not one of the person's own, or too old.
        """
        draft = self._drafts.get(actor.person.subject, draft_id)
        return Offered(draft, _proposed(draft))

    def rename(self, actor: Actor, draft_id: str, name: str) -> Offered:
        """Give the app another name.

        Raises:
            NotFound: it is not one of the person's own, or too old.
        """
        draft = self._drafts.get(actor.person.subject, draft_id)
        draft = self._drafts.decide(draft, Decisions(name=name[:80] or None))
        return Offered(draft, _proposed(draft))

    def discard(self, actor: Actor, draft_id: str) -> None:
        """Forget a draft at once."""
        self._drafts.remove(self._drafts.get(actor.person.subject, draft_id))

    def create(self, actor: Actor, draft_id: str, choice: Choice = Choice.NONE, level: int = DEFAULT_LEVEL) -> Build:
        """Build the app of a draft. ``choice``: about personal data in it; ``level``: the class of the app's data.

        Raises:
            SecretFound, AskFirst: the contract holds what must not be in an app, or what the maker decides about.
            ContractRefused: masked, it cannot be read any more.
            Refused: the app cannot be built; the reason is for the person.
            Busy: the queue is full.
        """
        offered = self.look(actor, draft_id)
        name = offered.draft.decisions.name or ""
        build = self.build(actor, *_texts(offered.draft), choice, name=name, level=level)
        self._drafts.remove(offered.draft)
        return build

    def build(
        self,
        actor: Actor,
        content: bytes,
        about: str,
        choice: Choice = Choice.NONE,
        *,
        name: str = "",
        level: int = DEFAULT_LEVEL,
    ) -> Build:
        """Build the app of a contract at once; see :meth:`create`."""
        require_maker(actor)
        proposal = propose(content, _checked(about), name)
        content, about, cleared = self._screened(actor, content, about, choice, LEVELS[level])
        proposal = propose(content, about, name)
        binding = proposal.binding
        details = {
            "contract_sha256": binding.digest,
            "operations": len(binding.operations),
            "not_served": sum(one.does is Does.REFUSED for one in binding.operations),
        }
        with act(
            self._audit, Event.CONTRACT_TAKEN, principal=actor.principal, resource="new-app", details=details
        ) as evidence:
            build_id = new_id("bld")
            self._contracts.lay_ready(build_id, Contract(binding, content))
            try:
                text = to_text(proposal.blueprint)
                build = self._builds.submit(actor, text, origin=Origin.BLUEPRINT, build_id=build_id, level=level)
            except BaseException:
                self._contracts.forget(build_id)
                raise
            self._screening.keep(build.project_id, actor, cleared)
            evidence.details.update(app=build.project_id, build=build.id)
        return build

    def _screened(
        self, actor: Actor, content: bytes, about: str, choice: Choice, data_class: str
    ) -> tuple[bytes, str, Cleared]:
        """The contract as it may be used, and what its placeholders stand for."""
        text = content.decode("utf-8-sig")
        parts = {_CONTRACT: text, _ABOUT: about}
        if not self._screening.cells(
            actor, parts, choice=choice, resource="new-app", data_class=data_class, what="contract"
        ):
            return content, about, NOTHING_SAID
        known: dict[str, str] = {}
        masked = self._screening.mask_cell(text, known, data_class=data_class)
        about = self._screening.mask_cell(about, known, data_class=data_class)
        return masked.encode(), about, Cleared("", known)


def _checked(about: str) -> str:
    if len(about) > MAX_ABOUT:
        message = f"The description has {len(about)} characters; up to {MAX_ABOUT} are taken."
        raise ContractRefused(message, action="Say in a sentence or two what the app is for.")
    return about


def _texts(draft: Draft) -> tuple[bytes, str]:
    content, about = (source.content for source in draft.sources)
    return content, about.decode()


def _proposed(draft: Draft) -> Proposal:
    content, about = _texts(draft)
    return propose(content, about, draft.decisions.name or "")
