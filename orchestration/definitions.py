"""The code location that Dagster loads: the graph for the home that the environment names.

Belongs here: what a process of Dagster needs first. Does not: the graph.
"""

from assets.tracing import require_exporter
from orchestration.collector import spare_collector
from orchestration.graph import build_defs
from orchestration.kept_engines import keep_engines
from orchestration.log_lines import choose_log
from orchestration.profiles import choose_spill, keep_private, load_settings

keep_private()
choose_spill()
choose_log()
require_exporter()
spare_collector()
keep_engines()
defs = build_defs(load_settings())
