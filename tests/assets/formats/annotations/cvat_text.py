"""Parts of CVAT's XML that tests of pictures and of tracks write."""

from __future__ import annotations


def box_at(frame: int, x: float, outside: int = 0) -> str:
    place = f'xtl="{x}" ytl="1" xbr="{x + 4}" ybr="5"'
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" {place}/>'
    )
