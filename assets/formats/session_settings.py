"""Read `daguerre.yaml` at the root of a session: what its owner wants read otherwise than the files say.

`no_clock: [cam0]` names sensors whose stamps are no times: their frames and signals are taken in without a time. The
names are those in the tables. `video: {every: 5}` takes each fifth frame of its videos; in place of `every` may stand
`fps: 2`, `keyframes: true`, or `changed: 3` (`VideoChoice`). `looked_at: true` says that somebody looked at all
pictures that the session's label files list, also where a file of stored frames has no label at all. `terms` says
under which licence, for which purposes and until when the session may be used (`assets/terms`). Without the
settings, or after they are taken away, the stamps count, all frames are taken, and such a file says nothing. What is
under `privacy` (`assets.privacy.policy`) holds on, once it was heard of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from assets.formats.observations import (
    FrameObservation,
    Observation,
    ScanObservation,
    SignalObservation,
)
from assets.formats.protocol import (
    CapturePlan,
    Leftover,
    Opener,
    Reader,
    UnreadableBytes,
    carries,
    explain_pointer,
    read_bytes,
)
from assets.formats.strict_yaml import MAX_YAML_BYTES, parse_yaml
from assets.privacy.policy import PrivacyPolicy, read_entry
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import SessionFile
from assets.terms.terms import Terms, parse_terms

SETTINGS_NAME = "daguerre.yaml"
_VIDEO_NOTE = f"frames of videos, by {SETTINGS_NAME}"
_NOTE = f"without a clock, by {SETTINGS_NAME}"
_REMEDY = (
    "write `no_clock: [cam0, imu]`, with the names of sensors, `video: {every: 5}`, `looked_at: true`, `terms` or "
    "`privacy: true`"
)
_MAX_SENSORS = 1000
_ENTRIES = frozenset({"no_clock", "video", "looked_at", "terms", "privacy"})


@dataclass(frozen=True)
class SessionSettings:
    """What a session's owner has decided."""

    no_clock: tuple[str, ...] = ()  # sensors, sorted
    video: VideoChoice = ALL_FRAMES
    is_looked_at: bool = False  # all pictures that label files list
    is_inherited: bool = False  # `video`, from the source that the session is of
    terms: Terms | None = None  # under which it may be used; None: it does not say
    privacy: PrivacyPolicy | None = None
    says_privacy: bool = False  # also that there is none

    def inherit(self, video: VideoChoice) -> SessionSettings:
        """These settings, with the source's `video` where they say nothing of it."""
        if str(self.video) or not str(video):
            return self
        return replace(self, video=video, is_inherited=True)

    def apply(self, plan: CapturePlan, reader: Reader) -> CapturePlan:
        """The reader's plan with these settings, and a note of them."""
        if self.no_clock:
            plan.notes[_NOTE] = ", ".join(self.no_clock)
        if str(self.video) and carries(reader, "video"):
            of_source = " of its source" * self.is_inherited
            plan.notes[_VIDEO_NOTE + of_source] = str(self.video)
            plan = replace(plan, video=self.video)
        return replace(plan, no_clock=self.no_clock, is_looked_at=self.is_looked_at)


def read_settings(
    files: Sequence[SessionFile], opener: Opener
) -> tuple[SessionSettings, list[Leftover]]:
    """The settings of a session, and its settings file: a document, or what is wrong with it."""
    file = next((f for f in files if f.path == SETTINGS_NAME), None)
    if file is None:
        return SessionSettings(), []
    try:
        settings = parse_settings(read_bytes(file, opener, MAX_YAML_BYTES))
    except UnreadableBytes as error:
        return SessionSettings(), [
            Leftover(file, error.reason, error.remedy, is_document=False)
        ]
    except ValueError as error:
        reason = f"are no settings of a session: {error}"[:500]
        return SessionSettings(), [Leftover(file, reason, _REMEDY, is_document=False)]
    return settings, [Leftover(file, "settings of the session", "", is_document=True)]


def parse_settings(data: bytes) -> SessionSettings:
    """Raises UnreadableBytes for a stand-in for data, and ValueError for anything but the entries that are known."""
    pointer = explain_pointer(data[:64])
    if pointer:
        raise UnreadableBytes(*pointer)
    document = parse_yaml(data)
    is_known = isinstance(document, dict) and document.keys() <= _ENTRIES
    if not is_known or not document:
        raise ValueError(
            "there are to be the entries `no_clock`, `video`, `looked_at`, `terms` or `privacy`"
        )
    sensors = _read_sensors(document["no_clock"]) if "no_clock" in document else ()
    video = VideoChoice.of(document["video"]) if "video" in document else ALL_FRAMES
    is_looked_at = document.get("looked_at", False)
    if not isinstance(is_looked_at, bool):
        raise ValueError(f"looked_at is {str(is_looked_at)[:100]}, not true or false")
    terms = parse_terms(document["terms"]) if "terms" in document else None
    says_privacy = "privacy" in document
    privacy = read_entry(document["privacy"]) if says_privacy else None
    return SessionSettings(
        sensors,
        video,
        is_looked_at,
        terms=terms,
        privacy=privacy,
        says_privacy=says_privacy,
    )


def _read_sensors(sensors: object) -> tuple[str, ...]:
    if (
        not isinstance(sensors, list)
        or not 0 < len(sensors) <= _MAX_SENSORS
        or not all(isinstance(s, str) and s for s in sensors)
    ):
        raise ValueError(f"no_clock is {str(sensors)[:100]}, not a list of names")
    return tuple(sorted(set(sensors)))


def drop_clocks(
    plan: CapturePlan, observations: Iterable[Observation]
) -> Iterator[Observation]:
    """Take the times from all samples of the sensors that the plan names. Labels still find their frames."""
    if not plan.no_clock:
        yield from observations
        return
    wanted = frozenset(plan.no_clock)
    dropped = Counter[str]()
    seen = set[str]()
    for item in observations:
        if isinstance(item, FrameObservation | SignalObservation | ScanObservation):
            seen.add(item.sensor)
            if item.sensor in wanted and item.t_ns is not None:
                dropped[item.sensor] += 1
                item = _without_time(item)
        yield item
    plan.notes[_NOTE] = "; ".join(
        f"{sensor}: {dropped[sensor]} samples"
        if sensor in seen
        else f"{sensor}: no such sensor in this capture"
        for sensor in plan.no_clock
    )


def _without_time(
    item: FrameObservation | SignalObservation | ScanObservation,
) -> FrameObservation | SignalObservation | ScanObservation:
    if isinstance(item, FrameObservation):
        return replace(item, t_ns=None, stamp_ns=item.t_ns)
    return replace(item, t_ns=None)
