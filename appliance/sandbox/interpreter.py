"""What of the host's Python an app may see: the interpreter, its standard library, the libraries, nothing else."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InterpreterView:
    """Host paths that appear in the sandbox, read-only and under the same names.

    ``executable`` is started; when it is a link (a virtual environment) ``target`` is the real program.
    ``folders`` and ``files`` are bound, ``hidden`` folders below them are covered with emptiness.
    """

    executable: Path
    target: Path
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    hidden: tuple[Path, ...]
    system_links: tuple[tuple[str, str], ...]


_SYSTEM_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/share/zoneinfo")
_SYSTEM_LINKS = ("/lib", "/lib64", "/lib32")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")


def current_interpreter() -> InterpreterView:
    """The interpreter that runs this process, with the libraries of its environment.

    On Debian and Ubuntu ``/usr/lib`` holds the shared libraries; ``/usr/bin`` is left out, so there is no shell and no
    setuid program in the sandbox.
    """
    target = Path(os.path.realpath(sys.executable))
    virtual = sys.prefix != sys.base_prefix
    folders = {Path(sysconfig.get_path(name, vars=_base_vars())) for name in ("stdlib", "platstdlib")}
    folders |= {Path(path) for path in site.getsitepackages()}
    files = {target, *(Path(name) for name in _SYSTEM_FILES)}
    library_folder, library = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
    if library_folder and library:
        files.add(Path(library_folder) / library)
    hidden: set[Path] = set()
    if virtual:
        files.add(Path(sys.prefix) / "pyvenv.cfg")
        hidden = {path / name for path in folders for name in ("site-packages", "dist-packages")}
        hidden -= {Path(path) for path in site.getsitepackages()}
    folders |= {Path(name) for name in _SYSTEM_FOLDERS}
    links = []
    for name in _SYSTEM_LINKS:
        if Path(name).is_symlink():
            links.append((str(Path(name).readlink()), name))
        elif Path(name).is_dir():
            folders.add(Path(name))
    return InterpreterView(
        executable=Path(sys.executable),
        target=target,
        folders=_outermost(path for path in folders if path.is_dir()),
        files=tuple(sorted(path for path in files if path.is_file())),
        hidden=tuple(sorted(path for path in hidden if path.is_dir())),
        system_links=tuple(links),
    )


def _base_vars() -> dict[str, str]:
    return {"base": sys.base_prefix, "platbase": sys.base_exec_prefix, "installed_base": sys.base_prefix}


def _outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    found = sorted(set(paths))
    return tuple(path for path in found if not any(other in path.parents for other in found))
