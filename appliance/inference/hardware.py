"""How many threads the engine should use on this machine."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path
from typing import Final

_CPUS: Final = Path("/sys/devices/system/cpu")
_CPUINFO: Final = Path("/proc/cpuinfo")
_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def physical_cores(allowed: frozenset[int] | None = None, *, cpus: Path = _CPUS, quota: Path = _QUOTA) -> int:
    """Physical cores that this process may use. Hyper-threads of a core share its vector units and count once.

    Args:
        allowed: logical processors; default is the process's affinity.
        cpus: sysfs folder with ``cpu<N>/topology`` (kernel documentation, ``admin-guide/cputopology``).
        quota: the cgroup v2 file ``cpu.max``; a quota below the number of cores lowers the answer.
    """
    allowed = frozenset(os.sched_getaffinity(0)) if allowed is None else allowed
    cores = set()
    for cpu in sorted(allowed):
        topology = cpus / f"cpu{cpu}" / "topology"
        try:
            siblings = (topology / "thread_siblings_list").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            siblings = str(cpu)
        cores.add(siblings)
    return max(1, min(len(cores), _quota(quota)))


def multiplies_int8(cpuinfo: Path = _CPUINFO, machine: str | None = None) -> bool:
    """Whether the processor sums products of unsigned and signed bytes in 32 bits (VNNI on x86, dot products on Arm).

    Older x86 kernels sum pairs in 16 bits, which can overflow: a graph of int8 products would be less exact there.
    """
    try:
        flags = set(cpuinfo.read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return False
    if (machine or platform.machine()) == "aarch64":
        return "asimddp" in flags
    return bool(flags & {"avx512_vnni", "avx_vnni"})


def _quota(file: Path) -> int:
    try:
        limit, period = file.read_text(encoding="ascii").split()
        return max(1, math.floor(int(limit) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return 1 << 16  # no cgroup v2, or "max": no limit
