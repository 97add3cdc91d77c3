"""Splats as PLY: the layout by its bytes, there and back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assets.splat_ply import read_splats, write_splats
from models.splats.gaussians import Gaussians

TWO = Gaussians(
    means=torch.tensor([[1.0, 2, 3], [4, 5, 6]]),
    log_scales=torch.tensor([[-1.0, -2, -3], [-4, -5, -6]]),
    quaternions=torch.tensor([[0.0, 2, 0, 0], [1, 0, 0, 0]]),
    logits=torch.tensor([0.5, -0.5]),
    sh0=torch.tensor([[[0.1, 0.2, 0.3]], [[0.4, 0.5, 0.6]]]),
    # of the first: a row a term, a column a colour
    sh_rest=torch.tensor(
        [[[11.0, 21, 31], [12, 22, 32], [13, 23, 33]], [[0.0] * 3] * 3]
    ),
)


def test_the_layout_is_that_of_viewers():
    head, _, body = write_splats(TWO).partition(b"end_header\n")
    names = [line.split()[-1] for line in head.decode().splitlines() if "float" in line]
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[9:18] == [f"f_rest_{n}" for n in range(9)]
    assert names[18:22] == ["opacity", "scale_0", "scale_1", "scale_2"]
    assert names[22:] == ["rot_0", "rot_1", "rot_2", "rot_3"]
    assert head.decode().splitlines()[:3] == [
        "ply",
        "format binary_little_endian 1.0",
        "element vertex 2",
    ]
    first, second = np.frombuffer(body, "<f4").reshape(2, 26)
    assert first[:9].tolist() == pytest.approx([1, 2, 3, 0, 0, 0, 0.1, 0.2, 0.3])
    # all of red, then of green, then of blue
    assert first[9:18].tolist() == [11, 12, 13, 21, 22, 23, 31, 32, 33]
    assert first[18:].tolist() == [0.5, -1, -2, -3, 0, 1, 0, 0]
    assert second[18:].tolist() == [-0.5, -4, -5, -6, 1, 0, 0, 0]


@pytest.mark.parametrize("num_rest", [0, 3])
def test_what_was_written_is_read_again(num_rest):
    given = Gaussians(**TWO.parts | {"sh_rest": TWO.sh_rest[:, :num_rest]})
    found = read_splats(write_splats(given))
    for name, part in given.parts.items():
        expected = part
        if name == "quaternions":
            expected = torch.nn.functional.normalize(part)
        assert torch.equal(found.parts[name], expected), name
    assert write_splats(found) == write_splats(given)


def test_other_bytes_are_refused():
    content = write_splats(TWO)
    with pytest.raises(ValueError, match="the splats are cut"):
        read_splats(content[:-8])
    for other in (b"", content.replace(b"opacity", b"opacitx"), content[:40]):
        with pytest.raises(ValueError, match="no splats that were written here"):
            read_splats(other)
