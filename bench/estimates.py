"""How far are estimates of precision without labels from the truth, and of which shifts are there any?

A detector learns from simulated recordings; its answers on others, with their truth, are what estimates rest on.
Further recordings come as they are, spoilt in each of the ways of `models.corruptions` at two strengths, or with an
object on the table that the detector does not know. Each is a session: judged by the drift of its images, estimated as
`daguerre drift` does, and held against its exact labels. An object that is unknown moves neither images nor
confidences; labels of one recording in which it stands withdraw the estimates of all others.
Run: python -m bench.estimates [--recordings 6] [--frames 24] [--json]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assets.inference.embed import Embedder
from assets.monitoring.drift import Champion, assess_frames
from assets.monitoring.estimates import MIN_LIKENESS
from assets.monitoring.figures import GatheredFrames
from bench.image_figures import gather_images
from bench.label_errors import teach
from bench.printing import make_parser, print_figures
from models.corruptions import CORRUPTIONS, corrupt
from models.metrics.estimation import (
    Floats,
    KnownAnswers,
    Reliability,
    estimate_rightness,
    is_denied,
    learn_reliability,
)
from models.metrics.matching import match_detections
from models.simulation.scene import CLASS_NAMES
from models.task_names import DETECTION
from models.types import BoxSet, Detections, Image, Sample

STRENGTHS = (1, 3)
CLEAN, UNSEEN = "none", "unseen object"
_LEARNT = 8  # recordings that the detector learns from
_EPOCHS = 6
_MIN_SCORE = 0.5
_RATE_HZ = 5.0
_SUBJECT = Champion("detector", 1, "release")


@dataclass(frozen=True)
class Recording:
    """Pictures of one table, and the objects of known classes on each."""

    name: str
    images: list[Image]
    truths: list[BoxSet]


@dataclass(frozen=True)
class Answers:
    """Confidence of each box that counts, and whether it is right, (N,)."""

    confidence: Floats
    rightness: Floats


@dataclass(frozen=True)
class World:
    """A detector, and what is known of it: the images that it was made for, and its answers of known truth."""

    predict: Callable[[list[Image]], list[Detections]]
    embedder: Embedder
    reference: GatheredFrames
    reliability: Reliability


@dataclass(frozen=True)
class Session:
    """What was found of one recording: the estimate, None where there is none, and the truth."""

    estimate: float | None
    expected: float | None  # by confidences alone, whatever the images are like
    truth: float
    num_answers: int


def main() -> None:
    """Print the mean absolute error of the estimates that are made, by shift."""
    parser = make_parser(__doc__)
    parser.add_argument("--recordings", type=int, default=6, help="known, and new")
    parser.add_argument("--frames", type=int, default=24, help="of each recording")
    options = parser.parse_args()
    print_figures(measure(options.recordings, options.frames), options.json)


def measure(num: int, num_frames: int) -> dict[str, Any]:
    """By shift: sessions with an estimate, its mean absolute error, and that of confidences alone; and over all."""
    recordings = film(_LEARNT + 2 * num, num_frames)
    learnt, rest = recordings[:_LEARNT], recordings[_LEARNT:]
    known, new = rest[:num], rest[num:]
    with tempfile.TemporaryDirectory(prefix="daguerre-estimates-") as folder:
        world = make_world(learnt, known, Embedder(Path(folder)))
        shifts = {CLEAN: new, UNSEEN: film(num, num_frames, "unseen_object")}
        shifts |= {
            f"{name} {strength}": [spoil(one, name, strength) for one in new]
            for name in CORRUPTIONS
            for strength in STRENGTHS
        }
        found = {
            name: [look(world, one) for one in shifted]
            for name, shifted in shifts.items()
        }
    return {**_tell_all(found), **{n: _tell(sessions) for n, sessions in found.items()}}


def film(num: int, num_frames: int, shift: str | None = None) -> list[Recording]:
    """The left camera of so many simulated recordings."""
    from assets.capture.simulation.capture import make_world as make_scene
    from assets.capture.simulation.spec import SimulationSpec
    from assets.capture.simulation.textures import load_photos
    from models.simulation.labels import label_frame
    from models.simulation.renderer import Renderer

    seed = 1 if shift is None else 2
    spec = SimulationSpec(num, num_frames / _RATE_HZ, seed, shift, rate_hz=_RATE_HZ)
    photos = load_photos()
    made = []
    for index in range(num):
        world = make_scene(spec, index, None)
        renderer = Renderer(world.scene, photos, world.rig.camera)
        poses = world.trajectory.at(np.arange(spec.num_frames) / _RATE_HZ).poses()
        left = world.rig.true_rig_from_camera("left")
        seen = [renderer.render(pose @ left) for pose in poses]
        truths = [_box(label_frame(one.instances, world.scene).objects) for one in seen]
        made.append(Recording(f"{seed}-{index}", [s.image_rgb for s in seen], truths))
    return made


def _box(objects: Sequence[Any]) -> BoxSet:
    known = [one for one in objects if one.class_name in CLASS_NAMES]
    boxes = np.array([one.box_xyxy for one in known], np.float32).reshape(-1, 4)
    ids = [CLASS_NAMES.index(one.class_name) for one in known]
    return BoxSet(boxes, np.array(ids, np.int64))


def spoil(one: Recording, name: str, strength: int) -> Recording:
    """The recording with a corruption on each of its pictures."""
    images = [corrupt(image, name, strength, n) for n, image in enumerate(one.images)]
    return Recording(one.name, images, one.truths)


def make_world(
    learnt: Sequence[Recording], known: Sequence[Recording], embedder: Embedder
) -> World:
    """A detector of the first, and its answers on the others."""
    samples = [
        Sample(f"{one.name}-{n}", image, truth)
        for one in learnt
        for n, (image, truth) in enumerate(zip(one.images, one.truths, strict=True))
    ]
    predict = teach(DETECTION, samples, len(CLASS_NAMES), _EPOCHS)
    answers = [ask(predict, one) for one in known]
    sizes = [len(one.confidence) for one in answers]
    reliability = learn_reliability(
        KnownAnswers(
            np.concatenate([one.confidence for one in answers]),
            np.concatenate([one.rightness for one in answers]),
            np.repeat(np.arange(len(answers)), sizes),
        )
    )
    gathered = [
        gather_images(one.images, one.name, embedder) for one in [*learnt, *known]
    ]
    return World(predict, embedder, _join(gathered), reliability)


def ask(predict: Callable[[list[Image]], list[Detections]], one: Recording) -> Answers:
    """What the detector says of a recording."""
    confidence, rightness = [], []
    for image, truth in zip(one.images, one.truths, strict=True):
        (found,) = predict([image])
        matched = match_detections(
            truth, found, min_score=_MIN_SCORE, same_class_only=True
        )
        is_right = np.zeros(len(found.scores))
        is_right[matched.detection_ids] = 1.0
        counts = found.scores >= _MIN_SCORE
        confidence.append(found.scores[counts].astype(np.float64))
        rightness.append(is_right[counts])
    return Answers(np.concatenate(confidence), np.concatenate(rightness))


def _join(gathered: Sequence[GatheredFrames]) -> GatheredFrames:
    arrays = zip(*((g.sensors, g.captures, g.statistics, g.vectors) for g in gathered), strict=True)  # fmt: skip
    sensors, captures, statistics, vectors = map(np.concatenate, arrays)
    return GatheredFrames(sensors, captures, True, statistics, vectors)


def look(world: World, one: Recording) -> Session:
    """Judge and estimate a recording without its labels, and then look at them."""
    answers = ask(world.predict, one)
    arrived = gather_images(one.images, one.name, world.embedder)
    images = assess_frames(world.reference, arrived, one.name, _SUBJECT)
    expected = estimate_rightness(world.reliability, answers.confidence).value
    is_like = images.p_value is not None and images.p_value >= MIN_LIKENESS
    num = len(answers.rightness)
    truth = float(answers.rightness.mean()) if num else float("nan")
    return Session(expected if is_like else None, expected, truth, num)


def _tell(sessions: Sequence[Session]) -> dict[str, Any]:
    made = [(s.truth, s.estimate) for s in sessions if s.estimate is not None]
    blind = [(s.truth, s.expected) for s in sessions if s.expected is not None]
    return {
        "sessions": len(sessions),
        "estimated": len(made),
        "truth": _round([one.truth for one in sessions]),
        "mae": _round([abs(truth - value) for truth, value in made]),
        "mae_by_confidence_alone": _round([abs(truth - value) for truth, value in blind]),
        "denied_by_labels": sum(map(_is_denied, sessions)),
    }  # fmt: skip


def _tell_all(found: dict[str, list[Session]]) -> dict[str, Any]:
    """Over all that spoils pictures, and over what does not."""
    seen = [one for name, sessions in found.items() if name not in (CLEAN, UNSEEN) for one in sessions]  # fmt: skip
    return {"spoilt": _tell(seen)}


def _is_denied(one: Session) -> bool:
    if one.estimate is None:
        return False
    return is_denied(one.estimate, one.truth, one.num_answers)


def _round(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


if __name__ == "__main__":
    main()
