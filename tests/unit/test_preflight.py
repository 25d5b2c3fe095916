"""Missing system packages: named, with the one command that installs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from installer.preflight import BUBBLEWRAP, CHROMIUM, install_command, missing

ROOT = Path(__file__).parents[2]


def test_what_is_not_on_the_path_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert missing((BUBBLEWRAP, CHROMIUM), search_path=str(tmp_path)) == (CHROMIUM,)


def test_the_command_names_every_package() -> None:
    assert install_command((BUBBLEWRAP, CHROMIUM)) == "sudo apt-get install -y bubblewrap chromium"


def test_without_root_the_command_is_said_and_nothing_is_installed(tmp_path: Path) -> None:
    """Run as an account without rights, with nothing on its path."""
    script = (
        "import os, sys\n"
        "from installer.preflight import RUN, MissingPackages, require\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: require(RUN, print)\n"
        "except MissingPackages as error: print(error.action); sys.exit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(ROOT), "LANG": os.environ.get("LANG", "C.UTF-8")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "sudo apt-get install -y bubblewrap", done.stderr
    assert done.returncode == 3
