"""How a throw-away object store is entered: by dummy keys, and by nothing of this machine's own configuration."""

from __future__ import annotations

import os

KEY, SECRET = "dummy", "dummy-secret"
REGION = "us-east-1"
ACCESS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_REGION": REGION,
}
