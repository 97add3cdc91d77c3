"""What a process can do no more after it confined itself, by the error that the kernel gives it."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assets.sandbox import confinement, landlock, seccomp

PROBE = """
import ctypes, json, mmap, os, resource, signal, socket, sys, threading
from assets.sandbox.confinement import confine

folder, is_confined = sys.argv[1], sys.argv[2] == "confined"
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

def fork():
    if os.fork() == 0:
        os._exit(0)

tries = {
    "socket": lambda: socket.socket(socket.AF_INET).close(),
    "unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "io_uring": lambda: call(425, 8, ctypes.create_string_buffer(120)),
    "fork": fork,
    "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "exec": lambda: os.execv("/nonexistent", ["x"]),
    "signal to parent": lambda: os.kill(parent, 0),
    "thread signal to parent": lambda: call(numbers["tgkill"], parent, parent, 0),
    "limits of parent": lambda: resource.prlimit(parent, resource.RLIMIT_CPU),
    "list": lambda: os.listdir(folder),
    "read": lambda: open(f"{folder}/secret").read(),
    "write": lambda: open(f"{folder}/new", "w"),
    "environment of parent": lambda: open(f"/proc/{parent}/environ").read(),
    # these are needed, and stay
    "read the standard library": lambda: open(os.__file__).read(),
    "import": lambda: __import__("colorsys"),
    "thread": lambda: threading.Thread(target=int).start(),
    "memory": lambda: mmap.mmap(-1, 4096),
    "own limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
}
numbers = {"tgkill": 234 if os.uname().machine == "x86_64" else 131}
gaps = confine() if is_confined else []
found = {"gaps": gaps}
for name, attempt in tries.items():
    try:
        attempt()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno
print(json.dumps(found), flush=True)
signal.raise_signal(signal.SIGTERM)
"""
KEPT = ("read the standard library", "import", "thread", "memory", "own limits")
LANDLOCK_SINCE = (5, 13)  # of Linux
_RELEASE = re.match(r"(\d+)\.(\d+)", platform.release())
pytestmark = pytest.mark.skipif(
    sys.platform != "linux"
    or _RELEASE is None
    or (int(_RELEASE[1]), int(_RELEASE[2])) < LANDLOCK_SINCE,
    reason="Linux alone has all of it, from 5.13 on",
)


def probe(folder: Path, how: str) -> dict[str, int]:
    """The errno of each attempt, 0 where it succeeded."""
    (folder / "secret").write_text("s")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder), how],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -15, done.stderr  # a signal to itself is its own affair
    return json.loads(done.stdout)


def test_a_confined_process_reaches_no_network_no_file_and_no_other_process(tmp_path):
    found = probe(tmp_path, "confined")
    assert found.pop("gaps") == []
    assert {name: found.pop(name) for name in KEPT} == dict.fromkeys(KEPT, 0)
    refused = set(found.values())
    assert refused <= {errno.EPERM, errno.EACCES}, found
    assert not (tmp_path / "new").exists()


def test_what_is_refused_is_what_any_other_process_may(tmp_path):
    """So that the test before cannot pass for another reason: a container may forbid io_uring to everybody."""
    found = probe(tmp_path, "free")
    assert found.pop("gaps") == []
    found.pop("io_uring")
    assert found.pop("exec") == errno.ENOENT
    assert set(found.values()) == {0}, found


def test_a_system_that_has_all_of_it_has_no_gaps():
    assert confinement.list_gaps() == []


def test_what_a_system_lacks_is_said_with_its_reason(monkeypatch):
    def lack(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(landlock, "leave_only", lack)
    monkeypatch.setattr(seccomp, "refuse_calls", lack)
    monkeypatch.setattr(confinement, "_drop_privileges", lambda: None)
    assert confinement.confine() == [
        "no files (Landlock): Function not implemented",
        "no network, no processes (seccomp): Function not implemented",
    ]


def test_a_processor_without_a_list_of_calls_is_named(monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="no list of calls for riscv64"):
        seccomp.refuse_calls()


def test_each_version_of_landlock_is_asked_for_what_it_knows():
    assert landlock._describe(1) == (0x1FFF).to_bytes(8, "little")
    assert landlock._describe(3) == (0x7FFF).to_bytes(8, "little")
    six = [0xFFFF, 3, 3]
    assert landlock._describe(6) == b"".join(n.to_bytes(8, "little") for n in six)
