"""``python -m repair_desk_app``."""

from __future__ import annotations

import sys

from .kit.serve import main

if __name__ == "__main__":
    sys.exit(main("repair_desk_app"))
