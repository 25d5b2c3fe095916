"""``python -m appliance.app``: what its command line takes, and its exit codes."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app import Appliance, run
from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; exit code 2 when it could not be started."""
    parser = argparse.ArgumentParser(prog="python -m appliance.app", description="The appliance's service.")
    parser.add_argument(
        "--bundle", type=Path, help="the model bundle; default: the chosen one, else the newest below bundles/"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(Appliance(load_settings(), bundle=options.bundle))
    except IntramuralError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
