"""Memory that a process may use: the least of the machine's and of the limits of its control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assets import pixel_cache
from assets.machine_memory import measure_memory
from assets.pixel_cache import choose_limit

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
NO_LIMIT_OF_V1 = "9223372036854771712"


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, MACHINE, id="no control groups"),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "1000000"},
            1_000_000,
            id="v2 in a container with a name space of its own",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/a/b/memory.max": "max",
                "sys/fs/cgroup/a/memory.max": "2000000",
            },
            2_000_000,
            id="v2, the group above",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "7:cpu,cpuacct:/x\n4:memory:/docker/1f",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1",
            },
            3_000_000,
            id="v1 in a container that knows the host's path",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT_OF_V1,
            },
            MACHINE,
            id="v1 without a limit",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "max"},
            MACHINE,
            id="v2 without a limit",
        ),
    ],
)
def test_the_least_limit_counts(tmp_path, files, expected):
    assert measure_memory(lay_out(tmp_path, files)) == expected


def test_kept_images_take_half_of_what_a_container_may_use(tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_cache, "measure_memory", lambda: 5000)
    assert choose_limit(tmp_path) == 2500
