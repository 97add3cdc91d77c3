"""LitServe, as its documentation has it for images in JSON and batches: two workers, one thread each.

Run as `python bench/peers/serving_litserve.py PORT BATCH`, in an environment with litserve, onnxruntime, OpenCV, NumPy.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import litserve

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers.onnx_images import answer, open_session

_WAIT_S = 0.002


class Classifier(litserve.LitAPI):
    """A JPEG as base64 in, probabilities out."""

    def setup(self, device):
        self.session = open_session()

    def decode_request(self, request):
        return base64.b64decode(request["image"])

    def batch(self, inputs):
        return inputs

    def predict(self, payloads):
        return answer(self.session, payloads)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"probabilities": output}


if __name__ == "__main__":
    server = litserve.LitServer(
        Classifier(max_batch_size=int(sys.argv[2]), batch_timeout=_WAIT_S),
        accelerator="cpu",
        workers_per_device=2,
        timeout=30,
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        generate_client_file=False,
        num_api_servers=1,
    )
