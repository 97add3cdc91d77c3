"""What does a step of training cost on a CPU, in this build and in a former one? No data, Ray or disk beside it.

Each build trains the net of a recipe in a process of its own, on one thread as a worker of two does, on one batch of
noise that both draw alike. They take a step each in turns, so that what else the machine does meets both. Printed are
medians of processor time in ms, the median ratio of a step to the former build's step before it, and its quartiles.

Run: python -m bench.step --against CHECKOUT [--task segmentation] [--images 2] [--steps 40] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

_WARM_UP = 3  # steps that do not count
_SIZE_HW = {"recognition": (128, 128)}  # as the tiny recipe sees the demo's frames
_PLACED_HW = (256, 320)
_NUM_CLASSES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--against", type=Path, help="a checkout of a former build, by default this one"
    )
    parser.add_argument(
        "--task",
        choices=("recognition", "detection", "segmentation"),
        default="segmentation",
    )
    parser.add_argument(
        "--images", type=int, default=2, help="of a worker, in each step"
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        _take_steps(asked.task, asked.images)
        return
    found = _measure(asked)
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    low, high = found["ratio_quartiles"]
    print(
        f"a step of {asked.task}: {found['step_ms']:.0f} ms, former build {found['former_step_ms']:.0f} ms, ratio "
        f"{found['ratio']:.3f} (a half of {found['steps']} pairs from {low:.3f} to {high:.3f})"
    )


def _measure(asked: argparse.Namespace) -> dict[str, Any]:
    here = Path.cwd()
    with ExitStack() as stack:
        former, mine = (
            stack.enter_context(_start(checkout.resolve(), asked))
            for checkout in (asked.against or here, here)
        )
        pairs = [(_ask(former), _ask(mine)) for _ in range(_WARM_UP + asked.steps)]
        for part in (former, mine):
            part.stdin.close()
    pairs = pairs[_WARM_UP:]
    low, middle, high = statistics.quantiles(new / old for old, new in pairs)
    return {
        "step_ms": 1e3 * statistics.median(new for _, new in pairs),
        "former_step_ms": 1e3 * statistics.median(old for old, _ in pairs),
        "ratio": middle,
        "ratio_quartiles": [low, high],
        "steps": len(pairs),
    }


def _start(checkout: Path, asked: argparse.Namespace) -> subprocess.Popen[str]:
    """This file, with the product of the checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--part"]
    command += ["--task", asked.task, "--images", str(asked.images)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        command,
        cwd=checkout,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(part: Any) -> float:
    """Processor seconds of one step."""
    part.stdin.write("\n")
    part.stdin.flush()
    line = part.stdout.readline()
    if not line:
        raise SystemExit("a build ended before its last step: see above")
    return float(line)


def _take_steps(task_name: str, num_images: int) -> None:
    """One step a line that comes in."""
    import torch

    from assets.pretrained import read_imagenet
    from models.recipes import get_recipe
    from models.tasks import TASKS
    from models.training.optim import WeightAverage, make_optimizer
    from models.training.seed import repeatable
    from models.training.snapshot import FitState
    from models.training.step import take_step
    from models.training.workers import Alone

    torch.set_num_threads(1)
    torch.manual_seed(0)
    task, config = TASKS[task_name], get_recipe(f"tiny_{task_name}")
    net = task.build(config, _NUM_CLASSES, read_imagenet())
    net.to(memory_format=torch.channels_last).train()
    state = FitState(
        net,
        make_optimizer(net, config),
        WeightAverage(net, config.ema_decay),
        torch.amp.GradScaler("cpu", enabled=False),
    )
    batch = _draw_batch(task_name, num_images)
    with _as_a_worker(), repeatable(0):
        for _ in sys.stdin:
            began = time.process_time()
            take_step(state, net, task, batch, 1, config, Alone(), "step")
            print(time.process_time() - began, flush=True)


def _as_a_worker() -> Any:
    """What workers of this build do with memory; builds before decision 46 do nothing."""
    try:
        from assets.training.heap import keep_freed_memory
    except ImportError:
        return ExitStack()
    return keep_freed_memory()


def _draw_batch(task_name: str, num_images: int) -> Any:
    import numpy as np
    import torch

    from models.tasks.base import Batch

    rng = np.random.default_rng(0)
    height, width = _SIZE_HW.get(task_name, _PLACED_HW)
    images = rng.integers(0, 256, (num_images, height, width, 3), np.uint8)
    ids = rng.integers(0, _NUM_CLASSES, (num_images, height // 16, width // 16))
    low = rng.uniform(0, 180, (num_images, 5, 2))
    boxes = np.concatenate([low, low + rng.uniform(20, 60, low.shape)], 2)
    targets: Any = {
        "recognition": torch.eye(_NUM_CLASSES)[ids[:, 0, 0]],
        "segmentation": torch.from_numpy(
            np.kron(ids, np.ones((1, 16, 16))).astype(np.uint8)
        ),
        "detection": [
            (torch.from_numpy(b.astype(np.float32)), torch.from_numpy(i[0, :5].copy()))
            for b, i in zip(boxes, ids, strict=True)
        ],
    }[task_name]
    return Batch(
        tuple(map(str, range(num_images))),
        torch.from_numpy(images).permute(0, 3, 1, 2),
        torch.from_numpy(rng.uniform(0.8, 1.2, (num_images, 3)).astype(np.float32)),
        targets,
    )


if __name__ == "__main__":
    main()
