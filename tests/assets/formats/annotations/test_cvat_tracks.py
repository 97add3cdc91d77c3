"""Tracks of CVAT: each box on the picture of its frame, and nothing where that cannot be told."""

from __future__ import annotations

import pytest

from tests.assets.formats.annotations.cvat_text import box_at
from tests.assets.formats.conftest import encode_turned


def image(
    name: str, shapes: str = "", number: int = 0, more: str = 'width="32" height="24"'
) -> str:
    return f'<image id="{number}" name="{name}" {more}>{shapes}</image>'


def skeleton(*points: tuple[float, float, int, int], more: str = "") -> str:
    """(x, y, occluded, outside) each."""
    named = zip(["left eye", "nose", "tail"], points, strict=False)
    texts = [
        f'<points label="{name}" outside="{outside}" occluded="{occluded}" points="{x},{y}"/>'
        for name, (x, y, occluded, outside) in named
    ]
    return f'<skeleton {more} z_order="0">{"".join(texts)}</skeleton>'


def task(
    start: int = 0,
    stop: int | None = None,
    step: int = 1,
    size: int | None = None,
    more: str = "",
) -> str:
    texts = {
        "start_frame": start,
        "stop_frame": stop,
        "frame_filter": f"step={step}" if step > 1 else "",
        "size": size,
    }
    tags = "".join(f"<{k}>{v}</{k}>" for k, v in texts.items() if v not in (None, ""))
    return f"<meta><task><id>1</id>{tags}<mode>interpolation</mode>{more}</task></meta>"


def track(*boxes: str, more: str = "") -> str:
    return f'<track id="0" label="dog" {more}>{"".join(boxes)}</track>'


def read_track(
    write_files,
    read_session,
    make_image,
    meta: str,
    numbers,
    *tracks: str,
    name="frame_{:06d}.PNG",
):
    pictures = {
        f"images/{name.format(n)}": make_image(n, ending=".png") for n in numbers
    }
    return read_session(
        write_files(
            {
                "annotations.xml": f"<annotations>{meta}{''.join(tracks)}</annotations>",
                **pictures,
            }
        )
    )


def lefts_of(reading) -> dict[int, float]:
    """The left sides of the boxes by the number in their picture's name."""
    return {
        int(label.frame_path[-10:-4]): label.box_xyxy[0] for label in reading.labels
    }


# on frame f the left side is at f - 10, until 30
RAMP = track(box_at(10, 0), box_at(30, 20, outside=1))


@pytest.mark.parametrize(
    ("meta", "numbers", "lefts"),
    [
        (task(10, 30, 5, 5), range(5), {0: 0, 1: 5, 2: 10, 3: 15}),  # numbered anew
        (
            task(10, 30, 5, 5),
            range(10, 31, 5),
            {10: 0, 15: 5, 20: 10, 25: 15},
        ),  # as in the video
        (
            task(10, 33, 5, None),
            range(5),
            {0: 0, 1: 5, 2: 10, 3: 15},
        ),  # the size follows from the others: 10, 15 .. 30
        (
            task(10, 30, 5, 5),
            range(31),
            {10: 0, 15: 5, 20: 10, 25: 15},
        ),  # all of the video, of which five were shown
        (task(10, 30, 1, 21), range(10, 31), {n: n - 10 for n in range(10, 30)}),
        (task(10, 30, 1, 21), range(21), {n: n for n in range(20)}),
        (
            task(10, 30, 5, 5),
            [1, 2],
            {1: 5, 2: 10},
        ),  # some pictures, whose numbers are no frames
        (task(10, 30, 5, 5), [15, 25], {15: 5, 25: 15}),
        (task(), range(12), {10: 0, 11: 1}),  # nothing is filtered
        ("", range(12), {10: 0, 11: 1}),
    ],
)
def test_a_frame_is_found_by_its_number(
    write_files, read_session, make_image, meta, numbers, lefts
):
    reading = read_track(write_files, read_session, make_image, meta, numbers, RAMP)
    assert lefts_of(reading) == pytest.approx(lefts)


@pytest.mark.parametrize(
    ("meta", "numbers"),
    [
        (task(0, 40, 5, 9), [0, 5]),  # frame 5, or the sixth picture
        (task(10, 29, 1, 20), range(10, 20)),  # frames 10 to 19, or 20 to 29
        (task(10, 30, 5, 5), range(1, 6)),  # from 1: nobody says so
        (task(10, 30, 5, 5), [0, 1, 7]),
        (task(0, 8, 1, 9), range(1, 10)),
    ],
)
def test_frames_that_cannot_be_told_are_refused(
    write_files, read_session, make_image, meta, numbers
):
    reading = read_track(write_files, read_session, make_image, meta, numbers, RAMP)
    assert not reading.labels and not reading.looked_at(below="images/")
    (problem,) = reading.problems
    assert "which picture shows which frame?" in problem.reason


def test_tracks_may_count_the_frames_of_the_task(write_files, read_session, make_image):
    """Frame 1 is none of 0, 5 .. 40: the frames are counted from 0 to 8."""
    boxes = track(box_at(1, 0), box_at(3, 8), box_at(4, 8, outside=1))
    reading = read_track(
        write_files, read_session, make_image, task(0, 40, 5, 9), range(0, 41, 5), boxes
    )
    assert lefts_of(reading) == {5: 0, 10: 4, 15: 8}


def test_tracks_on_frames_that_the_task_has_not_are_refused(
    write_files, read_session, make_image
):
    boxes = track(box_at(3, 0), box_at(33, 8, outside=1))
    reading = read_track(
        write_files, read_session, make_image, task(0, 40, 5, 9), range(9), boxes
    )
    assert not reading.labels and "tracks list frame 3" in reading.problems[0].reason


def test_a_job_counts_its_own_part_of_the_task(write_files, read_session, make_image):
    part = "<segments><segment><id>2</id><start>4</start><stop>6</stop></segment></segments>"
    # frames 20, 25, 30: the pictures 4, 5, 6 of the task
    meta = task(20, 30, 5, 3, part).replace("task>", "job>")
    boxes = track(box_at(20, 0), box_at(30, 10))
    assert lefts_of(
        read_track(write_files, read_session, make_image, meta, range(4, 7), boxes)
    ) == {4: 0, 5: 5, 6: 10}


@pytest.mark.parametrize(
    ("name", "is_read"), [("p_{:02d}.png", True), ("p_{}.png", False)]
)
def test_frames_of_a_list_of_pictures_follow_their_names_by_letter(
    write_files, read_session, make_image, name, is_read
):
    """Of p_0 to p_10 the third by letter is p_10, of p_00 to p_10 it is p_02."""
    meta = task(0, 10, 1, 11).replace("interpolation", "annotation")
    reading = read_track(
        write_files, read_session, make_image, meta, range(11), RAMP, name=name
    )
    assert bool(reading.labels) is is_read and bool(reading.problems) is not is_read


def test_other_digits_in_a_name_are_no_frame(write_files, read_session, make_image):
    reading = read_track(
        write_files,
        read_session,
        make_image,
        task(10, 30, 5, 5),
        range(5),
        RAMP,
        name="img_2024_{:06d}.png",
    )
    assert lefts_of(reading) == {0: 0, 1: 5, 2: 10, 3: 15}


def test_all_frames_of_the_task_were_looked_at(write_files, read_session, make_image):
    reading = read_track(
        write_files, read_session, make_image, task(10, 30, 5, 5), range(5), RAMP
    )
    expected = {f"frame_{n:06d}.PNG": (1, 0, 0) for n in range(4)} | {
        "frame_000004.PNG": (0, 0, 0)
    }
    assert reading.looked_at(below="images/") == expected


def test_without_a_size_the_frames_that_tracks_list_were_looked_at(
    write_files, read_session, make_image
):
    reading = read_track(
        write_files,
        read_session,
        make_image,
        "",
        range(6),
        track(box_at(2, 0), box_at(4, 0, outside=1)),
    )
    assert reading.looked_at(below="images/") == {
        f"frame_{n:06d}.PNG": (int(n < 4), 0, 0) for n in (2, 3, 4)
    }


def test_an_object_is_missing_after_the_last_frame_that_lists_it_as_visible(
    write_files, read_session, make_image
):
    reading = read_track(
        write_files,
        read_session,
        make_image,
        task(0, 3, 1, 4),
        range(4),
        track(box_at(0, 0), box_at(1, 2)),
    )
    assert [
        count for _, count in sorted(reading.looked_at(below="images/").items())
    ] == [(1, 0, 0)] * 2 + [(0, 1, 0)] * 2
    what = "objects of tracks after the last frame that lists them as visible"
    assert (
        reading.plans[0].notes[f"labels not read from annotations.xml: {what}"] == "2"
    )


def test_a_track_that_comes_back_is_gone_between(write_files, read_session, make_image):
    boxes = track(
        box_at(0, 0), box_at(1, 0, outside=1), box_at(4, 8), box_at(5, 8, outside=1)
    )
    reading = read_track(
        write_files, read_session, make_image, task(0, 5, 1, 6), range(6), boxes
    )
    assert (
        lefts_of(reading) == {0: 0, 4: 8}
        and len(reading.looked_at(below="images/")) == 6
    )


def test_a_turned_box_turns_on_the_shorter_way(write_files, read_session, make_image):
    boxes = [
        f'<box frame="{f}" outside="0" xtl="8" ytl="8" xbr="16" ybr="12" rotation="{deg}"/>'
        for f, deg in ((0, 300), (2, 60))
    ]
    reading = read_track(
        write_files, read_session, make_image, task(0, 2, 1, 3), range(3), track(*boxes)
    )
    assert reading.labels[1].box_xyxy == (8, 8, 16, 12), (
        "from 300 over 360 to 60: half way at 0"
    )


def test_skeletons_and_ellipses_move_between_frames(
    write_files, read_session, make_image
):
    bones = [
        skeleton((x, 4, 0, 0), (x + 6, 10, 0, 0), more=f'frame="{f}"')
        for f, x in ((0, 2), (2, 6))
    ]
    rings = [
        f'<ellipse frame="{f}" outside="0" cx="{x}" cy="12" rx="4" ry="4"/>'
        for f, x in ((0, 8), (2, 12))
    ]
    tracks = track(*bones), track(*rings, more="").replace('id="0"', 'id="1"')
    reading = read_track(
        write_files, read_session, make_image, task(0, 2, 1, 3), range(3), *tracks
    )
    assert {
        label.box_xyxy for label in reading.labels if "000001" in label.frame_path
    } == {
        (4, 4, 10, 10),
        (6, 8, 14, 16),
    }
    assert [
        count for _, count in sorted(reading.looked_at(below="images/").items())
    ] == [(2, 0, 0)] * 3


def test_what_a_polygon_is_between_two_frames_is_not_known(
    write_files, read_session, make_image
):
    shapes = [
        f'<polygon frame="{f}" outside="0" points="2,3;{x},3;6,8"/>'
        for f, x in ((0, 6), (2, 9))
    ]
    reading = read_track(
        write_files,
        read_session,
        make_image,
        task(0, 2, 1, 3),
        range(3),
        track(*shapes),
    )
    assert [
        count for _, count in sorted(reading.looked_at(below="images/").items())
    ] == [
        (1, 0, 0),
        (0, 1, 0),
        (1, 0, 0),
    ]
    assert (
        reading.plans[0].notes[
            "labels not read from annotations.xml: polygon between listed frames"
        ]
        == "1"
    )


def test_a_video_is_seen_upright(write_files, read_session):
    size = "<original_size><width>24</width><height>32</height></original_size>"
    xml = f"<annotations>{task(0, 0, 1, 1, size)}{track(box_at(0, 2))}</annotations>"
    (label,) = read_session(
        write_files({"a.xml": xml, "images/frame_000000.jpg": encode_turned(6)})
    ).labels
    assert label.box_xyxy == (1, 18, 5, 22), "2, 1, 6, 5 of 24 x 32"


def test_tracks_beside_images_are_on_those_images(
    write_files, read_session, make_image
):
    images = image("b.jpg", number=0) + image("a.jpg", number=1)
    xml = f"<annotations>{task(0, 1, 1, 2)}{images}{track(box_at(0, 0), box_at(1, 8, outside=1))}</annotations>"
    reading = read_session(
        write_files(
            {"t.xml": xml, "images/a.jpg": make_image(1), "images/b.jpg": make_image(2)}
        )
    )
    assert [label.frame_path for label in reading.labels] == ["images/b.jpg"]
    assert reading.looked_at(below="images/") == {
        "a.jpg": (0, 0, 0),
        "b.jpg": (1, 0, 0),
    }


def test_images_named_by_the_video_are_found_among_pictures_that_are_numbered_anew(
    write_files, read_session, make_image
):
    box = '<box label="a" xtl="{0}" ytl="1" xbr="9" ybr="5"/>'
    images = "".join(
        image(f"frame_{f:06d}", box.format(f / 5), number=f) for f in range(0, 25, 5)
    )
    xml = f"<annotations>{task(0, 20, 5, 5)}{images}</annotations>"
    for numbers in (range(5), range(0, 25, 5)):
        pictures = {
            f"{len(numbers)}{numbers.step}/frame_{n:06d}.PNG": make_image(
                n, ending=".png"
            )
            for n in numbers
        }
        root = write_files(
            {f"{len(numbers)}{numbers.step}/annotations.xml": xml, **pictures}
        )
        reading = read_session(root / f"{len(numbers)}{numbers.step}")
        assert (
            lefts_of(reading) == {n: k for k, n in enumerate(numbers)}
            and not reading.problems
        )


def test_frames_of_a_project_go_on_from_task_to_task(
    write_files, read_session, make_image
):
    """Two tasks of three frames in a subset: the second has the frames 3 to 5."""
    tasks = "".join(
        f"<task><id>{n}</id><size>3</size><start_frame>0</start_frame><subset>Train</subset></task>"
        for n in (7, 8)
    )
    tracks = [
        track(
            box_at(f, x),
            box_at(f + 1, x, outside=1),
            more=f'task_id="{n}" subset="Train"',
        )
        for n, f, x in ((7, 1, 2), (8, 4, 6))
    ]
    xml = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>{''.join(tracks)}</annotations>"
    pictures = {
        f"images/Train/frame_{n:06d}.PNG": make_image(n, ending=".png")
        for n in range(6)
    }
    reading = read_session(write_files({"annotations.xml": xml, **pictures}))
    assert (
        lefts_of(reading) == {1: 2, 4: 6}
        and not reading.problems
        and len(reading.looked_at(below="images/")) == 6
    )


def test_two_subsets_without_folders_cannot_be_told_apart(
    write_files, read_session, make_image
):
    tasks = "".join(
        f"<task><id>{n}</id><size>3</size><subset>{s}</subset></task>"
        for n, s in ((7, "Train"), (8, "Test"))
    )
    boxes = track(box_at(1, 0), more='subset="Test"')
    xml = f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>{boxes}</annotations>"
    pictures = {
        f"images/frame_{n:06d}.PNG": make_image(n, ending=".png") for n in range(3)
    }
    reading = read_session(write_files({"annotations.xml": xml, **pictures}))
    assert (
        not reading.labels
        and "no folder is named like the subset 'Test'" in reading.problems[0].reason
    )


def test_a_frame_that_two_pictures_may_show_is_on_neither(
    write_files, read_session, make_image
):
    boxes = track(box_at(0, 0), box_at(1, 0), box_at(2, 0, outside=1))
    names = ("one/frame_000000.PNG", "two/frame_000000.PNG", "one/frame_000001.PNG")
    pictures = {
        f"images/{name}": make_image(n, ending=".png") for n, name in enumerate(names)
    }
    reading = read_session(
        write_files(
            {
                "annotations.xml": f"<annotations>{task(0, 2, 1, 3)}{boxes}</annotations>",
                **pictures,
            }
        )
    )
    assert reading.looked_at(below="images/") == {"one/frame_000001.PNG": (1, 0, 0)}
    assert (
        "1 frames of tracks have several pictures, frame 0 any of 2:"
        in reading.problems[0].reason
    )


def test_a_folder_of_the_name_of_the_video_has_its_frames(
    write_files, read_session, make_image
):
    boxes = track(box_at(0, 0), box_at(1, 0, outside=1))
    meta = task(0, 0, 1, 1, "<source>drive.mp4</source>")
    pictures = {
        f"images/{n}/frame_000000.PNG": make_image(k, ending=".png")
        for k, n in enumerate(("drive", "walk"))
    }
    reading = read_session(
        write_files(
            {"annotations.xml": f"<annotations>{meta}{boxes}</annotations>", **pictures}
        )
    )
    assert [label.frame_path for label in reading.labels] == [
        "images/drive/frame_000000.PNG"
    ]
