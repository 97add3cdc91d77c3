"""Write hostile files: each a few kilobytes that would cost a careless reader gigabytes, minutes or its life.

Every bomb is a folder to be ingested as one session: the hostile file under the name that its reader looks for, and
beside it what makes that reader take it. Sources: D. Fifield, "A better zip bomb" (2019); CVE-2024-6232 (tar headers);
CVE-2024-0450 (overlapping zip entries); the billion laughs of XML and YAML.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from bench.prove.bomb_archives import (
    compress_gzip,
    lie_about_size,
    list_many_entries,
    make_sparse_block,
    make_sparse_header,
    make_sparse_lines,
    make_tar_header,
    make_zip,
    nest_zips,
    overlap_members,
)
from bench.prove.bomb_recordings import (
    make_channel,
    make_mcap,
    make_message,
    make_ros_list,
    make_ros_schema,
    make_schemas,
    make_transforms,
)

Files = dict[str, bytes]


def write_bombs(folder: Path, seed: int) -> list[Path]:
    """One folder a bomb below `folder`; its name says what it is. `seed` draws the damage of the damaged ones."""
    paths = []
    for name, files in make_bombs(seed).items():
        for path, data in files().items():
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        paths.append(folder / name)
    return paths


def make_bombs(seed: int) -> dict[str, Callable[[], Files]]:
    """name -> the files of one session, made when asked for."""
    rng = np.random.default_rng(seed)
    return {
        "zip_of_zeros": lambda: {
            "a.zip": make_zip({"a.jpg": bytes(128 << 20)}, zipfile.ZIP_DEFLATED)
        },
        "zip_bzip2_of_zeros": lambda: {
            "a.zip": make_zip({"a.jpg": bytes(80 << 20)}, zipfile.ZIP_BZIP2)
        },
        "zip_lzma_of_zeros": lambda: {
            "a.zip": make_zip({"a.jpg": bytes(80 << 20)}, zipfile.ZIP_LZMA)
        },
        "zip_that_lies_about_its_size": lambda: {
            "a.zip": lie_about_size(
                make_zip({"a.jpg": bytes(80 << 20)}, zipfile.ZIP_BZIP2)
            )
        },
        "zip_in_zip": lambda: {"a.zip": nest_zips(8)},
        "zip_of_overlapping_members": lambda: {"a.zip": overlap_members(200, 300_000)},
        "zip_of_many_entries": lambda: {"a.zip": list_many_entries(800_000)},
        "zip_of_escaping_names": lambda: {
            "a.zip": make_zip(dict.fromkeys(_NAMES, b"x"))
        },
        "tar_of_zeros": lambda: {
            "a.tar.gz": compress_gzip(make_tar_header("a.jpg", 100 << 20), 100 << 20)
        },
        "tar_of_a_huge_size": lambda: {
            "a.tar": make_tar_header("a.jpg", 8**11 - 1) + bytes(1024)
        },
        "tar_of_a_negative_size": lambda: {
            "a.tar": make_tar_header("a.jpg", -1) + bytes(1024)
        },
        "tar_of_many_members": lambda: {
            "a.tar.gz": compress_gzip(make_tar_header("a.jpg", 0) * 120_000)
        },
        "tar_of_many_folders": lambda: {
            "a.tar.gz": compress_gzip(make_tar_header("a", 0, b"5") * 120_000)
        },
        "tar_of_digits": lambda: {
            "a.tar": make_tar_header("x", 1 << 19, b"x")
            + b"1" * (1 << 19)
            + bytes(1024)
        },
        "tar_of_sparse_blocks": lambda: {
            "a.tar.gz": compress_gzip(
                make_sparse_header() + make_sparse_block() * 100_000
            )
        },
        "tar_of_sparse_lines": lambda: {
            "a.tar.gz": compress_gzip(make_sparse_lines(12_000_000))
        },
        "mcap_of_zeros": lambda: {"a.mcap": make_mcap(1, bytes(255 << 20))},
        "mcap_of_many_zeros": lambda: {"a.mcap": make_mcap(60, bytes(255 << 20))},
        "mcap_that_lies_about_its_size": lambda: {
            "a.mcap": make_mcap(1, bytes(300 << 20), stated=1000)
        },
        "mcap_of_empty_messages": lambda: {
            "a.mcap": make_mcap(1, make_message() * 4_000_000)
        },
        "mcap_of_broken_messages": lambda: {
            "a.mcap": make_mcap(1, make_channel() + make_message() * 2_000_000)
        },
        "mcap_of_lists_of_nothing": lambda: {
            "a.mcap": make_mcap(1, make_ros_list("sensor_msgs/msg/Imu", 40_000_000))
        },
        "mcap_of_pictures_of_lists": lambda: {
            "a.mcap": make_mcap(1, make_ros_list("sensor_msgs/msg/Image", 40_000_000))
        },
        "mcap_of_transforms": lambda: {
            "a.mcap": make_mcap(1, make_transforms(40_000_000))
        },
        "mcap_of_a_long_schema": lambda: {
            "a.mcap": make_mcap(
                1, make_ros_schema("sensor_msgs/msg/Imu", b"byte a\n" * 10**6)
            )
        },
        "mcap_of_channels": lambda: {"a.mcap": make_mcap(1, make_schemas(65_535) * 12)},
        "json_of_empty_lists": lambda: _coco(
            b'{"images": [' + b"[]," * 30_000_000 + b"[]]"
        ),
        "json_of_empty_objects": lambda: _coco(
            b'{"images": [' + b'{"a":1},' * 8_000_000 + b"{}]"
        ),
        "json_of_one_wide_letter": lambda: _coco(
            b'{"images": ["' + "😀".encode() + b"a" * (200 << 20) + b'"]'
        ),
        "json_of_depth": lambda: _coco(b"[" * 5_000_000),
        "json_of_one_key_twice": lambda: _coco(_keys(400_000)),
        "json_of_a_long_number": lambda: _coco(
            b'{"images": [' + b"9" * 5_000_000 + b"]"
        ),
        "json_of_nan": lambda: _coco(b'{"images": [NaN]'),
        "json_of_a_huge_mask": lambda: _coco(_masks(10_000_000)),
        "json_of_many_masks": lambda: _coco(_masks(10_000, 5_000)),
        "json_of_labels": lambda: _coco(_labels(600_000)),
        "txt_of_rows": lambda: _yolo(b"names: [a]\n", b"0 0 0 0 0\n" * 1_600_000),
        "txt_of_a_polygon": lambda: _yolo(
            b"names: [a]\n", b"0" + b" 0 0 1 1" * 1_500_000 + b"\n"
        ),
        "xml_of_laughs": lambda: {"a.xml": _xml_laughs(), "a.jpg": _jpeg()},
        "xml_of_an_outside_file": lambda: {"a.xml": _XXE, "a.jpg": _jpeg()},
        "xml_of_tags": lambda: {
            "a.xml": b"<annotation>" + b"<a/>" * 4_000_000 + b"</annotation>",
            "a.jpg": _jpeg(),
        },
        "xml_of_depth": lambda: {
            "a.xml": b"<annotation>" + b"<a>" * 1_000_000,
            "a.jpg": _jpeg(),
        },
        "yaml_of_laughs": lambda: _yolo(_yaml_laughs()),
        "yaml_of_merges": lambda: _yolo(_yaml_merges()),
        "yaml_of_code": lambda: _yolo(
            b"names: !!python/object/apply:os.system ['touch /tmp/owned']\n"
        ),
        "yaml_of_words": lambda: _yolo(b"names:\n" + b"- a\n" * 250_000),
        "yaml_of_depth": lambda: _yolo(b"names: " + b"[" * 500_000),
        "png_of_zeros": lambda: {"a.png": _png(30_000, 30_000, 1 << 20)},
        "png_of_just_too_few_pixels": lambda: {"a.png": _png(9_999, 9_999, 300 << 20)},
        "png_of_text": lambda: {"a.png": _png_text(64 << 20)},
        "jpeg_of_scans": lambda: {"a.jpg": _jpeg_scans(20_000)},
        "jpeg_of_damage": lambda: {"a.jpg": _scramble(_jpeg(), rng)},
        "tiff_in_a_ring": lambda: {
            "a.tif": b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)
        },
        "names_that_are_code": lambda: dict.fromkeys(_FILE_NAMES, _jpeg()),
        "recording_of_damage": lambda: {
            "a.mcap": _scramble(
                make_mcap(2, make_channel() + make_message() * 1000), rng
            )
        },
    }


_NAMES = (
    "../../a.jpg",
    "/etc/a.jpg",
    "C:/a.jpg",
    "a\\..\\b.jpg",
    "a/./b.jpg",
    "a\nb.jpg",
    "a!/b.jpg",
    "..",
    "ok/a.jpg",
)
_FILE_NAMES = (
    "a'; DROP TABLE frames; --.jpg",
    'b" OR 1=1.jpg',
    "c\n{d}.jpg",
    "e%s%n.jpg",
    "f\x1b[2J.jpg",
    "é\u202e.jpg",
    "$(touch g).jpg",
    "' OR '1'='1/h.jpg",
    "..j/i.jpg",
)


# ---- texts -----------------------------------------------------------------------------------------------------------

_XXE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation><object><name>&b;</name></object></annotation>'


def _coco(head: bytes) -> Files:
    """A COCO file that begins like this, beside its image."""
    whole = (
        head
        if head.endswith(b"}")
        else head + b', "annotations": [], "categories": []}'
    )
    return {"instances_train.json": whole, "a.jpg": _jpeg()}


def _keys(count: int) -> bytes:
    pairs = ",".join(f'"{n}":0' for n in range(count))
    return f'{{{pairs},"last":0,"last":1, "images": []'.encode()


def _masks(side_px: int, count: int = 1) -> bytes:
    image = {"id": 1, "file_name": "a.jpg", "width": side_px, "height": side_px}
    triangle = [[0, 0, side_px, 0, side_px, side_px]]
    label = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 9, 9],
        "segmentation": triangle,
        "iscrowd": 0,
    }
    document = {
        "images": [image],
        "annotations": [label] * count,
        "categories": [{"id": 1, "name": "a"}],
    }
    return json.dumps(document).encode()


def _labels(count: int) -> bytes:
    """Boxes that all lie in one picture of 32 px."""
    label = b'{"image_id":1,"category_id":1,"bbox":[0,0,1,1]},'
    head = b'{"images":[{"id":1,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"a"}],"annotations":['
    return head + label * (count - 1) + label[:-1] + b"]}"


def _xml_laughs() -> bytes:
    entities = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(12)
    )
    return f"<!DOCTYPE a [{entities}]><annotation><object><name>&l12;</name></object></annotation>".encode()


def _yolo(yaml: bytes, rows: bytes = b"0 0.5 0.5 0.1 0.1\n") -> Files:
    return {"data.yaml": yaml, "images/a.jpg": _jpeg(), "labels/a.txt": rows}


def _yaml_laughs() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return ("\n".join(lines) + "\nnames: *a11\n").encode()


def _yaml_merges() -> bytes:
    lines = ["a0: &a0 {0: x}"]
    lines += [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)
    ]
    return ("\n".join(lines) + "\nnames: *a11\n").encode()


# ---- images ----------------------------------------------------------------------------------------------------------


def _jpeg() -> bytes:
    return cv2.imencode(".jpg", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()


def _png(width: int, height: int, num_zeros: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(num_zeros)))
        + _chunk(b"IEND", b"")
    )


def _png_text(num_letters: int) -> bytes:
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * num_letters))
    plain = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    return plain[:33] + text * 8 + plain[33:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body))
    )


def _jpeg_scans(count: int) -> bytes:
    """A progressive JPEG of 4000x4000 px whose scans say nothing, each of which a decoder walks over all blocks for."""
    plain = cv2.imencode(
        ".jpg", np.zeros((4000, 4000), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    )[1].tobytes()
    at = plain.rindex(b"\xff\xda")
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x10"
    return plain[:at] + scan * count + plain[at:]


def _scramble(data: bytes, rng: np.random.Generator) -> bytes:
    broken = bytearray(data)
    for place in rng.integers(8, len(data), 12):
        broken[place] = int(rng.integers(256))
    return bytes(broken)
