"""Share the files of a session out among readers: every file ends in one plan, or in the leftovers with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from assets.formats.layout import IMAGE_SUFFIXES, is_hidden, stem_of, suffix_of
from assets.formats.leftovers import explain_leftover
from assets.formats.protocol import CapturePlan, Leftover, Opener, Reader
from assets.formats.session_settings import read_settings
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import SessionFile


def share_out(
    files: Sequence[SessionFile],
    opener: Opener,
    readers: Sequence[Reader],
    video: VideoChoice = ALL_FRAMES,
) -> tuple[list[CapturePlan], list[Leftover]]:
    """Share the files of a session out among the readers, in their order. `video` is what its source wants of videos.

    Hidden files, and what desktops leave behind, are no data and reach no reader; neither does what was listed with a
    fault.
    """
    plans: list[CapturePlan] = []
    ordered = sorted(files, key=lambda f: f.path)
    assert len({file.path for file in ordered}) == len(files), "a path is listed twice"
    faulty = [Leftover(f, *f.fault, is_document=False) for f in ordered if f.fault]
    ordered = [file for file in ordered if file.fault is None]
    unclaimed = {file.path: file for file in ordered if not is_hidden(file.path)}
    own, leftovers = read_settings(ordered, opener)
    settings = own.inherit(video)
    for left in leftovers:
        unclaimed.pop(left.file.path, None)
    known = {left.file.path for left in leftovers}
    leftovers += faulty
    leftovers += [
        explain_leftover(f, opener)
        for f in ordered
        if is_hidden(f.path) and f.path not in known
    ]
    for reader in readers:
        for plan in reader.plan(list(unclaimed.values()), opener):
            for file in plan.files:
                del unclaimed[file.path]  # KeyError: two plans claim one file
            plans.append(settings.apply(plan, reader))
    pictures = {
        stem_of(f.path): p.reader
        for p in plans
        for f in p.files
        if suffix_of(f.path) in IMAGE_SUFFIXES
    }
    return plans, [
        *leftovers,
        *(explain_leftover(file, opener, pictures) for file in unclaimed.values()),
    ]
