"""The verifier passes what codegen writes, and finds each way in which an app can be broken."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.blueprint.parser import parse
from appliance.core.clock import SystemClock
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.model import Check, Stage, Verification
from appliance.verifier.verify import Verifier
from tests.fixtures.rendered_apps import PACKAGE, mutate, render_app

pytestmark = pytest.mark.sandbox

Break = tuple[str, str, str]


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    keys = tmp_path_factory.mktemp("keys") / "app-tokens.json"
    return Verifier(BubblewrapSandbox(), AppTokens(keys, SystemClock()))


def test_a_whole_app_passes_and_every_promise_was_tried(verifier: Verifier, tmp_path: Path) -> None:
    project, blueprint = render_app(tmp_path / "app")
    told: list[Check] = []
    result = verifier.verify(project, blueprint, on_check=told.append)
    assert result.findings == ()
    assert result.passed
    assert tuple(told) == result.checks
    assert set(result.stages) == {stage.value for stage in Stage}
    titles = {check.title for check in result.checks}
    assert {
        "The app starts",
        "The page “Overdue” opens",
        "Somebody who is not signed in sees no Items and cannot add one",
        "A forged or borrowed pass does not open the app",
        "A Borrower cannot add an Item",
        "A Borrower cannot delete an Item",
        "A Borrower can see all Items",
        "A Borrower can add a Loan",
        "A Borrower can see only their own Loans",
        "A Borrower can change their own Loan",
        "A Borrower cannot change a Loan of somebody else",
        "A Lab Manager can delete a Loan",
        "An Item with something missing is not saved, and the form says what",
        "Two Items cannot be the same where they must differ",
        "An Item that a Loan refers to cannot be deleted by mistake",
        "Another site cannot add or delete a Loan",
        "What was saved in Loans is still there after a restart",
    } <= titles
    assert not list(project.rglob("__pycache__"))


def access(row: str, old: str, new: str) -> Break:
    return ("access.py", f'"{row}": Grant({old})', f'"{row}": Grant({new})')


MUTATIONS: list[tuple[str, Break, str, str]] = [
    (
        "a role may add what it must not",
        access("Borrower", "read=ALL", "create=ALL, read=ALL"),
        "access_too_wide",
        "Item",
    ),
    (
        "a role may delete what it must not",
        access("Borrower", "read=ALL", "read=ALL, delete=ALL"),
        "access_too_wide",
        "Item",
    ),
    (
        "a role sees rows of others",
        access("Borrower", "create=ALL, read=OWN, edit=OWN", "create=ALL, read=ALL, edit=OWN"),
        "access_too_wide",
        "Loan",
    ),
    (
        "a role changes rows of others",
        access("Borrower", "create=ALL, read=OWN, edit=OWN", "create=ALL, read=OWN, edit=ALL"),
        "access_too_wide",
        "Loan",
    ),
    (
        "a role is kept from what it may do",
        access("Borrower", "create=ALL, read=OWN, edit=OWN", "read=OWN, edit=OWN"),
        "form_closed",
        "Loan",
    ),
    (
        "the check at saving is missing",
        (
            "kit/controller.py",
            "if row_id is None:\n                visit.require",
            "if row_id is None:\n                print",
        ),
        "access_too_wide",
        "Item",
    ),
    (
        "the list ignores whose rows they are",
        ("kit/access.py", "if scope is Scope.ALL:\n            return true()", "if True:\n            return true()"),
        "access_too_wide",
        "Loan",
    ),
    (
        "a template is broken",
        ("kit/templates/list.html", "{{ heading }}", "{{ heading.no.such }}"),
        "server_error",
        "Items",
    ),
    (
        "a page has no heading",
        ("kit/templates/list.html", "<h1>{{ heading }}</h1>", "{{ heading }}"),
        "not_accessible",
        "Items",
    ),
    (
        "something is loaded from outside",
        ("kit/templates/base.html", "</head>", '<script src="https://cdn.example.org/x.js"></script></head>'),
        "loads_elsewhere",
        "Items",
    ),
    (
        "a route fails",
        (
            "kit/controller.py",
            '        """An empty form; parameters',
            '        raise RuntimeError("no form")\n        """An empty form; parameters',
        ),
        "server_error",
        "Item",
    ),
    (
        "data is lost at a restart",
        (
            "kit/application.py",
            "    database = Database(",
            "    (settings.data_dir / 'app.db').unlink(missing_ok=True)\n    database = Database(",
        ),
        "data_lost",
        "Item",
    ),
    ("required fields are ignored", ("kit/forms.py", "        if spec.required:\n", "        if False:\n"), "", "Item"),
    (
        "forms of other sites are taken",
        (
            "kit/security.py",
            "        nonce, _, mac = token.partition",
            "        return True\n        nonce, _, mac = token.partition",
        ),
        "csrf_ignored",
        "Item",
    ),
    (
        "other origins are taken",
        ("kit/security.py", "    return origin is None or", "    return True or origin is None or"),
        "csrf_ignored",
        "Item",
    ),
    (
        "signatures are not checked",
        ("kit/identity.py", 'options={"require"', 'options={"verify_signature": False, "verify_aud": False, "require"'),
        "accepts_forged_identity",
        "",
    ),
    (
        "deleting does nothing",
        ("kit/controller.py", "            visit.session.delete(row)\n", ""),
        "not_deleted",
        "Item",
    ),
    (
        "changes are not written",
        (
            "kit/forms.py",
            "        setattr(row, name, value)\n",
            "        setattr(row, name, value) if row.id is None else None\n",
        ),
        "change_lost",
        "Item",
    ),
    (
        "a file is not Python",
        ("models.py", "from __future__ import annotations", "from __future__ import"),
        "does_not_compile",
        "",
    ),
    ("a library is missing", ("app.py", "from pathlib import Path", "import no_such_library"), "does_not_start", ""),
]


@pytest.mark.parametrize("case", MUTATIONS, ids=[case[0] for case in MUTATIONS])
def test_a_broken_app_is_found(verifier: Verifier, tmp_path: Path, case: tuple[str, Break, str, str]) -> None:
    _, change, code, subject = case
    project, blueprint = render_app(tmp_path / "app")
    mutate(project, *change)
    result = verifier.verify(project, blueprint)
    assert not result.passed
    found = [finding for finding in result.findings if code in ("", finding.code)]
    assert found, result.findings
    assert not subject or subject in {finding.subject for finding in found}
    assert all(finding.message and finding.title and finding.detail for finding in found), found


def failing(verifier: Verifier, folder: Path, *changes: Break) -> Verification:
    project, blueprint = render_app(folder / "app")
    for change in changes:
        mutate(project, *change)
    return verifier.verify(project, blueprint)


def test_findings_point_at_the_file(verifier: Verifier, tmp_path: Path) -> None:
    result = failing(verifier, tmp_path, ("models.py", "from __future__ import annotations", "def ("))
    finding = result.findings[0]
    assert finding.stage is Stage.BUILD
    assert finding.file == f"{PACKAGE}/models.py"
    assert "SyntaxError" in finding.detail
    started = failing(
        verifier, tmp_path / "2", ("app.py", "from pathlib import Path", "raise RuntimeError('not today')")
    )
    assert started.findings[0].stage is Stage.BOOT
    assert started.findings[0].file == f"{PACKAGE}/app.py"
    assert "RuntimeError: not today" in started.findings[0].detail


def test_a_missing_part_is_found_before_anything_runs(verifier: Verifier, tmp_path: Path) -> None:
    project, blueprint = render_app(tmp_path / "app")
    (project / PACKAGE / "__main__.py").unlink()
    result = verifier.verify(project, blueprint)
    assert [finding.code for finding in result.findings] == ["file_missing"]


MANY_SHAPES = """
app "Shapes"
about "Every type, a circle of references, and names that are awkward."
role Staff
role Größe 2
entity Über Ding
  class text required unique
  id number
  amount money required
  done boolean required
  day date required unique
  at datetime
  hour time
  mail email unique
  phone phone
  site url
  who person
  paper file
  kind choice(A/B, in progress, C++) required
  parent ref(Über Ding)
  partner ref(Partner)
entity Partner
  label text required
  thing ref(Über Ding) required unique
  state choice(x, y) unique
access Über Ding: Staff all; Größe 2 create, read own, edit own, delete own
access Partner: Staff create, read
page "Alles" table Über Ding where done and kind = A/B
page "Neu" form Partner
page "Ein Ding" detail Über Ding
"""


def test_every_type_and_awkward_names_pass(verifier: Verifier, tmp_path: Path) -> None:
    project, blueprint = render_app(tmp_path / "app", MANY_SHAPES)
    result = verifier.verify(project, blueprint)
    assert result.findings == ()
    assert result.passed


def test_records_that_need_each_other_first_are_found(verifier: Verifier, tmp_path: Path) -> None:
    text = MANY_SHAPES.replace("partner ref(Partner)", "partner ref(Partner) required")
    project, blueprint = render_app(tmp_path / "app", text)
    result = verifier.verify(project, blueprint)
    assert {finding.code for finding in result.findings} == {"circular_required"}
    assert {finding.subject for finding in result.findings} == {"Über Ding", "Partner"}


def test_an_app_without_roles_or_pages(verifier: Verifier, tmp_path: Path) -> None:
    text = 'app "Notes"\nabout "Mine."\nentity Note\n  text longtext\n'
    project, blueprint = render_app(tmp_path / "app", text)
    assert parse(text) == blueprint
    result = verifier.verify(project, blueprint)
    assert result.findings == ()
    assert result.passed


def test_it_stops_when_it_is_told_to(verifier: Verifier, tmp_path: Path) -> None:
    """An exception of ``on_check`` (a cancelled build) ends everything at once and leaves nothing behind."""

    class CancelledError(Exception):
        pass

    def cancel(check: Check) -> None:
        if check.stage is Stage.PAGES:
            raise CancelledError

    project, blueprint = render_app(tmp_path / "app")
    begun = time.monotonic()
    with pytest.raises(CancelledError):
        verifier.verify(project, blueprint, on_check=cancel)
    assert time.monotonic() - begun < 30
    running: Callable[[], list[str]] = lambda: [  # noqa: E731
        path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if str(project).encode() in _read(path)
    ]
    deadline = time.monotonic() + 5
    while running():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
