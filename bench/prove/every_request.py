"""`python -m bench.prove.every_request`: fail each request that an intake sends to its object store, in each way.

The schedules of `make prove` take some of these cases with a process for each worker. Here is every one of them: for
each fault the first request fails, then the second, and so on until an intake needs fewer requests. The worker lives in
this process, meets the error, and takes the session in again; what is there then is compared with a run without fault.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from bench.prove.history import History, Verdict, check
from bench.prove.landings import first_step
from bench.prove.prove import open_store
from bench.prove.s3_proxy import FAULTS
from bench.prove.site import MAX_ATTEMPTS, NotRecovered, Site
from bench.prove.stage import Stage
from bench.prove.worker import open_intake

_TELL_EVERY = 25


def fail_every_request(
    stage: Stage,
    faults: Iterable[str],
    numbers: Callable[[], Iterable[int]],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Counts over all requests of `numbers` that were failed; `by_fault` has how many there were."""
    expected = stage.reference("first on s3", [[(first_step(), 0)]], on_s3=True)
    total = Counter[str]()
    by_fault = Counter[str]()
    proxy = stage.proxy
    assert proxy is not None
    for fault in faults:
        for number in numbers():
            with stage.open(on_s3=True) as site:
                site.land(first_step())
                proxy.arm(fault, number)
                try:
                    failures = _take_in(site)
                except NotRecovered as error:
                    failures = MAX_ATTEMPTS
                    say(
                        f"{fault}, request {number} ({proxy.injected}): NOT RECOVERED {error}"
                    )
                if not proxy.injected:
                    break  # it needed fewer requests
                verdict = check(site.events(), [expected], site.export())
            by_fault[fault] += 1
            if by_fault[fault] % _TELL_EVERY == 0:
                say(f"{fault}: {by_fault[fault]} requests failed so far")
            total += _count(verdict, failures)
            if not verdict.is_clean:
                say(f"{fault}, request {number} ({proxy.injected}): {verdict}")
        say(
            f"{fault}: {by_fault[fault]} requests failed, {total['unequal']} outcomes unequal so far"
        )
    keys = ("lost", "duplicated", "unequal", "felt", "not_recovered")
    return {
        "requests": by_fault.total(),
        **{key: total[key] for key in keys},
        "by_fault": dict(by_fault),
    }


def _take_in(site: Site) -> int:
    """Take the session in until it ends well; how often it did not. Raises NotRecovered."""
    from assets.storage import Folder

    order = replace(site.order, worker="worker-1")
    history = History(Path(order.history), order.worker)
    error = ""
    for failures in range(MAX_ATTEMPTS):
        intake = open_intake(order)
        try:
            intake.ingest(Folder(order.source, order.file_options), order.session)
            return failures
        except Exception as met:  # whatever a failed request makes of an intake: it is to be tried again
            error = f"{type(met).__name__}: {met}"[:500]
            history.add("failed", error=error)
        finally:
            intake.ledger.engine.dispose()
    raise NotRecovered(f"{MAX_ATTEMPTS} attempts failed: {error}")


def _count(verdict: Verdict, failures: int) -> Counter[str]:
    return Counter(
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        unequal=int(not verdict.is_clean),
        felt=int(failures > 0),
        not_recovered=int(failures == MAX_ATTEMPTS),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument(
        "--fault", choices=FAULTS, action="append", help="only this one (default: all)"
    )
    parser.add_argument(
        "--every", type=int, default=1, help="leave out all but one of so many requests"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # of clients that tell of their retries
    with (
        open_store() as (proxy, endpoint),
        tempfile.TemporaryDirectory(prefix="daguerre-prove-") as folder,
    ):
        stage = Stage.build(Path(folder), "daguerre", proxy, endpoint, None)
        found = fail_every_request(
            stage,
            options.fault or FAULTS,
            lambda: count(1, options.every),
            lambda line: print(line, file=sys.stderr),
        )
    print(json.dumps(found))
    sys.exit(0 if found["unequal"] == found["not_recovered"] == 0 else 1)


if __name__ == "__main__":
    main()
