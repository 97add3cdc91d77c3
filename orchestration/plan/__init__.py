"""What a change makes stale, and what it costs.

Belongs here: lines by asset, session and reason, from tables, ledger and code. Does not: making any of it, printing.
"""
