"""The path of 7-Scenes frames by open3d's hybrid RGB-D odometry: `python odometry_open3d.py FOLDER`, poses as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import open3d

FOCAL_PX, CENTRE_PX = 585.0, (320.0, 240.0)
MOST_DEPTH_M = 4.0


def main(folder: Path) -> None:
    camera = open3d.camera.PinholeCameraIntrinsic(
        640, 480, FOCAL_PX, FOCAL_PX, *CENTRE_PX
    )
    stems = sorted(f.name.removesuffix(".pose.txt") for f in folder.glob("*.pose.txt"))
    pictures = [load(folder, stem) for stem in stems]
    frame_to_frame, to_first = [np.eye(4)], [np.eye(4)]
    for number in range(1, len(pictures)):
        step = find_motion(pictures[number], pictures[number - 1], np.eye(4), camera)
        frame_to_frame.append(frame_to_frame[-1] @ step)
        to_first.append(
            find_motion(pictures[number], pictures[0], to_first[-1], camera)
        )
    paths = {"frame_to_frame": frame_to_frame, "to_first": to_first}
    print(json.dumps({name: np.array(path).tolist() for name, path in paths.items()}))


def load(folder: Path, stem: str) -> open3d.geometry.RGBDImage:
    depth = np.asarray(open3d.io.read_image(str(folder / f"{stem}.depth.png"))).copy()
    depth[depth == 65535] = 0
    return open3d.geometry.RGBDImage.create_from_color_and_depth(
        open3d.io.read_image(str(folder / f"{stem}.color.jpg")),
        open3d.geometry.Image(depth),
        depth_scale=1000.0,
        depth_trunc=MOST_DEPTH_M,
    )


def find_motion(source, target, guess, camera):  # type: ignore[no-untyped-def]
    """target_from_source (4, 4); the guess where it fails."""
    is_found, pose, _ = open3d.pipelines.odometry.compute_rgbd_odometry(
        source,
        target,
        camera,
        guess,
        open3d.pipelines.odometry.RGBDOdometryJacobianFromHybridTerm(),
        open3d.pipelines.odometry.OdometryOption(depth_max=MOST_DEPTH_M),
    )
    return pose if is_found else guess


if __name__ == "__main__":
    main(Path(sys.argv[1]))
