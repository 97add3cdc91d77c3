"""Boxes of single frames joined to tracks, and nothing of where frames are stored: arrays in, arrays out.

Here belong online trackers, the offline smoother and what they share: filters, overlaps, assignments. How good tracks
are is measured in `models.metrics`.
"""
