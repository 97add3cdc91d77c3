"""Splats as PLY bytes in the layout of 3-D Gaussian splatting (Kerbl et al. 2023), which viewers read; and back.

Binary and little-endian, all float: positions, normals that are 0, harmonics (degree 0, then the others colour by
colour), opacity before the sigmoid, logarithms of the scales, quaternions w x y z. Only what is written here is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.splats.gaussians import Gaussians

_MOST_HEAD = 4000
_FORM = "ply\nformat binary_little_endian 1.0\nelement vertex"


def write_splats(gaussians: Gaussians) -> bytes:
    """Equal Gaussians give equal bytes."""
    parts = {name: part.cpu().numpy() for name, part in gaussians.parts.items()}
    count, num_rest = len(gaussians), 3 * gaussians.sh_rest.shape[1]
    columns = [
        parts["means"],
        np.zeros((count, 3)),
        parts["sh0"][:, 0],
        parts["sh_rest"].transpose(0, 2, 1).reshape(count, num_rest),
        parts["logits"][:, None],
        parts["log_scales"],
        _normalise(parts["quaternions"]),
    ]
    head = _write_head(count, num_rest)
    return head + np.concatenate(columns, axis=1).astype("<f4").tobytes()


def read_splats(content: bytes) -> Gaussians:
    """The Gaussians. Raises ValueError for bytes that `write_splats` does not write."""
    import torch

    from models.splats.gaussians import Gaussians

    head, found, _ = content[:_MOST_HEAD].partition(b"end_header\n")
    at = len(head) + len(found)
    lines = head.decode("ascii", "replace").splitlines()
    count = next(
        (int(x) for line in lines[2:3] if (x := line.split()[-1]).isdigit()), 0
    )
    num_rest = sum("f_rest_" in line for line in lines)
    if not found or num_rest % 3 or content[:at] != _write_head(count, num_rest):
        raise ValueError("these bytes are no splats that were written here")
    width = len(_name_columns(num_rest))
    if len(content) != at + 4 * width * count:
        raise ValueError(
            f"the splats are cut: {len(content)} bytes of {at + 4 * width * count}"
        )
    rows = np.frombuffer(content, "<f4", width * count, at).reshape(count, width)
    ends = np.cumsum([3, 3, 3, num_rest, 1, 3])
    means, _, sh0, rest, logits, scales, turns = np.split(rows, ends, axis=1)
    return Gaussians(
        *(
            torch.from_numpy(np.array(part, np.float32))
            for part in (
                *(means, scales, turns, logits[:, 0], sh0[:, None]),
                rest.reshape(count, 3, num_rest // 3).transpose(0, 2, 1),
            )
        )
    )


def _write_head(count: int, num_rest: int) -> bytes:
    lines = [f"property float {name}" for name in _name_columns(num_rest)]
    return "\n".join([f"{_FORM} {count}", *lines, "end_header", ""]).encode()


def _name_columns(num_rest: int) -> list[str]:
    return [
        *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"),
        *(f"f_rest_{n}" for n in range(num_rest)),
        *("opacity", "scale_0", "scale_1", "scale_2"),
        *(f"rot_{n}" for n in range(4)),
    ]


def _normalise(quaternions: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    return np.asarray(quaternions / np.maximum(length, 1e-12), np.float32)
