"""Which model bundle this appliance runs: the newest there is, until one is chosen; then that one and no other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError, SettingsError, Unavailable
from appliance.core.private_files import write_durably
from model_bundle.errors import ModelBundleError
from model_bundle.manifest import MANIFEST_NAME, parse_manifest
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import read_signed

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "model.json"
MAX_BYTES: Final = 4096


class BundleGone(IntramuralError):  # noqa: N818
    """The model that was chosen is not there, or is another one now. No other takes its place."""

    code = "bundle_gone"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A bundle: its folder below ``bundles``, and the digest of its manifest; ``approval`` is the request behind it."""

    folder: str
    digest: str
    approval: str = ""


class ModelChoice:
    """The file ``model.json`` in the home folder: written whole or not at all."""

    def __init__(self, home: Path) -> None:
        self._home, self._path = home, home / FILE

    @property
    def bundles(self) -> Path:
        """Where bundles lie."""
        return self._home / "bundles"

    def read(self) -> Chosen | None:
        """What was chosen; None: nothing yet.

        Raises:
            SettingsError: the file is damaged.
        """
        try:
            with self._path.open("rb") as file:
                return _parse(file.read(MAX_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            message = "The file that says which model runs is damaged."
            action = f"Remove {self._path}: the newest bundle then runs until another one is chosen."
            raise SettingsError(message, cause=str(error)[:200], action=action) from error

    def write(self, chosen: Chosen) -> None:
        """Choose; on the disk when this returns.

        Raises:
            Unavailable: it cannot be written; what was chosen before stays.
        """
        try:
            write_durably(self._path, json.dumps(asdict(chosen)).encode())
        except OSError as error:
            message = "Which model runs could not be kept."
            raise Unavailable(message, cause=str(error), action="Free space on the disk, then try again.") from error

    def bundle(self) -> tuple[Path, str]:
        """Folder and digest of the bundle to run; the digest is empty while nothing was chosen.

        Raises:
            SettingsError: there is no bundle at all, or the choice cannot be read.
        """
        chosen = self.read()
        return (find_bundle(self._home), "") if chosen is None else (self.bundles / chosen.folder, chosen.digest)

    def require(self, folder: Path, digest: str) -> None:
        """Look whether the bundle in ``folder`` is the one with this digest, before minutes are spent on loading it.

        Raises:
            BundleGone: it is not.
        """
        try:
            found = read_signed(folder, read_trust_root(self._home / "keys")).digest
        except ModelBundleError as error:
            raise bundle_gone(folder, error.message) from error
        if found != digest:
            raise bundle_gone(folder, f"it has the digest {found}, not {digest}")


def _parse(content: bytes) -> Chosen:
    told = json.loads(content)
    chosen = Chosen(**told)
    if not all(isinstance(one, str) for one in told.values()) or "/" in chosen.folder or not chosen.digest:
        raise ValueError(told)
    return chosen


def bundle_gone(folder: Path, cause: str) -> BundleGone:
    """The error for a chosen bundle that cannot be used."""
    message = f"The model that was chosen, “{folder.name}”, is not there any more or was changed."
    action = f"Put it back into {folder.parent}, or have another one approved under “Models”."
    return BundleGone(message, cause=cause, action=action)


def find_bundle(home: Path) -> Path:
    """The model bundle to use where none was chosen: the one below ``bundles``, or the newest of several.

    One that was converted for a device is not taken while there is another: it has to be chosen.

    Raises:
        SettingsError: there is none.
    """
    found = [path for path in (home / "bundles").glob("*") if (path / "manifest.json").exists()]
    found = [path for path in found if not _for_a_device(path)] or found
    if not found:
        message = "There is no model yet."
        raise SettingsError(message, cause=f"{home / 'bundles'} is empty", action="Run ./intramural demo once.")
    return max(found, key=lambda path: path.stat().st_mtime)


def _for_a_device(folder: Path) -> bool:
    """Decides a preference only: whatever is loaded is verified first."""
    try:
        return parse_manifest((folder / MANIFEST_NAME).read_bytes()).graph.cache_type != "float32"
    except (OSError, ModelBundleError):
        return False
