"""Groups of workers on local Ray: they meet, they are used again, and none is left behind."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from assets.cluster.connection import open_ray
from assets.training.worker_group import NoRoom, run_group

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in ("DeprecationWarning:ray", "FutureWarning:ray", "ResourceWarning")
]


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    with open_ray(num_workers=2):
        yield


def _note(folder: Path, device) -> None:
    """Leave the process id under this worker's rank, and the ranks of all as the group knows them."""
    import torch

    rank = torch.distributed.get_rank()
    ranks = [None, None]
    torch.distributed.all_gather_object(ranks, rank)
    (folder / f"{rank}").write_text(f"{os.getpid()} {ranks} {device}")


def _run(work, folder: Path, name: str, **settings) -> list[list[str]]:
    """What the workers noted, by rank: process id, ranks, device."""
    (folder / name).mkdir()
    run_group(work, folder / name, 2, False, folder / f"meet-{name}", **settings)
    return [(folder / name / f"{rank}").read_text().split(" ", 1) for rank in (0, 1)]


def test_groups_meet_and_find_processes_of_former_ones_warm(tmp_path):
    groups = [_run(_note, tmp_path, name) for name in "abcd"]
    assert [told for group in groups for _, told in group] == ["[0, 1] cpu"] * 8
    pids = [{pid for pid, _ in group} for group in groups]
    assert [len(group) for group in pids] == [2] * 4
    # Ray may start one ahead of need and end another: which of them it keeps is its own affair, that it does is not
    assert len(set.union(*pids)) <= 4


def test_workers_of_several_machines_meet_at_an_address(tmp_path, monkeypatch):
    monkeypatch.setattr("assets.training.worker_group._is_one_node", lambda: False)
    assert [told for _, told in _run(_note, tmp_path, "a")] == ["[0, 1] cpu"] * 2
    assert not (tmp_path / "meet-a").exists()


def _fail_beside_one_that_works_on(folder: Path, device) -> None:
    _note(folder, device)
    import torch

    torch.distributed.barrier()
    if torch.distributed.get_rank() == 1:
        raise ValueError("class 7 has no name: add it")
    time.sleep(600)


def test_a_users_mistake_arrives_as_itself_and_nobody_works_on(tmp_path, monkeypatch):
    monkeypatch.setattr("assets.training.worker_group._GRACE_S", 1.0)
    with pytest.raises(ValueError, match=r"^class 7 has no name: add it$"):
        _run(_fail_beside_one_that_works_on, tmp_path, "a")
    slept = int((tmp_path / "a" / "0").read_text().split()[0])
    deadline = time.monotonic() + 20
    while psutil.pid_exists(slept) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(slept)
    assert len(_run(_note, tmp_path, "b")) == 2


def _speak(folder: Path, device) -> None:
    _note(folder, device)
    import torch

    rank = torch.distributed.get_rank()
    print(f"printed by {rank}")
    logging.getLogger("daguerre.training").warning(f"logged by {rank}")


def _speak_and_die(folder: Path, device) -> None:
    _speak(folder, device)
    import torch

    torch.distributed.barrier()
    if torch.distributed.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


@pytest.mark.parametrize("is_fatal", [False, True])
def test_what_workers_say_is_in_the_log_by_rank_and_machine_also_of_one_that_dies(
    tmp_path, caplog, capfd, monkeypatch, is_fatal
):
    import ray

    monkeypatch.setattr("assets.training.worker_group._GRACE_S", 1.0)
    caplog.set_level(logging.INFO, "daguerre")
    if is_fatal:
        with pytest.raises(ray.exceptions.WorkerCrashedError):
            _run(_speak_and_die, tmp_path, "a")
    else:
        _run(_speak, tmp_path, "a")
    said = [r.getMessage() for r in caplog.records if r.name == "daguerre.workers"]
    for rank in (0, 1):
        mine = [one for one in said if one.startswith(f"training worker {rank} on ")]
        told = [one.partition("): ")[2] for one in mine]
        assert f"logged by {rank}" in "".join(told), said
        assert f"printed by {rank}" in told and f"WARNING logged by {rank}" in told
    assert capfd.readouterr().out == ""


def test_a_group_without_room_says_so(tmp_path):
    with pytest.raises(TimeoutError, match="no room for 99 workers within"):
        run_group(_note, tmp_path, 99, False, tmp_path / "meet", patience_s=0.5)


def test_a_group_that_ray_has_too_few_machines_for_says_so_and_gives_up(
    tmp_path, monkeypatch, caplog
):
    """As when a node is gone, which takes the cores that it had with it."""
    monkeypatch.setattr("assets.training.worker_group._ROOM_S", 0.1)
    monkeypatch.setattr("assets.training.worker_group._GONE_S", 0.3)
    with pytest.raises(NoRoom, match=r"CPU in all for 99 workers .* DAGUERRE_WORKERS="):
        run_group(_note, tmp_path, 99, False, tmp_path / "meet")
    assert "a machine may be gone; it waits for" in caplog.text
    assert "others use" not in caplog.text
