"""Models: what lies on this machine, and the exchange of the one that runs, which one person asks for and another
approves.

The other bundle is verified byte by byte before the one that runs is touched. Only when it has started is it written
down as the one to run: a crash before leaves the old choice and an approved request, which the next start carries out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Question
from appliance.core.errors import Refused, Unavailable
from appliance.core.events import Event
from appliance.db.approval_records import ApprovalKind
from appliance.studio.approval import Wanted
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.model_choice import Chosen, ModelChoice
from appliance.studio.permits import as_principal, permit
from model_bundle.errors import ModelBundleError
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import read_signed, verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.authz.authority import Authority
    from appliance.core.ports import AuditSink
    from appliance.db.approval_records import Approval, Vote
    from appliance.studio.approval import ApprovalService
    from appliance.studio.people import Actor
    from model_bundle.verify import SignedBundle

MOST_SHOWN: Final = 100


class Exchangeable(Protocol):
    """The model that runs."""

    def digest(self) -> str:
        """Of what runs; empty while nothing does."""
        ...

    def exchange(self, bundle: Path, digest: str) -> None:
        """Run another one instead."""
        ...


class BundleRefused(Refused):
    """The bundle cannot be used; the cause says why."""

    code = "bundle_refused"


@dataclass(frozen=True, slots=True)
class Shelved:
    """A folder below ``bundles`` as people see it. ``trouble``: why it cannot be used, or nothing."""

    folder: str
    trouble: str = ""
    digest: str = ""
    name: str = ""
    version: int = 0
    model: str = ""
    bytes: int = 0
    """On the disk, by the manifest."""
    cache_bytes: int = 0
    """Of memory for each token of a conversation."""
    context: int = 0
    layout: str = ""
    """Architecture and shape in a few words."""
    licence: str = ""
    training_data: str = ""
    customer_data: bool = False
    signed_by: str = ""
    precision: Mapping[str, str] = field(default_factory=dict)
    quality: Mapping[str, str] = field(default_factory=dict)
    running: bool = False


class Models:
    """What operators see and ask for. Safe for threads."""

    def __init__(
        self,
        home: Path,
        engine: Exchangeable | None,
        approvals: ApprovalService,
        authority: Authority,
        *,
        ceiling: int,
        audit: AuditSink,
    ) -> None:
        """``engine`` None: no model runs here. ``ceiling``: the highest class of data that it is rated for."""
        self._keys, self._choice, self._engine = home / "keys", ModelChoice(home), engine
        self._approvals, self._authority, self._audit = approvals, authority, audit
        self._ceiling, self._one = ceiling, threading.Lock()

    def shelf(self) -> list[Shelved]:
        """Every bundle on this machine, by name and version. Signatures are checked, large files are not read."""
        folders = sorted(path.name for path in self._choice.bundles.glob("*") if path.is_dir() and path.name[0] != ".")
        running = "" if self._engine is None else self._engine.digest()
        found = [self._shelved(folder, running) for folder in folders[:MOST_SHOWN]]
        return sorted(found, key=lambda one: (not one.running, one.name, -one.version, one.folder))

    def chosen(self) -> Chosen | None:
        """What was chosen by an approval; None: the newest bundle runs."""
        return self._choice.read()

    def waiting(self) -> Approval | None:
        """The request to exchange the model that waits, if one does."""
        return next((one for one in self._approvals.waiting() if one.kind is ApprovalKind.MODEL), None)

    def ask(self, actor: Actor, folder: str, comment: str) -> Approval:
        """Ask that another bundle runs.

        Raises:
            NotAllowed: the policies do not let this person.
            NotFound, BundleRefused: there is no such bundle, or it cannot be used.
            Refused: it runs already, or a request waits.
        """
        resource = questions.model(folder[:80], ceiling=self._ceiling)
        permit(self._authority, Question(as_principal(actor), Action.SWITCH_MODEL, resource))
        wanted = self._signed(folder)
        if self._running() == wanted.digest:
            message = f"“{folder}” runs already."
            raise Refused(message, action="Choose another one.")
        with self._one:
            if (known := self.waiting()) is not None:
                message = "Somebody has asked for another model already."
                raise Refused(message, cause=known.id, action="Wait until that is decided, or have it withdrawn.")
            subject = {"folder": folder, "digest": wanted.digest}
            title = f"Run the model “{wanted.manifest.provenance.model}”, {folder}"
            return self._approvals.request(actor, Wanted(ApprovalKind.MODEL, title, comment, subject=subject))

    def carry_out(self, approval: Approval, votes: tuple[Vote, ...], principal: str) -> None:
        """Exchange the model for the approved one.

        Raises:
            Unavailable: no model runs here, the one that runs is at work, or the other one does not start.
            NotFound, BundleRefused: it is gone, or is not what was approved.
        """
        folder, digest = str(approval.subject["folder"]), str(approval.subject["digest"])
        details = {
            "from": self._running() or None,
            "to": digest,
            "folder": folder,
            "approval": approval.id,
            "requested_by": approval.requester,
            "approved_by": [one.voter for one in votes if one.approves],
        }
        with (
            self._one,
            act(self._audit, Event.MODEL_SWITCHED, principal=principal, resource="model", details=details) as done,
        ):
            if self._engine is None:
                message = "There is no model here to exchange."
                raise Unavailable(message, action="Start the appliance with a model, then try again.")
            signed = self._signed(folder)
            if signed.digest != digest:
                message = f"“{folder}” is not the bundle that was approved."
                raise BundleRefused(message, cause=f"its digest is {signed.digest}", action="Ask again.")
            done.details["model"] = signed.manifest.provenance.model
            if self._engine.digest() != digest:
                self._verify(signed)
                self._engine.exchange(signed.directory, digest)
            self._choice.write(Chosen(folder, digest, approval.id))

    def _running(self) -> str:
        return "" if self._engine is None else self._engine.digest()

    def _shelved(self, folder: str, running: str) -> Shelved:
        try:
            found = self._signed(folder)
        except Refused as error:
            return Shelved(folder, trouble=f"{error.message} {error.cause}".strip())
        manifest = found.manifest
        graph, origin = manifest.graph, manifest.provenance
        return Shelved(
            folder,
            digest=found.digest,
            name=manifest.name,
            version=manifest.version,
            model=origin.model,
            bytes=found.bytes,
            cache_bytes=graph.cache_bytes_per_token,
            context=graph.context_length,
            layout=f"{graph.architecture}, {graph.layers} layers, {len(manifest.files)} files",
            licence=origin.licence,
            training_data=origin.training_data,
            customer_data=origin.customer_data,
            signed_by=found.key_id,
            precision=dict(origin.precision),
            quality=dict(manifest.quality),
            running=found.digest == running,
        )

    def _signed(self, folder: str) -> SignedBundle:
        path = self._choice.bundles / folder
        if not folder or folder != path.name or not path.is_dir():
            message = f"There is no bundle “{folder[:80]}”."
            raise NotFound(message, action=f"Put it into {self._choice.bundles}, or choose one from the list.")
        try:
            return read_signed(path, read_trust_root(self._keys))
        except ModelBundleError as error:
            raise BundleRefused(error.message, cause=error.cause, action=error.action) from error

    def _verify(self, signed: SignedBundle) -> None:
        try:
            verify(signed.directory, read_trust_root(self._keys))
        except ModelBundleError as error:
            raise BundleRefused(error.message, cause=error.cause, action=error.action) from error
