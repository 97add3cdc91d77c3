"""A caption names the sensor where somebody named one; pictures that nobody tells the camera of are named by file."""

from __future__ import annotations

from assets.captions import (
    caption_released,
    caption_stored,
    name_sensor,
    name_source,
)
from assets.formats.layout import sensor_of


def test_a_named_sensor_is_the_caption() -> None:
    assert caption_stored("cam_left", "drive.mcap") == "cam_left"
    assert caption_released("monday", "cam_left") == "monday · cam_left"
    assert name_source("cam_left") == "sensor 'cam_left'"


def test_pictures_of_a_plain_folder_are_named_by_file_not_by_a_camera() -> None:
    sensor = sensor_of("pictures/a.jpg")
    assert name_sensor(sensor) == ""
    assert caption_stored(sensor, "pictures/a.jpg") == "a.jpg"
    assert caption_released("monday", sensor) == "monday"
    assert "camera" not in name_source(sensor)
