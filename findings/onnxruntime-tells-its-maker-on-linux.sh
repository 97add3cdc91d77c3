#!/usr/bin/env bash
# Finding: ONNX Runtime's wheel for Linux notes events about the machine and its sessions for its
#   maker, without being asked; ORT_DISABLE_TELEMETRY=1 stops it
#
# Packages: onnxruntime==1.31.1, onnx==1.23.2, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: telemetry is a matter of ONNX Runtime's builds for Windows; on Linux
#   `disable_telemetry_events()` is there for the sake of one interface, and does
#   nothing.
#
# Seen: a process that opens a net of one ReLU leaves an id of the device and an SQLite database of
#   events in ~/.cache/Microsoft/DeveloperTools/.onnxruntime, the system's name and the kind of
#   processor in them. One that lives for some tens of seconds asks the name server for
#   mobile.events.data.microsoft.com (seen with strace; not looked for here).
#   With the variable set before the import there is no file.
#
# Why it matters: programs on private pictures promise that nothing leaves the machine, and embed
#   ONNX Runtime by other packages. A service that may reach nothing sees look-ups that nobody wrote.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q onnxruntime==1.31.1 onnx==1.23.2 numpy==2.4.6
cd "$work"
cat > open_net.py <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

shape = [1]
graph = helper.make_graph(
    [helper.make_node("Relu", ["x"], ["y"])],
    "net",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
assert session.run(None, {"x": np.array([-1.0], np.float32)})[0] == 0
PY
mkdir told silent
unset ORT_DISABLE_TELEMETRY XDG_CACHE_HOME
HOME="$work/told" "$work/v/bin/python" open_net.py
HOME="$work/silent" ORT_DISABLE_TELEMETRY=1 "$work/v/bin/python" open_net.py
"$work/v/bin/python" - <<'PY'
import sqlite3
from pathlib import Path

places = {name: sorted(p for p in Path(name).rglob("*") if p.is_file()) for name in ("told", "silent")}
for name, files in places.items():
    print(name, [str(file) for file in files])
assert places["silent"] == [], places
(database,) = Path("told/.cache/Microsoft/DeveloperTools/.onnxruntime").glob("*.db")
payloads = [payload for (payload,) in sqlite3.connect(database).execute("SELECT payload FROM events")]
print(len(payloads), "events")
assert any(b"osDescription" in payload and b"cpuModel" in payload for payload in payloads), payloads
PY
