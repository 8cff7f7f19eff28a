"""How large the audit log becomes, and what reading it costs.

    .venv/bin/python -m benchmarks.audit [FOLDER]

A year with thirty locks on virtual time: *usual* is a release a month for each, approved
by a person; *worst* an attempt on each lock each night, which is the most that the rules
allow to happen by itself; *full* is a log as long as it may become. Appending is timed
with fsync, in FOLDER (a temporary one without it), for the last hundred entries.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import sys
import tempfile
import time
from unittest import mock

from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_checkpoint import AuditKey
from custom_components.nightlatch.core.records.audit_cut import MOST_BYTES

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


def measure(name: str, log: AuditLog, path: Path) -> None:
    """Print a line of the table."""
    size = _size(path)

    def timed(work: object) -> float:
        start = time.perf_counter()
        assert callable(work)
        work()
        return time.perf_counter() - start

    checked = timed(log.verify)
    shown = timed(lambda: log.export(KEY))

    def fifty() -> None:
        for number in range(50):
            install(log, number)

    append = timed(fifty) / 100
    entries = log.head().number - 100
    print(
        f"{name:6} {entries:7} entries {size / 1e6:6.2f} MB  checked {checked:5.2f} s"
        f"  exported {shown:5.2f} s  appended {append * 1000:5.1f} ms"
    )


def main() -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        for name, times, until in (
            ("usual", LOCKS * 12, None),
            ("worst", LOCKS * 365, None),
            ("full", 100_000, MOST_BYTES),
        ):
            path = folder / f"{name}.audit"
            measure(name, grown(path, times, until=until), path)
        log = AuditLog(path, Clock())
        start = time.perf_counter()
        log.shorten(KEY, None)
        took = time.perf_counter() - start
        print(f"cut to {_size(path) / 1e6:.2f} MB in {took:.2f} s")


if __name__ == "__main__":
    main()
