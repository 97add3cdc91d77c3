"""Seals in a bucket: written, proven and broken like those in a folder."""

from __future__ import annotations

from s3fs import S3FileSystem

from assets.tables.catalog import Catalog
from assets.tables.seals import find_broken, seal_tables


def test_a_bit_flipped_in_a_bucket_is_named(settings):
    catalog = Catalog(settings.tables_uri, settings.table_options)
    for target in ("a", "b"):
        catalog.point("release/detection", target)
    version = catalog.latest_version("pointers")
    assert seal_tables(catalog) == {"pointers": version} and seal_tables(catalog) == {}
    assert not any(find_broken(catalog))
    bucket = S3FileSystem(use_listings_cache=False, **settings.file_options)
    data = catalog.dataset("pointers").get_fragments()[0].metadata.files[0].path
    for name in (f"_versions/{2**64 - 1 - version}.manifest", f"data/{data}"):
        path = f"{settings.tables_uri}/pointers.lance/{name}"
        content = bucket.cat_file(path)
        bucket.pipe_file(path, content[:-1] + bytes([content[-1] ^ 1]))
        (found,) = [b for b in find_broken(catalog) if b]
        assert found.path == f"pointers.lance/{name}"
        bucket.pipe_file(path, content)
    bucket.rm_file(path)
    (found,) = [b for b in find_broken(catalog) if b]
    assert found.reason == "is gone"
