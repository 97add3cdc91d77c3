#!/usr/bin/env bash
# Finding: forty seconds of events that expelliarmus saves as EVT3 last seven when they are read again,
#   as pauses of more than 4 ms between events are not written
#
# Packages: expelliarmus==1.1.12, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a file of an event camera keeps the times of its events, whatever lies between two of them,
#   or the writer refuses them.
#
# Seen: an event each millisecond for 40 s comes back as it was. An event each 10 ms for 40 s comes back
#   with every time but the first one changed, the last at 7.2 s of 39.99. EVT3 writes the lower 12 bits
#   of a time with the event and the upper ones in a word of their own (type 8); of 4,000 events in
#   4,000 different steps of 4,096 us the file has one such word, for the first. The same events
#   come back right from DAT and EVT2. Nothing is said.
#
# Why it matters: what is left of a recording after noise filters, a crop, or a scene that stands still
#   has pauses. Speeds and frequencies of the copy are several times too high, and it no longer fits
#   the frames and poses that were recorded beside it.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q expelliarmus==1.1.12 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from expelliarmus import Wizard

def events_every(step_us):
    times = np.arange(0, 40_000_000, step_us)
    events = np.zeros(len(times), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
    events["t"], events["x"] = times, np.arange(len(times)) % 300
    return events

def read_again(encoding, events):
    path = f"events.{'dat' if encoding == 'dat' else 'raw'}"
    Wizard(encoding=encoding).save(fpath=path, arr=events)
    return Wizard(encoding=encoding).read(path)

def count_upper_words(path="events.raw"):
    with open(path, "rb") as file:
        while (line := file.readline()).startswith(b"%"):
            data_at = file.tell()
        file.seek(data_at)
        words = np.frombuffer(file.read(), "<u2")
    return int((words >> 12 == 8).sum())

for encoding in ("dat", "evt2"):
    assert np.array_equal(read_again(encoding, events_every(10_000))["t"], events_every(10_000)["t"]), encoding
dense, sparse = events_every(1_000), events_every(10_000)
assert np.array_equal(read_again("evt3", dense)["t"], dense["t"])
again = read_again("evt3", sparse)
upper = count_upper_words()
print(len(again), "events, the last at", again["t"][-1], "of", sparse["t"][-1], "us;", upper, "upper words")
assert len(again) == len(sparse) == 4000 and np.array_equal(again["x"], sparse["x"])
assert again["t"][0] == 0 and (again["t"][1:] != sparse["t"][1:]).all(), again["t"]
assert again["t"][-1] == 7_230_192 and upper == 1, (again["t"][-1], upper)
PY
