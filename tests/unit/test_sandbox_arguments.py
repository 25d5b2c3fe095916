"""What is asked of bubblewrap, and what is said when it cannot be had."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from appliance.core.sandboxing import SandboxCommand, SandboxUnavailable
from appliance.sandbox.arguments import Channels, Identity, bubblewrap_arguments
from appliance.sandbox.availability import HostFacts, explain, find_bubblewrap
from appliance.sandbox.interpreter import InterpreterView, current_interpreter

VIEW = InterpreterView(
    executable=Path("/opt/app/.venv/bin/python"),
    target=Path("/usr/bin/python3.11"),
    folders=(Path("/opt/app/.venv/lib"), Path("/usr/lib")),
    files=(Path("/opt/app/.venv/pyvenv.cfg"), Path("/usr/bin/python3.11")),
    hidden=(Path("/usr/lib/python3/dist-packages"),),
    system_links=(("usr/lib", "/lib"),),
)
COMMAND = SandboxCommand(("python", "-m", "loans_app"), Path("/srv/code"), Path("/srv/data"), Path("/srv/in"))


def arguments(user: int | None = None, command: SandboxCommand = COMMAND) -> list[str]:
    return bubblewrap_arguments(command, VIEW, Path("/x/launch.py"), Identity(user), Channels(3, 4, 5))


def mounts(found: list[str], kind: str) -> list[tuple[str, str]]:
    return [(a, b) for option, a, b in zip(found, found[1:], found[2:], strict=False) if option == kind]


def test_everything_is_unshared_and_dropped() -> None:
    found = arguments()
    for option in ("--unshare-user", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts"):
        assert option in found
    for option in ("--die-with-parent", "--new-session", "--clearenv", "--disable-userns"):
        assert option in found
    assert "--share-net" not in found
    assert ("--cap-drop", "ALL") in itertools.pairwise(found)
    assert "--cap-add" not in found


def test_as_root_the_launcher_may_change_user_and_nothing_more() -> None:
    found = arguments(user=61200)
    assert [b for a, b in itertools.pairwise(found) if a == "--cap-add"] == ["CAP_SETUID", "CAP_SETGID"]
    assert "--unshare-user" not in found


def test_an_installation_below_tmp_is_not_hidden_by_the_private_tmp() -> None:
    found = arguments()
    assert found.index("/tmp") < found.index("--ro-bind")


def test_only_data_and_ingress_are_writable() -> None:
    found = arguments()
    assert mounts(found, "--bind") == [("/srv/data", "/data"), ("/srv/in", "/run/app")]
    assert ("/srv/code", "/app") in mounts(found, "--ro-bind")
    assert found.index("--remount-ro", found.index("/run/app")) < found.index("--seccomp")
    assert {target for _, target in mounts(found, "--dev-bind")} == {
        f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")
    }


def test_without_ingress_there_is_none() -> None:
    found = arguments(command=SandboxCommand(("python",), Path("/c"), Path("/d")))
    assert "/run/app" not in found


def test_no_home_and_no_system_folder_but_libraries_is_visible() -> None:
    sources = {source for source, _ in mounts(arguments(), "--ro-bind")}
    assert sources == {
        "/opt/app/.venv/lib",
        "/usr/lib",
        "/opt/app/.venv/pyvenv.cfg",
        "/usr/bin/python3.11",
        "/x/launch.py",
        "/srv/code",
    }


def test_this_interpreter_brings_its_libraries_and_no_whole_home() -> None:
    view = current_interpreter()
    assert view.target.is_file()
    for path in (*view.folders, *view.files):
        assert path not in (Path("/"), Path("/root"), Path("/home"), Path.home(), Path("/etc"), Path("/usr"))


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        (HostFacts(root=False, apparmor_restricts=True, userns_disabled=False, container=False), "apparmor-profiles"),
        (HostFacts(root=False, apparmor_restricts=False, userns_disabled=True, container=False), "sysctl --system"),
        (HostFacts(root=True, apparmor_restricts=True, userns_disabled=False, container=True), "--cap-add SYS_ADMIN"),
    ],
)
def test_each_obstacle_names_its_cure(facts: HostFacts, command: str) -> None:
    error = explain(facts, "bwrap: setting up uid map: Permission denied")
    assert command in error.action
    assert "apparmor_restrict_unprivileged_userns=0" not in error.action
    assert "uid map" in error.cause


def test_missing_bubblewrap_names_the_one_command(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable) as caught:
        find_bubblewrap(str(tmp_path))
    assert "apt-get install -y bubblewrap" in caught.value.action


@pytest.mark.parametrize("answer", ["bubblewrap 0.4.1", "something else", ""])
def test_old_or_strange_bubblewrap_is_refused(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    with pytest.raises(SandboxUnavailable, match=r"0\.8"):
        find_bubblewrap(str(tmp_path))
