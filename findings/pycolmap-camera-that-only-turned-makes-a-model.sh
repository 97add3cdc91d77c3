#!/usr/bin/env bash
# Finding: a camera that only turned, and whose focal length nobody knows, gives a model in pycolmap
#   that looks sound: all pictures registered, 0.3 px of error, points in depth, a wrong focal length
#
# Packages: pycolmap==4.2.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: pictures from one place say nothing of depth, so the mapper finds no first pair, as it does
#   where the focal length is known, and returns no model; or one with the few points that it
#   believes, which the number of pictures or the error would betray.
#
# Seen: five pictures from one place, turned by 9 degrees each, with 0.3 px of noise. With the known
#   camera there is no model. With an unknown one (SIMPLE_RADIAL, the usual first guess) all five are
#   registered, the 150 points lie 0.30 px off on average, and the focal length of 500 px becomes
#   577. Each of the pairs was verified as "planar or panoramic" before.
#
# Why it matters: a phone turned on the spot is the usual mistake of who records a scene. Scripts
#   look at the share of registered pictures and the mean error, and both are perfect. What tells is
#   the configuration of the two-view geometries, which nobody looks at after matching.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycolmap==4.2.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
from pathlib import Path
import numpy as np, pycolmap
pycolmap.logging.minloglevel = 3
NUM = 5
def solve(name, focal, is_known):
    rng = np.random.default_rng(0)
    points = rng.uniform([-1, -1, 3], [1, 1, 5], (150, 3))
    descriptors = rng.integers(0, 256, (150, 128)).astype(np.uint8)
    folder, kind = Path(name), pycolmap.SensorType.CAMERA
    folder.mkdir()
    with pycolmap.Database.open(folder / "d.db") as db:
        model, params = ("PINHOLE", [focal, focal, 320, 240]) if is_known else ("SIMPLE_RADIAL", [focal, 320, 240, 0])
        db.write_camera(pycolmap.Camera(camera_id=1, model=model, width=640, height=480, params=params,
                                        has_prior_focal_length=is_known), use_camera_id=True)
        rig = pycolmap.Rig(rig_id=1)
        rig.add_ref_sensor(pycolmap.sensor_t(kind, 1))
        db.write_rig(rig, use_rig_id=True)
        for n, turn in enumerate(np.linspace(-0.3, 0.3, NUM), start=1):
            c, s = np.cos(turn), np.sin(turn)
            seen = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
            pixels = 500 * seen[:, :2] / seen[:, 2:] + [320, 240] + rng.normal(0, 0.3, (150, 2))
            inside = ((pixels > 0) & (pixels < [640, 480])).all(axis=1)
            db.write_image(pycolmap.Image(name=f"{n}.png", camera_id=1, image_id=n), use_image_id=True)
            frame = pycolmap.Frame(frame_id=n, rig_id=1)
            frame.add_data_id(pycolmap.data_t(pycolmap.sensor_t(kind, 1), n))
            db.write_frame(frame, use_frame_id=True)
            db.write_keypoints(n, pixels[inside].astype(np.float32))
            sift = pycolmap.FeatureExtractorType.SIFT
            db.write_descriptors(n, pycolmap.FeatureDescriptors(sift, descriptors[inside]))
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = 1
    pycolmap.match_exhaustive(folder / "d.db", verification_options=verification, device=pycolmap.Device.cpu)
    with pycolmap.Database.open(folder / "d.db") as db:
        kinds = {pycolmap.TwoViewGeometryConfiguration(g.config).name for g in db.read_two_view_geometries()[1]}
    options = pycolmap.IncrementalPipelineOptions(extract_colors=False, num_threads=1, random_seed=1, min_model_size=3)
    options.mapper.num_threads = 1
    for part in (options.mapper, options.triangulation):
        part.random_seed = 1
    if is_known:
        options.constant_cameras = {1}
    return pycolmap.incremental_mapping(folder / "d.db", folder, folder, options), kinds
none, _ = solve("known", 500, True)
print("known camera:", len(none), "models")
found, kinds = solve("unknown", 768, False)
best = max(found.values(), key=lambda m: (m.num_reg_images(), m.num_points3D()))
focal = best.camera(1).mean_focal_length()
print("unknown camera:", best.num_reg_images(), "pictures,", best.num_points3D(), "points,",
      round(best.compute_mean_reprojection_error(), 3), "px, focal length", round(focal), "px, pairs:", kinds)
assert not none, len(none)
assert best.num_reg_images() == NUM and best.num_points3D() > 100, best.summary()
assert best.compute_mean_reprojection_error() < 0.5
assert abs(focal - 500) > 40, focal
assert kinds == {"PLANAR_OR_PANORAMIC"}, kinds
PY
