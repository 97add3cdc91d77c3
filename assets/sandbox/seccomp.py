"""Refuse system calls to this process: network, other processes, and doors of the kernel that no decoder needs.

A filter of seccomp(2), a program of classic BPF that the kernel runs before each call. What is refused fails with
EPERM. Numbers of calls: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SET_MODE_FILTER = 1
_ALL_THREADS = 1  # SECCOMP_FILTER_FLAG_TSYNC
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000  # with the number in its lower half
# of struct seccomp_data: where the number, the architecture and the lower half of an argument lie
_NUMBER_AT = 0
_ARCH_AT = 4
_ARGUMENT_AT = 16
_INSTRUCTION = struct.Struct("HBBI")  # struct sock_filter
# BPF: load a word, compare, return
_LOAD = 0x20
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_AT_LEAST = 0x35
_JUMP_IF_ANY_BIT = 0x45
_RETURN = 0x06
_CLONE_THREAD = 0x10000  # clone(2)
_X32 = 0x40000000  # from here on x86-64 counts the calls of another ABI


@dataclass(frozen=True)
class _Machine:
    """An architecture, by its number in linux/audit.h, and the numbers of its calls."""

    arch: int
    seccomp: int
    refused: dict[str, int]
    clone: int
    tgkill: int
    prlimit64: int


_CLONE3 = 435
_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
}
_MACHINES = {
    "x86_64": _Machine(
        arch=0xC000003E,
        seccomp=317,
        refused={
            "socket": 41,
            "fork": 57,
            "vfork": 58,
            "execve": 59,
            "kill": 62,
            "ptrace": 101,
            "rt_sigqueueinfo": 129,
            "tkill": 200,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "rt_tgsigqueueinfo": 297,
            "perf_event_open": 298,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "bpf": 321,
            "execveat": 322,
            "userfaultfd": 323,
            **_EVERYWHERE,
        },
        clone=56,
        tgkill=234,
        prlimit64=302,
    ),
    "aarch64": _Machine(
        arch=0xC00000B7,
        seccomp=277,
        refused={
            "unshare": 97,
            "ptrace": 117,
            "kill": 129,
            "tkill": 130,
            "rt_sigqueueinfo": 138,
            "socket": 198,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "execve": 221,
            "rt_tgsigqueueinfo": 240,
            "perf_event_open": 241,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "bpf": 280,
            "execveat": 281,
            "userfaultfd": 282,
            **_EVERYWHERE,
        },
        clone=220,
        tgkill=131,
        prlimit64=261,
    ),
}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_calls() -> None:
    """From now on, in all threads. Wants no_new_privs. Raises OSError where the system does not."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no list of calls for {platform.machine()}")
    code = b"".join(_compile(machine, os.getpid()))
    program = _Program(len(code) // _INSTRUCTION.size, code)
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (_SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program))
    if libc.syscall(machine.seccomp, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _compile(machine: _Machine, pid: int) -> Iterator[bytes]:
    refuse = _ERRNO | errno.EPERM
    yield _INSTRUCTION.pack(_LOAD, 0, 0, _ARCH_AT)
    yield _INSTRUCTION.pack(_JUMP_IF_EQUAL, 1, 0, machine.arch)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, _KILL_PROCESS)
    yield _INSTRUCTION.pack(_LOAD, 0, 0, _NUMBER_AT)
    yield from _answer(_JUMP_IF_AT_LEAST, _X32, refuse)
    for number in machine.refused.values():
        yield from _answer(_JUMP_IF_EQUAL, number, refuse)
    # its flags lie where no filter sees them; glibc takes clone(2) then
    yield from _answer(_JUMP_IF_EQUAL, _CLONE3, _ERRNO | errno.ENOSYS)
    # threads, no processes; signals and limits for itself alone
    yield from _allow_with(machine.clone, _JUMP_IF_ANY_BIT, _CLONE_THREAD)
    yield from _allow_with(machine.tgkill, _JUMP_IF_EQUAL, pid)
    yield from _allow_with(machine.prlimit64, _JUMP_IF_EQUAL, 0)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW)


def _answer(test: int, value: int, answer: int) -> Iterator[bytes]:
    yield _INSTRUCTION.pack(test, 0, 1, value)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, answer)


def _allow_with(call: int, test: int, value: int) -> Iterator[bytes]:
    """Allow a call whose first argument passes the test, and refuse it otherwise."""
    yield _INSTRUCTION.pack(_JUMP_IF_EQUAL, 0, 4, call)
    yield _INSTRUCTION.pack(_LOAD, 0, 0, _ARGUMENT_AT)
    yield _INSTRUCTION.pack(test, 0, 1, value)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW)
    yield _INSTRUCTION.pack(_RETURN, 0, 0, _ERRNO | errno.EPERM)
