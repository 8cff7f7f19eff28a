"""How large the audit log becomes, and what reading it costs.

    .venv/bin/python -m benchmarks.audit [FOLDER]

A year with thirty locks on virtual time: *usual* is a release a month for each, approved
by a person; *worst* an attempt on each lock each night, which is the most that the rules
allow to happen by itself; *full* is a log as long as it may become. Appending is timed
with fsync, in FOLDER (a temporary one without it), for the last hundred entries.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sys
import tempfile
import time
from unittest import mock

from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_checkpoint import AuditKey
from custom_components.nightlatch.core.records.audit_cut import MOST_BYTES

from .shape import Found, Row, Table, main_of_a_disk

LOCKS = 30
KEY = AuditKey(bytes(32))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        """Begin."""
        self.now = BEGIN

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


def install(log: AuditLog, number: int) -> None:
    """Write down one installation, and the approval before it."""
    person = "person-" + "0" * 24
    lock, sha256 = f"01JD{number % LOCKS:022d}", f"{number:064x}"
    log.append(
        "approved",
        lock=lock,
        user=person,
        version="1.2.3",
        sha256=sha256,
        second_factor=True,
        overrides=["battery"],
        words=None,
    )
    log.append(
        "installation_ended",
        lock=lock,
        attempt=f"{number:032x}",
        outcome="succeeded",
        purpose="update",
        asked_by="schedule",
        from_version="1.2.2",
        to_version="1.2.3",
        source="feed",
        sha256=sha256,
        signer="0" * 64,
        touched=True,
        reason=None,
        approved_by=person,
        second_factor=True,
        overrides=["battery"],
    )


def grown(path: Path, times: int, *, until: int | None = None) -> AuditLog:
    """Return a log after a year with so many installations, or of some size."""
    clock = Clock()
    log = AuditLog(path, clock)
    with mock.patch("os.fsync"):
        number = 0
        while number < times and (until is None or not number or _size(path) < until):
            clock.now += YEAR / times
            install(log, number)
            number += 1
    return log


def _size(path: Path) -> int:
    return path.stat().st_size


def measure(name: str, log: AuditLog, path: Path) -> Row:
    """Return a line of the table."""
    size = _size(path)

    def timed(work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    checked = timed(log.verify)
    exported = timed(lambda: log.export(KEY))

    def fifty() -> None:
        for number in range(50):
            install(log, number)

    return Row(
        name=name,
        figures={
            "MB": size / 1e6,
            "entries": log.head().number,
            "checked s": checked,
            "exported s": exported,
            "append ms": timed(fifty) / 100 * 1000,
        },
        baseline=MOST_BYTES / 1e6,
    )


def measure_all(folder: Path, short: bool) -> Found:
    """Let logs grow in a folder, and measure them; return what was found."""
    rows, missed = [], []
    kinds = (
        ("usual", LOCKS * 12, None),
        ("worst", LOCKS * 365, None),
        ("full", 100_000, MOST_BYTES),
    )
    for name, times, until in kinds[: 1 if short else None]:
        path = folder / f"{name}.audit"
        log = grown(path, times, until=until)
        rows.append(measure(name, log, path))
    if not short:
        start = time.perf_counter()
        log.shorten(KEY, None)
        took = time.perf_counter() - start
        rows.append(
            Row(
                name="cut",
                figures={"MB": _size(path) / 1e6, "seconds to cut": took},
                baseline=MOST_BYTES / 1e6,
            )
        )
        if _size(path) > MOST_BYTES:
            missed.append("a log that was cut is longer than any may be")
    table = Table(
        name="The audit log of thirty locks after a year",
        of="MB after which it is cut",
        rows=rows,
    )
    return Found(tables=[table], missed=missed)


def run(short: bool) -> Found:
    """Measure all; for a quick look the usual year only."""
    with tempfile.TemporaryDirectory() as made:
        return measure_all(Path(made), short)


if __name__ == "__main__":
    sys.exit(main_of_a_disk(__doc__, run, measure_all))
