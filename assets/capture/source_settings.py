"""What the sessions of a source inherit: `video` of a `daguerre.yaml` in the folder above, such as the landing zone.

A session's own `video` counts before it; `{every: 1}` takes all frames. So is `privacy` inherited (`policies`). Other
entries are a session's own and are not.
"""

from __future__ import annotations

from assets.formats.protocol import UnreadableBytes, read_bytes
from assets.formats.session_settings import (
    SETTINGS_NAME,
    SessionSettings,
    parse_settings,
)
from assets.formats.strict_yaml import MAX_YAML_BYTES
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import Folder


def read_video(source: Folder) -> VideoChoice:
    """The frames of videos that a source's settings want; all without settings. Raises ValueError for faulty ones."""
    return _read(source).video


def _read(source: Folder) -> SessionSettings:
    file = source.find(SETTINGS_NAME)
    if file is None:
        return SessionSettings()
    try:
        return parse_settings(read_bytes(file, source.open, MAX_YAML_BYTES))
    except (UnreadableBytes, ValueError) as error:
        reason = f"{source.uri}/{SETTINGS_NAME} holds no settings for the sessions below: {error}"
        raise ValueError(f"{reason[:500]}: mend it, or remove it") from error


def inherit_video(session: Folder) -> VideoChoice:
    """The frames of videos that a session takes where it says nothing itself. Raises ValueError."""
    above = session.above()
    return ALL_FRAMES if above is None else read_video(above)


def stamp_video(source: Folder) -> str:
    """Changes with what sessions inherit from a source; "" where that is nothing. Faulty settings are some, too."""
    try:
        settings = _read(source)
    except ValueError:
        return " with faulty settings"
    video = f" with frames of videos by {settings.video}" * bool(str(settings.video))
    privacy = f" sealed by {settings.privacy.text}" if settings.privacy else ""
    return video + privacy
