"""The collector of cycles, in processes that load much and end soon.

Belongs here: what it leaves out. Does not: memory that is watched; what makes large things in cycles breaks them itself.
"""

import atexit
import gc

_NEW_OBJECTS = 10_000  # between two rounds; CPython's own number is 700


def spare_collector() -> None:
    """Let it come more rarely in this process, and not at its end, when it would look through all that was loaded.

    What libraries do at the end of a process they do; objects outside of cycles are freed as always.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
