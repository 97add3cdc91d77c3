"""HEIC and AVIF: decoded in the child alone, and turned once, as their own properties say."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from assets import appearance, heif_layout
from assets.formats.images.exif import read_exif
from assets.formats.images.image_headers import find_encoding, read_header
from assets.heif_layout import find_coding, read_heif
from assets.images import decode_luma, decode_rgb
from assets.sandbox.guard import ImageFacts, ImageGuard, Refusal

# 24 x 16 px in black, the upper left quarter white, as pillow-heif writes it for a picture whose EXIF says 6: EXIF and
# `irot` both say a quarter turn, and the picture is shown with 16 x 24 px
TURNED_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAcdtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAAB6wABAAAAAAAAAD8AAgAAAAACKgABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABBmlwcnAAAADlaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH/"
    "/wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xy"
    "bmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAGAAAAAEAAAAQAAAAAf///9gAAAAC////0AAAAAIAAAAQcGl4aQAAAAAD"
    "CAgIAAAACWlyb3QDAAAAGWlwbWEAAAAAAAAAAQABBoECAwWEhgAAABppcmVmAAAAAAAAAA5jZHNjAAIAAQABAAAAa21kYXQAAAA7KAGvCchnxhYk"
    "FVQ14yBj/4vujChqjVcxFWrZxMmn/Yflh0RDmnnigPSzg5aclyjQt1U8hx3DkLnes3AAAAAGRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAA"
    "AAA="
)
FLAT_HEIC = TURNED_HEIC.replace(b"irot\x03", b"irot\x00")  # EXIF alone says a turn


def draw() -> np.ndarray:
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:8, :12] = 255
    return pixels


def write_avif(
    orientation: int = 1, pixels: np.ndarray | None = None, **options: object
) -> bytes:
    picture = Image.fromarray(draw() if pixels is None else pixels)
    exif = picture.getexif()
    exif[0x112] = orientation  # Pillow writes it as `irot` and `imir`
    target = io.BytesIO()
    picture.save(target, "AVIF", exif=exif.tobytes(), **options)
    return target.getvalue()


def light_corner(shown: np.ndarray) -> list[tuple[bool, bool]]:
    """Which quarters are light, as (is below, is right)."""
    height, width = shown.shape[:2]
    return [
        (below, right)
        for below in (False, True)
        for right in (False, True)
        if shown[
            height // 4 + below * height // 2, width // 4 + right * width // 2
        ].mean()
        > 128
    ]


@pytest.fixture(scope="module")
def inspect():
    with ImageGuard() as guard:
        yield lambda *payloads: guard.collect(guard.submit(payloads))


# orientation as EXIF counts it -> size as shown, and where the light quarter is then
SHOWN = {
    1: ((24, 16), (False, False)),
    2: ((24, 16), (False, True)),
    3: ((24, 16), (True, True)),
    4: ((24, 16), (True, False)),
    5: ((16, 24), (False, False)),
    6: ((16, 24), (False, True)),
    7: ((16, 24), (True, True)),
    8: ((16, 24), (True, False)),
}


@pytest.mark.parametrize("orientation", SHOWN)
def test_an_avif_is_turned_once(inspect, orientation):
    size, corner = SHOWN[orientation]
    payload = write_avif(orientation)
    (facts,) = inspect(payload)
    assert isinstance(facts, ImageFacts) and (
        facts.encoding,
        facts.bits,
        facts.channels,
    ) == ("avif", 8, 3)
    assert (facts.width_px, facts.height_px) == size
    header = read_header(payload)
    assert header is not None and (header.width_px, header.height_px) == size
    shown = decode_rgb(payload)
    assert shown.shape == (size[1], size[0], 3) and light_corner(shown) == [corner]
    assert decode_luma(payload).shape == (size[1], size[0])


@pytest.mark.parametrize(
    ("payload", "size", "corner"),
    [(TURNED_HEIC, (16, 24), (False, True)), (FLAT_HEIC, (24, 16), (False, False))],
    ids=["irot and EXIF", "EXIF alone"],
)
def test_a_heic_is_turned_by_its_own_properties_and_never_by_exif(
    inspect, payload, size, corner
):
    (facts,) = inspect(payload)
    assert isinstance(facts, ImageFacts) and facts.encoding == "heic"
    assert (facts.width_px, facts.height_px) == size
    header = read_header(payload)
    assert header is not None and (
        header.encoding,
        header.width_px,
        header.height_px,
    ) == ("heic", *size)
    shown = decode_rgb(payload)
    assert shown.shape == (size[1], size[0], 3) and light_corner(shown) == [corner]
    assert read_exif(payload) is None, (
        "nothing tells a label that the picture is to be turned"
    )


def test_labels_of_a_heic_lie_on_the_picture_as_it_is_shown(tmp_path):
    from assets.formats import plan_session, read_capture
    from assets.formats.observations import FrameObservation, LabelObservation, Problem
    from assets.storage import Folder

    document = {
        "images": [
            {"id": 1, "file_name": "a.heic", "width": 16, "height": 24},
            {"id": 2, "file_name": "b.HEIC", "width": 24, "height": 16},
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [9, 1, 6, 10]}
            for n in (1, 2)
        ],
        "categories": [{"id": 1, "name": "light"}],
    }
    (tmp_path / "a.heic").write_bytes(TURNED_HEIC)
    (tmp_path / "b.HEIC").write_bytes(
        TURNED_HEIC + b"\0"
    )  # other bytes, the same picture
    (tmp_path / "instances.json").write_text(json.dumps(document))
    folder = Folder(str(tmp_path))
    (plan,), leftovers = plan_session(folder.files(), folder.open)
    found = list(read_capture(plan, folder.open))
    assert not leftovers
    assert {f.encoding for f in found if isinstance(f, FrameObservation)} == {"heic"}
    (label,) = (x for x in found if isinstance(x, LabelObservation))
    assert label.frame_path == "a.heic" and label.box_xyxy == (9, 1, 15, 11)
    (problem,) = (x for x in found if isinstance(x, Problem))
    assert "labels were drawn on 24x16 px, b.HEIC has 16x24" in problem.reason


def test_alpha_lies_on_white_and_pixels_agree_with_pillow(inspect):
    rgba = np.dstack([draw(), np.full((16, 24), 255, np.uint8)])
    rgba[8:, 12:, 3] = 0
    payload = write_avif(pixels=rgba)
    (facts,) = inspect(payload)
    assert isinstance(facts, ImageFacts) and facts.channels == 4
    assert light_corner(decode_rgb(payload)) == [(False, False), (True, True)]
    plain = write_avif()
    assert np.array_equal(
        decode_rgb(plain), np.asarray(Image.open(io.BytesIO(plain)).convert("RGB"))
    )


def test_what_is_cut_animated_or_of_another_kind_is_refused(inspect):
    stream = io.BytesIO()
    pages = [Image.fromarray(draw()), Image.fromarray(draw()[::-1].copy())]
    pages[0].save(stream, "AVIF", save_all=True, append_images=pages[1:])
    avif = write_avif()
    verdicts = inspect(
        avif[:200], TURNED_HEIC[:300], stream.getvalue(), TURNED_HEIC, avif
    )
    refused = [v.reason for v in verdicts if isinstance(v, Refusal)]
    assert len(refused) == 3 and "animated AVIF" in refused[2]
    assert [v.encoding for v in verdicts if isinstance(v, ImageFacts)] == [
        "heic",
        "avif",
    ]


def test_a_cropped_avif_is_refused():
    assert not read_heif(write_avif()).is_cropped
    assert read_heif(TURNED_HEIC).is_cropped, "its encoder fills 64 x 64 px"
    with pytest.raises(ValueError, match="AVIF that is cropped"):
        appearance.open_heif(TURNED_HEIC, "avif")


@pytest.mark.parametrize(
    ("head", "coding"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1miafavif", "avif"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isomavif", None),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", None),
        (b"\0\0\0\x10ftypmif1\0\0\0\0heic", None),
        (b"ftyp", None),
    ],
)
def test_brands_tell_pictures_from_films(head, coding):
    assert find_coding(head) == find_encoding(head) == coding


def test_boxes_beyond_the_limit_are_not_walked(lower):
    assert read_header(TURNED_HEIC) is not None
    lower(heif_layout, _MAX_BOXES=3)
    assert read_header(TURNED_HEIC) is None
    with pytest.raises(ValueError, match="more than 3 boxes"):
        read_heif(TURNED_HEIC)


def test_stored_ones_are_decoded_in_a_child_of_their_own(monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("decoded in this process")

    monkeypatch.setattr(appearance, "open_heif", fail)
    assert light_corner(decode_rgb(TURNED_HEIC)) == [(False, True)]
    assert light_corner(decode_rgb(write_avif(8))) == [(True, False)]
