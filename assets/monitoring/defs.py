"""Monitoring as assets: what the champions say about a session, and whether the session looks like their training data."""

import dagster as dg

from assets.materialize import result
from assets.partitions import sessions
from assets.registry.tracker import Tracker
from assets.tables.catalog import Catalog
from assets.workspace import Workspace
