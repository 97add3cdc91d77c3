"""Exactly once, proven: seeded fault schedules, one checker, and the same schedules on a bare Dagster + Lance job.

Belongs here: faults, the processes that suffer them, and the verdict. Does not: a second way to ingest.
"""
