"""Surfaces in a Rerun recording: meshes with the paths that they were fused along, and splats of a sparse model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.ply import read_ply
from assets.retrieval.rerun_recording import LIKE_CAMERA, Recording, join
from assets.splat_ply import read_splats
from assets.tables.catalog import Catalog, session_is

if TYPE_CHECKING:
    from models.splats.gaussians import Gaussians

_SPLATS = "splats"
_NUM_TERMS = 15  # of harmonics above degree 0, as Rerun wants them


def write_meshes(catalog: Catalog, recording: Recording, root: str, where: str) -> None:
    """Each mesh, and the path of its camera, in m, in a frame of their own."""
    import rerun as rr

    poses = catalog.read_latest("odometry", where=where).to_pylist()
    poses.sort(key=lambda r: (r["t_ns"] or 0, r["sequence"]))
    rows = catalog.read_latest("meshes", where=where).to_pylist()
    for row in sorted(rows, key=lambda r: (r["sensor"], r["part"] or 0)):
        if row["blob_sha256"] is None:
            continue
        mesh = read_ply(catalog.blobs.get(row["blob_sha256"]))
        place = join(root, "reconstruction", row["sensor"], f"part {row['part']}")
        recording.set_apart(place, LIKE_CAMERA)
        what = rr.Mesh3D(
            vertex_positions=mesh.vertices,
            triangle_indices=mesh.triangles,
            vertex_normals=mesh.normals,
            vertex_colors=mesh.colors,
        )
        recording.log(f"{place}/mesh", what)
        path = [
            p["world_from_camera"][:3]
            for p in poses
            if (p["sensor"], p["part"]) == (row["sensor"], row["part"])
        ]
        recording.log(f"{place}/path", rr.LineStrips3D([np.array(path, float)]))
        recording.counts["meshes"] += 1


def write_splats(catalog: Catalog, recording: Recording, session: str) -> None:
    """Of the whole session, in the space of the sparse model that they were learned from."""
    import rerun as rr

    for row in catalog.read_latest("splats", where=session_is(session)).to_pylist():
        if row["blob_sha256"] is None:
            continue
        recording.set_apart(_SPLATS, LIKE_CAMERA, name_space(row["sparse_model_id"]))
        gaussians = read_splats(catalog.blobs.get(row["blob_sha256"]))
        recording.log(f"{_SPLATS}/gaussians", draw_splats(gaussians, row["degree"]))
        recording.log(f"{_SPLATS}/about", rr.TextDocument(_tell(row)))
        recording.counts["splats"] += len(gaussians)


def name_space(sparse_model_id: str) -> str:
    """The space of a sparse model, and of splats that were learned from it."""
    return f"sparse model {sparse_model_id[:12]}"


def draw_splats(gaussians: Gaussians, degree: int) -> Any:
    """As Rerun has them: standard deviations, opacity and colour as they are, quaternions x y z w of length 1."""
    import rerun as rr

    from models.splats.harmonics import FLAT

    parts = {name: part.cpu().numpy() for name, part in gaussians.parts.items()}
    wxyz = parts["quaternions"]
    turns = wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True)
    opacity = 1 / (1 + np.exp(-parts["logits"].astype(np.float64)))
    colours = 0.5 + FLAT * parts["sh0"][:, 0]
    rgba = np.concatenate([colours, opacity[:, None]], axis=1)
    rest = np.zeros((len(gaussians), _NUM_TERMS, 3), np.float32)
    rest[:, : parts["sh_rest"].shape[1]] = parts["sh_rest"]
    return rr.GaussianSplats3D(
        parts["means"],
        scales=np.exp(parts["log_scales"]),
        quaternions=turns[:, [1, 2, 3, 0]],
        colors=np.round(255 * np.clip(rgba, 0, 1)).astype(np.uint8),
        sh_coefficients=rest,
        spherical_harmonics_degree=degree,
    )


def _tell(row: Mapping[str, Any]) -> str:
    unit = "m" if row["length_unit"] == "m" else "a unit that nobody knows"
    return "\n".join(
        [
            f"{row['num_gaussians']} Gaussians of {row['num_images']} pictures",
            f"{row['psnr_db']:.1f} dB on {row['num_held_out']} pictures that were held out",
            f"in the world of sparse model {row['sparse_model_id']}, lengths in {unit}",
        ]
    )
