"""Runs inside the sandbox, before the app: gives up what is left of privilege, sets the limits, becomes the app.

Called as ``python -I -S launch.py PLAN -- ARGV...``; imports nothing but the standard library. PLAN is JSON: ``ready``
(a file descriptor that gets one byte when everything is set), ``user`` (numeric id to become, or null) and ``limits``
(resource name to value).
"""

from __future__ import annotations

import json
import os
import resource
import sys


def main(arguments: list[str]) -> None:
    """Never returns on success; exit status 127 if the program cannot be executed."""
    plan = json.loads(arguments[0])
    argv = arguments[2:]
    user = plan["user"]
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)  # clears every capability, see capabilities(7)
    os.umask(0o077)
    for name, value in plan["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))
    ready = plan["ready"]
    os.set_inheritable(ready, False)
    os.write(ready, b"1")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
