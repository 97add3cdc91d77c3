"""Sensors: one file for each thing that is watched."""
