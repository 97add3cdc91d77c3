"""Metrics of a home for Prometheus: read from its stores when somebody asks, kept nowhere.

Belongs here: which metrics there are, reading them, the text that Prometheus reads. Does not: alerts, pages, events.
"""
