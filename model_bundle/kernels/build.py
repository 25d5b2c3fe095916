"""Compiles the operators: ``python -m model_bundle.kernels.build``. Does nothing where that was done, or is no use.

The compiler is the Clang of Zig's wheel, pinned by digest like every other package, so that the same sources give the
same library everywhere and nothing of the system is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from model_bundle.errors import ModelBundleError
from model_bundle.kernels.library import FLAGS, PROCESSOR, TARGET, KernelsMissing, expected_path, sources, supported

_SECONDS = 300


def build() -> Path:
    """Compile unless it is compiled; the file appears whole or not at all.

    Raises:
        KernelsMissing: no compiler, it fails, or the folder cannot be written.
    """
    target = expected_path()
    if target.is_file():
        return target
    message = "The operators of the inference engine could not be compiled."
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".compiling-", dir=target.parent) as folder:
            compiled = Path(folder) / target.name
            _compile(compiled)
            compiled.chmod(0o755)
            compiled.replace(target)
    except OSError as error:
        action = f"Check free space and permissions of {target.parent}."
        raise KernelsMissing(message, cause=str(error), action=action) from error
    return target


def _compile(target: Path) -> None:
    message = "The operators of the inference engine could not be compiled."
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise KernelsMissing(message, cause="ziglang is not installed", action="Install packaging/locks/bootstrap.txt.")
    zig = Path(found.origin).parent / "zig"
    units = [str(path) for path in sources() if path.suffix == ".cpp"]
    command = [str(zig), "c++", "-target", TARGET, f"-mcpu={PROCESSOR}", *FLAGS, *units, "-o", str(target)]
    caches = {f"ZIG_{kind}_CACHE_DIR": str(target.parent / "cache") for kind in ("GLOBAL", "LOCAL")}
    try:
        done = subprocess.run(
            command, env={**os.environ, **caches}, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise KernelsMissing(message, cause=f"not done after {_SECONDS} seconds", action="Try again.") from error
    if done.returncode != 0:
        raise KernelsMissing(message, cause=done.stderr.strip()[-500:], action="Report this.")


def main() -> int:
    """The command line; returns the exit code."""
    if not supported():
        sys.stderr.write("This processor has no AVX-512 with VNNI; models run on ONNX Runtime's own operators.\n")
        return 0
    try:
        build()
    except ModelBundleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
