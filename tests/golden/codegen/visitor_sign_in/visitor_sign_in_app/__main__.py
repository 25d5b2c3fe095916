"""``python -m visitor_sign_in_app``."""

from __future__ import annotations

import sys

from .kit.serve import main

if __name__ == "__main__":
    sys.exit(main("visitor_sign_in_app"))
