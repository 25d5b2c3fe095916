"""The standalone verifier: the modules of ``standalone/`` put together into one file that imports nothing of ours."""

from __future__ import annotations

import ast
from importlib import resources
from typing import Final

PARTS: Final = ("notes", "tree", "leaves", "container", "checks", "command")
_PACKAGE: Final = "appliance.audit.export.standalone"
_HEAD: Final = '''#!/usr/bin/env python3
"""Checks an archive that ``intramural audit export`` made; needs Python 3.9 or newer and ``cryptography`` 47 or newer.

    python3 verify.py ARCHIVE [--vkeys FILE] [--witness-vkey FILE] [--json]

Exit code 0: everything holds. 1: something does not; every finding is printed. 2: it could not be checked.

Take this file from a place you trust, not only from the archive that it is to judge, and give the log's public keys
(``--vkeys``) from a copy that was kept elsewhere: an archive can bring any keys along.
"""

from __future__ import annotations

'''
_TAIL: Final = """


if __name__ == "__main__":
    sys.exit(main())
"""


def verifier() -> bytes:
    """The text of ``verify.py``."""
    imports: set[str] = set()
    bodies: list[str] = []
    for name in PARTS:
        source = resources.files(_PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in reversed(ast.parse(source).body):
            ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith((_PACKAGE, "__future__"))
            doc = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if isinstance(node, ast.Import | ast.ImportFrom) or doc:
                if not ours and not doc:
                    imports.add(ast.unparse(node))
                del lines[node.lineno - 1 : node.end_lineno]
        bodies.append("\n".join(lines).strip())
    return (_HEAD + "\n".join(sorted(imports)) + "\n\n\n" + "\n\n\n".join(bodies) + _TAIL).encode()
