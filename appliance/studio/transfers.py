"""What comes into the studio as a table or an API contract and what leaves it as an archive, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.studio.contract_service import ContractService
from appliance.studio.drafts import Drafts
from appliance.studio.exporting import ExportService
from appliance.studio.importing import ImportService

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.sandboxing import Sandbox
    from appliance.studio.assembly import Studio
    from appliance.studio.releases import Releases


@dataclass(frozen=True)
class Transfers:
    """What the web layer calls."""

    imports: ImportService
    exports: ExportService
    contracts: ContractService


def make_transfers(
    studio: Studio, releases: Releases, *, home: Path, sandbox: Sandbox, audit: AuditSink, clock: Clock
) -> Transfers:
    """Wire the use cases; from then on rows of an import are loaded before their app first starts."""
    imports = ImportService(
        Drafts(home / "imports", clock),
        studio.build_service,
        projects=studio.projects,
        versions=studio.versions,
        events=studio.events,
        sandbox=sandbox,
        audit=audit,
        screening=studio.screening,
    )
    studio.previews.before_start = imports.before_start
    exports = ExportService(
        home / "exports",
        projects=studio.projects,
        versions=studio.versions,
        previews=studio.previews,
        sandbox=sandbox,
        audit=audit,
        releases=releases,
    )
    contracts = ContractService(
        Drafts(home / "contracts" / "drafts", clock, again="Hand in the contract once more."),
        studio.build_service,
        studio.contracts,
        audit=audit,
        screening=studio.screening,
    )
    return Transfers(imports, exports, contracts)
