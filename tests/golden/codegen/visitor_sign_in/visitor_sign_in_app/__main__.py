"""``python -m visitor_sign_in_app``."""

from __future__ import annotations

import sys

from .app import DEFINITION, create_app
from .kit.serve import main

if __name__ == "__main__":
    sys.exit(main(create_app, DEFINITION.name))
