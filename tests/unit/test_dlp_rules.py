"""The files of rules: refused with a reason, reloaded while the appliance runs, never lost to a broken one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from appliance.core.screening import Place
from appliance.dlp.analyzer import Analyzer
from appliance.dlp.errors import RulesBroken
from appliance.dlp.ruleset import SHIPPED, compile_rules, read_folder
from appliance.dlp.secrets import SecretRecognizer, _library

if TYPE_CHECKING:
    from pathlib import Path


class NoSecrets(SecretRecognizer):
    """The library's rules are not what is tried here."""

    def start(self) -> None:
        self._loaded.set()
        self._scanner = self

    def scan(self, content: bytes, timeout: float) -> list[object]:
        return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(SHIPPED, tmp_path / "dlp")


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


EXTRA = """version = 1
[[rule]]
id = "badge"
kind = "ID_CARD"
pattern = '''\\bBADGE-\\d{6}\\b'''
"""


def kinds(analyzer: Analyzer, text: str) -> list[str]:
    return [one.kind for one in analyzer.inspect(text, Place.PROMPT).findings]


def test_a_new_file_counts_without_a_restart(folder: Path) -> None:
    analyzer = Analyzer(folder, secrets=NoSecrets(), monotonic=Time())
    before = analyzer.digest
    assert kinds(analyzer, "BADGE-123456") == []
    (folder / "rules-house.toml").write_text(EXTRA)
    assert kinds(analyzer, "BADGE-123456") == ["ID_CARD"]
    assert analyzer.digest != before
    assert analyzer.rules_state() == "ok"


def test_a_broken_file_is_refused_and_the_rules_stay(folder: Path) -> None:
    analyzer = Analyzer(folder, secrets=NoSecrets(), monotonic=Time())
    before = analyzer.digest
    (folder / "rules-house.toml").write_text(EXTRA.replace("pattern", "patern"))
    assert kinds(analyzer, "BADGE-123456, DE02120300000000202051") == ["IBAN_CODE"]
    assert analyzer.digest == before
    assert "rules-house.toml" in analyzer.rules_state()
    (folder / "rules-house.toml").write_text(EXTRA)
    assert kinds(analyzer, "BADGE-123456") == ["ID_CARD"]
    assert analyzer.rules_state() == "ok"


def test_a_folder_that_went_away_changes_nothing(folder: Path) -> None:
    analyzer = Analyzer(folder, secrets=NoSecrets(), monotonic=Time())
    shutil.rmtree(folder)
    assert kinds(analyzer, "DE02120300000000202051") == ["IBAN_CODE"]
    assert analyzer.rules_state() != "ok"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rules.toml", "version = 2\nrule = []\n", "version"),
        ("rules.toml", "version = 1\n[[rule]]\nid='x-y'\nkind='SOUL'\npattern='a'\n", "SOUL"),
        ("rules.toml", "version = 1\n[[rule]]\nid='x-y'\nkind='SECRET'\npattern='(a'\n", "RE2"),
        ("rules.toml", "version = 1\n[[rule]]\nid='x-y'\nkind='SECRET'\npattern='(?=a)b'\n", "RE2"),
        ("rules.toml", "version = 1\n[[rule]]\nid='x-y'\nkind='SECRET'\npattern='a'\ncheck='magic'\n", "magic"),
        ("rules-2.toml", "version = 1\n[[rule]]\nid='iban'\nkind='IBAN_CODE'\npattern='a'\n", "iban"),
        ("decisions.toml", "version = 1\n[prompt]\notherwise='hide'\n", "decisions.toml"),
        ("decisions.toml", "version = 1\n[prompt]\notherwise='ask'\n[prompt.kinds]\nSOUL='ask'\n", "SOUL"),
        ("names.toml", "\xff", "names.toml"),
        ("notes.toml", "version = 1\n", "notes.toml"),
        ("rules.toml", "version = 1\nrule = []\nextra = 1\n", "extra"),
    ],
)
def test_what_is_refused(name: str, content: str, said: str) -> None:
    contents = {**read_folder(SHIPPED), name: content.encode("latin-1")}
    with pytest.raises(RulesBroken, match=said):
        compile_rules(contents)


def test_without_decisions_nothing_starts(folder: Path) -> None:
    (folder / "decisions.toml").unlink()
    with pytest.raises(RulesBroken, match=r"decisions\.toml"):
        Analyzer(folder)


def test_secret_rules_that_cannot_be_loaded_let_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    monkeypatch.setattr("appliance.dlp.secrets._library", _library.__wrapped__)
    analyzer = Analyzer()
    from appliance.dlp.errors import NotReady

    with pytest.raises(NotReady):
        analyzer.inspect("hello", Place.PROMPT)
    assert "cannot be used" in analyzer.state()


@pytest.mark.sandbox
def test_everything_works_without_a_network() -> None:
    """In a namespace of its own, without any route and without loopback."""
    import subprocess
    import sys

    program = (
        "from appliance.dlp.analyzer import Analyzer\n"
        "from appliance.core.screening import Place\n"
        "text = 'anna@firma.example, token ghp_16C7e42F292c6912E7710c838347Ae178B4a, +49 30 901820'\n"
        "print(*(one.kind for one in Analyzer().inspect(text, Place.PROMPT).findings))"
    )
    command = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=SHIPPED.parents[1])
    assert done.stdout.split() == ["EMAIL_ADDRESS", "SECRET", "PHONE_NUMBER"], done.stderr
