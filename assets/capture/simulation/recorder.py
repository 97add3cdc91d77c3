"""Write one MCAP recording: channels, messages and calibrations in the order in which a recorder would see them.

Chunks are stored uncompressed, so every message has a byte offset in the file (and JPEG would not shrink anyway).
Nothing in the file comes from the clock of the machine: equal calls write equal bytes.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.capture.simulation.messages import (
    GROUND_TRUTH_SCHEMA,
    IMU_SCHEMA,
    SENSOR_FRAMES,
    encode_imu,
    encode_truth,
    make_annotations,
    make_calibration,
    make_image,
    make_transform,
)
from models.simulation.camera import Rig
from models.simulation.labels import FrameTruth

# a few frames, so that a truncated file still holds whole chunks
CHUNK_BYTES = 256 * 1024
IMAGE_FORMATS = {"left": "jpeg", "right": "jpeg", "depth": "png"}
# what no field of the message can say
_CHANNEL_METADATA = {"/camera/depth/image": {"depth_m_per_unit": "0.001"}}


class Recorder:
    """One recording in the making. Log times are arrival times and never run back; stamps are what a sensor claims."""

    def __init__(self) -> None:
        from mcap.writer import CompressionType, Writer

        self._stream = BytesIO()
        self._writer = Writer(
            self._stream, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE
        )
        self._writer.start(profile="", library="daguerre simulate")
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._sequence: dict[str, int] = {}

    def add_facts(self, facts: dict[str, str]) -> None:
        """An MCAP metadata record: how the recording was made."""
        self._writer.add_metadata("daguerre.simulation", facts)

    def add_rig(self, rig: Rig, t_ns: int) -> None:
        """Published calibrations and camera poses on the rig."""
        for sensor, child in SENSOR_FRAMES.items():
            self._add(
                f"/camera/{sensor}/calibration",
                make_calibration(rig, sensor, t_ns),
                t_ns,
                t_ns,
            )
            self._add(
                "/tf",
                make_transform("rig", child, rig.rig_from_camera(sensor), t_ns),
                t_ns,
                t_ns,
            )

    def add_image(self, sensor: str, payload: bytes, t_ns: int, log_ns: int) -> None:
        """Write an encoded image of a camera, measured at `t_ns` and recorded at `log_ns`."""
        self._add(
            f"/camera/{sensor}/image",
            make_image(payload, IMAGE_FORMATS[sensor], sensor, t_ns),
            t_ns,
            log_ns,
        )

    def add_truth(
        self, sensor: str, truth: FrameTruth, rig: Rig, t_ns: int, log_ns: int
    ) -> None:
        """Labels for programs and the same boxes for viewers."""
        self._add(
            f"/camera/{sensor}/annotations", make_annotations(truth, t_ns), t_ns, log_ns
        )
        channel = self._open_json(f"/ground_truth/{sensor}")
        self._write(
            channel,
            f"/ground_truth/{sensor}",
            encode_truth(truth, sensor, t_ns, rig.camera),
            t_ns,
            log_ns,
        )

    def add_pose(self, world_from_rig: NDArray[np.floating], t_ns: int) -> None:
        """Write the rig's pose, (4, 4), metres, in the world at `t_ns`."""
        self._add(
            "/tf", make_transform("world", "rig", world_from_rig, t_ns), t_ns, t_ns
        )

    def add_imu(
        self,
        gyro_rad_s: NDArray[np.floating],
        force_m_s2: NDArray[np.floating],
        t_ns: int,
    ) -> None:
        """Write angular velocity (3,), rad/s, and specific force (3,), m/s^2, in the IMU's frame."""
        channel = self._open_imu("/imu")
        self._write(
            channel,
            "/imu",
            encode_imu(t_ns, gyro_rad_s.tolist(), force_m_s2.tolist()),
            t_ns,
            t_ns,
        )

    def finish(self) -> bytes:
        """The whole file."""
        self._writer.finish()
        return self._stream.getvalue()

    def _add(self, topic: str, message: Any, t_ns: int, log_ns: int) -> None:
        from mcap_protobuf.schema import register_schema

        if topic not in self._channels:
            name = type(message).DESCRIPTOR.full_name
            if name not in self._schemas:
                self._schemas[name] = register_schema(self._writer, type(message))
            self._channels[topic] = self._writer.register_channel(
                topic, "protobuf", self._schemas[name], _CHANNEL_METADATA.get(topic, {})
            )
        self._write(
            self._channels[topic],
            topic,
            message.SerializeToString(deterministic=True),
            t_ns,
            log_ns,
        )

    def _open_json(self, topic: str) -> int:
        if topic not in self._channels:
            text = json.dumps(GROUND_TRUTH_SCHEMA).encode()
            schema = self._writer.register_schema(
                "daguerre.GroundTruth", "jsonschema", text
            )
            self._channels[topic] = self._writer.register_channel(topic, "json", schema)
        return self._channels[topic]

    def _open_imu(self, topic: str) -> int:
        if topic not in self._channels:
            schema = self._writer.register_schema(
                "sensor_msgs/msg/Imu", "ros2msg", IMU_SCHEMA.encode()
            )
            self._channels[topic] = self._writer.register_channel(topic, "cdr", schema)
        return self._channels[topic]

    def _write(
        self, channel: int, topic: str, data: bytes, t_ns: int, log_ns: int
    ) -> None:
        self._sequence[topic] = self._sequence.get(topic, -1) + 1
        self._writer.add_message(
            channel,
            log_time=log_ns,
            data=data,
            publish_time=t_ns,
            sequence=self._sequence[topic],
        )
