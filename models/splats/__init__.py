"""Gaussian splats: Gaussians in space that are drawn as pictures, and learned from pictures of known place."""

DEVICES = ("cuda", "cpu")  # where they are learned
