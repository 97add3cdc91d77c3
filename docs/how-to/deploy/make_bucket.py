#!/usr/bin/env python
"""Make the bucket that the settings name, where it is not there yet: Daguerre itself makes none."""

import os
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import ClientError


def main() -> None:
    """Raises what the store says where it refuses, or does not answer."""
    endpoint = os.environ["DAGUERRE_S3_ENDPOINT"]
    client = botocore.session.get_session().create_client("s3", endpoint_url=endpoint)
    bucket = urlsplit(os.environ["DAGUERRE_TABLES"]).netloc
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        client.create_bucket(Bucket=bucket)
    print(f"the bucket {bucket} is there")


if __name__ == "__main__":
    main()
