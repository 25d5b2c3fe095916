"""However a witness dies, it never vouches for two histories: what it cosigned it still knows."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.cosign import WitnessKey, make_witness_key
from appliance.audit.errors import AuditCorrupt
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.merkle import consistency_proof, leaf_hash, nodes_of, tree_hash
from appliance.audit.note import Checkpoint
from appliance.audit.witness import Witness
from appliance.audit.witness_request import request_body
from appliance.core.clock import ManualClock
from tests.faults.audit_injection import run_with

CLOCK = ManualClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
LEAVES = [leaf_hash(b"%d" % number) for number in range(12)]
FORK = [leaf_hash(b"another"), *LEAVES[1:]]
CALLS = {
    "openat": (1, 4, 6, 9),
    "write": (1, 3, 4),
    "fsync": (1, 2, 3, 5),
    "rename": (1, 2),
    "mkdir": (1,),
    "close": (1, 3),
}


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture(scope="module")
def own() -> WitnessKey:
    return make_witness_key("example.com/witness")


def request(key: LogKey, old: int, size: int, leaves: list[bytes]) -> bytes:
    proof = consistency_proof(old, size, nodes_of(leaves)) if old else ()
    head = Checkpoint(key.name, size, tree_hash(leaves[:size]))
    return request_body(old, proof, key.checkpoint_note(head, CLOCK.now()).encode())


@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=SIGKILL"])
@pytest.mark.parametrize("call", CALLS)
def test_what_was_cosigned_is_never_forgotten(
    tmp_path: Path, key: LogKey, own: WitnessKey, call: str, fault: str
) -> None:
    logs = {key.name: key.verifier_keys}
    for when in CALLS[call]:
        folder = tmp_path / str(when)
        folder.mkdir()

        def work(pipe: int, folder: Path = folder) -> None:
            try:
                witness = Witness(folder, own, CLOCK, logs)
            except (OSError, AuditCorrupt):
                return
            for old, size in ((0, 3), (3, 5), (5, 12)):
                if witness.add_checkpoint(request(key, old, size, LEAVES)).status == 200:
                    os.write(pipe, f"{size}\n".encode())

        output = run_with(work, f"inject={call}:{fault}:when={when}")
        signed = max(map(int, output.split()), default=0)
        again = Witness(folder, own, CLOCK, logs)
        for size in range(1, signed + 1):
            assert again.add_checkpoint(request(key, 0, size, FORK)).status == 409
        known = int(again.add_checkpoint(request(key, 0, 12, LEAVES)).body) if signed else 0
        assert known >= signed
        again.close()
