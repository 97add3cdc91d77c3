"""Fusion of RGB-D pictures: how a camera moved, and the surface that it saw."""
