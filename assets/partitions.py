"""The one partitioning: sessions, at most thousands, never one per frame."""

import dagster as dg

sessions = dg.DynamicPartitionsDefinition(name="sessions")
