#!/usr/bin/env bash
# Finding: frames that were cut off a zarr array with shards by `resize` are all back when it grows
#   again, also those of chunks that lie outside as a whole and are said to be deleted
#
# Packages: zarr==3.1.6, h5py==3.16.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: as zarr's documentation says, chunks outside of the new shape are deleted and only what is left
#   of the last chunk comes back; a shard is a place to keep chunks and changes nothing of it.
#
# Seen: eight frames with the values 1 to 8, shrunk to three and grown to eight again. HDF5 shows 1, 2,
#   3 and five zeros. zarr with chunks of four shows 1, 2, 3, 4 and four zeros; with chunks of two in
#   a shard of eight it shows all eight, where 1 to 4 were to be expected. Only files that lie outside
#   as a whole are deleted, and a shard is one file, whatever chunks are in it.
#
# Why it matters: a session that is cut before somebody walks into the picture keeps the frames of that
#   person in its file, up to the whole recording where shards are large, and one `resize` by the next
#   writer, to append, puts them into the data set again as ordinary frames.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q zarr==3.1.6 h5py==3.16.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import h5py, numpy as np, zarr

frames = np.repeat(np.arange(1, 9, dtype=np.uint8)[:, None], 4, axis=1)

def cut_and_grown(array):
    array[:] = frames
    array.resize((3, 4))
    array.resize((8, 4))
    return array[:][:, 0].tolist()

kept = {"shape": (8, 4), "dtype": "uint8", "fill_value": 0}
with h5py.File("frames.h5", "w") as file:
    hdf5 = cut_and_grown(file.create_dataset("frames", (8, 4), "uint8", chunks=(4, 4), maxshape=(None, 4)))
seen = {
    "hdf5": hdf5,
    "chunks": cut_and_grown(zarr.create_array("chunks.zarr", chunks=(4, 4), **kept)),
    "shards": cut_and_grown(zarr.create_array("shards.zarr", chunks=(2, 4), shards=(8, 4), **kept)),
}
print(seen)
assert seen == {
    "hdf5": [1, 2, 3, 0, 0, 0, 0, 0],
    "chunks": [1, 2, 3, 4, 0, 0, 0, 0],
    "shards": [1, 2, 3, 4, 5, 6, 7, 8],
}, seen
PY
