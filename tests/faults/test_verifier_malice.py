"""Apps that do harm on purpose: each is stopped in time, and said to be what it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.blueprint.parser import parse
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier, VerifierLimits
from tests.fakes.app_tokens import PlainTokens
from tests.fixtures.small_app import PACKAGE, write_small_app

pytestmark = pytest.mark.sandbox

# Its package is the one of the small app.
BLUEPRINT = parse('app "Small"\nabout "x."\nentity Note\n  body text required\n')
_OK = "self.send_response(200), self.send_header('Content-Type', 'text/html'), self.end_headers()"
LIMITS = VerifierLimits(boot_seconds=3, total_seconds=20)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(BubblewrapSandbox(), PlainTokens(jwks='{"keys": []}'), limits=LIMITS)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mal-") as name:
        yield Path(name)


def test_the_package_is_the_one_that_is_asked_for() -> None:
    from appliance.blueprint.naming import package_name

    assert package_name(BLUEPRINT.name) == PACKAGE


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        ("while True: pass", "start_too_slow", "takes too long"),
        ("time.sleep(600)", "start_too_slow", "takes too long"),
        ("while True: os.fork()", "does_not_start out_of_memory", ""),
        ("held = bytearray(1 << 30)", "out_of_memory", "memory"),
        ("held = [bytearray(b'x') * (64 << 20) for _ in range(64)]", "out_of_memory", "memory"),
        ("for _ in range(1000): os.write(1, b'x' * 100_000)", "", ""),
        ("while True: os.write(1, b'x' * 100_000)", "start_too_slow", "takes too long"),
        ("sys.exit(0)", "does_not_start", "does not start"),
        ("os.symlink('/run/app/other', sys.argv[-1]); time.sleep(600)", "no_socket", "does not listen"),
        ("sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", "does_not_start start_too_slow out_of_memory", ""),
    ],
)
def test_harm_at_start_is_bounded_and_explained(
    verifier: Verifier, folder: Path, before: str, code: str, words: str
) -> None:
    project = write_small_app(folder / "app", before=before)
    begun = time.monotonic()
    result = verifier.verify(project, BLUEPRINT)
    assert time.monotonic() - begun < 15
    assert not result.passed
    if code:
        assert result.findings[0].code in code.split(), result.findings
        assert words in result.findings[0].message


@pytest.mark.parametrize(
    ("health", "codes"),
    [
        ("time.sleep(600)", {"start_too_slow"}),
        ("self.wfile.write(b'nonsense'); return", {"start_too_slow"}),
        ("os.kill(os.getpid(), 9)", {"does_not_start"}),
    ],
)
def test_an_app_that_is_never_healthy(verifier: Verifier, folder: Path, health: str, codes: set[str]) -> None:
    result = verifier.verify(write_small_app(folder / "app", health=health), BLUEPRINT)
    assert {finding.code for finding in result.findings} == codes


@pytest.mark.parametrize(
    "reply",
    [
        "self.path != '/healthz' and time.sleep(600)",
        "self.path != '/healthz' and os._exit(1)",
        "self.path != '/healthz' and self.wfile.write(b'x' * 50_000_000)",
        f"self.path != '/healthz' and ({_OK}, [self.wfile.write(b'x' * 1_000_000) for _ in range(1000)])",
        f"self.path != '/healthz' and ({_OK}, self.wfile.write(b'<' * 1_000_000), self.connection.close())",
    ],
    ids=["hangs", "ends", "is no HTTP", "never ends", "is no HTML"],
)
def test_an_app_that_answers_with_harm(verifier: Verifier, folder: Path, reply: str) -> None:
    project = write_small_app(folder / "app")
    main = project / PACKAGE / "__main__.py"
    main.write_text(main.read_text().replace("        size = int(", f"        if {reply}: return\n        size = int("))
    begun = time.monotonic()
    result = verifier.verify(project, BLUEPRINT)
    assert time.monotonic() - begun < 45
    assert not result.passed
    assert result.findings
    assert all(finding.message for finding in result.findings)


def test_source_that_harms_the_compiler(verifier: Verifier, folder: Path) -> None:
    project = write_small_app(folder / "app")
    (project / PACKAGE / "deep.py").write_text("x = " + "(" * 100_000 + ")" * 100_000)
    (project / PACKAGE / "deeper.py").write_text("x = " + "-" * 1_000_000 + "1")
    result = verifier.verify(project, BLUEPRINT)
    assert [finding.code for finding in result.findings] == ["does_not_compile"]
