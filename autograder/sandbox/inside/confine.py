"""Walls around one student process, put up by the process itself before it reads any of the submission.

The zygote already lives in bubblewrap (no network, read-only files, no secrets). Each fork of it
adds: name spaces of its own for mounts, processes and IPC, an empty /tmp of limited size, nothing under
/proc, resource limits, and a seccomp filter under which it can start no process, open no socket and
trace nobody. Linux only; system call numbers for x86_64 and aarch64.

What a fork would have to compute is made ready before it: each page of memory that a fork writes to must be copied.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import resource
import signal
import struct
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

CLONE_THREAD, CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = (
    0x10000,
    0x20000,
    0x8000000,
    0x10000000,
    0x20000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
EPERM, ENOSYS = 1, 38

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """What one student process may use.

    memory, file, tmp : bytes of address space, of one file, of everything in /tmp together
    cpu               : seconds of processor time for the whole notebook
    files, threads    : open at a time; the kernel does not count the threads of root
    signals           : that wait to be delivered; of them all processes of a user have one account
    """

    memory: int = 3 * 2**30
    file: int = 32 * 2**20
    tmp: int = 64 * 2**20
    cpu: int = 300
    files: int = 256
    threads: int = 64
    signals: int = 64

    as_dict = asdict


def _call(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, value: int) -> None:
    _call(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def _new_user(more: int) -> None:
    """Go on in a new user name space, with nothing but our own user in it, and in new ones of the kinds `more`."""
    uid, gid = os.getuid(), os.getgid()
    prctl(PR_SET_DUMPABLE, 1)  # a process that can't be dumped does not own its files under /proc
    _call(libc.unshare(CLONE_NEWUSER | more), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    prctl(PR_SET_DUMPABLE, 0)


class ProcessSpaces:
    """New process spaces for the forks of this process, which goes on as process 1 of one that belongs to it.

    Only whoever owns its process space may leave it for a new one and come back, and that is what gives a fork a
    process space of its own without a second fork. It gives no right outside the new user name space.

        with spaces:
            os.fork()  # process 1 of a new process space

    spent : processor seconds of the process that stays behind and waits
    """

    def __init__(self) -> None:
        _new_user(CLONE_NEWPID)
        self.spent = time.process_time()
        successor = os.fork()
        if successor:
            os.waitpid(successor, 0)
            os._exit(0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        _call(libc.unshare(CLONE_NEWPID), "a new process space")

    def __exit__(self, *exception: object) -> None:
        _call(libc.setns(self._home, CLONE_NEWPID), "back to the old process space")


def own_namespaces() -> None:
    """Leave the zygote's name spaces for users, mounts and IPC."""
    _new_user(CLONE_NEWNS | CLONE_NEWIPC)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def own_files(limits: Limits) -> None:
    """An empty, private /tmp of limited size and an empty /proc."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _call(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    _call(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", flags, f"size={limits.tmp},nr_inodes=4096,mode=700".encode()), "/tmp")
    _call(libc.mount(b"tmpfs", b"/proc", b"tmpfs", flags | MS_RDONLY, b"size=4096"), "/proc")
    os.chdir("/tmp")


def make_unchangeable(names: Iterable[str]) -> None:
    """Make files of the working folder read-only, whoever they belong to, for as long as the process lives.

    Each becomes a mount of its own, and so do the folders that lead to it, in which new files may still be made: what
    is a mount cannot be renamed, removed or replaced.
    """
    names = list(names)
    for folder in sorted({str(folder) for name in names for folder in PurePosixPath(name).parents} - {"."}, key=len):
        _call(libc.mount(os.fsencode(folder), os.fsencode(folder), None, MS_BIND, None), f"mount {folder}")
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY
    for name in names:
        _call(libc.mount(os.fsencode(name), os.fsencode(name), None, MS_BIND, None), f"mount {name}")
        _call(libc.mount(None, os.fsencode(name), None, MS_REMOUNT | MS_BIND | flags, None), f"mount {name}")


CAPSET_HEADER = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the interface, this process
NO_CAPABILITIES = (ctypes.c_uint32 * 6)()


def drop_capabilities() -> None:
    """Give up the capabilities that a new user name space brings along."""
    _call(libc.capset(CAPSET_HEADER, NO_CAPABILITIES), "capset")


def limit_resources(limits: Limits, confined: bool = True) -> None:
    """Hard limits on memory, processor time, file size, open files and threads; no core dumps."""
    if confined:  # in a user name space of its own; elsewhere all processes of the user would be counted
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.threads, limits.threads))
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_SIGPENDING, limits.signals),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


# -- seccomp --------------------------------------------------------------------------------------------------------

# Refused whatever the arguments. Honest numpy code needs none of them.
REFUSED = {
    "x86_64": dict(
        socket=41, connect=42, accept=43, bind=49, listen=50, socketpair=53, fork=57, vfork=58, execve=59,
        kill=62, ptrace=101, syslog=103, setpgid=109, setsid=112, pivot_root=155, chroot=161, acct=163, mount=165,
        umount2=166, swapon=167, reboot=169, init_module=175, delete_module=176, quotactl=179, tkill=200,
        kexec_load=246, add_key=248, request_key=249, keyctl=250, mbind=237, migrate_pages=256, unshare=272,
        flock=73, inotify_init=253, inotify_init1=294,
        move_pages=279, accept4=288, perf_event_open=298, fanotify_init=300, name_to_handle_at=303,
        open_by_handle_at=304, setns=308, process_vm_readv=310, process_vm_writev=311, kcmp=312, finit_module=313,
        kexec_file_load=320, bpf=321, execveat=322, userfaultfd=323, io_uring_setup=425, open_tree=428,
        move_mount=429, fsopen=430, fsmount=432, fspick=433, pidfd_open=434, pidfd_getfd=438, mount_setattr=442,
        prctl=157, memfd_create=319, memfd_secret=447, shmget=29, semget=64, msgget=68, mq_open=240,
        sendmsg=46, sendmmsg=307, sysinfo=99, io_setup=206, mincore=27, fadvise64=221, readahead=187, cachestat=451,
        preadv2=327, pwritev2=328, rt_sigqueueinfo=129, rt_tgsigqueueinfo=297,
    ),
    "aarch64": dict(
        socket=198, socketpair=199, bind=200, listen=201, accept=202, connect=203, accept4=242, execve=221,
        kill=129, tkill=130, ptrace=117, syslog=116, setpgid=154, setsid=157, pivot_root=41, chroot=51, acct=89,
        mount=40, umount2=39, swapon=224, reboot=142, init_module=105, delete_module=106, quotactl=60,
        flock=32, inotify_init1=26,
        kexec_load=104, add_key=217, request_key=218, keyctl=219, mbind=235, migrate_pages=238, unshare=97,
        move_pages=239, perf_event_open=241, fanotify_init=262, name_to_handle_at=264, open_by_handle_at=265,
        setns=268, process_vm_readv=270, process_vm_writev=271, kcmp=272, finit_module=273, kexec_file_load=294,
        bpf=280, execveat=281, userfaultfd=282, io_uring_setup=425, open_tree=428, move_mount=429, fsopen=430,
        fsmount=432, fspick=433, pidfd_open=434, pidfd_getfd=438, mount_setattr=442,
        prctl=167, memfd_create=279, memfd_secret=447, shmget=194, semget=190, msgget=186, mq_open=180,
        sendmsg=211, sendmmsg=269, sysinfo=179, io_setup=0, mincore=232, fadvise64=223, readahead=213, cachestat=451,
        preadv2=286, pwritev2=287, rt_sigqueueinfo=138, rt_tgsigqueueinfo=240,
    ),
}  # fmt: skip
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
FCNTL = {"x86_64": 72, "aarch64": 25}
# What a process may do with its own number of an open file: copy it, read and set its flags. All else (locks, leases,
# hints and news of files, sizes of pipes) is about what processes share: by it one could tell another something.
OWN_COMMANDS = (0, 1, 2, 3, 4, 1030)
CLONE3 = 435
X32_BIT = 0x40000000

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF operations
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCH, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in struct seccomp_data


def filter_program(machine: str | None = None) -> bytes:
    """The seccomp program: refuse the calls above, allow threads but no processes, allow the rest."""
    machine = machine or platform.machine()
    if machine not in REFUSED:
        raise OSError(f"no seccomp filter is known for {machine} machines")
    steps = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 1, 0, ARCHITECTURE[machine]),
        (RETURN, 0, 0, KILL),  # a 32-bit call numbers things differently, so it could slip through
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32_BIT),
        (RETURN, 0, 0, KILL),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, REFUSE | ENOSYS),  # its flags are behind a pointer; libc falls back to clone
        (EQUAL, 0, 4, CLONE[machine]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ANY_BIT, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE | EPERM),
    ]
    steps += [(EQUAL, 0, 2 * len(OWN_COMMANDS) + 2, FCNTL[machine]), (LOAD, 0, 0, SECOND_ARGUMENT)]
    for command in OWN_COMMANDS:
        steps += [(EQUAL, 0, 1, command), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, REFUSE | EPERM))
    for number in sorted(REFUSED[machine].values()):
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | EPERM)]
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


@functools.cache
def _filter() -> _Program:
    steps = filter_program()
    return _Program(len(steps) // 8, steps)


def filter_system_calls() -> None:
    """Install the filter for this process and every thread it will start. It cannot be taken off again."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _call(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(_filter()), 0, 0), "seccomp")


def make_ready() -> None:
    """Compute before the first fork what every fork needs. Raises OSError for a machine without a known filter."""
    _filter()
