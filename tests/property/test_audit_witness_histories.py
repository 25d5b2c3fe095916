"""Whatever is asked of a witness, in whatever order: what it cosigned is always one growing history."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audit.cosign import make_witness_key
from appliance.audit.keys import make_log_key
from appliance.audit.merkle import consistency_proof, leaf_hash, nodes_of, tree_hash
from appliance.audit.note import Checkpoint
from appliance.audit.witness import Witness
from appliance.audit.witness_request import AddCheckpoint, parse_request, request_body
from appliance.core.clock import ManualClock

CLOCK = ManualClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
KEY, OWN = make_log_key("example.com/audit"), make_witness_key("example.com/witness")
SIZE = 10
HISTORIES = [
    [leaf_hash(b"%d" % (number if number < split else number + 1000)) for number in range(SIZE)]
    for split in (SIZE, 0, 3, 7)
]
requests = st.tuples(st.sampled_from(range(len(HISTORIES))), st.integers(0, SIZE), st.integers(0, SIZE), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, max_size=12))
def test_no_two_histories_are_cosigned(asked: list[tuple[int, int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        witness = Witness(folder, OWN, CLOCK, {KEY.name: KEY.verifier_keys})
        signed: list[bytes] = []
        for history, guess, size, restart in asked:
            leaves = HISTORIES[history]
            # Always from where the witness stands, so that most requests are refused for their content alone.
            old = len(signed) if restart else guess
            proof = consistency_proof(old, size, nodes_of(leaves)) if 0 < old < size else ()
            head = Checkpoint(KEY.name, size, tree_hash(leaves[:size]))
            answer = witness.add_checkpoint(request_body(old, proof, KEY.checkpoint_note(head, CLOCK.now()).encode()))
            continues = old == len(signed) and old <= size and leaves[:old] == signed
            assert (answer.status == 200) == continues
            if continues:
                signed = leaves[:size]
            if restart:
                witness.close()
                witness = Witness(folder, OWN, CLOCK, {KEY.name: KEY.verifier_keys})
        witness.close()


@given(st.integers(0, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=50))
def test_requests_are_read_as_written(old: int, proof: list[bytes], note: bytes) -> None:
    assert parse_request(request_body(old, proof, note)) == AddCheckpoint(old, tuple(proof), note)
