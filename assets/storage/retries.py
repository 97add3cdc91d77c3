"""Ask a store again after a failure that passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from assets.addresses import hide

T = TypeVar("T")
_ATTEMPTS = 4


def retry(call: Callable[[], T]) -> T:
    """Call again after a transient failure of the store; what is absent or forbidden fails at once.

    Raises OSError for a store that cannot be reached, which s3fs has tried several times by then.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except (
            FileNotFoundError,
            PermissionError,
            IsADirectoryError,
            NotADirectoryError,
        ):
            raise
        except OSError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
        except Exception as error:
            if not type(error).__module__.startswith("botocore."):
                raise
            raise OSError(
                f"{hide(str(error))}: check the address of the object store and the credentials"
            ) from error
    raise AssertionError("unreachable")
