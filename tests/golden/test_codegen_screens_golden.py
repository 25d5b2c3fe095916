"""``pages.py`` of an app with every kind of page, for people to review.

Regenerate after a change that is meant, and read the difference:
``python -m tests.golden.test_codegen_screens_golden``.
"""

from __future__ import annotations

from pathlib import Path

from appliance.codegen.render import render
from tests.fixtures.screens_app import screens_blueprint

GOLDEN = Path(__file__).parent / "codegen" / "site_works" / "pages.py"


def emitted() -> str:
    return render(screens_blueprint()).text("site_works_app/pages.py")


def test_the_emitted_pages_are_those_that_were_reviewed():
    assert emitted() == GOLDEN.read_text()


if __name__ == "__main__":
    GOLDEN.write_text(emitted())
