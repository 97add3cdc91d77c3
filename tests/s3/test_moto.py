"""The same stores on s3://: landing zone, blobs, tables, and a whole intake from bucket to bucket."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import asdict, replace

import pyarrow as pa
import pytest

from assets import spill, storage
from assets.landing import LandingZone, Watch, fingerprint
from assets.retrieval.verify import Stores, verify
from assets.storage import BlobStore, Folder
from assets.tables import upkeep
from assets.tables.migrate import upgrade_tables
from assets.tables.schemas import TABLES, Column, content_id, to_table
from orchestration.resources import build_catalog, build_intake, build_landing_zone

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # sha256 of "hello"


@pytest.fixture
def landing(settings) -> Folder:
    return Folder(settings.landing_uri, settings.file_options)


@pytest.fixture
def blobs(settings) -> BlobStore:
    return BlobStore(settings.blobs_uri, settings.file_options)


@pytest.fixture
def land(landing):
    """land({"monday/a.png": bytes}): objects below the landing zone, written by a client of its own."""
    from s3fs import S3FileSystem

    def put(files: dict[str, bytes]) -> None:
        fs = S3FileSystem(**landing.options, skip_instance_cache=True)
        for path, data in files.items():
            fs.pipe_file(f"{landing.uri}/{path}", data)

    return put


def test_objects_are_listed_with_paths_sizes_and_etags(landing, land):
    land(
        {
            "monday/b.txt": b"four",
            "monday/a/c.txt": b"",
            "monday2/d.txt": b"x",
            "monday/.e.mcap.part": b"half",
        }
    )
    files = landing.below("monday").files()
    assert [(f.path, f.size_bytes) for f in files] == [("a/c.txt", 0), ("b.txt", 4)]
    assert len({f.version for f in files}) == 2
    with landing.below("monday").open(files[1]) as stream:
        assert (stream.seek(1), stream.read()) == (1, b"our")


def test_a_single_object_lists_as_itself(landing, land):
    land({"monday/a/b.txt": b"x"})
    single = Folder(f"{landing.uri}/monday/a/b.txt", landing.options)
    assert single.exists() and [(f.path, f.size_bytes) for f in single.files()] == [
        ("b.txt", 1)
    ]


def test_the_marker_object_of_a_folder_is_no_file(landing, land):
    land({"monday/": b"", "monday/a.txt": b"x", "monday/sub/": b""})
    assert [f.path for f in landing.below("monday").files()] == ["a.txt"]
    assert landing.folders() == ["monday"]


@pytest.mark.parametrize(
    "name",
    ["with space.txt", "ünï.txt", "a#b?.txt", "100%.txt", "a+b&c.txt", "a*[1].txt"],
)
def test_odd_keys_are_listed_and_opened(landing, land, name):
    land({f"monday/{name}": b"x"})
    (file,) = landing.below("monday").files()
    with landing.open(file) as stream:
        assert (file.path, stream.read()) == (name, b"x")


def test_a_large_session_is_listed_over_several_looks(
    landing, land, settings, monkeypatch
):
    monkeypatch.setattr(storage.folder, "_PAGE_KEYS", 3)
    land({f"monday/{n:02d}.txt": b"x" for n in range(10)})
    zone = build_landing_zone(settings)
    assert [len(page) for page in zone.locate("monday").pages()] == [3, 3, 3, 1]
    assert [f.path for page in zone.locate("monday").pages("06.txt") for f in page] == [
        "07.txt",
        "08.txt",
        "09.txt",
    ]
    watch = Watch()
    ready = []
    for _ in range(12):
        watch = Watch(**json.loads(json.dumps(asdict(watch))))
        ready.append(watch.look(zone.sessions(), budget_s=0.0).ready)
    assert [s for found in ready for s in found] == ["monday"]
    assert watch.seen["monday"][0] == fingerprint(zone.locate("monday"))
    land({"monday/00.txt": b"y"})
    assert fingerprint(zone.locate("monday")) != watch.seen["monday"][0]


def test_sessions_are_seen_when_others_land_them(landing, land, settings):
    zone = build_landing_zone(settings)
    assert zone.sessions() == {}
    land({"monday/a.txt": b"x"})
    assert set(zone.sessions()) == {"monday"}
    before = fingerprint(zone.locate("monday"))
    land({"monday/a.txt": b"y"})
    assert fingerprint(zone.locate("monday")) != before
    land({"Run 2/a.txt": b"x"})
    assert set(zone.sessions()) == {"monday", "run-2"} and isinstance(zone, LandingZone)


def test_a_bucket_that_does_not_exist_is_not_there(settings):
    folder = Folder("s3://no-such-bucket/x", settings.file_options)
    assert (folder.exists(), folder.folders()) == (False, [])


def test_a_registered_bucket_that_is_gone_fails_alone(landing, land, settings):
    land({"monday/a.txt": b"x"})
    zone = build_landing_zone(settings)
    zone.ledger.register_source("friday", "s3://no-such-bucket/friday")
    watch = Watch()
    looks = [watch.look(zone.look_around().sessions) for _ in range(2)]
    assert [look.ready for look in looks] == [[], ["monday"]]
    assert all("daguerre forget" in look.failed["friday"] for look in looks)


def test_a_store_that_cannot_be_reached_is_an_error_with_a_remedy(credentials):
    options = {
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    folder = Folder("s3://bucket/x", options)
    folder.fs.retries = 1
    with pytest.raises(OSError, match="check the address of the object store"):
        folder.exists()


def test_a_blob_is_written_once_and_comes_back(blobs):
    assert blobs.put(io.BytesIO(b"hello")) == HELLO == blobs.put(io.BytesIO(b"hello"))
    assert (blobs.get(HELLO), blobs.matches(HELLO), list(blobs.names())) == (
        b"hello",
        True,
        [HELLO],
    )
    with blobs.open(HELLO) as stream:
        assert (stream.seek(1), stream.read(2)) == (1, b"el")


def test_a_blob_that_another_client_removed_is_written_again(blobs, settings):
    from s3fs import S3FileSystem

    blobs.put(io.BytesIO(b"hello"))
    assert list(blobs.names()) == [HELLO] and blobs.exists(HELLO)
    other = S3FileSystem(**settings.file_options, skip_instance_cache=True)
    other.rm_file(f"{settings.blobs_uri}/{HELLO[:2]}/{HELLO}")
    assert not blobs.exists(HELLO)
    with pytest.raises(FileNotFoundError):
        blobs.get(HELLO)
    blobs.put(io.BytesIO(b"hello"))
    assert blobs.get(HELLO) == b"hello"


def test_a_blob_of_many_chunks_comes_back_whole(blobs, lower):
    """From a file aside."""
    lower(spill, MEMORY_BYTES=8 << 20)
    data = bytes(range(256)) * (9 << 12)  # 9 MiB
    sha256 = blobs.put(io.BytesIO(data))
    assert blobs.matches(sha256) and blobs.folder.fs.size(blobs._path(sha256)) == len(
        data
    )


def test_a_changed_blob_is_refused(blobs):
    blobs.put(io.BytesIO(b"hello"))
    blobs.folder.fs.pipe_file(blobs._path(HELLO), b"jello")
    assert not blobs.matches(HELLO)
    with pytest.raises(ValueError, match="has changed"):
        blobs.get(HELLO)


def test_tables_on_s3_merge_publish_and_read(settings, frame_rows):
    catalog = build_catalog(settings)
    assert (catalog.exists("frames"), len(catalog.read("frames"))) == (False, 0)
    first = catalog.merge("frames", frame_rows(3))
    assert (first.inserted, catalog.merge("frames", frame_rows(4)).inserted) == (3, 1)
    catalog.publish("frames", "monday", first.version)
    assert (len(catalog.read("frames")), len(catalog.read_latest("frames"))) == (3, 4)
    assert (
        catalog.dataset("frames").take([1], columns=["payload"])["payload"][0].as_py()
    )
    catalog.point("release/detection", "one")
    assert catalog.pointed("release/detection") == "one"
    assert catalog.names() == ["frames", "publications", "pointers"]


def test_tables_on_s3_follow_the_schemas_of_the_code(settings, frame_rows, monkeypatch):
    catalog = build_catalog(settings)
    table = TABLES["frames"]
    catalog.merge("frames", frame_rows(2))
    columns = (*table.columns, Column("author", pa.string(), nullable=True))
    monkeypatch.setitem(
        TABLES, "frames", replace(table, columns=columns, version=table.version + 1)
    )
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        build_catalog(settings).merge("frames", frame_rows(1, seed=10 + number))

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    rows = catalog.read_latest("frames", ["author", "sha256"])
    assert (len(rows), rows["author"].null_count) == (6, 6)
    assert [u.steps for u in upgrade_tables(catalog)] == [(), ()]


def test_writers_that_race_on_s3_leave_each_key_once(settings):
    rows = to_table(
        TABLES["publications"],
        [
            {
                "publication_id": content_id(n),
                "table_name": "t",
                "session": "s",
                "version": 1,
                "is_held": False,
                "reason": "",
            }
            for n in range(30)
        ],
    )
    inserted = []
    barrier = threading.Barrier(4)

    def merge() -> None:
        catalog = build_catalog(settings)
        barrier.wait()
        inserted.append(catalog.merge("publications", rows).inserted)

    threads = [threading.Thread(target=merge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = (
        build_catalog(settings)
        .read_latest("publications")["publication_id"]
        .to_pylist()
    )
    assert (len(keys), len(set(keys)), sum(inserted)) == (30, 30, 30)


def test_a_session_goes_from_bucket_to_bucket_exactly_once(
    settings, land, make_png, recording
):
    land(
        {
            "monday/drive.mcap": recording,
            "monday/copy.mcap": recording,
            "monday/images/a.png": make_png(1),
            "monday/images/cut.png": make_png(2)[:99],
            "monday/README.md": b"about",
        }
    )
    intake = build_intake(settings)
    zone = build_landing_zone(settings)
    first = intake.ingest(zone.locate("monday"), "monday")
    assert (first.files, first.new, first.already_ingested, first.quarantined) == (
        5,
        3,
        1,
        1,
    )
    again = intake.ingest(zone.locate("monday"), "monday")
    assert (again.new, again.already_ingested, again.quarantined, again.frames) == (
        0,
        4,
        1,
        first.frames,
    )
    assert (
        verify(Stores(intake.catalog, intake.ledger, intake.blobs, settings.home)) == []
    )
    (capture,) = intake.catalog.read_latest(
        "captures", where="reader = 'mcap'"
    ).to_pylist()
    assert capture["source_uri"] == f"{settings.landing_uri}/monday"
    assert intake.blobs.get(capture["sha256"]) == recording
    land({"monday/images/b.png": make_png(3)})
    assert intake.ingest(zone.locate("monday"), "monday").new == 1


def test_the_bucket_gives_the_same_rows_as_a_folder(
    settings, land, open_at, write_files, read_tables, recording, make_png, tmp_path
):
    """But for where the files lay."""
    files = {"drive.mcap": recording, "images/a.png": make_png(1)}
    land({f"monday/{path}": data for path, data in files.items()})
    intake = build_intake(settings)
    intake.ingest(build_landing_zone(settings).locate("monday"), "monday")
    (tmp_path / "local").mkdir()
    local = open_at(tmp_path / "local")
    local.ingest(Folder(str(write_files(files))), "monday")
    found = read_tables(intake.catalog)
    expected = read_tables(local.catalog)
    for row in found["captures"] + expected["captures"]:
        row.pop("source_uri")
    assert found == expected


def test_tables_of_a_bucket_keep_few_files_and_versions(settings, lower):
    lower(upkeep, MANY=4, BESIDE_OTHERS_S=-1.0)
    catalog = build_catalog(settings)
    for number in range(13):
        catalog.point(f"release/{number}", "a")
    dataset = catalog.dataset("pointers")
    assert dataset.count_rows() == 13
    assert len(dataset.get_fragments()) <= 4
    assert len(dataset.versions()) <= 8
