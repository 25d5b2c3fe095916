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
    assert set(result.stages) == {stage.value for stage in Stage} - {Stage.CONTRACT}
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


ITEM_ROW, LOAN_ROW = "read=ALL", "create=ALL, read=OWN, edit=OWN"
NO_FORM = '        raise RuntimeError("no form")\n        """An empty form; parameters'
FORGET = "    (settings.data_dir / 'app.db').unlink(missing_ok=True)\n    database = Database("
TRUSTING = 'options={"verify_signature": False, "verify_aud": False, "require"'
SCRIPT = '<script src="https://cdn.example.org/x.js"></script></head>'

# Several breaks share one app where none hides another: each names the checks that must fail, and how.
MUTATIONS: dict[str, tuple[list[Break], dict[str, str]]] = {
    "roles may too much": (
        [
            access("Borrower", ITEM_ROW, "create=ALL, read=ALL, delete=ALL"),
            access("Borrower", LOAN_ROW, "create=ALL, read=ALL, edit=ALL"),
        ],
        {
            "A Borrower cannot add an Item": "access_too_wide",
            "A Borrower cannot delete an Item": "access_too_wide",
            "A Borrower can see only their own Loans": "access_too_wide",
            "A Borrower cannot change a Loan of somebody else": "access_too_wide",
        },
    ),
    "a role may too little, its list shows all, forms of other sites are taken, deleting does nothing": (
        [
            access("Borrower", LOAN_ROW, "read=OWN, edit=OWN"),
            (
                "kit/access.py",
                "if scope is Scope.ALL:\n            return true()",
                "if True:\n            return true()",
            ),
            (
                "kit/security.py",
                "        nonce, _, mac = token.partition",
                "        return True\n        nonce, _, mac = token.partition",
            ),
            ("kit/saving.py", "    visit.session.delete(row)\n", ""),
        ],
        {
            "A Borrower can add a Loan": "form_closed",
            "A Borrower can see only their own Loans": "access_too_wide",
            "Another site cannot add or delete an Item": "csrf_ignored",
            "The owner can delete an Item": "not_deleted",
        },
    ),
    "saving is not guarded, other origins are taken, changes are lost, no heading": (
        [
            (
                "kit/controller.py",
                "if row_id is None:\n                visit.require",
                "if row_id is None:\n                print",
            ),
            ("kit/security.py", "    return origin is None or", "    return True or origin is None or"),
            (
                "kit/saving.py",
                "        setattr(row, name, value)\n",
                "        setattr(row, name, value) if row.id is None else None\n",
            ),
            ("kit/templates/list.html", "<h1>{{ heading }}</h1>", "{{ heading }}"),
        ],
        {
            "A Borrower cannot add an Item": "access_too_wide",
            "Another site cannot add or delete a Loan": "csrf_ignored",
            "The owner can change an Item": "change_lost",
            "The page “Items” opens": "not_accessible",
        },
    ),
    "a page fails, required is ignored, anybody is believed, data is lost, something comes from outside": (
        [
            ("kit/templates/dashboard.html", "{{ heading }}", "{{ heading.no.such }}"),
            ("models.py", ", required=True", ""),
            ("kit/identity.py", 'options={"require"', TRUSTING),
            ("kit/application.py", "    database = Database(", FORGET),
            ("kit/templates/base.html", "</head>", SCRIPT),
        ],
        {
            "The page “Overview” opens": "server_error",
            "The page “Items” opens": "loads_elsewhere",
            "An Item with something missing is not saved, and the form says what": "required_ignored server_error",
            "A forged or borrowed pass does not open the app": "accepts_forged_identity",
            "What was saved in Items is still there after a restart": "data_lost",
        },
    ),
    "a route fails": (
        [("kit/controller.py", '        """An empty form; parameters', NO_FORM)],
        {"The owner can add an Item": "server_error"},
    ),
    "a file is not Python": (
        [("models.py", "from __future__ import annotations", "from __future__ import")],
        {"The app's program is well-formed": "does_not_compile"},
    ),
    "a library is missing": (
        [("app.py", "from pathlib import Path", "import no_such_library")],
        {"The app starts": "does_not_start"},
    ),
}


BEHAVIOUR = """app "Loans"
role Helper
role Warden
entity Tool
  name text required
  code sequence(T-001)
  price text
entity Lending
  tool ref(Tool) required
  year number required
  taken date required
  due date required
  back boolean
  late number = days(today - due) when not back
  unique tool, year
access Tool: Helper read; Warden all
access Tool.price: Warden read, edit
access Lending: Helper read; Warden all
rule Lending on create, edit: due >= taken else "It cannot be due before it is taken."
action Lending "Take back" for Warden when not back: back = true
page "Lendings" table Lending where not back
"""


def test_an_app_that_behaves_passes_and_every_behaviour_was_tried(verifier: Verifier, tmp_path: Path) -> None:
    project, blueprint = render_app(tmp_path / "app", BEHAVIOUR)
    result = verifier.verify(project, blueprint)
    assert result.findings == ()
    assert {
        "A Lending is refused where the rule says: “It cannot be due before it is taken.”",
        "Two Lendings cannot have the same tool and year",
        "The owner can do “Take back” with a Lending",
        "A Warden can do “Take back” with a Lending",
        "A Helper cannot do “Take back” with a Lending",
        "A Helper cannot see the price of a Tool",
    } <= {check.title for check in result.checks}


def test_behaviour_that_is_broken_is_found(verifier: Verifier, tmp_path: Path) -> None:
    project, blueprint = render_app(tmp_path / "app", BEHAVIOUR)
    mutate(project, "kit/actions.py", "    if OWNER in access.roles or", "    if True or OWNER in access.roles or")
    mutate(project, "kit/access.py", "allowed = Scope.ALL if named is None else", "allowed = Scope.ALL if True else")
    codes = {finding.title: finding.code for finding in verifier.verify(project, blueprint).findings}
    assert codes["A Helper cannot do “Take back” with a Lending"] == "access_too_wide"
    assert codes["A Helper cannot see the price of a Tool"] == "access_too_wide"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_app_is_found(verifier: Verifier, tmp_path: Path, name: str) -> None:
    changes, expected = MUTATIONS[name]
    result = failing(verifier, tmp_path, *changes)
    assert not result.passed
    codes = {finding.title: finding.code for finding in result.findings}
    for title, code in expected.items():
        assert codes.get(title, "it passed") in code.split(), (title, codes)
    for finding in result.findings:
        assert finding.message
        assert finding.detail
    for finding in (finding for finding in result.findings if finding.code == "server_error"):
        assert finding.file.startswith(f"{PACKAGE}/"), finding


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
