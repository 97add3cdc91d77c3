"""The trackers that there are: the first where none is named."""

TRACKER_NAMES = ("offline", "bytetrack", "sort")
