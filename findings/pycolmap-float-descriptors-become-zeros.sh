#!/usr/bin/env bash
# Finding: descriptors of floats, as `pycolmap.Sift` gives them, are all zero in pycolmap's database,
#   without a word, and no two pictures match
#
# Packages: pycolmap==4.2.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: `Sift.extract` and `FeatureDescriptors` are of one library, so what the first returns the
#   second takes, scaled to the bytes that a database holds; or it refuses another type of numbers.
#
# Seen: `Sift.extract` returns rows of floats of length 1. `FeatureDescriptors` takes them for the
#   type SIFT and cuts each number to a whole one, which is 0. The database stores them, matching runs
#   to its end with 0 matches, and the mapper says only that it found no good first pair. The newer
#   `FeatureExtractor` gives bytes (length 512) of the same picture, which match.
#
# Why it matters: who extracts features from arrays and fills the database by hand, as one does to
#   mask or crop pictures, takes the extractor of most examples. The failure shows two steps later
#   and looks like pictures without overlap.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycolmap==4.2.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import numpy as np, pycolmap
pycolmap.logging.minloglevel = 3
rng = np.random.default_rng(0)
blocks = np.kron(rng.integers(0, 256, (40, 60)), np.ones((8, 8))).astype(np.uint8)
pictures = [np.ascontiguousarray(blocks[:240, x : x + 320]) for x in (0, 24)]
sift = pycolmap.FeatureExtractorType.SIFT
def count(name, extract):
    with pycolmap.Database.open(f"{name}.db") as db:
        camera = pycolmap.Camera(model="PINHOLE", width=320, height=240, params=[300, 300, 160, 120])
        camera_id = db.write_camera(camera)
        for number, picture in enumerate(pictures):
            image = db.write_image(pycolmap.Image(name=f"{number}.png", camera_id=camera_id))
            keypoints, descriptors = extract(picture)
            db.write_keypoints(image, keypoints)
            db.write_descriptors(image, descriptors)
        most = max(int(db.read_descriptors(i.image_id).data.max()) for i in db.read_all_images())
    pycolmap.match_exhaustive(f"{name}.db", device=pycolmap.Device.cpu)
    with pycolmap.Database.open(f"{name}.db") as db:
        return db.num_matches(), most
def old(picture):
    keypoints, descriptors = pycolmap.Sift().extract(picture.astype(np.float32) / 255)
    assert descriptors.dtype == np.float32 and 0.9 < np.linalg.norm(descriptors[0]) < 1.1
    return keypoints, pycolmap.FeatureDescriptors(sift, descriptors)
def new(picture):
    found = pycolmap.FeatureExtractor.create(device=pycolmap.Device.cpu).extract_from_uint8_array(picture)
    return pycolmap.keypoints_to_matrix(found[0]), found[1]
by_old, by_new = count("old", old), count("new", new)
print("matches and largest number of a descriptor: Sift", by_old, "FeatureExtractor", by_new)
assert by_old == (0, 0), by_old
assert by_new[0] > 100 and by_new[1] > 100, by_new
PY
