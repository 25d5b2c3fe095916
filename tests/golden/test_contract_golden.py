"""What two contracts become, for people to review: the blueprint, what each operation does, what is left out.

Regenerate after a change that is meant, and read the difference: ``python -m tests.golden.test_contract_golden``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.blueprint.printer import to_text
from appliance.codegen.render import render
from appliance.contract.binding import Contract, read_binding, write_binding
from appliance.contract.compose import Proposal, propose
from tests.fixtures.api_contracts import CONTRACTS

GOLDEN = Path(__file__).parent / "contract"
ALL = ("room_booking.yaml", "spare_parts.json")


def written(proposal: Proposal) -> str:
    """A proposal as a page of text."""
    binding = proposal.binding
    lines = [to_text(proposal.blueprint), f"below {binding.base or '/'}", ""]
    for one in binding.operations:
        lines.append(f"{one.called}: {one.does} {one.entity}".rstrip() + (f" ({one.why})" if one.why else ""))
        lines += [f"    ?{asked.name} {asked.means or '.'.join(asked.filters) or asked.why}" for asked in one.asked]
        lines += [f"    {{{parent.parameter}}} narrows by {parent.field}" for parent in one.parents]
        lines += [f"    {fault.status} {fault.media or 'problem details'}" for fault in one.faults]
    for kept in binding.kept:
        lines += ["", f"{kept.entity}, named by {kept.key or f'its id as {kept.leaf}'}"]
        lines += [f"    {slot.name}: {slot.source} {slot.field} {slot.entity}".rstrip() for slot in kept.slots]
    lines += ["", *(f"- {note.where}: {note.text}" for note in binding.notes)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ALL)
def test_a_contract_becomes_what_was_reviewed(name):
    proposal = propose((CONTRACTS / name).read_bytes())
    assert written(proposal) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert read_binding(write_binding(proposal.binding)) == proposal.binding


@pytest.mark.parametrize("name", ["spare_parts.json", "help_desk.yaml"])
def test_the_app_of_a_contract_passes_its_own_tests_and_is_typed(name, tmp_path):
    content = (CONTRACTS / name).read_bytes()
    proposal = propose(content)
    tree = render(proposal.blueprint, {}, Contract(proposal.binding, content))
    assert tree.files["contract/openapi.yaml"] == content
    tree.write_to(tmp_path)
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "MYPY_CACHE_DIR": os.devnull}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert re.search(r"\d+ passed", tested.stdout)
    package = next(path.parent.name for path in tmp_path.glob("*/api.py"))
    modules = [f"{package}/api.py", f"{package}/api_shapes.py"]
    typed = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", *modules],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert typed.returncode == 0, typed.stdout


if __name__ == "__main__":
    for contract in ALL:
        text = written(propose((CONTRACTS / contract).read_bytes()))
        (GOLDEN / f"{contract}.txt").write_text(text, encoding="utf-8")
