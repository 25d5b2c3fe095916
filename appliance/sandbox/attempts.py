"""Ways out of the sandbox that must fail. Each is a short program that runs inside; see ``selftest``.

A program that ends normally has escaped. It is refused when it raises ``OSError``, ``MemoryError`` or ``Refused``.
The host passes what to aim at in ``TARGET_*`` variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PREAMBLE: Final = """
import ctypes, errno, mmap, os, platform, signal, socket, struct, sys, time
class Refused(Exception): pass
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    number = {"x86_64": X86, "aarch64": ARM}[platform.machine()][name]
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(value) for value in arguments])
    if result < 0: raise OSError(ctypes.get_errno(), name)
    return result
X86 = dict(mount=165, umount2=166, ptrace=101, unshare=272, clone=56, bpf=321, io_uring_setup=425, keyctl=250,
    add_key=248, perf_event_open=298, userfaultfd=323, memfd_create=319, execveat=322, process_vm_readv=310,
    init_module=175, kexec_load=246, setns=308, pivot_root=155, open_by_handle_at=304, chroot=161, mknod=133,
    personality=135, fsopen=430, move_mount=429, pidfd_getfd=438, vmsplice=278)
ARM = dict(mount=40, umount2=39, ptrace=117, unshare=97, clone=220, bpf=280, io_uring_setup=425, keyctl=219,
    add_key=217, perf_event_open=241, userfaultfd=282, memfd_create=279, execveat=281, process_vm_readv=270,
    init_module=105, kexec_load=104, setns=268, pivot_root=41, open_by_handle_at=265, chroot=51, mknod=33,
    personality=92, fsopen=430, move_mount=429, pidfd_getfd=438, vmsplice=75)
def each(*cases):
    for name, *arguments in cases:
        try: call(name, *arguments)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOSYS): raise SystemExit(f"{name}: reached the kernel: {error}")
        else: raise SystemExit(f"{name}: allowed")
    raise Refused(", ".join(name for name, *_ in cases))
"""


@dataclass(frozen=True)
class Attempt:
    """One way out. ``killed`` means that only ending the sandbox from outside counts as refusal."""

    name: str
    source: str
    killed: bool = False


ATTEMPTS: Final = (
    Attempt("connect to the network", 'socket.create_connection(("127.0.0.1", int(os.environ["TARGET_PORT"])), 2)'),
    Attempt("open an internet socket", "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"),
    Attempt("open a netlink or packet socket", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    Attempt(
        "reach a socket of the host by its abstract name",
        "socket.socket(socket.AF_UNIX).connect('\\0' + os.environ['TARGET_ABSTRACT'])",
    ),
    Attempt("read the password file", "open('/etc/shadow').read()"),
    Attempt("read the appliance's home", "open(os.environ['TARGET_SECRET']).read()"),
    Attempt(
        "leave the data folder through a link",
        "os.symlink(os.environ['TARGET_SECRET'], '/data/way-out'); open('/data/way-out').read()",
    ),
    Attempt("leave the data folder through its parent", "open('/data/../' + os.environ['TARGET_SECRET']).read()"),
    Attempt("write to the code", "open('/app/planted.py', 'w')"),
    Attempt("write to the libraries", "open(os.path.join(os.path.dirname(os.__file__), 'planted.py'), 'w')"),
    Attempt("write outside the data folder", "open('/planted', 'w')"),
    Attempt(
        "see other processes",
        "seen = [name for name in os.listdir('/proc') if name.isdigit()]\n"
        "if len(seen) <= 2: raise Refused('sees only itself')",
    ),
    Attempt("signal a process of the host", "os.kill(int(os.environ['TARGET_PID']), 0)"),
    Attempt(
        "mount a file system",
        "each(('mount', 0, 0, 0, 0, 0), ('umount2', 0, 0), ('fsopen', 0, 0), "
        "('move_mount', 0, 0, 0, 0, 0), ('pivot_root', 0, 0), ('chroot', 0), ('open_by_handle_at', 0, 0, 0))",
    ),
    Attempt("make a namespace", "each(('unshare', 0x10000000), ('clone', 0x10000011, 0, 0, 0, 0), ('setns', 0, 0))"),
    Attempt(
        "read another process",
        "each(('ptrace', 16, 1, 0, 0), ('process_vm_readv', 1, 0, 0, 0, 0, 0), ('pidfd_getfd', 0, 0, 0))",
    ),
    Attempt(
        "use risky kernel interfaces",
        "each(('bpf', 0, 0, 0), ('io_uring_setup', 1, 0), ('keyctl', 0, 0), "
        "('add_key', 0, 0, 0, 0, 0), ('perf_event_open', 0, 0, 0, 0, 0), ('userfaultfd', 0), "
        "('init_module', 0, 0, 0), ('kexec_load', 0, 0, 0, 0), ('personality', 0), ('vmsplice', 0, 0, 0, 0))",
    ),
    Attempt("run code from memory", "each(('memfd_create', 0, 0), ('execveat', 0, 0, 0, 0, 0))"),
    Attempt("make a device file", "each(('mknod', 0, 0o020666, 0))"),
    Attempt(
        "use the machine's devices",
        "extra = set(os.listdir('/dev')) - {'null', 'zero', 'full', 'random', 'urandom'}\n"
        "if not extra: raise Refused('no devices')",
    ),
    Attempt("type into the terminal", "import fcntl; fcntl.ioctl(0, 0x5412, b'x')"),
    Attempt("become root", "os.setuid(0)"),
    Attempt(
        "hold privileges",
        "lines = open('/proc/self/status').read().splitlines()\n"
        "facts = dict(line.split(':\\t') for line in lines if ':\\t' in line)\n"
        "zero = all(int(facts[name], 16) == 0 for name in ('CapPrm', 'CapEff', 'CapAmb'))\n"
        "sealed = facts['NoNewPrivs'] == '1' and facts['Seccomp'] == '2'\n"
        "if zero and sealed and os.getuid() != 0: raise Refused('none')",
    ),
    Attempt("read the appliance's environment", "os.environ['TARGET_HIDDEN']"),
    Attempt(
        "use files that the appliance has open",
        "extra = set(os.listdir('/proc/self/fd')) - {'0', '1', '2'}\nif len(extra) <= 1: raise Refused('none')",
    ),
    Attempt(
        "start processes without end",
        "children = 0\nwhile children < 4096:\n    if os.fork() == 0: time.sleep(30); os._exit(0)\n    children += 1",
    ),
    Attempt("allocate memory without end", "bytearray(4 << 30)"),
    Attempt(
        "allocate memory in many processes",
        "for _ in range(16):\n"
        "    if os.fork() == 0:\n"
        "        held = bytearray(b'x') * (64 << 20); time.sleep(20); os._exit(0)\n"
        "time.sleep(20)",
        killed=True,
    ),
    Attempt(
        "write a file without end",
        "with open('/data/big', 'wb') as big:\n    for _ in range(4096): big.write(bytes(1 << 20)); big.flush()",
    ),
    Attempt(
        "fill the temporary folder",
        "for number in range(4096):\n    with open(f'/tmp/{number}', 'wb') as part: part.write(bytes(1 << 20))",
    ),
    Attempt("fill memory through a device folder", "open('/dev/shm/big', 'wb')"),
    Attempt("run without end", "while True: pass", killed=True),
)

LEFT_BEHIND: Final = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", sys.argv[1]])
    os._exit(0)
time.sleep(0.2)
"""
"""Starts a process that cuts every tie to its parents; it must be gone when the program has ended."""
