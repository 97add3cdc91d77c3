"""The script of a deployment that makes its bucket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "docs/how-to/deploy/make_bucket.py"


def test_the_script_of_the_bucket_makes_it_once(
    moto_endpoint: str, credentials: None
) -> None:
    env = {
        **os.environ,
        "AWS_DEFAULT_REGION": "us-east-1",
        "DAGUERRE_S3_ENDPOINT": moto_endpoint,
        "DAGUERRE_TABLES": "s3://of-a-deployment/tables",
    }
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, SCRIPT],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        told = (done.stdout, done.returncode)
        assert told == ("the bucket of-a-deployment is there\n", 0), done.stderr
