"""How often does the drift check alarm on clean sessions, and how often does it see a shift? A simulation study.

Recordings differ by scene (a normal, skewed or heavy-tailed effect on each figure), frames within one follow an AR(1)
process, the two cameras of a rig share most of it. Beside it runs the usual test: Kolmogorov-Smirnov over frames with
Bonferroni's correction. Run: python bench/drift.py [--seeds 1000] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assets.monitoring.drift import ALPHA, Champion, assess_session
from assets.monitoring.figures import FIGURES, FrameFigures
from models.metrics.drift import combine_p_values

CHAMPION = Champion("daguerre-recognition", 1, "0" * 32)
CENTRES = {
    "brightness": 0.45,
    "contrast": 0.2,
    "sharpness": 0.02,
    "noise": 0.004,
    "crispness": 1.8,
}
# of the logarithms of those above, between recordings
SCENE_SD = np.array([0.15, 0.15, 0.4, 0.2, 0.09])
NUM_FIGURES = len(SCENE_SD)
# within one recording: deviation and correlation of neighbouring frames
FRAME_SD = 0.1
MEMORY = 0.9
EMBEDDING_DIM = 32
SCENE_DIRECTIONS = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """One setting. `gain` scales light, `noise` the noise, `crisp` crispness, and `push` moves embeddings along one
    direction."""

    name: str
    references: int = 6
    recordings: int = 1
    frames: int = 40
    cameras: int = 2
    # or "heavy" (Student, 5 degrees of freedom), "skewed" (exponential)
    scenes: str = "normal"
    has_clock: bool = True
    memory: float = MEMORY
    gain: float = 1.0
    noise: float = 1.0
    push: float = 0.0
    crisp: float = 1.0


CLEAN = tuple(
    World(f"clean, {n} reference recordings, {m} new, {kind}", n, m, scenes=kind)
    for n, m, kind in (
        (4, 1, "normal"),
        (6, 1, "normal"),
        (8, 1, "normal"),
        (16, 1, "normal"),
        (6, 3, "normal"),
        (6, 1, "heavy"),
        (6, 1, "skewed"),
        (16, 1, "heavy"),
        (16, 1, "skewed"),
    )
)
PICTURES = World(
    "clean, one folder of 250 separate pictures, 60 new",
    1,
    1,
    250,
    1,
    has_clock=False,
    memory=0.0,
)
SHIFTS = tuple(
    replace(shift, name=f"{shift.name}, {n} reference recordings", references=n)
    for shift in (
        World("dusk (light x 0.35, noise x 1.5)", gain=0.35, noise=1.5, push=0.3),
        World("half the light", gain=0.5, push=0.2),
        World("noise x 6", noise=6.0, push=0.15),
        # as measured on simulated recordings: a smear of 8, 4 and 2 px of 320
        World("motion blur, whole", crisp=0.42, push=0.1),
        World("motion blur, half", crisp=0.58, push=0.05),
        World("motion blur, a quarter", crisp=0.78, push=0.02),
    )
    for n in (4, 6, 8, 16)
)


def simulate(
    world: World,
    rng: np.random.Generator,
    session: str,
    recordings: int,
    is_shifted: bool,
) -> FrameFigures:
    """The stored figures of `recordings` recordings, drawn from the world with or without its shift."""
    frames: dict[str, list[object]] = {
        n: []
        for n in ("frame_id", "capture_id", "session", "sensor", "t_ns", "sequence")
    }
    logs = []
    clipped = []
    vectors = []
    directions = np.random.default_rng(7).normal(
        size=(SCENE_DIRECTIONS, EMBEDDING_DIM)
    ) / np.sqrt(EMBEDDING_DIM)
    for r in range(recordings):
        # a picture without a clock is a scene of its own
        scenes = 1 if world.has_clock else world.frames
        scene = _draw(rng, world.scenes, (scenes, NUM_FIGURES)) * SCENE_SD
        place = _draw(rng, world.scenes, (scenes, SCENE_DIRECTIONS)) @ directions * 0.4
        shared = _walk(rng, world, NUM_FIGURES + EMBEDDING_DIM)
        for c in range(world.cameras):
            own = 0.95 * shared + np.sqrt(1 - 0.95**2) * _walk(
                rng, world, NUM_FIGURES + EMBEDDING_DIM
            )
            logs.append(
                np.log(list(CENTRES.values()))
                + scene
                + 0.02 * c
                + FRAME_SD * own[:, :NUM_FIGURES]
            )
            clipped.append(np.clip(0.02 + 0.01 * own[:, :2], 0.0, 1.0))
            vectors.append(
                2.0 * directions[0]
                + place
                + 0.3 / np.sqrt(EMBEDDING_DIM) * own[:, NUM_FIGURES:]
            )
            for k in range(world.frames):
                t_ns = k * 100_000_000 if world.has_clock else None
                values = (
                    f"{session}-{r}-{c}-{k}",
                    f"{session}-{r}",
                    session,
                    f"camera_{c}",
                    t_ns,
                    k,
                )
                for column, value in zip(frames.values(), values, strict=True):
                    column.append(value)
    return _tables(
        world,
        frames,
        np.concatenate(logs),
        np.concatenate(clipped),
        np.concatenate(vectors),
        is_shifted,
    )


def study(world: World, seeds: int) -> dict[str, object]:
    """Alarm rates of the check and of the frame-level test over `seeds` draws of reference and session."""
    is_shifted = (world.gain, world.noise, world.crisp) != (1.0, 1.0, 1.0)
    alarms = 0
    naive = 0
    started = time.perf_counter()
    for seed in range(seeds):
        rng = np.random.default_rng([seed, world.references])
        reference = simulate(
            world, rng, "reference", world.references, is_shifted=False
        )
        new_world = world if world.has_clock else replace(world, frames=60)
        new = simulate(new_world, rng, "new", world.recordings, is_shifted)
        verdict = assess_session(reference, new, "new", CHAMPION)
        assert verdict.is_drifted is not None, verdict.reason
        alarms += verdict.is_drifted
        naive += _alarms_by_frames(reference, new)
    milliseconds = (time.perf_counter() - started) / seeds * 1e3
    return {
        "world": world.name,
        "is_shifted": is_shifted,
        "seeds": seeds,
        "alarm_rate": alarms / seeds,
        "alarm_rate_ks_over_frames": naive / seeds,
        "milliseconds": round(milliseconds, 1),
    }


def study_dependence(draws: int) -> list[dict[str, object]]:
    """The false-alarm rate of the combined p-value alone, among equicorrelated tests of 4 references."""
    rows: list[dict[str, object]] = []
    for tests in (7, 14, 42):
        for correlation in (0.0, 0.5, 0.9, 0.99):
            rng = np.random.default_rng(tests)
            shape = (draws, 5, tests)
            x = np.sqrt(correlation) * rng.normal(size=(draws, 5, 1)) + np.sqrt(
                1 - correlation
            ) * rng.normal(size=shape)
            t = (x[:, 4] - x[:, :4].mean(axis=1)) / (
                x[:, :4].std(axis=1, ddof=1) * np.sqrt(1.25)
            )
            rate = np.mean(
                [combine_p_values(p) <= ALPHA for p in 2 * stats.t.sf(np.abs(t), 3)]
            )
            rows.append(
                {"tests": tests, "correlation": correlation, "alarm_rate": float(rate)}
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = []
    for world in (*CLEAN, PICTURES, *SHIFTS):
        results.append(study(world, arguments.seeds))
        row = results[-1]
        rates = f"alarms {row['alarm_rate']:6.3f}   frame-level KS {row['alarm_rate_ks_over_frames']:6.3f}"
        if not arguments.json:
            print(f"{row['world']:62s} {rates}", flush=True)
    dependence = study_dependence(10 * arguments.seeds)
    if arguments.json:
        print(
            json.dumps(
                {"alpha": ALPHA, "worlds": results, "dependence": dependence}, indent=1
            )
        )
        return
    for row in dependence:
        print(
            f"combined p of {row['tests']} tests, correlation {row['correlation']}: alarms {row['alarm_rate']:.4f}"
        )


def _draw(rng: np.random.Generator, kind: str, size: tuple[int, int]) -> Floats:
    """Zero-mean, unit-variance effects of one scene."""
    if kind == "heavy":
        return rng.standard_t(5, size) / np.sqrt(5 / 3)
    return (
        rng.exponential(size=size) - 1.0 if kind == "skewed" else rng.normal(size=size)
    )


def _walk(rng: np.random.Generator, world: World, size: int) -> Floats:
    """(frames, size) AR(1) with unit variance."""
    steps = rng.normal(size=(world.frames, size))
    steps[1:] *= np.sqrt(1 - world.memory**2)
    for k in range(1, world.frames):
        steps[k] += world.memory * steps[k - 1]
    return steps


def _tables(
    world: World,
    frames: dict[str, list[object]],
    logs: Floats,
    clipped: Floats,
    vectors: Floats,
    is_shifted: bool,
) -> FrameFigures:
    columns = dict(zip(CENTRES, np.exp(logs).T, strict=True))
    columns |= {"clipped_dark": clipped[:, 0], "clipped_bright": clipped[:, 1]}
    if is_shifted:
        columns["brightness"] = columns["brightness"] * world.gain
        columns["contrast"] = columns["contrast"] * world.gain
        columns["noise"] = columns["noise"] * world.noise
        columns["crispness"] = columns["crispness"] * world.crisp
        # 20: squared norm of the Laplacian
        noise_energy = 20.0 * columns["noise"] ** 2 if world.noise > 1.0 else 0.0
        columns["sharpness"] = (
            columns["sharpness"] * world.gain**2 * world.crisp + noise_energy
        )
        vectors = vectors + world.push * np.eye(EMBEDDING_DIM)[0]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = pa.array(frames["frame_id"])
    flat = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.astype(np.float32).ravel()), EMBEDDING_DIM
    )
    frames_table = pa.table(
        {
            n: pa.array(v, pa.int64() if n in ("t_ns", "sequence") else pa.string())
            for n, v in frames.items()
        }
    )
    return FrameFigures(
        frames_table,
        pa.table({"frame_id": ids, **columns}),
        pa.table(
            {
                "frame_id": ids,
                "vector": flat,
                "session": frames_table["session"],
                "code_version": pa.array(["1"] * len(ids)),
            }
        ),
    )


def _alarms_by_frames(reference: FrameFigures, new: FrameFigures) -> bool:
    """The usual monitor: Kolmogorov-Smirnov over frames, each figure and camera at alpha / number of tests."""
    cameras = sorted(set(new.frames["sensor"].to_pylist()))
    here, there = (np.asarray(f.frames["sensor"].to_pylist()) for f in (new, reference))
    for camera in cameras:
        for figure in FIGURES:
            left = reference.quality[figure.name].to_numpy()[there == camera]
            right = new.quality[figure.name].to_numpy()
            p_value = stats.ks_2samp(left, right[here == camera], method="asymp").pvalue
            if p_value <= ALPHA / (len(cameras) * len(FIGURES)):
                return True
    return False


if __name__ == "__main__":
    main()
