"""Say why nobody reads a file, and what its owner can do about it."""

from __future__ import annotations

from assets.capture.readers.layout import IMAGE_SUFFIXES, is_document, is_hidden, is_mask_path, suffix_of
from assets.capture.readers.protocol import Leftover, Opener, UnreadableBytes, explain_pointer, read_head
from assets.storage import SessionFile

_AS_JPEG_OR_PNG = "convert it to JPEG or PNG"
_AS_FRAMES = "export its frames as images, or as CompressedImage in an MCAP file"
_AS_CALIBRATION = "give calibrations as CameraCalibration in an MCAP file, labels beside their images"
_REMEDIES = {
    **dict.fromkeys((".avif", ".heic", ".jp2", ".j2k", ".psd", ".sgi", ".dds", ".pcx"), _AS_JPEG_OR_PNG),
    **dict.fromkeys((".fits", ".ppm", ".pgm", ".fli", ".eps"), _AS_JPEG_OR_PNG),
    **dict.fromkeys((".avi", ".mp4", ".mkv", ".mov"), _AS_FRAMES),
    **dict.fromkeys((".bag", ".db3"), "convert it with `mcap convert`"),
    **dict.fromkeys((".gz", ".7z", ".rar", ".bz2", ".xz"), "unpack it, or repack it as zip, tar or tar.gz"),
    **dict.fromkeys((".csv", ".tsv", ".txt", ".log"), "write it as messages of an MCAP file, or remove it"),
    **dict.fromkeys((".yml", ".yaml", ".xml"), _AS_CALIBRATION),
    ".json": "COCO needs `images`, `annotations` and `categories`: check the file, or remove it",
}  # fmt: skip
_OTHER_REMEDY = "convert it to a format that is read, or remove it"


def explain_leftover(file: SessionFile, opener: Opener) -> Leftover:
    """The reason and the remedy for a file that no reader claimed."""
    if is_hidden(file.path):
        return Leftover(file, "hidden file", "", is_document=True)
    if is_document(file.path):
        return Leftover(file, "documentation", "", is_document=True)
    reason, remedy = _explain_data(file, opener)
    return Leftover(file, reason, remedy, is_document=False)


def _explain_data(file: SessionFile, opener: Opener) -> tuple[str, str]:
    try:
        pointer = explain_pointer(read_head(file, opener))
    except UnreadableBytes as error:
        return error.reason, error.remedy
    if pointer:
        return pointer
    suffix = suffix_of(file.path)
    if suffix in IMAGE_SUFFIXES and is_mask_path(file.path):
        return "label image (mask): no reader for masks yet", "give masks as COCO segmentations"
    return f"no reader for {suffix or 'files without an ending'} yet", _REMEDIES.get(suffix, _OTHER_REMEDY)
