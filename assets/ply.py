"""Meshes as PLY bytes, binary and little-endian: positions in m, normals, colours, triangles; and those read again.

Only what is written here is read here: a file from elsewhere is refused.
"""

from __future__ import annotations

import numpy as np

from models.fusion.surface import Mesh

_VERTEX = np.dtype(
    [("position", "<f4", 3), ("normal", "<f4", 3), ("color", "u1", 3)], align=False
)
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)], align=False)
_HEAD = """ply
format binary_little_endian 1.0
comment metres
element vertex {vertices}
property float x
property float y
property float z
property float nx
property float ny
property float nz
property uchar red
property uchar green
property uchar blue
element face {faces}
property list uchar int vertex_indices
end_header
"""
_MOST_HEAD = 1000


def write_ply(mesh: Mesh) -> bytes:
    """Equal meshes give equal bytes."""
    vertices = np.zeros(len(mesh.vertices), _VERTEX)
    vertices["position"], vertices["normal"] = mesh.vertices, mesh.normals
    vertices["color"] = mesh.colors
    faces = np.zeros(len(mesh.triangles), _FACE)
    faces["count"], faces["corners"] = 3, mesh.triangles
    head = _HEAD.format(vertices=len(vertices), faces=len(faces))
    return head.encode() + vertices.tobytes() + faces.tobytes()


def read_ply(content: bytes) -> Mesh:
    """The mesh. Raises ValueError for bytes that `write_ply` does not write."""
    head, found, _ = content[:_MOST_HEAD].partition(b"end_header\n")
    numbers = [
        int(line.split()[-1])
        for line in head.splitlines()
        if line.startswith(b"element")
    ]
    at = len(head) + len(found)
    expected = (
        _HEAD.format(vertices=numbers[0], faces=numbers[1]) if len(numbers) == 2 else ""
    )
    if not found or content[:at] != expected.encode():
        raise ValueError("these bytes are no mesh that was written here")
    sizes = numbers[0] * _VERTEX.itemsize, numbers[1] * _FACE.itemsize
    if len(content) != at + sum(sizes):
        raise ValueError(f"the mesh is cut: {len(content)} bytes of {at + sum(sizes)}")
    vertices = np.frombuffer(content, _VERTEX, numbers[0], at)
    faces = np.frombuffer(content, _FACE, numbers[1], at + sizes[0])
    return Mesh(
        vertices["position"].copy(),
        vertices["normal"].copy(),
        vertices["color"].copy(),
        faces["corners"].astype(np.int32),
    )
