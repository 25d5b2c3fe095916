"""The vault: sealed bodies on disk, found by content address, durable before a leaf names them.

    vault/bodies/<aa>/<address>        a sealed body (:mod:`appliance.audit.seal`)
    vault/bodies/<aa>/<address>.gone   what the retention policy left of it: since when, and which leaf said so
    vault/subjects/                    :mod:`appliance.audit.keyring`

A crash between seal and leaf leaves a body that no leaf names; it is erased and pruned like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.audit.errors import BodyPruned
from appliance.audit.files import sync_folder, write_files
from appliance.audit.keyring import Keyring, erased, unavailable
from appliance.audit.seal import Header, Opened, damaged, open_sealed, read_header, seal
from appliance.audit.tiles import TileFile
from appliance.core.ports import BodyKind, SealedRef

if TYPE_CHECKING:
    from appliance.core.clock import Clock

_BODIES: Final = "bodies"
_GONE: Final = ".gone"
_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
_HEAD_BYTES: Final = 4102


@dataclass(frozen=True)
class Gone:
    """What is left of a pruned body. ``leaf`` is the index of the intent that announced it."""

    at: str
    kind: str
    days: int
    leaf: int


class Vault:
    """Implements :class:`appliance.core.ports.BodyVault`. Safe for threads; one process writes."""

    def __init__(self, folder: Path, master_path: Path, clock: Clock, *, reading: bool = False) -> None:
        """Open or begin the vault in ``folder``; finishes an interrupted exchange of the master key.

        ``reading``: another process writes; nothing is begun, finished or tidied, and only :meth:`open` may be used.

        Raises:
            PrivateFileError, BodyDamaged, VaultUnavailable: the keys cannot be used.
        """
        self._folder, self._clock = folder, clock
        if reading:
            self.keyring = Keyring(folder / "subjects", master_path, clock, reading=True)
            return
        try:
            (folder / "subjects").mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / _BODIES).mkdir(mode=0o700, exist_ok=True)
            for unfinished in (folder / _BODIES).glob("*/.*.new"):
                unfinished.unlink()
        except OSError as error:
            raise unavailable(error) from error
        self.keyring = Keyring(folder / "subjects", master_path, clock)
        self.keyring.finish_rotation()

    def seal(self, body: bytes, *, subject: str, kind: BodyKind) -> SealedRef:
        """Keep ``body`` under the person's key; durable when this returns.

        Raises:
            BodyRefused: larger than 16 MiB.
            VaultUnavailable: it could not be written; no leaf may name it.
            BodyDamaged: the person's key cannot be used.
        """
        key = self.keyring.current(subject)
        ref, sealed = seal(body, key, subject=subject, kind=kind, time=self._clock.now())
        try:
            write_files(self._folder, [TileFile(str(self._relative(ref.address)), sealed)])
        except OSError as error:
            raise unavailable(error) from error
        return ref

    def open(self, ref: SealedRef) -> Opened:
        """The body that a leaf names, with its salt.

        Raises:
            BodyErased: the person's key was destroyed.
            BodyPruned: the retention policy let it go.
            BodyDamaged: it is missing or changed.
        """
        sealed = self._read(ref.address)
        if sealed is None:
            raise self._absence(ref)
        return open_sealed(sealed, self.keyring.find(ref.subject, read_header(sealed).key), ref)

    def all(self) -> Iterator[tuple[str, Header]]:
        """Address and header (not authenticated) of every body that is kept.

        Raises:
            BodyDamaged: a file is no sealed body.
            VaultUnavailable: the folder cannot be read.
        """
        try:
            for folder in sorted((self._folder / _BODIES).iterdir()):
                for path in sorted(folder.iterdir()):
                    if _ADDRESS.fullmatch(path.name):
                        with path.open("rb") as file:
                            yield path.name, read_header(file.read(_HEAD_BYTES))
        except OSError as error:
            raise unavailable(error) from error

    def remove_of(self, subject: str) -> int:
        """Remove every body of a person; for after the key's end. Returns how many."""
        addresses = [address for address, header in self.all() if header.subject == subject]
        self._unlink(addresses)
        return len(addresses)

    def prune(self, addresses: list[str], gone: Gone) -> None:
        """Replace bodies by the note that the retention policy let them go."""
        content = json.dumps(asdict(gone)).encode()
        try:
            write_files(self._folder, [TileFile(f"{self._relative(one)}{_GONE}", content) for one in addresses])
        except OSError as error:
            raise unavailable(error) from error
        self._unlink(addresses)

    def _unlink(self, addresses: list[str]) -> None:
        folders = set()
        try:
            for address in addresses:
                path = self._folder / self._relative(address)
                path.unlink(missing_ok=True)
                folders.add(path.parent)
            for folder in folders:
                sync_folder(folder)
        except OSError as error:
            raise unavailable(error) from error

    def _read(self, address: str) -> bytes | None:
        try:
            return (self._folder / self._relative(address)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unavailable(error) from error

    def _absence(self, ref: SealedRef) -> Exception:
        # The key of the body is not known any more; the person's last erasure is what took the body.
        erasures = self.keyring.erasures(ref.subject)
        try:
            fields = json.loads((self._folder / f"{self._relative(ref.address)}{_GONE}").read_bytes())
            gone = Gone(**fields)
        except FileNotFoundError:
            return erased(erasures[-1]) if erasures else damaged("it is missing from the vault")
        except (OSError, ValueError, TypeError) as error:
            return damaged(f"it is missing, and the note about it cannot be read: {error}")
        message = f"Removed on {gone.at}: a {gone.kind} is kept for {gone.days} days."
        return BodyPruned(message, cause=f"announced by leaf {gone.leaf}", action="The entry in the log stays.")

    @staticmethod
    def _relative(address: str) -> Path:
        if _ADDRESS.fullmatch(address) is None:
            raise damaged("that is no address of a sealed body")
        return Path(_BODIES) / address[:2] / address
