"""The collector of cycles, in processes that load much and end soon.

Belongs here: what it leaves out. Does not: closing what is open, which whoever opened it does, or what runs at exit.
"""

import atexit
import gc
import sys

_NEW_OBJECTS = 10_000  # between two rounds; CPython's own number is 700


def spare_collector() -> None:
    """Let it come more rarely in this process, and not at its end, when it would look through all that was loaded.

    What runs at exit (`atexit`, `weakref.finalize`) runs; what is still open then, the system closes.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.unregister(_leave_all)
    atexit.register(_leave_all)


def _leave_all() -> None:
    # DuckDB tells of each of its objects that is left, on stderr
    if "_duckdb" not in sys.modules:
        gc.freeze()
