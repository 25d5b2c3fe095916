"""One state of the rules: the files of a folder, checked, compiled and named by their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.dlp.errors import RulesBroken
from appliance.dlp.names import NameRecognizer
from appliance.dlp.patterns import PatternRecognizer
from appliance.dlp.schema import MAX_BYTES, MAX_RULES, DecisionFile, NameFile, RuleFile, read

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED: Final = Path(__file__).parents[2] / "policies" / "dlp"
DECISIONS: Final = "decisions.toml"
NAMES: Final = "names.toml"
MAX_FILES: Final = 32


@dataclass(frozen=True)
class Ruleset:
    """Ready to be asked. ``digest`` is the SHA-256 over names and contents of the files, in hex."""

    digest: str
    patterns: PatternRecognizer
    names: NameRecognizer
    decisions: DecisionFile
    without: frozenset[str]


def compile_rules(contents: Mapping[str, bytes]) -> Ruleset:
    """From file names and their bytes; no I/O.

    Raises:
        RulesBroken: a file is missing or cannot be used, or two rules have the same name.
    """
    for needed in (DECISIONS, NAMES):
        if needed not in contents:
            message = f"{needed} is missing among the rules of data loss prevention."
            raise RulesBroken(message, action="Put it back; the appliance ships one in policies/dlp.")
    files = {name: read(RuleFile, name, content) for name, content in contents.items() if name.startswith("rules")}
    rules = [rule for name in sorted(files) for rule in files[name].rule]
    if strange := sorted(set(contents) - set(files) - {DECISIONS, NAMES}):
        message = f"{strange[0]} is none of the files of data loss prevention."
        raise RulesBroken(message, action="Name files of rules rules-….toml, or take it away.")
    names = [rule.id for rule in rules]
    if doubled := sorted({one for one in names if names.count(one) > 1}):
        message = f"There are two rules named {doubled[0]}."
        raise RulesBroken(message, action="Give one of them another name.")
    if len(rules) > MAX_RULES:
        message = f"There are {len(rules)} rules; up to {MAX_RULES} can be used."
        raise RulesBroken(message, action="Take some away.")
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode() + contents[name])
    return Ruleset(
        digest=digest.hexdigest(),
        patterns=PatternRecognizer(rules),
        names=NameRecognizer(read(NameFile, NAMES, contents[NAMES])),
        decisions=read(DecisionFile, DECISIONS, contents[DECISIONS]),
        without=frozenset(one for file in files.values() for one in file.without),
    )


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of rules in ``folder``.

    Raises:
        RulesBroken: it cannot be read, or holds too much.
    """
    action = "Correct the folder; until then the rules stay as they were."
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
        if len(paths) > MAX_FILES:
            message = f"There are {len(paths)} files in {folder}; up to {MAX_FILES} can be used."
            raise RulesBroken(message, action=action)
        contents = {}
        for path in paths:
            with path.open("rb") as stream:
                contents[path.name] = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = "The rules of data loss prevention cannot be read."
        raise RulesBroken(message, cause=str(error), action=action) from error
    return contents
