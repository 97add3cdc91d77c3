"""What the images and the gyroscope of one capture say about its clocks and its calibration.

Every figure of a camera is either there with its standard error, or absent with the reason: no clock, no calibration,
no gyroscope, too little motion.
"""

from __future__ import annotations

from collections.abc import Sequence

from assets.clocks.streams import CameraStream, Figures, Gyro, Load

MIN_GYRO_SAMPLES = 50


def gather_evidence(
    streams: Sequence[CameraStream], gyro: Gyro | None, load: Load
) -> dict[str, Figures]:
    """Columns of `clock_reports` by camera: offsets to the gyroscope and to the first camera, and the fit of its pose.

    The first camera, by name, of those with stamps, calibration and pose is the reference.
    """
    figures: dict[str, Figures] = {s.sensor: {} for s in streams}
    able = []
    for stream in streams:
        reason = _find_obstacle(stream)
        if reason is None:
            able.append(stream)
        else:
            figures[stream.sensor] = {
                "imu_reason": reason,
                "camera_reason": reason,
                "calibration_reason": reason,
            }
    if able:
        from assets.clocks.comparisons import compare_cameras  # seconds to load

        for sensor, found in compare_cameras(able, gyro, load).items():
            figures[sensor] |= found
    return figures


def _find_obstacle(stream: CameraStream) -> str | None:
    if len(stream.t_ns) < 2:
        return "these frames carry no time"
    return (
        stream.unknown
        if stream.camera is None or stream.rig_from_camera is None
        else None
    )
