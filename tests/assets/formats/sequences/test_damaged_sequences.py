"""Whatever happens to the text files of a sequence, its reader gives a reason and goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

SAMPLES = {
    "tum_rgbd": {
        "s/rgb.txt": "# t file\n1305031102.175304 rgb/a.png\n1305031102.211214 rgb/b.png\n",
        "s/groundtruth.txt": "1.5 1 2 3 0 0 0 1\n1.6 1 2 3 0.6 0.8 0 0\n",
        "s/accelerometer.txt": "1305031098.657001 0.25 8.5 -4\n",
        "s/rgb/a.png": "PNG",
        "s/rgb/b.png": "PNG",
    },
    "asl": {
        "mav0/cam0/sensor.yaml": "T_BS:\n  data: [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]\n"
        "resolution: [32, 24]\ncamera_model: pinhole\nintrinsics: [40.5, 41.5, 16.0, 12.0]\n",
        "mav0/cam0/data.csv": "#timestamp [ns],filename\n1403636579763555584,1.png\n",
        "mav0/vicon0/data.csv": "#timestamp,p_RS_R_x,p_RS_R_y,p_RS_R_z,q_RS_w,q_RS_x,q_RS_y,q_RS_z\n1,2,3,4,1,0,0,0\n",
        "mav0/cam0/data/1.png": "PNG",
    },
    "7scenes": {
        "c/frame-000000.pose.txt": "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
        "c/frame-000000.color.png": "PNG",
        "c/camera-intrinsics.txt": "585 0 320\n0 585 240\n0 0 1\n",
    },
    "arkitscenes": {
        "v/lowres_wide.traj": "305.377 0.1 0.2 0.3 1 2 3\n",
        "v/lowres_wide/v_305.377.png": "PNG",
        "v/lowres_wide_intrinsics/v_305.377.pincam": "256 192 212 212 128 96\n",
    },
    "kitti_raw": {
        "d/calib_cam_to_cam.txt": "S_00: 64 48\nS_rect_00: 32 24\nR_rect_00: 1 0 0 0 1 0 0 0 1\n"
        "P_rect_00: 40 0 16 0 0 40 12 0 0 0 1 0\n",
        "d/calib_velo_to_cam.txt": "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.25\n",
        "d/calib_imu_to_velo.txt": "R: 1 0 0 0 1 0 0 0 1\nT: -1 0 0.5\n",
        "d/x_sync/image_00/timestamps.txt": "2011-09-26 13:02:25.964389445\n",
        "d/x_sync/image_00/data/0000000000.png": "PNG",
        "d/x_sync/oxts/timestamps.txt": "2011-09-26 13:02:25.9\n",
        "d/x_sync/oxts/data/0000000000.txt": " ".join("123456789012345678901234567890"),
    },
}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "a line too many": lambda data: data + data.splitlines(keepends=True)[-1],
    "a word for a number": lambda data: re.sub(rb"\d+", b"x", data, count=1),
    "no number": lambda data: re.sub(rb"\d+", b"nan", data, count=1),
    "words for all numbers": lambda data: re.sub(rb"\d+", b"x", data),
    "a number less": lambda data: re.sub(rb"[ ,]\S+$", b"", data.rstrip()),
    "another separator": lambda data: data.replace(b",", b";").replace(b" ", b"\t"),
    "another encoding": lambda data: data.decode().encode("utf-16"),
    "a byte of zero": lambda data: data[:9] + b"\0" + data[9:],
}


@pytest.mark.parametrize("reader", SAMPLES)
def test_the_sample_itself_is_sound(reader, write_files, read_session, make_image):
    reading = read_session(write_files(_fill(SAMPLES[reader], make_image)))
    assert [p.reader for p in reading.plans] == [reader] and not reading.problems


@pytest.mark.parametrize("reader", SAMPLES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_never_stops_a_reader(
    reader, damage, write_files, read_session, make_image
):
    for name in (n for n, text in SAMPLES[reader].items() if text != "PNG"):
        files = _fill(SAMPLES[reader], make_image)
        files[name] = DAMAGE[damage](files[name])
        reading = read_session(write_files(files))
        stopped = [
            p for p in reading.problems if p.reason.startswith("reading stopped")
        ]
        assert not stopped, f"{name} = {files[name]!r}"
        assert all(p.reason and p.remedy for p in reading.problems)


def _fill(sample: dict[str, str], make_image) -> dict[str, bytes]:
    image = make_image(0, ending=".png")
    return {
        name: image if text == "PNG" else text.encode() for name, text in sample.items()
    }
