"""A simulated tabletop world: scenes, ray-cast pictures, motion with its IMU, exact labels, and changes of the world.

What belongs here: arrays in, arrays out, everything drawn from a generator that the caller seeds. Not here: files,
message formats and photographs, which `assets/capture/simulation/` reads and writes.
"""
