"""Decoding of foreign images in a child process."""

from __future__ import annotations

import io
import mmap
import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from assets.images import decode_rgb, decode_working_luma
from assets.sandbox import guard_lane
from assets.sandbox.child_answers import LENGTH
from assets.sandbox.child_limits import ImageLimits
from assets.sandbox.child_process import _KEPT, ChildGone
from assets.sandbox.guard import JOBS_AT_ONCE, ImageFacts, ImageGuard, Refusal, Verdict
from assets.sandbox.guard_lane import GuardLane
from models.image_quality import measure_quality


@pytest.fixture
def guard():
    with ImageGuard() as opened:
        yield opened


def encode(
    ending: str, width: int = 20, height: int = 10, mode: str = "RGB", **options
) -> bytes:
    stream = io.BytesIO()
    pixels = (
        np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    )
    Image.fromarray(pixels).convert(mode).save(stream, ending, **options)
    return stream.getvalue()


def make_depth_png(width: int = 6, height: int = 4) -> bytes:
    return cv2.imencode(".png", np.full((height, width), 1234, np.uint16))[1].tobytes()


def inspect(guard: ImageGuard, *payloads: bytes) -> list[Verdict]:
    return guard.collect(guard.submit(payloads))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def child_of(guard: ImageGuard) -> int:
    inspect(guard, encode("PNG"))
    child = guard._lanes[0]._child
    assert child
    return child.pid


@pytest.mark.parametrize(
    ("ending", "encoding", "channels"),
    [
        ("JPEG", "jpeg", 3),
        ("PNG", "png", 3),
        ("TIFF", "tiff", 3),
        ("BMP", "bmp", 3),
        ("WEBP", "webp", 3),
        ("GIF", "gif", 1),
    ],
)
def test_facts_of_each_format_and_what_is_accepted_decodes_later(
    guard, ending, encoding, channels
):
    payload = encode(ending)
    (facts,) = inspect(guard, payload)
    assert replace(facts, quality=None) == ImageFacts(
        20, 10, encoding, channels, 8, False
    )
    assert facts.quality == measure_quality(decode_working_luma(payload))
    assert decode_rgb(payload).shape == (10, 20, 3)


def test_grey_and_depth(guard):
    grey, depth = inspect(guard, encode("JPEG", mode="L"), make_depth_png())
    assert (grey.channels, grey.bits, grey.is_depth_candidate) == (1, 8, False)
    assert replace(depth, quality=None) == ImageFacts(6, 4, "png", 1, 16, True)


def test_a_16_bit_picture_has_the_figures_of_what_is_shown_of_it(guard):
    """Counts of 7000 to 7099 in equal numbers: stretched, they are as bright as half of white, with real contrast."""
    payload = cv2.imencode(
        ".png", 7000 + np.arange(10000, dtype=np.uint16).reshape(100, 100) % 100
    )[1].tobytes()
    (facts,) = inspect(guard, payload)
    assert facts.quality == measure_quality(decode_working_luma(payload))
    assert (
        facts.quality["brightness"] == pytest.approx(0.5, abs=0.01)
        and facts.quality["contrast"] > 0.25
    )


def test_bits_and_channels_are_those_that_are_stored(guard):
    deep = np.random.default_rng(0).integers(0, 1 << 16, (10, 20, 3)).astype(np.uint16)
    pictures = [
        (".png", deep),
        (".tiff", deep),
        (".tiff", deep[..., 0]),
        (".tiff", deep[..., 0].astype(np.float32)),
    ]
    payloads = [
        cv2.imencode(ending, pixels)[1].tobytes() for ending, pixels in pictures
    ]
    payloads += [
        encode(e, mode=m)
        for e, m in (("PNG", "RGBA"), ("TIFF", "LA"), ("JPEG", "CMYK"), ("PNG", "1"))
    ]
    verdicts = inspect(guard, *payloads)
    assert [(v.bits, v.channels, v.is_depth_candidate) for v in verdicts] == [
        (16, 3, False),
        (16, 3, False),
        (16, 1, False),
        (32, 1, False),
        (8, 4, False),
        (8, 2, False),
        (8, 4, False),
        (8, 1, False),
    ]
    for payload, verdict in zip(payloads, verdicts, strict=True):
        assert verdict.quality == measure_quality(decode_working_luma(payload))


@pytest.mark.parametrize("ending", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_file_of_several_pictures_is_refused_by_name(guard, ending):
    """Labels would be of one of them, and nobody says of which."""
    pictures = [Image.new("RGB", (20, 10), shade) for shade in ("red", "blue", "green")]
    stream = io.BytesIO()
    pictures[0].save(stream, ending, save_all=True, append_images=pictures[1:])
    single, several = inspect(guard, encode(ending), stream.getvalue())
    assert (
        isinstance(single, ImageFacts)
        and "one" in several.reason
        and several.remedy.startswith("save ")
    )


def test_bands_without_colours_are_refused_by_name(guard):
    stream = io.BytesIO()
    bands = np.zeros((10, 20, 4), np.uint16)
    pytest.importorskip("tifffile").imwrite(
        stream, bands, photometric="minisblack", planarconfig="contig"
    )
    (verdict,) = inspect(guard, stream.getvalue())
    assert (
        verdict.reason
        == "4 bands, and nothing in the TIFF says which are red, green and blue"
    )


def test_size_is_that_of_the_stored_orientation(guard):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to show
    payload = encode("JPEG", exif=exif)
    (facts,) = inspect(guard, payload)
    assert (facts.width_px, facts.height_px) == (20, 10) and decode_rgb(
        payload
    ).shape == (10, 20, 3)


def test_a_truncated_image_is_refused_at_every_length(guard):
    for ending in ("JPEG", "PNG"):
        payload = encode(ending, 64, 64)
        cuts = [payload[:size] for size in range(0, len(payload) - 3, 97)]
        assert all(isinstance(verdict, Refusal) for verdict in inspect(guard, *cuts))


@pytest.mark.parametrize("ending", ["JPEG", "PNG"])
def test_a_picture_without_its_end_is_to_be_copied_again_not_converted(guard, ending):
    """An image program would make a whole file of what is there: a picture that is grey from the middle on."""
    payload = encode(ending, 64, 64)
    (verdict,) = inspect(guard, payload[: len(payload) * 3 // 4])
    assert verdict.remedy.startswith("its end is missing: copy or download it again")


def test_formats_outside_the_list_are_refused(guard):
    verdicts = inspect(
        guard, encode("PPM"), encode("ICO"), b"%!PS-Adobe-3.0 EPSF-3.0", b"", b"text"
    )
    assert [v.reason[:40] for v in verdicts if isinstance(v, Refusal)] == [
        *["no image in a format that is read (JPEG,"] * 3,
        "empty image",
        "no image in a format that is read (JPEG,",
    ]


ENDINGS = ["JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (
            ImageLimits(pixels=199),
            "20x10 px: between 1 px and 199 px in all, 65535 px a side, are read",
        ),
        (
            ImageLimits(side_px=19),
            "20x10 px: between 1 px and 100000000 px in all, 19 px a side, are read",
        ),
    ],
)
def test_a_picture_larger_than_the_limit_is_not_decoded(limits, reason):
    within = replace(limits, pixels=200) if limits.pixels == 199 else ImageLimits()
    pictures = [encode(ending) for ending in ENDINGS]
    with ImageGuard(limits=within) as guard:
        assert all(isinstance(v, ImageFacts) for v in inspect(guard, *pictures))
    with ImageGuard(limits=limits) as guard:
        assert {v.reason for v in inspect(guard, *pictures)} == {reason}


def test_a_decoder_that_looks_at_the_size_first_has_the_same_limit():
    with ImageGuard(limits=ImageLimits(pixels=50)) as guard:
        (verdict,) = inspect(guard, encode("PNG"))
    assert verdict.reason.startswith("more than the 50 pixels that are read")


def test_a_file_larger_than_the_limit_is_not_handed_to_a_child():
    payload = encode("PNG")
    size = len(payload)
    with ImageGuard(limits=ImageLimits(payload_bytes=size)) as guard:
        assert isinstance(inspect(guard, payload)[0], ImageFacts)
    with ImageGuard(limits=ImageLimits(payload_bytes=size - 1)) as guard:
        (verdict,) = inspect(guard, payload)
        assert not guard._lanes
    reason = f"{size} bytes, more than the {size - 1} decoded at once"
    assert verdict == Refusal(reason, "scale the image")


@pytest.mark.parametrize("ending", ["PNG", "WEBP", "BMP"])
def test_too_much_memory_refuses_the_culprit_only(ending):
    good = encode("JPEG")
    large = encode(ending, 1200, 900)  # 3 MB decoded
    with ImageGuard() as guard:
        assert isinstance(inspect(guard, large)[0], ImageFacts)
    with ImageGuard(limits=ImageLimits(memory_bytes=1 << 20)) as guard:
        verdicts = inspect(guard, good, large, good)
    assert isinstance(verdicts[0], ImageFacts) and isinstance(verdicts[2], ImageFacts)
    assert isinstance(verdicts[1], Refusal)
    # some decoders say only that they gave up
    assert verdicts[1].reason.startswith(
        ("needs more than 1 MiB to decode", "does not decode: ")
    )


def test_a_child_that_used_up_its_time_says_so(guard):
    os.kill(child_of(guard), signal.SIGXCPU)
    (verdict,) = inspect(guard, encode("PNG"))
    assert verdict.reason == "decoder took more than 6 s of processor time"


def test_when_the_child_dies_the_rest_of_the_batch_goes_on(guard):
    first = child_of(guard)
    os.kill(first, signal.SIGSEGV)
    verdicts = inspect(guard, encode("JPEG"), encode("JPEG"), encode("PNG"))
    assert verdicts[0] == Refusal(
        "decoder died (signal 11)", "export it again as a plain JPEG or PNG"
    )
    assert all(isinstance(v, ImageFacts) for v in verdicts[1:])
    assert not is_running(first) and child_of(guard) != first


def test_a_child_that_hangs_is_ended_and_only_its_image_refused():
    with ImageGuard(silence_s=0.3) as guard:
        first = child_of(guard)
        os.kill(first, signal.SIGSTOP)
        verdicts = inspect(guard, encode("PNG"))
        assert verdicts[
            0
        ].reason == "decoder gave no answer in 0.3 s" and not is_running(first)
    with ImageGuard() as guard:
        assert isinstance(inspect(guard, encode("PNG"))[0], ImageFacts)


def test_a_large_payload_to_a_child_that_hangs_does_not_block():
    with ImageGuard(silence_s=0.3) as guard:
        os.kill(child_of(guard), signal.SIGSTOP)
        # 8 MB, more than a pipe holds
        (verdict,) = inspect(guard, encode("BMP", 2000, 1400))
        assert isinstance(verdict, Refusal) and "gave no answer" in verdict.reason


def test_jobs_under_way_are_answered_in_order_by_several_children():
    batches = [[encode("PNG", 10 + n, 20 + k) for k in range(20)] for n in range(5)]
    with ImageGuard(num_children=3) as guard:
        jobs = []
        sizes = []
        for batch in batches:
            jobs.append(guard.submit(batch))
            if len(jobs) == JOBS_AT_ONCE:
                sizes.append(
                    [(v.width_px, v.height_px) for v in guard.collect(jobs.pop(0))]
                )
        sizes += [
            [(v.width_px, v.height_px) for v in guard.collect(job)] for job in jobs
        ]
    assert sizes == [[(10 + n, 20 + k) for k in range(20)] for n in range(5)]


def test_a_child_that_dies_between_two_jobs_costs_one_image():
    with ImageGuard(num_children=2) as guard:
        first = child_of(guard)
        os.kill(first, signal.SIGSTOP)
        jobs = [guard.submit([encode("PNG")] * 20) for _ in range(2)]
        os.kill(first, signal.SIGKILL)
        verdicts = [verdict for job in jobs for verdict in guard.collect(job)]
    assert [isinstance(v, Refusal) for v in verdicts] == [True] + [False] * 39


def test_few_images_start_one_child_and_many_start_all():
    with ImageGuard(num_children=3) as guard:
        inspect(guard, encode("PNG"))
        assert [lane._child is not None for lane in guard._lanes] == [
            True,
            False,
            False,
        ]
        inspect(guard, *[encode("PNG")] * 20)
        assert all(lane._child for lane in guard._lanes)


def test_no_child_is_left_over():
    with ImageGuard() as guard:
        assert not guard._lanes, "started with the first image, not before"
        pid = child_of(guard)
        assert is_running(pid)
    assert not is_running(pid)
    guard.close()


def test_an_interrupted_inspection_leaves_no_late_answer(guard, monkeypatch):
    child = child_of(guard)

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(GuardLane, "receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            inspect(guard, encode("PNG", 33, 44))
    assert not is_running(child)
    (facts,) = inspect(guard, encode("PNG"))
    assert (facts.width_px, facts.height_px) == (20, 10)


def test_a_child_is_confined(guard, monkeypatch):
    """As the system itself tells it, proc(5)."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marker")
    process = Path(f"/proc/{child_of(guard)}")
    if not process.exists():
        pytest.skip("no /proc on this system")
    limits = {
        line[:26].strip(): line[26:].split()[:2]
        for line in (process / "limits").read_text().splitlines()
    }
    assert 1 << 30 < int(limits["Max data size"][0]) < 3 << 29
    assert limits["Max core file size"] == limits["Max file size"] == ["0", "0"]
    soft, hard = map(int, limits["Max cpu time"])
    assert soft <= 20 and 1800 < hard <= 1830
    status = dict(
        line.split(":\t", 1) for line in (process / "status").read_text().splitlines()
    )
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    environment = (process / "environ").read_text().strip("\0").split("\0")
    assert {entry.partition("=")[0] for entry in environment} - set(_KEPT) == {
        "PYTHONPATH",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "OPENCV_FOR_THREADS_NUM",
        "MALLOC_ARENA_MAX",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
    }


def test_the_memory_of_the_images_is_neither_written_nor_cut_by_a_child(guard):
    payload = encode("PNG")
    inspect(guard, payload)
    memory = guard._lanes[0]._memory
    with pytest.raises(PermissionError):
        os.write(memory, b"x")
    with pytest.raises(PermissionError):
        os.ftruncate(memory, 0)
    with pytest.raises(PermissionError):
        mmap.mmap(memory, 4096)
    assert isinstance(inspect(guard, payload)[0], ImageFacts)


def test_a_child_that_has_worked_long_enough_is_followed_by_another():
    pictures = [encode("PNG", 640, 480 + n) for n in range(12)]
    with ImageGuard(limits=ImageLimits(child_seconds=0.05)) as guard:
        first = child_of(guard)
        verdicts = inspect(guard, *pictures)
        assert child_of(guard) != first
    assert [v.height_px for v in verdicts] == [480 + n for n in range(12)]


def test_a_child_that_ends_before_each_image_is_not_asked_for_ever():
    with ImageGuard(limits=ImageLimits(child_seconds=-1)) as guard:
        (verdict,) = inspect(guard, encode("PNG"))
    assert verdict.reason == "decoder died (exit status 64)"


def test_an_answer_longer_than_the_limit_breaks_the_protocol(lower):
    with tempfile.TemporaryFile() as memory:
        lane = GuardLane(os.dup(memory.fileno()), 1.0, ImageLimits())
    answer = LENGTH.pack(3) + b"{ }"
    assert lane._part_answers(answer) == b"" and list(lane._answers) == [b"{ }"]
    lower(guard_lane, _MAX_ANSWER_BYTES=2)
    with pytest.raises(ChildGone):
        lane._part_answers(answer)
    lane.close()
