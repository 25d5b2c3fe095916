"""What in a generated project was written for that app alone."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.core.filetree import FileTree

_OWN: Final = frozenset({"logic.py", "custom.py", "api_functions.py"})
_EXAMPLE: Final = re.compile(r"^(example )[^:\"\n]{1,100}: ", re.MULTILINE)
_FOLDER: Final = "custom"


def told_values(blueprint: str) -> str:
    """A blueprint's text without the names of records before their example rows: a record called Password would make
    each made-up row look like a password that somebody told."""
    return _EXAMPLE.sub(r"\1", blueprint)


def written_code(tree: FileTree) -> str:
    """The conditions, computed values and custom functions of an app; everything else is rendered from its blueprint
    or the same in every app."""
    own = []
    for name, content in tree:
        path = PurePosixPath(name)
        if path.name in _OWN or _FOLDER in path.parts[:-1]:
            own.append(content.decode("utf-8", "replace"))
    return "\n".join(own)
