"""Making what a plan names, as one Dagster backfill, down to a verdict.

Belongs here: what is ordered, who works on it, what came of it. Does not: how an asset is made, printing.
"""
