"""Wiring of what governs the appliance: policies, approvals, publishing, and the front door before all of it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Protocol

from appliance.audit.recent import recent_intents
from appliance.authz.authority import Authority
from appliance.authz.questions import LEVELS, Question
from appliance.authz.shipped import shipped_policies, shipped_schema
from appliance.authz.store import PolicyStore
from appliance.authz.trial import Recorded
from appliance.db.approval_records import ApprovalKind
from appliance.db.repositories.approvals import Approvals
from appliance.db.repositories.publications import Publications
from appliance.dlp.analyzer import Analyzer
from appliance.dlp.ruleset import SHIPPED
from appliance.hosting.routes import AppRoute, FrontDoor
from appliance.studio.addresses import Addresses
from appliance.studio.approval import ApprovalService
from appliance.studio.carrying import Carrier
from appliance.studio.classifying import Classifying
from appliance.studio.deciding import Decisions
from appliance.studio.delegation import Delegations
from appliance.studio.governing import Governance
from appliance.studio.mail import Mailer
from appliance.studio.models import Models
from appliance.studio.notices import Notices
from appliance.studio.policy import PolicyService, policies_in_force
from appliance.studio.publishing import Publishing
from appliance.studio.release_records import ReleaseRecords
from appliance.studio.releases import Releases
from appliance.studio.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from appliance.audit.log import AuditLog
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.screening import Inspector
    from appliance.core.settings import Settings
    from appliance.db.engine import Database
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.assembly import Studio
    from appliance.studio.engine import Engine
    from appliance.studio.layout import Layout
    from appliance.studio.parts import Parts


def make_authority(settings: Settings, audit: AuditSink, clock: Clock) -> tuple[Authority, PolicyStore]:
    """Whoever must know whether something is permitted asks this; and where its policies are kept.

    Raises:
        PolicyUnusable: the policies cannot be used, so nothing may start.
    """
    store = PolicyStore(settings.home / "policies")
    engine = policies_in_force(store, shipped_schema(), shipped_policies(), audit=audit, clock=clock)
    return Authority(engine), store


def make_inspector(settings: Settings) -> Analyzer:
    """Whoever takes in or gives out text asks this; its library is loaded while the rest starts.

    Raises:
        RulesBroken: the rules cannot be used, so nothing may start.
    """
    inspector = Analyzer(settings.dlp.folder or SHIPPED)
    inspector.start()
    return inspector


def recorded_decisions(log: AuditLog, since: datetime) -> Iterator[Recorded]:
    """Questions that the log holds, each once for each request, whatever the request left in the log. Entries of older
    programs, which hold none, are passed over."""
    known = set()
    for ref, leaf in recent_intents(log, since):
        context = leaf.details.get("context")
        asked = context.get("asked") if isinstance(context, dict) else None
        if not isinstance(context, dict) or not isinstance(asked, dict):
            continue
        once = (context.get("request") or ref.index, json.dumps(asked, sort_keys=True))
        if once not in known:
            known.add(once)
            with contextlib.suppress(ValueError, KeyError, TypeError):
                yield Recorded(ref.index, leaf.time.isoformat(), leaf.event, Question.from_details(asked))


def make_governance(
    parts: Parts,
    studio: Studio,
    apps: AppSupervisor,
    engine: Engine | None,
    *,
    log: AuditLog,
    database: Database,
    settings: Settings,
    clock: Clock,
) -> Governance:
    """Wire what governs; nothing runs yet.

    Raises:
        PolicyUnusable: the policies cannot be used, so nothing may start.
    """
    authority, store = make_authority(settings, parts.audit, clock)
    kept, publications = Approvals(database), Publications(database)
    mailer = Mailer(settings.mail)
    notices = Notices(mailer, settings.mail, Addresses.of(settings.web).studio)
    audit = parts.audit
    approvals = ApprovalService(kept, authority, audit=audit, notices=notices, settings=settings.approvals, clock=clock)
    decisions = Decisions(approvals, kept, authority, audit=audit, notices=notices, clock=clock)
    delegations = Delegations(
        kept, authority, audit=audit, pseudonyms=parts.pseudonyms, settings=settings.approvals, clock=clock
    )
    releases = Releases(apps, studio.projects, publications, studio.versions)
    carrier = Carrier(parts.sandbox, studio.versions, releases, parts.render, parts.verifier)
    records = ReleaseRecords(studio, publications, releases, carrier)
    classes = Classifying(studio.project_service, studio.projects, approvals, authority, audit=audit, clock=clock)
    decisions.carriers[ApprovalKind.CLASSIFY] = classes.carry_out
    publishing = Publishing(
        studio,
        publications,
        releases,
        approvals=approvals,
        authority=authority,
        classes=classes,
        carrier=carrier,
        records=records,
        audit=audit,
        notices=notices,
        publish_routes=parts.publish_routes,
        settings=settings.approvals,
        clock=clock,
    )
    decisions.carriers[ApprovalKind.PUBLISH] = publishing.carry_out
    policy = PolicyService(
        store,
        authority,
        approvals,
        schema=shipped_schema(),
        recent=lambda since: recorded_decisions(log, since),
        audit=audit,
        clock=clock,
    )
    decisions.carriers[ApprovalKind.POLICY] = policy.carry_out
    ceiling = LEVELS.index(settings.model.ceiling)
    models = Models(settings.home, engine, approvals, authority, ceiling=ceiling, audit=audit)
    decisions.carriers[ApprovalKind.MODEL] = models.carry_out
    trials = Trials(
        apps,
        studio.projects,
        studio.versions,
        approvals,
        authority,
        studio=Addresses.of(settings.web).studio,
        audit=audit,
        publish_routes=parts.publish_routes,
        clock=clock,
    )
    approvals.when_decided.append(trials.forget)
    return Governance(
        authority=authority,
        policy=policy,
        approvals=approvals,
        decisions=decisions,
        delegations=delegations,
        publishing=publishing,
        records=records,
        releases=releases,
        trials=trials,
        models=models,
        classes=classes,
        mail=mailer,
    )


def dlp_states(inspector: Inspector) -> dict[str, str]:
    """What the operator is told of data loss prevention."""
    return {"data loss prevention": inspector.state(), "rules of data loss prevention": inspector.rules_state()}


class Wired(Protocol):
    """What stands behind the front door."""

    settings: Settings
    layout: Layout
    studio: Studio
    apps: AppSupervisor
    governance: Governance


def front_door(wired: Wired) -> FrontDoor:
    """Everything that Caddy must know now: previews, and what is published."""
    previews = [
        AppRoute(one.slug, wired.apps.address(one.id).socket)
        for one in wired.studio.projects.all_standing()
        if one.slug
    ]
    governance = wired.governance
    live = [AppRoute(one.label, one.socket) for one in (*governance.releases.routes(), *governance.trials.routes())]
    return FrontDoor(
        domain=wired.settings.web.domain,
        port=wired.settings.web.port,
        web_socket=wired.layout.web_socket,
        admin_socket=wired.layout.run / "caddy-admin.sock",
        storage=wired.settings.home / "caddy",
        apps=(*previews, *live),
    )
