"""The ledger: what became of every file, who works on which capture, what failed and waits."""

from assets.ledger.file import LedgerFault
from assets.ledger.ledger import Ledger
from assets.ledger.rows import (
    COMMAND_LINE,
    MOVED,
    Claim,
    FileOutcome,
    Intaken,
    LeaseLost,
    LedgerFinding,
    Pause,
    pause_s,
)

__all__ = [
    "COMMAND_LINE",
    "MOVED",
    "Claim",
    "FileOutcome",
    "Intaken",
    "LeaseLost",
    "Ledger",
    "LedgerFault",
    "LedgerFinding",
    "Pause",
    "pause_s",
]
