"""What a frame is called where people read of it: by its sensor where somebody named one, else by its file."""

from __future__ import annotations

from assets.formats.layout import DEFAULT_SENSOR, name_of


def name_sensor(sensor: str) -> str:
    """The sensor's name; "" for pictures of which nobody says what took them."""
    return "" if sensor == DEFAULT_SENSOR else sensor


def caption_stored(sensor: str, source_path: str) -> str:
    """ "cam_left", or "a.jpg" of pictures/a.jpg, of which nobody says what took it."""
    return name_sensor(sensor) or name_of(source_path)


def caption_released(session: str, sensor: str) -> str:
    """ "monday · cam_left", or "monday" alone."""
    return " · ".join(filter(None, (session, name_sensor(sensor))))


def name_source(sensor: str) -> str:
    """In a sentence: "sensor 'cam_left'", or "pictures of no named sensor"."""
    name = name_sensor(sensor)
    return f"sensor '{name}'" if name else "pictures of no named sensor"
