#!/usr/bin/env bash
# Finding: WebDataset makes one sample of all pictures of a second, where files are named by their time
#   as in TUM RGB-D
#
# Packages: webdataset==1.0.2 (Python 3.11 or later)
#
# Guess: a sample is the files that differ by their extension alone, and an extension is what stands
#   behind the last dot: five pictures are five samples.
#
# Seen: five pictures of one folder with names like 1305031102.175304.png, from two seconds, are two
#   samples with the keys 1305031102 and 1305031103. What a sample holds are entries like
#   '175304.png', which `to_tuple("png")` does not ask for. The names are cut at their first dot, as the
#   documentation of the format has it. Nothing is said.
#
# Why it matters: TUM RGB-D, its relatives and many recorders name pictures so. Thirty pictures a
#   second become one sample, shuffled and counted as one, and whoever asks it for "png" finds none.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q webdataset==1.0.2
cd "$work"
"$work/v/bin/python" - <<'PY'
import io, tarfile
import webdataset

times = ["1305031102.175304", "1305031102.211214", "1305031102.243211", "1305031103.043227", "1305031103.075327"]
with tarfile.open("rgb.tar", "w") as shard:
    for time in times:
        member = tarfile.TarInfo(f"rgb/{time}.png")
        member.size = len(time)
        shard.addfile(member, io.BytesIO(time.encode()))
samples = list(webdataset.WebDataset("rgb.tar", shardshuffle=False))
seen = {s["__key__"]: [name for name in s if not name.startswith("__")] for s in samples}
print(seen)
assert seen == {
    "rgb/1305031102": ["175304.png", "211214.png", "243211.png"],
    "rgb/1305031103": ["043227.png", "075327.png"],
}, seen
PY
