"""Make the tables of a home as cameras fill them, without pictures: frames, quality figures with hashes, and vectors.

Of the frames 40 % are of recordings of 1,000 frames by cameras that move: neighbours have a cosine of 0.95 to 0.99 and
2 to 8 of 64 hash bits between them, and those some seconds apart nothing in common. 30 % are of cameras that stand
still, up to 50,000 frames each: one frame differs from the next by noise, from one some hours later by the light too,
and one in fifty shows somebody who walks by. 30 % are unrelated pictures: three in a hundred are re-encoded copies of
earlier ones, one in two hundred is flat (a lens cap, an overexposed wall). Unrelated vectors have a cosine of 0.55 in
the median, as ImageNet's features have. What this rests on: docs/decisions/0008.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id

RECORDING = 1_000
STANDING = 50_000
PICTURES = 10_000  # a session of unrelated pictures
_PART = 5_000  # frames in memory
_COMMON = 0.55  # of a vector's square: what all pictures share
_BITS = 64


@dataclass(frozen=True)
class Part:
    """Frames of one session that follow each other."""

    session: str
    captures: NDArray[np.int64]  # (N,) number of each frame's capture, of its session
    vectors: NDArray[np.float32]  # (N, D) unit length
    bits: NDArray[np.uint64]  # (N,)


def write_home(home: Path, num_frames: int, seed: int = 0, prefix: str = "") -> None:
    """Publish so many frames in the tables below `home`; `prefix` tells sessions of several calls apart."""
    catalog = Catalog(str(home / "tables"))
    start = 0
    sessions: dict[str, int] = {}
    for part in _film(num_frames, np.random.default_rng(seed)):
        session = prefix + part.session
        sequence = sessions.get(session, 0) + np.arange(len(part.bits))
        sessions[session] = int(sequence[-1]) + 1
        for name, table in _make_tables(session, part, sequence).items():
            catalog.merge(name, table)
        start += len(part.bits)
    assert start == num_frames, start
    for name in ("frames", "frame_quality", "frame_embeddings", "captures"):
        for session in sessions:
            catalog.publish(name, session, catalog.latest_version(name))


def _film(num_frames: int, rng: np.random.Generator) -> Iterator[Part]:
    scene = rng.standard_normal(EMBEDDING_DIM, dtype=np.float32)
    common = scene / np.linalg.norm(scene)
    num_moving = int(0.4 * num_frames) // RECORDING * RECORDING
    num_standing = int(0.3 * num_frames)
    for number in range(num_moving // RECORDING):
        yield _move(f"drive-{number // 10:04d}", number % 10, common, rng)
    for number, start in enumerate(range(0, num_standing, STANDING)):
        length = min(STANDING, num_standing - start)
        yield from _stand(f"yard-{number:04d}", length, common, rng)
    rest = num_frames - num_moving - num_standing
    for number, start in enumerate(range(0, rest, PICTURES)):
        yield from _collect(
            f"pictures-{number:04d}", min(PICTURES, rest - start), common, rng
        )


def _move(
    session: str, capture: int, common: NDArray[np.float32], rng: np.random.Generator
) -> Part:
    """One recording; what is new from frame to frame differs from one recording to the next."""
    from scipy.signal import lfilter

    kept = rng.uniform(0.90, 0.98)
    latent = _draw(RECORDING, EMBEDDING_DIM, rng)
    latent[1:] *= np.sqrt(1 - kept**2)
    frequencies = _draw(RECORDING, _BITS, rng)
    kept_bits = 1 - (1 - kept) / 2
    frequencies[1:] *= np.sqrt(1 - kept_bits**2)
    return Part(
        session,
        np.full(RECORDING, capture),
        _to_vectors(common, lfilter([1], [1, -kept], latent, axis=0)),
        _to_bits(lfilter([1], [1, -kept_bits], frequencies, axis=0)),
    )


def _stand(
    session: str, length: int, common: NDArray[np.float32], rng: np.random.Generator
) -> Iterator[Part]:
    scene, light, walker = _draw(3, EMBEDDING_DIM, rng)
    low, low_light = _draw(2, _BITS, rng)
    for start in range(0, length, _PART):
        count = min(_PART, length - start)
        hour = np.sin(np.arange(start, start + count) * (2 * np.pi / 20_000))[:, None]
        latent = scene + 0.25 * hour * light + 0.12 * _draw(count, EMBEDDING_DIM, rng)
        frequencies = low + 0.03 * hour * low_light + 0.02 * _draw(count, _BITS, rng)
        passes = rng.random(count) < 0.02
        latent[passes] += rng.uniform(0.3, 0.8, (passes.sum(), 1)) * walker
        frequencies[passes] += 0.15 * _draw(passes.sum(), _BITS, rng)
        yield Part(
            session,
            np.zeros(count, np.int64),
            _to_vectors(common, latent),
            _to_bits(frequencies),
        )


def _collect(
    session: str, length: int, common: NDArray[np.float32], rng: np.random.Generator
) -> Iterator[Part]:
    for start in range(0, length, _PART):
        count = min(_PART, length - start)
        latent = _draw(count, EMBEDDING_DIM, rng)
        frequencies = _draw(count, _BITS, rng)
        copies = np.flatnonzero(rng.random(count) < 0.03)
        copies = copies[copies > 0]
        of = (copies * rng.random(len(copies))).astype(np.int64)
        latent[copies] = latent[of] + 0.1 * _draw(len(copies), EMBEDDING_DIM, rng)
        frequencies[copies] = frequencies[of] + 0.03 * _draw(len(copies), _BITS, rng)
        bits = _to_bits(frequencies)
        flat = np.flatnonzero(rng.random(count) < 0.005)
        shades = np.random.default_rng(1).standard_normal(
            (5, EMBEDDING_DIM), dtype=np.float32
        )
        latent[flat] = shades[rng.integers(0, 5, len(flat))] + 0.05 * _draw(
            len(flat), EMBEDDING_DIM, rng
        )
        bits[flat] = 1 << 63  # the mean alone is above the median of nothing
        yield Part(
            session, np.zeros(count, np.int64), _to_vectors(common, latent), bits
        )


def _draw(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.standard_normal((rows, columns), dtype=np.float32)


def _to_vectors(
    common: NDArray[np.float32], latent: NDArray[np.floating]
) -> NDArray[np.float32]:
    own = latent.astype(np.float32) * np.float32(np.sqrt((1 - _COMMON) / EMBEDDING_DIM))
    vectors = np.sqrt(np.float32(_COMMON)) * common + own
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _to_bits(frequencies: NDArray[np.floating]) -> NDArray[np.uint64]:
    """The hash of 63 frequencies against their median, and of the mean, which is above it."""
    median = np.partition(frequencies[:, 1:], 31, axis=1)[:, 31:32]
    is_above = frequencies > median
    is_above[:, 0] = True
    return np.packbits(is_above, axis=1).view(">u8").ravel().astype(np.uint64)


def _make_tables(
    session: str, part: Part, sequence: NDArray[np.int64]
) -> dict[str, pa.Table]:
    count = len(sequence)
    ids = [content_id("frame", session, n) for n in sequence]
    shas = [f"{frame_id}{frame_id}" for frame_id in ids]
    numbers = np.unique(part.captures)
    captures = [content_id("capture", session, n) for n in numbers]
    is_recording = not session.rpartition("pictures")[1]

    def constant(value: object, num: int = count) -> pa.Array:
        return pa.array([value]).take(pa.array(np.zeros(num, np.int64)))

    sources = {
        "frame_id": ids,
        "session": constant(session),
        "input_sha256": shas,
        "code_version": constant("1"),
    }
    figures = (
        "brightness",
        "contrast",
        "sharpness",
        "crispness",
        "clipped_dark",
        "clipped_bright",
        "noise",
    )
    digits = part.bits.astype(">u8").tobytes().hex()
    made = {
        "captures": {
            "capture_id": captures,
            "session": constant(session, len(numbers)),
            "path": [f"{n}.mcap" for n in numbers],
            "source_uri": [f"/{session}/{n}.mcap" for n in numbers],
            "reader": constant(
                "mcap" if is_recording else "image_folder", len(numbers)
            ),
            "sha256": [f"{c}{c}" if is_recording else None for c in captures],
            "code_version": constant("1", len(numbers)),
            "size_bytes": constant(1, len(numbers)),
            "num_frames": [int((part.captures == n).sum()) for n in numbers],
            **{
                f"num_{what}": constant(0, len(numbers))
                for what in ("signals", "labels", "problems")
            },
        },
        "frames": {
            "frame_id": ids,
            "capture_id": pa.array(captures).take(
                pa.array(np.searchsorted(numbers, part.captures))
            ),
            "session": constant(session),
            "sensor": constant("camera"),
            "kind": constant("color"),
            "t_ns": sequence * 10**8,
            "sequence": sequence,
            "width_px": constant(640),
            "height_px": constant(480),
            "encoding": constant("jpeg"),
            "payload": constant(bytes(64)),
            "sha256": shas,
            "source_path": constant("0.mcap"),
            "source_offset": sequence,
        },
        "frame_quality": {
            **sources,
            **{name: constant(0.5) for name in figures},
            "perceptual_hash": [digits[n : n + 16] for n in range(0, len(digits), 16)],
        },
        "frame_embeddings": {
            **sources,
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(part.vectors.ravel()), EMBEDDING_DIM
            ),
        },
    }
    return {name: _to_table(name, columns, count) for name, columns in made.items()}


def _to_table(name: str, columns: dict[str, object], count: int) -> pa.Table:
    schema = TABLES[name].schema
    length = count if name != "captures" else len(columns["capture_id"])
    arrays = []
    for field in schema:
        values = columns.get(field.name, pa.nulls(length, field.type))
        array = values if isinstance(values, pa.Array) else pa.array(values)
        arrays.append(array.cast(field.type))
    return pa.table(arrays, schema=schema)


if (
    __name__ == "__main__"
):  # by the code of another checkout: `camera_frames.py HOME FRAMES`
    write_home(Path(sys.argv[1]), int(sys.argv[2]))
