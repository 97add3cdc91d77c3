"""The parts of the capture simulator that touch files and formats: textures in, MCAP messages and faults out.

What belongs here: reading photographs, encoding messages, breaking files on purpose. Not here: scenes, rays and motion,
which are arrays only and lie in `models/simulation/`.
"""
