"""The use cases put together over one database and one set of stage machinery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.studio.build import BuildService
from appliance.studio.carrying import Carrier
from appliance.studio.classifying import class_of
from appliance.studio.code_service import CodeService
from appliance.studio.coding import Coding
from appliance.studio.contracts import Contracts
from appliance.studio.conversation import Conversation
from appliance.studio.difference import Differences
from appliance.studio.events import EventStream
from appliance.studio.gathering import Gathering
from appliance.studio.locks import Locks
from appliance.studio.pipeline import Pipeline
from appliance.studio.project import ProjectService
from appliance.studio.proposals import Proposals
from appliance.studio.recovery import Recovery
from appliance.studio.revision import RevisionService
from appliance.studio.revision_look import Look
from appliance.studio.screening import Screening
from appliance.studio.succession import Succession

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.core.settings import BuildSettings
    from appliance.db.repositories.builds import Builds
    from appliance.db.repositories.projects import Projects
    from appliance.studio.addresses import Addresses
    from appliance.studio.parts import Parts
    from appliance.studio.preview import Previews
    from appliance.studio.quotas import Quotas
    from appliance.studio.version import VersionStore


@dataclass(frozen=True)
class Studio:
    """What the web layer calls."""

    projects: Projects
    builds: Builds
    versions: VersionStore
    previews: Previews
    events: EventStream
    build_service: BuildService
    project_service: ProjectService
    recovery: Recovery
    gathering: Gathering
    conversation: Conversation
    differences: Differences
    revisions: RevisionService
    screening: Screening
    quotas: Quotas
    code: CodeService
    contracts: Contracts


def make_studio(
    parts: Parts,
    *,
    projects: Projects,
    builds: Builds,
    versions: VersionStore,
    previews: Previews,
    addresses: Addresses,
    quotas: Quotas,
    settings: BuildSettings,
    clock: Clock,
) -> Studio:
    """Wire the use cases; nothing runs yet."""
    events = EventStream(builds, clock)
    screening = Screening(
        parts.inspector,
        parts.audit,
        parts.vault,
        open_body=parts.open_body,
        folder=versions.folder,
        class_of=lambda app: class_of(projects, app),
    )
    carrier = Carrier(parts.sandbox, versions, previews, parts.render, parts.verifier)
    look, proposals = Look(projects, versions, carrier), Proposals(versions)
    succession = Succession(look, proposals, carrier, parts.audit)
    locks = Locks(versions, parts.audit)
    coding = Coding(parts, events, projects, versions, locks, screening=screening)
    contracts = Contracts(versions.beside("contracts") / "builds", projects, versions, proposals)
    pipeline = Pipeline(
        parts,
        projects=projects,
        builds=builds,
        versions=versions,
        previews=previews,
        events=events,
        addresses=addresses,
        succession=succession,
        screening=screening,
        coding=coding,
        contracts=contracts,
        clock=clock,
    )
    project_service = ProjectService(
        projects=projects,
        builds=builds,
        versions=versions,
        previews=previews,
        succession=succession,
        audit=parts.audit,
        pseudonyms=parts.pseudonyms,
        clock=clock,
    )
    build_service = BuildService(
        pipeline,
        projects=projects,
        builds=builds,
        events=events,
        audit=parts.audit,
        vault=parts.vault,
        screening=screening,
        quotas=quotas,
        settings=settings,
        clock=clock,
    )
    return Studio(
        projects=projects,
        builds=builds,
        versions=versions,
        previews=previews,
        events=events,
        build_service=build_service,
        project_service=project_service,
        recovery=Recovery(
            projects=projects, builds=builds, versions=versions, events=events, addresses=addresses, clock=clock
        ),
        gathering=Gathering(project_service, versions, previews),
        differences=Differences(projects, versions),
        conversation=Conversation(parts.reviser, parts.audit, parts.vault, screening, quotas=quotas, model=parts.model),
        code=CodeService(project_service, build_service, coding.rewrites, locks),
        revisions=RevisionService(
            projects=project_service,
            builds=builds,
            build_service=build_service,
            proposals=proposals,
            look=look,
            locks=locks,
            contracts=contracts,
            audit=parts.audit,
            vault=parts.vault,
            clock=clock,
        ),
        screening=screening,
        quotas=quotas,
        contracts=contracts,
    )
