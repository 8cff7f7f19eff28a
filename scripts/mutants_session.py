"""A plugin of pytest that runs its tests on one mutant after the other.

mutmut's own runner begins a whole session of pytest for each mutant, which takes a
hundred times as long as the tests themselves. Here there is one, which has collected
everything, and a child of it for each mutant, which runs the tests that come by the
mutant's function until one fails.
"""

import gc
import json
import os
from pathlib import Path
import signal
import time

from _pytest.runner import runtestprotocol
from mutmut.state import state
import pytest

_CHILDREN = 2
# Seconds of work, and how many times as much as all its tests without it: who is not done
# by then is caught in a loop, and that has been noticed. What others do on the machine
# meanwhile does not count, but who waits that many times as long waits for ever.
_LEAST, _TIMES = 30.0, 20.0
_WAITS = 10


def _passes(item: pytest.Item) -> bool:
    reports = runtestprotocol(item, nextitem=None, log=False)
    return not any(report.failed for report in reports)


def _run(mutant: str, items: list[pytest.Item], seconds: float) -> int:
    """Begin a child that ends with 0 if no test has noticed; return its number."""
    if child := os.fork():
        return child
    os.environ["MUTANT_UNDER_TEST"] = mutant
    for limit in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(limit, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(int(seconds * _WAITS))
    code = 1
    try:
        code = 0 if all(map(_passes, items)) else 1
    finally:
        os._exit(code)


def pytest_runtestloop(session: pytest.Session) -> bool:
    """See which tests come by which function, then run each mutant."""
    if session.testsfailed:
        return True
    by_function: dict[str, list[tuple[float, pytest.Item]]] = {}
    os.environ["MUTANT_UNDER_TEST"] = "stats"
    for item in session.items:
        state()._stats.clear()  # noqa: SLF001
        began = time.process_time()
        if not _passes(item):
            print(f"fails without any mutant: {item.nodeid}")
            return True
        took = time.process_time() - began
        for function in state()._stats:  # noqa: SLF001
            by_function.setdefault(function, []).append((took, item))
    del os.environ["MUTANT_UNDER_TEST"]
    # Else each child that collects garbage copies all that the parent has in memory.
    gc.collect()
    gc.freeze()

    survived: list[str] = []
    running: dict[int, str] = {}
    noticed = Path(os.environ["NOTICED_MUTANTS"])

    def wait() -> None:
        child, status = os.wait()
        mutant = running.pop(child)
        if status:
            with noticed.open("a", encoding="utf-8") as kept:
                kept.write(f"{mutant}\n")
        else:
            survived.append(mutant)

    for mutant in json.loads(Path("mutants.json").read_text("utf-8")):
        tests = by_function.get(mutant.rpartition("__mutmut_")[0], [])
        tests.sort(key=lambda test: test[0])
        if len(running) == _CHILDREN:
            wait()
        seconds = _LEAST + _TIMES * sum(took for took, _ in tests)
        running[_run(mutant, [item for _, item in tests], seconds)] = mutant
    while running:
        wait()
    Path("survivors.json").write_text(json.dumps(survived), "utf-8")
    return True
