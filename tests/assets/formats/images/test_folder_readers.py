"""Image folders: plain, named by class, with sensors and splits; and the files that nobody reads."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from assets.formats import plan_session
from assets.formats.layout import order_naturally, sensor_of, split_of_path, suffix_of
from assets.storage import Folder, SessionFile


def test_a_plain_folder_is_one_capture_in_natural_order(
    write_files, read_session, make_image
):
    root = write_files({f"trip/f{i}.jpg": make_image(i) for i in (2, 10, 1)})
    reading = read_session(root)
    assert [p.root for p in reading.plans] == ["trip"]
    assert [f.source.path for f in reading.frames] == [
        "trip/f1.jpg",
        "trip/f2.jpg",
        "trip/f10.jpg",
    ]
    assert [f.sequence for f in reading.frames] == [0, 1, 2]
    assert not reading.labels


def test_the_source_of_a_loose_image_is_its_bytes(
    write_files, read_session, make_image
):
    root = write_files({"a/x.png": make_image(1, ending=".png")})
    (frame,) = read_session(root).frames
    source = frame.source
    assert (root / source.path).read_bytes()[
        source.offset : source.offset + source.length
    ] == frame.payload
    assert (frame.encoding, frame.kind, frame.sensor, frame.t_ns) == (
        "png",
        "color",
        "camera",
        None,
    )


def test_sensor_folders_are_one_capture_and_16_bit_png_in_depth_is_depth(
    write_files, read_session, make_image
):
    depth = make_image(3, ending=".png", bits=16)
    root = write_files(
        {
            "rec/color/0.jpg": make_image(1),
            "rec/color/1.jpg": make_image(2),
            "rec/depth/0.png": depth,
        }
    )
    reading = read_session(root)
    assert [p.root for p in reading.plans] == ["rec"]
    assert {(f.sensor, f.kind, f.sequence) for f in reading.frames} == {
        ("color", "color", 0),
        ("color", "color", 1),
        ("depth", "depth", 0),
    }
    assert all(f.depth_m_per_unit is None for f in reading.frames), (
        "a folder does not say what a unit is"
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("depth/0.png", "depth"),
        ("disparity/0.png", "depth"),
        ("disp_occ_0/0.png", "depth"),
        ("cam0/0.depth.png", "depth"),
        ("lowres_depth/0.png", "depth"),
        ("DepthMaps/0.png", "depth"),
        ("SUN_depth.png", "depth"),
        ("kinectDepth/0.png", "depth"),
        ("thermal/0.png", "color"),
        ("scans/0.png", "color"),
        ("display/0.png", "color"),
        ("x/frame_0001.png", "color"),
    ],
)
def test_16_bits_are_depth_only_where_a_name_says_so(
    write_files, read_session, make_image, name, kind
):
    root = write_files({name: make_image(3, ending=".png", bits=16)})
    (frame,) = read_session(root).frames
    assert (frame.kind, frame.depth_m_per_unit) == (kind, None)


def test_8_bits_in_a_depth_folder_are_a_picture(write_files, read_session, make_image):
    (frame,) = read_session(
        write_files({"depth/0.png": make_image(1, ending=".png")})
    ).frames
    assert (frame.sensor, frame.kind) == ("depth", "color")


def test_split_folders_without_classes_give_hints_and_no_labels(
    write_files, read_session, make_image
):
    root = write_files(
        {"set/train/a.jpg": make_image(1), "set/val/b.jpg": make_image(2)}
    )
    reading = read_session(root)
    assert {f.split_hint for f in reading.frames} == {"train", "val"}
    assert [p.reader for p in reading.plans] == ["image_folder"] and not reading.labels


def test_class_folders_under_splits(write_files, read_session, make_image):
    names = ("train/cat/a.jpg", "train/dog/b.jpg", "test/cat/c.jpg")
    root = write_files({name: make_image(i) for i, name in enumerate(names)})
    reading = read_session(root)
    assert Counter((label.task, label.class_name) for label in reading.labels) == {
        ("recognition", "cat"): 2,
        ("recognition", "dog"): 1,
    }
    assert {f.source.path: f.split_hint for f in reading.frames} == dict(
        zip(names, ("train", "train", "test"), strict=True)
    )
    assert {label.frame_path for label in reading.labels} == set(names)
    assert "cat, dog" in reading.plans[0].notes["classes"]


def test_class_folders_without_splits(write_files, read_session, make_image):
    root = write_files(
        {f"pets/{c}/{i}.jpg": make_image(i) for c in ("cat", "dog") for i in range(2)}
    )
    reading = read_session(root)
    assert [(p.reader, p.root) for p in reading.plans] == [("class_folder", "pets")]
    assert Counter(label.class_name for label in reading.labels) == {"cat": 2, "dog": 2}


@pytest.mark.parametrize(
    "names",
    [
        ("day1", "day2"),
        ("left", "right"),
        ("images", "frames"),
        ("2024-05-01", "2024-05-02"),
    ],
)
def test_recordings_and_sensors_are_not_classes(
    write_files, read_session, make_image, names
):
    root = write_files({f"{n}/{i}.jpg": make_image(i) for n in names for i in range(2)})
    reading = read_session(root)
    assert len(reading.frames) == 4 and not reading.labels


@pytest.mark.parametrize(
    "other", ["cat/depth.npz", "cat/labels.csv", "tools/make.py", "empty/README"]
)
def test_folders_with_other_things_in_them_or_a_folder_beside_are_not_classes(
    write_files, read_session, make_image, other
):
    root = write_files(
        {f"{n}/{i}.jpg": make_image(i) for n in ("cat", "dog") for i in range(2)}
        | {other: "x"}
    )
    reading = read_session(root)
    assert [p.root for p in reading.plans] == ["cat", "dog"] and not reading.labels
    said = "" if other == "empty/README" else other.replace("/", " holds ")
    assert all(
        plan.notes.get("no classes", "").split(":")[0] == said for plan in reading.plans
    )


@pytest.mark.parametrize(
    "other",
    [
        "notes.csv",
        "make.py",
        "split.txt",
        "data.json",
        "conf.yml",
        "weights.npz",
        "blob",
    ],
)
def test_a_file_beside_class_folders_that_nobody_reads_costs_no_class(
    write_files, read_session, make_image, other
):
    root = write_files(
        {f"{n}/{i}.jpg": make_image(i) for n in ("cat", "dog") for i in range(2)}
        | {other: "x"}
    )
    reading = read_session(root)
    assert Counter(label.class_name for label in reading.labels) == {"cat": 2, "dog": 2}
    assert [left.file.path for left in reading.leftovers] == [other]


def test_a_trajectory_beside_folders_says_that_they_are_recordings(
    write_files, read_session, make_image
):
    files = {f"{n}/{i}.jpg": make_image(i) for n in ("hall", "roof") for i in range(2)}
    reading = read_session(
        write_files(files | {"path.txt": "1.5 0 0 0 0 0 0 1\n2.5 1 0 0 0 0 0 1\n"})
    )
    assert not reading.labels
    notes = [
        plan.notes["no classes"]
        for plan in reading.plans
        if plan.reader == "image_folder"
    ]
    assert len(notes) == 2 and all(
        note.startswith("path.txt lies beside the folders") for note in notes
    )


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (
            ("day", "night"),
            "folder names day, night are words for recordings: put them below train/ and val/",
        ),
        (
            ("left", "right", "stop"),
            "folder names left, right are words for sensors: put them below train/ and val/",
        ),
        (
            ("left", "right"),
            "folder names left, right are words for sensors: rename them",
        ),
        (
            ("front", "stop"),
            "front is a word for sensors: put them below train/ and val/",
        ),
        (("day1", "day2"), None),
        (("rgb", "depth"), None),
        (("rgb", "depth", "normals"), None),
        (("images", "vis"), None),
        (("train", "val", "extra"), None),
    ],
)
def test_words_that_may_have_been_meant_as_classes_are_noted(
    write_files, read_session, make_image, names, note
):
    reading = read_session(
        write_files({f"{n}/{i}.jpg": make_image(i) for n in names for i in range(2)})
    )
    said = [plan.notes.get("no classes") for plan in reading.plans]
    assert not reading.labels and said
    assert all(
        (text is None) if note is None else text and text.startswith(note)
        for text in said
    )


def test_images_beside_their_folders_are_told(write_files, read_session, make_image):
    paths = [*(f"{n}/{i}.jpg" for n in ("cat", "dog") for i in range(2)), "0.jpg"]
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert not reading.labels
    assert {
        plan.root: plan.notes.get("no classes", "").split(":")[0]
        for plan in reading.plans
    } == {
        "": "",
        "cat": "pictures beside the folders, 1",
        "dog": "pictures beside the folders, 1",
    }


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train/kitchen/0.jpg", "train"),
        ("val/2024-05-01/0.jpg", "val"),
        ("test/a/b/0.jpg", "test"),
        ("leftImg8bit/train/aachen/0.jpg", "train"),
        ("train/left/0.jpg", "train"),
        ("train/scenes/val/cam0/0.jpg", "val"),
        ("kitchen/0.jpg", None),
    ],
)
def test_the_split_of_a_picture_is_that_of_a_folder_anywhere_above_it(
    write_files, read_session, make_image, path, split
):
    (frame,) = read_session(write_files({path: make_image(1)})).frames
    assert frame.split_hint == split


@pytest.mark.parametrize(
    "paths",
    [
        (
            "train/MOT17-02/img1/1.jpg",
            "train/MOT17-04/img1/1.jpg",
            "test/MOT17-01/img1/1.jpg",
        ),
        ("train/seq_a/1.jpg", "val/seq_b/1.jpg"),
        (
            "x/train/aachen/1.jpg",
            "x/train/bochum/1.jpg",
            "x/val/frankfurt/1.jpg",
            "x/val/lindau/1.jpg",
        ),
        (
            "train/a/1.jpg",
            "train/b/1.jpg",
            "train/c/1.jpg",
            "val/c/1.jpg",
            "val/d/1.jpg",
            "val/e/1.jpg",
        ),
    ],
)
def test_names_that_hardly_recur_in_other_splits_are_recordings(
    write_files, read_session, make_image, paths
):
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert not reading.labels and len(reading.plans) > 1
    assert all(
        "have other names in each, as recordings have" in plan.notes["no classes"]
        for plan in reading.plans
    )
    assert all(f"{frame.split_hint}/" in frame.source.path for frame in reading.frames)


def test_names_recur_in_any_case_of_their_letters(
    write_files, read_session, make_image
):
    paths = ["Train/Cat/0.jpg", "Train/Dog/1.jpg", "Val/cat/2.jpg", "Val/dog/3.jpg"]
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert [label.class_name for label in reading.labels] == [
        "Cat",
        "Dog",
        "cat",
        "dog",
    ]


def test_classes_may_be_in_one_split_alone(write_files, read_session, make_image):
    """As in sets of faults, where the good ones are for training."""
    paths = [
        "train/good/0.png",
        "test/good/1.png",
        "test/hole/2.png",
        "test/broken/3.png",
        "test/bent/4.png",
    ]
    reading = read_session(
        write_files(
            {path: make_image(i, ending=".png") for i, path in enumerate(paths)}
        )
    )
    assert Counter(label.class_name for label in reading.labels) == {
        "good": 2,
        "hole": 1,
        "broken": 1,
        "bent": 1,
    }


@pytest.mark.parametrize(
    "names",
    [("left", "right", "straight"), ("left", "right", "stop"), ("gray", "brown")],
)
def test_words_for_sensors_are_classes_beside_a_name_that_recurs_too(
    write_files, read_session, make_image, names
):
    paths = [f"{split}/{name}/0.jpg" for split in ("train", "val") for name in names]
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert Counter(label.class_name for label in reading.labels) == dict.fromkeys(
        names, 2
    )


def test_ground_truth_pictures_are_left_over_and_not_frames(
    write_files, read_session, make_image
):
    colours = make_image(1, ending=".png")
    one_channel = make_image(2, ending=".png", bits=16)
    frames = [
        *(
            f"bottle/{p}/0.png"
            for p in ("train/good", "test/good", "test/broken", "test/hole")
        ),
        *(
            f"leftImg8bit/{p}_leftImg8bit.png"
            for p in ("train/aachen/a", "train/bochum/b", "val/lindau/c")
        ),
        "sharpen/input/0.png",
    ]
    masks = {
        **{f"bottle/ground_truth/{p}/0_mask.png": colours for p in ("broken", "hole")},
        **{
            f"gtFine/{p}_gtFine_color.png": colours
            for p in ("train/aachen/a", "train/bochum/b", "val/lindau/c")
        },
        "gtFine/train/aachen/a_gtFine_labelIds.png": one_channel,
        "gtCoarse/train/aachen/a_gtCoarse_instanceIds.png": one_channel,
        "sharpen/gt/0.png": colours,
    }
    reading = read_session(
        write_files({path: make_image(3, ending=".png") for path in frames} | masks)
    )
    assert sorted(f.source.path for f in reading.frames) == sorted(frames)
    assert {left.file.path for left in reading.leftovers} == set(masks)
    assert all(
        "label image (mask)" in left.reason and left.remedy
        for left in reading.leftovers
    )
    assert Counter(label.class_name for label in reading.labels) == {
        "good": 2,
        "broken": 1,
        "hole": 1,
    }


def test_label_images_are_left_over_and_not_frames(
    write_files, read_session, make_image
):
    root = write_files(
        {
            "train/a.png": make_image(1, ending=".png"),
            "trainannot/a.png": make_image(2, ending=".png"),
        }
    )
    reading = read_session(root)
    assert [f.source.path for f in reading.frames] == ["train/a.png"]
    (left,) = reading.leftovers
    assert (
        left.file.path == "trainannot/a.png"
        and "mask" in left.reason
        and not left.is_document
    )


def test_bytes_decide_what_a_file_is(write_files, read_session, make_image):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"
    root = write_files(
        {
            "c/no_ending": make_image(1),
            "c/png.jpg": make_image(2, ending=".png"),
            "c/p.jpg": pointer,
            "c/e.jpg": b"",
            "c/t.jpg": b"not an image at all",
        }
    )
    reading = read_session(root)
    assert {(f.source.path, f.encoding) for f in reading.frames} == {
        ("c/no_ending", "jpeg"),
        ("c/png.jpg", "png"),
    }
    assert {p.source.path: p.reason for p in reading.problems} == {
        "c/p.jpg": "git-lfs pointer, not data",
        "c/e.jpg": "empty file",
        "c/t.jpg": "text and no picture: it begins with 'not an image at all'",
    }
    assert all(p.remedy for p in reading.problems)


def test_documents_are_set_apart_from_formats_without_a_reader(
    write_files, read_session
):
    root = write_files(
        {
            "README.md": "x",
            "LICENSE": "x",
            ".DS_Store": "x",
            "readme.txt": "x",
            "poses.txt": "1 2",
            "imu.csv": "1,2",
            "calib.yml": "a: 1",
            "clip.mp4": b"\0\0",
            "blob": b"\1\2",
        }
    )
    left = {item.file.path: item for item in read_session(root).leftovers}
    assert {path for path, item in left.items() if item.is_document} == {
        "README.md",
        "LICENSE",
        ".DS_Store",
        "readme.txt",
    }
    assert (
        left["imu.csv"].reason
        == "a table, with the columns '1,2': no reader knows what they mean"
    )
    assert (
        left["poses.txt"].reason == "rows of 2 numbers: no reader knows what they count"
    )
    assert left["blob"].reason == "no reader for files without an ending yet"


def test_a_file_that_grew_since_it_was_listed_is_a_problem(
    write_files, read_session, make_image
):
    from assets.formats import read_capture

    folder = Folder(str(write_files({"c/a.jpg": make_image(1)})))
    plans, _ = plan_session(folder.files(), folder.open)
    with open(folder.files()[0].uri, "ab") as grown:
        grown.write(b"12345")
    (problem,) = read_capture(plans[0], folder.open)
    assert problem.reason == "changed after it was listed"


def test_an_object_that_is_longer_than_listed_is_a_problem(make_image):
    from assets.formats import read_capture

    data = make_image(1)
    files = [SessionFile("a.jpg", "s3://bucket/a.jpg", len(data) - 5, "etag")]
    plans, _ = plan_session(files, lambda _: io.BytesIO(data))
    (problem,) = read_capture(plans[0], lambda _: io.BytesIO(data))
    assert "listed with" in problem.reason


def test_a_file_that_vanished_is_a_problem_and_failing_storage_is_not(make_image):
    from assets.formats import read_capture

    plans, _ = plan_session(
        [SessionFile("c/a.jpg", "nowhere/a.jpg", 9, "1")], Folder(".").open
    )
    (problem,) = read_capture(plans[0], Folder(".").open)
    assert problem.reason == "vanished after it was listed"

    def fail(file: SessionFile):
        raise ConnectionResetError("the store went away")

    with pytest.raises(ConnectionResetError):
        list(read_capture(plans[0], fail))


def test_words_in_paths():
    assert [suffix_of(p) for p in ("a.JPG", "b/.hidden", "c", "d.tar.gz")] == [
        ".jpg",
        "",
        "",
        ".gz",
    ]
    assert [
        sensor_of(p)
        for p in (
            "depth/1.png",
            "left01.jpg",
            "frame-0.color.jpg",
            "x/1.jpg",
            "leftover.jpg",
        )
    ] == [
        "depth",
        "left",
        "color",
        "camera",
        "camera",
    ]
    assert (
        split_of_path("a/val2017/b.jpg", "a") == "val"
        and split_of_path("train/b.jpg", "train") is None
    )


def test_names_are_ordered_by_their_numbers():
    ordered = [
        "a",
        "a2",
        "a2-x",
        "a2x",
        "a02y",
        "a10",
        "a-1",
        "ab1",
        "b1",
        "b/9.png",
        "b/010.png",
        "b/11.png",
    ]
    shuffled = [SessionFile(p, p, 0, "") for p in ordered[::2] + ordered[1::2]]
    assert [f.path for f in order_naturally(shuffled)] == ordered


def test_cifar10_sample(real_data, read_session):
    reading = read_session(real_data("recognition/cifar10_jpg"))
    assert len(reading.plans) == 1 and not reading.problems and not reading.leftovers
    assert Counter(f.split_hint for f in reading.frames) == {"train": 2000, "test": 500}
    assert Counter(label.class_name for label in reading.labels) == dict.fromkeys(
        (
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        250,
    )


@pytest.mark.parametrize(
    "names",
    [
        ("airplane", "car", "train"),
        ("camel", "horse", "zebra"),
        ("left", "straight", "turning"),
        ("depth", "gauge", "meter"),
        ("back", "chest", "shoulders"),
        ("scene", "portrait", "still life"),
        ("with_mask", "without_mask"),
        ("data", "desk", "door"),
        ("0", "1", "2"),
    ],
)
def test_a_class_may_have_any_name(write_files, read_session, make_image, names):
    root = write_files(
        {f"set/{n}/{i}.jpg": make_image(i) for n in names for i in range(2)}
    )
    reading = read_session(root)
    assert Counter(label.class_name for label in reading.labels) == dict.fromkeys(
        names, 2
    )
    assert {f.split_hint for f in reading.frames} == {None} and {
        f.sensor for f in reading.frames
    } == {"camera"}


def test_splits_are_the_first_folders_and_no_classes_of_such_names(
    write_files, read_session, make_image
):
    paths = [
        f"{split}/{name}/{i}.jpg"
        for split in ("train", "test")
        for name in ("car", "train")
        for i in range(2)
    ]
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        path: path.split("/")[0] for path in paths
    }
    assert Counter(label.class_name for label in reading.labels) == {
        "car": 4,
        "train": 4,
    }


def test_folders_inside_a_class_below_splits_belong_to_it(
    write_files, read_session, make_image
):
    paths = [
        "train/cat/0.jpg",
        "train/cat/kittens/1.jpg",
        "train/dog/2.jpg",
        "val/dog/3.jpg",
        "val/cat/4.jpg",
    ]
    reading = read_session(
        write_files({path: make_image(i) for i, path in enumerate(paths)})
    )
    assert Counter(label.class_name for label in reading.labels) == {"cat": 3, "dog": 2}


@pytest.mark.parametrize(
    "names",
    [
        ("left", "right"),
        ("seq_01", "seq_02"),
        ("rgb", "depth"),
        ("rgb", "depth", "normals"),
        ("images", "vis"),
    ],
)
def test_sensors_and_recordings_below_splits_are_no_classes(
    write_files, read_session, make_image, names
):
    root = write_files(
        {
            f"{s}/{n}/{i}.jpg": make_image(i)
            for s in ("train", "val")
            for n in names
            for i in range(2)
        }
    )
    assert not read_session(root).labels


@pytest.mark.parametrize(
    "name",
    [
        "._0.jpg",
        "__MACOSX/._0.jpg",
        ".ipynb_checkpoints/0.jpg",
        ".cache/x/1.jpg",
        "Thumbs.db",
    ],
)
def test_hidden_files_are_documents_and_spoil_no_set(
    write_files, read_session, make_image, name
):
    files = {
        f"{c}/{i}.jpg": make_image(i) for c in ("cat", "dog") for i in range(2)
    } | {f"cat/{name}": make_image(9)}
    reading = read_session(write_files(files))
    assert (
        Counter(label.class_name for label in reading.labels) == {"cat": 2, "dog": 2}
        and len(reading.frames) == 4
    )
    assert [left.is_document for left in reading.leftovers] == [True]


def test_a_list_of_the_classes_beside_their_folders_is_no_other_thing(
    write_files, read_session, make_image
):
    files = {
        f"{c}/{i}.jpg": make_image(i) for c in ("cat", "dog") for i in range(2)
    } | {"classes.txt": "cat\ndog\n"}
    assert len(read_session(write_files(files)).labels) == 4


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "a.txt",
            "0 .5 .5 .1 .1\n",
            "looks like YOLO labels, and the reader yolo found no image of its name",
        ),
        ("train.txt", "images/1.jpg\nimages/2.jpg\n", "a list of images for train"),
        ("det.txt", "1,-1,10,20,30,40,0.9,-1,-1,-1\n", "tracks of MOTChallenge"),
        ("notes.txt", "a cat\n", "text, beginning with 'a cat'"),
        ("k.txt", "585 0 320\n0 585 240\n", "rows of 3 numbers"),
        ("data.yaml", "names: [a]\n", "looks like the description of a YOLO dataset"),
        ("a.xml", "<annotation/>", "the reader voc found no image"),
        ("a.xml", "<robot/>", "XML with <robot>"),
        ("obj.names", "a\n", "describes a dataset of Darknet"),
    ],
)
def test_leftovers_say_what_they_look_like(
    write_files, read_session, name, text, words
):
    (left,) = read_session(write_files({name: text})).leftovers
    assert (
        words in left.reason and left.remedy and "MCAP" not in left.remedy.split(",")[0]
    )


def test_a_second_export_of_the_same_pictures_is_told_as_such(
    write_files, read_session, make_image
):
    coco = (
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cup"}],'
        ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}'
    )
    files = {
        "images/a.jpg": make_image(),
        "coco.json": coco,
        "labels/a.txt": "0 .5 .5 .1 .1\n",
    }
    reading = read_session(write_files(files))
    assert len(reading.labels) == 1
    (left,) = reading.leftovers
    assert (
        "took with labels of another export" in left.reason
        and "session of its own" in left.remedy
    )


@pytest.mark.parametrize(
    ("names", "num_labels"),
    [
        (("with_mask", "without_mask"), 4),
        (("train_masks", "val_masks"), 0),
        (("images", "masks"), 0),
    ],
)
def test_pictures_in_folders_called_like_masks(
    write_files, read_session, make_image, names, num_labels
):
    root = write_files(
        {f"{n}/{i}.png": make_image(i, ending=".png") for n in names for i in range(2)}
    )
    assert len(read_session(root).labels) == num_labels
