"""The account of the operating system that this process runs under."""

from __future__ import annotations

import contextlib
import os
import pwd


def account_name() -> str:
    """Its name, for the audit log; its number where it has none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return f"uid-{os.getuid()}"
