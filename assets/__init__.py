"""What exists, stage by stage. No process that works with it tells anybody of it."""

import os

# the maker of ONNX Runtime would be told of this machine and of each net that is opened
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
