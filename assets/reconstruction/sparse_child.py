"""The process in which COLMAP works: pictures to features, pairs to matches, matches to models.

Run as `python -m assets.reconstruction.sparse_child FOLDER MEMORY_BYTES`. COLMAP ends its process where something does
not hold, so it has one of its own. A request is a length and JSON: `do` names one of `_DO`, `seconds` the processor
time that it may take, the rest are its arguments. Answers are `{"told": n}` while it lasts, then `{"done": ...}` or
`{"error": "..."}`. All that is large lies in the folder: pictures as `<n>.grey.npy`, features as `<n>.pixels.npy` and
`<n>.descriptors.npy`, COLMAP's database, and each rung's models. Pixels here are COLMAP's, (0.5, 0.5) the first centre.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from assets.sandbox.child_answers import LENGTH, open_answers, write_json
from assets.sandbox.child_limits import allow_seconds

Facts = dict[str, Any]
Tell = Callable[[int], None]
SEED = 1
_PAIRS_AT_ONCE = 200
_FIRST_PAIRS = 20  # that are looked at, those with the most matches
_ENOUGH_DEG = 30.0  # between rays: more makes a first pair no better


def serve(requests: BinaryIO, answers: BinaryIO, folder: Path, memory: int) -> None:
    """Answer until the requests end."""
    import pycolmap

    pycolmap.logging.minloglevel = pycolmap.logging.FATAL.value
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        asked = json.loads(requests.read(LENGTH.unpack(head)[0]))
        allow_seconds(asked.pop("seconds"))
        work = _DO[asked.pop("do")]
        try:
            done = work(folder, lambda n: write_json(answers, {"told": n}), **asked)
        except Exception as error:  # whatever COLMAP makes of its input
            said = f"{type(error).__name__}: {error}"[:300]
            write_json(answers, {"error": said})
        else:
            write_json(answers, {"done": done})


def _describe(
    folder: Path,
    tell: Tell,
    numbers: Sequence[int],
    by_full: Sequence[float],
    most_features: int,
    peak: float,
) -> None:
    """Features of the pictures; `by_full` are their sides by those of the full pictures."""
    import pycolmap

    options = pycolmap.FeatureExtractionOptions()
    options.sift.max_num_features = most_features
    options.sift.peak_threshold *= peak

    def work(number: int, share: float) -> None:
        grey = np.load(folder / f"{number}.grey.npy")
        extractor = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
        found, descriptors = extractor.extract_from_uint8_array(grey)
        pixels = np.empty((0, 2), np.float32)
        if len(found):
            pixels = pycolmap.keypoints_to_matrix(found)[:, :2] / np.float32(share)
        np.save(folder / f"{number}.pixels.npy", pixels)
        described = descriptors.data.reshape(len(found), 128)
        np.save(folder / f"{number}.descriptors.npy", described)

    with ThreadPoolExecutor(_count_threads()) as pool:
        list(pool.map(work, numbers, by_full))


def _store(
    folder: Path, tell: Tell, cameras: Sequence[Facts], camera_of: Sequence[int]
) -> None:
    """A new database, of pictures 0, 1, ... with their features; picture n is COLMAP's n + 1, as are cameras."""
    import pycolmap

    (folder / "database.db").unlink(missing_ok=True)
    kind = pycolmap.SensorType.CAMERA
    with pycolmap.Database.open(folder / "database.db") as database:
        for number, facts in enumerate(cameras, start=1):
            database.write_camera(_read_camera(number, facts), use_camera_id=True)
            rig = pycolmap.Rig(rig_id=number)
            rig.add_ref_sensor(pycolmap.sensor_t(kind, number))
            database.write_rig(rig, use_rig_id=True)
        for number, camera in enumerate(camera_of, start=1):
            image = pycolmap.Image(
                name=str(number), camera_id=camera + 1, image_id=number
            )
            database.write_image(image, use_image_id=True)
            frame = pycolmap.Frame(frame_id=number, rig_id=camera + 1)
            frame.add_data_id(
                pycolmap.data_t(pycolmap.sensor_t(kind, camera + 1), number)
            )
            database.write_frame(frame, use_frame_id=True)
            pixels = np.load(folder / f"{number - 1}.pixels.npy")
            database.write_keypoints(number, pixels)
            descriptors = np.load(folder / f"{number - 1}.descriptors.npy")
            sift = pycolmap.FeatureExtractorType.SIFT
            database.write_descriptors(
                number, pycolmap.FeatureDescriptors(sift, descriptors)
            )


def _match(
    folder: Path, tell: Tell, pairs: Sequence[Sequence[int]], most_ratio: float
) -> list[tuple[int, int, int, str]]:
    """Pictures, number of matches and kind of each pair that is verified."""
    import pycolmap

    matching = pycolmap.FeatureMatchingOptions()
    matching.sift.max_ratio = most_ratio
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = SEED
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = folder / "pairs.txt"
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = pairs[start : start + _PAIRS_AT_ONCE]
        lines = [f"{a + 1} {b + 1}\n" for a, b in some]
        (folder / "pairs.txt").write_text("".join(lines))
        pycolmap.match_image_pairs(
            folder / "database.db", matching, pairing, verification, pycolmap.Device.cpu
        )
        tell(start + len(some))
    return [
        (
            a,
            b,
            len(found.inlier_matches),
            pycolmap.TwoViewGeometryConfiguration(found.config).name,
        )
        for a, b, found in _read_verified(folder)
    ]


def _map(
    folder: Path,
    tell: Tell,
    cameras: Sequence[Facts],
    options: dict[str, Facts],
    out: str,
    not_first: Sequence[int],
) -> list[Facts]:
    """Figures of each piece, whose model lies at `out`/<its place>. `not_first` are the first pictures of another
    rung, where the best other pair is to be the first one."""
    import pycolmap

    pipeline = pycolmap.IncrementalPipelineOptions()
    pipeline.extract_colors = False
    pipeline.constant_cameras = {
        n for n, facts in enumerate(cameras, start=1) if facts["is_known"]
    }
    for part in (pipeline, pipeline.mapper, pipeline.triangulation):
        part.random_seed = SEED
    # threads add up in another order each time
    pipeline.num_threads = pipeline.mapper.num_threads = 1
    for name, values in options.items():
        part = getattr(pipeline, name) if name else pipeline
        for key, value in values.items():
            setattr(part, key, value)
    with pycolmap.Database.open(folder / "database.db") as database:
        for number, facts in enumerate(cameras, start=1):
            database.update_camera(_read_camera(number, facts))
    if not_first:
        first, second = _find_first(folder, not_first)
        pipeline.init_image_id1, pipeline.init_image_id2 = first + 1, second + 1
    (folder / out).mkdir()
    found = pycolmap.incremental_mapping(
        folder / "database.db", folder, folder / out, pipeline
    )
    return [_measure(found[place]) for place in sorted(found)]


def _measure(model: Any) -> Facts:
    frames = [model.frame(n) for n in model.reg_frame_ids()]
    order = [data.id - 1 for frame in frames for data in frame.image_ids]
    return {
        "registered": order,  # in this order
        "num_points": model.num_points3D(),
        "num_observations": model.compute_num_observations(),
        "counts": [model.image(number + 1).num_points3D for number in order],
    }


def _find_first(folder: Path, not_first: Sequence[int]) -> tuple[int, int]:
    """The pair with the most matches by the angle between its rays, but for one. Raises ValueError where there is
    none."""
    import pycolmap

    pairs = sorted(
        _read_verified(folder), key=lambda p: (-len(p[2].inlier_matches), p[0], p[1])
    )
    best, most = None, 0.0
    with pycolmap.Database.open(folder / "database.db") as database:
        for a, b, found in pairs[:_FIRST_PAIRS]:
            if {a, b} == set(not_first):
                continue
            one, other = (_read_side(database, number) for number in (a + 1, b + 1))
            if not pycolmap.estimate_two_view_geometry_pose(*one, *other, found):
                continue
            angle_deg = float(np.degrees(found.tri_angle))
            score = len(found.inlier_matches) * min(angle_deg, _ENOUGH_DEG)
            if score > most:
                best, most = (a, b), score
    if best is None:
        raise ValueError("no other pair shows the same from two places")
    return best


def _read_side(database: Any, number: int) -> tuple[Any, Any]:
    """Camera and pixels of a picture."""
    camera = database.read_camera(database.read_image(number).camera_id)
    return camera, database.read_keypoints(number)[:, :2].astype(np.float64)


def _read_verified(folder: Path) -> Iterator[tuple[int, int, Any]]:
    """Pictures and geometry of each pair with matches that fit one."""
    import pycolmap

    with pycolmap.Database.open(folder / "database.db") as database:
        ids, found = database.read_two_view_geometries()
    for pair, geometry in sorted(zip(ids, found, strict=True), key=lambda p: p[0]):
        if len(geometry.inlier_matches):
            a, b = pycolmap.pair_id_to_image_pair(pair)
            yield a - 1, b - 1, geometry


def _read_camera(number: int, facts: Facts) -> Any:
    import pycolmap

    width_px, height_px = facts["size_px"]
    return pycolmap.Camera(
        camera_id=number,
        model=facts["model"],
        width=width_px,
        height=height_px,
        params=facts["numbers"],
        has_prior_focal_length=facts["is_known"],
    )


def _count_threads() -> int:
    return len(os.sched_getaffinity(0))


_DO: dict[str, Callable[..., Any]] = {
    "describe": _describe,
    "store": _store,
    "match": _match,
    "map": _map,
}


def main() -> None:
    """Answer what comes on standard input."""
    answers = open_answers()
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
