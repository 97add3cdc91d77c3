"""Write a stored colour frame as a picture for other programs, without what a camera wrote beside the pixels."""

from __future__ import annotations

import cv2

from assets.images import Payload, decode_rgb, is_common
from assets.tables.rows import FrameRow

_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}  # what every viewer decodes
_JPEG_QUALITY = 95


def write_picture(
    frame: FrameRow, image: Payload, keeps_orientation: bool = True
) -> tuple[bytes, str]:
    """The picture and its suffix, `.jpg` or `.png`. Where its orientation is not kept nothing in it turns it: every
    program shows the pixels as they are stored.

    JPEG and PNG keep their pixels' bytes; where viewers disagree it is PNG. Frames of videos, which have lost already
    what compression loses, become JPEG. Equal frames give equal bytes. Raises ValueError for what does not decode.
    """
    from assets.formats.images.exif import strip_metadata

    encoding = frame["encoding"]
    if encoding in _SUFFIXES and is_common(image):
        return (
            strip_metadata(bytes(image), encoding, keeps_orientation),
            _SUFFIXES[encoding],
        )
    try:
        pixels = decode_rgb(image)[..., ::-1]
    except ValueError as error:
        raise ValueError(
            f"frame {frame['frame_id']} does not decode: run `daguerre verify`: {error}"
        ) from error
    if encoding == "video":
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        return cv2.imencode(".jpg", pixels, quality)[1].tobytes(), ".jpg"
    return cv2.imencode(".png", pixels)[1].tobytes(), ".png"
