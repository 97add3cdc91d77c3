"""How many faces are missed: measured on a probe set, a folder of pictures with the boxes of all faces in them.

Beside the pictures lies `faces.json`: {"a/1.jpg": [[x_min, y_min, x_max, y_max], ...]}, in px, with `[]` for a picture
without a face. The pictures go through the image guard, as on intake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.code_versions import version_of
from assets.formats.strict_json import parse_json
from assets.images import decode_rgb
from assets.privacy.detectors import load_detectors, name_detectors
from assets.privacy.policy import PrivacyPolicy, Probe
from assets.sandbox.guard import ImageGuard, Refusal
from assets.storage import Folder
from assets.tables.catalog import Catalog, session_is
from assets.tables.schemas import TABLES, content_id, to_table
from models.faces.found import Floats
from models.faces.tiles import Detector, find_everywhere

if TYPE_CHECKING:
    from models.faces.recall import Recall, Sought

BOXES_NAME = "faces.json"
MAX_PICTURES = 2000
MAX_JSON_BYTES = 8 << 20
MAX_PICTURE_BYTES = 32 << 20
_TABLE = "privacy_policies"


def bring_up_to_date(catalog: Catalog, session: str, policy: PrivacyPolicy) -> str:
    """Measure what the policy's probe set says, where that is not known; why nothing may be shown, "" where it may.

    Raises ValueError for a probe set that is none.
    """
    if policy.probe is None:
        return ""
    known: dict[str, Any] = catalog.read_latest(
        _TABLE, where=session_is(session)
    ).to_pylist()[0]
    truth = read_truth(policy.probe)
    measured_by = _name_measurement(policy.probe, truth)
    if known["measured_by"] != measured_by:
        measured = measure_probe(policy.probe, truth, load_detectors())
        known |= {
            "measured_by": measured_by,
            **to_columns(measured.get("all"), measured),
        }
        catalog.upsert(_TABLE, to_table(TABLES[_TABLE], [known]))
    return policy.probe.explain_shortfall(known)


def _name_measurement(probe: Probe, truth: Mapping[str, Any]) -> str:
    """Changes with detectors, boxes and pictures."""
    files = [(f.path, f.size_bytes, f.version) for f in Folder(probe.folder).files()]
    said = json.dumps(truth, sort_keys=True)
    code = version_of("anonymised_frames")
    return content_id("probe", code, name_detectors(), said, files)


def to_columns(every: Recall | None, by_size: Mapping[str, Recall]) -> dict[str, Any]:
    """The figures as columns of `privacy_policies`."""
    interval = every.covered_interval if every else None
    why_not = None
    if interval is None:
        from models.metrics.resampling import MIN_UNITS

        why_not = f"it has fewer than {MIN_UNITS} pictures with faces"
    return {
        "num_probed": every.num_faces if every else 0,
        "found": every.found if every else None,
        "covered": every.covered if every else None,
        "covered_low": max(0.0, interval.low) if interval else None,
        "by_size": json.dumps({name: asdict(one) for name, one in by_size.items()}),
        "why_not": why_not,
    }


def measure_probe(
    probe: Probe,
    truth: Mapping[str, Sequence[Sequence[float]]],
    detectors: tuple[Detector, ...],
) -> dict[str, Recall]:
    """Recall by size. Raises ValueError for pictures that are not there or do not decode."""
    folder = Folder(probe.folder)
    names = [name for name, boxes in truth.items() if boxes]
    with ImageGuard() as guard:
        from models.faces.recall import measure_recall

        return measure_recall(
            [
                _look(
                    _read_picture(folder, name, guard),
                    np.array(truth[name], np.float64),
                    detectors,
                )
                for name in names
            ]
        )


def read_truth(probe: Probe) -> dict[str, list[list[float]]]:
    """The boxes by picture. Raises ValueError naming what is wrong."""
    where = f"{probe.folder}/{BOXES_NAME}"
    folder = Folder(probe.folder)
    file = folder.find(BOXES_NAME)
    if file is None:
        raise ValueError(
            f"there is no {where}: the boxes of the probe set's faces, by picture"
        )
    if file.size_bytes > MAX_JSON_BYTES:
        raise ValueError(
            f"{where} has {file.size_bytes} bytes, more than {MAX_JSON_BYTES}"
        )
    try:
        found = parse_json(folder.read(BOXES_NAME), MAX_JSON_BYTES)
    except ValueError as error:
        raise ValueError(f"{where} is no JSON: {error}") from error
    if not isinstance(found, dict) or not 0 < len(found) <= MAX_PICTURES:
        raise ValueError(
            f"{where} is to name 1 to {MAX_PICTURES} pictures with their boxes"
        )
    for name, boxes in found.items():
        if not isinstance(boxes, list) or not all(map(_is_box, boxes)):
            raise ValueError(
                f"{where}: {name[:100]}: give [[x_min, y_min, x_max, y_max], ...] in px"
            )
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"{where}: {name[:100]} leads out of the folder")
    return found


def _is_box(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(
            isinstance(side, int | float) and not isinstance(side, bool)
            for side in value
        )
        and value[0] < value[2]
        and value[1] < value[3]
    )


def _read_picture(folder: Folder, name: str, guard: ImageGuard) -> bytes:
    """Its bytes, which the guard has decoded."""
    try:
        payload = folder.read(name)
    except FileNotFoundError as error:
        raise ValueError(
            f"{folder.uri}/{name} is not there, and {BOXES_NAME} names it"
        ) from error
    if len(payload) > MAX_PICTURE_BYTES:
        raise ValueError(
            f"{folder.uri}/{name} has {len(payload)} bytes, more than {MAX_PICTURE_BYTES}"
        )
    (verdict,) = guard.collect(guard.submit([payload]))
    if isinstance(verdict, Refusal):
        raise ValueError(f"{folder.uri}/{name}: {verdict.reason}: {verdict.remedy}")
    return payload


def _look(
    payload: bytes, truth_xyxy: Floats, detectors: tuple[Detector, ...]
) -> Sought:
    image = decode_rgb(payload)
    height, width = image.shape[:2]
    from models.faces.recall import Sought

    return Sought(width, height, truth_xyxy, find_everywhere(image, detectors))
