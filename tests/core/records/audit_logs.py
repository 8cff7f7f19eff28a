"""Audit logs to be shown, and the script that a person checks them with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
import hashlib
import importlib.util
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_checkpoint import (
    AuditKey,
    short_form,
)

SCRIPT = Path(__file__).parents[3] / "docs" / "verify_audit_log.py"
KEY = AuditKey(bytes(range(32)))
OTHER_KEY = AuditKey(bytes(32))
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Clock:
    """Goes on by a step each time that it is looked at."""

    def __init__(
        self, now: datetime = NOON, step: timedelta = timedelta(minutes=1)
    ) -> None:
        """Begin."""
        self.now = now
        self.step = step

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += self.step
        return self.now


def log_of(path: Path, count: int) -> AuditLog:
    """Return a log with some entries."""
    log = AuditLog(path, Clock())
    for number in range(1, count + 1):
        log.append("approved", version=f"1.{number}", user="person-1")
    return log


def exported(log: AuditLog, key: AuditKey = KEY) -> bytes:
    """Return what can be shown of a log."""
    export = log.export(key)
    assert export is not None
    return export.content


def kept(log: AuditLog) -> str:
    """Return what a person keeps of a log as it is now."""
    head = log.head()
    return short_form(head.number, head.hash)


def asked(path: Path, content: bytes, *said: str) -> tuple[int, str]:
    """Return what the script says of an export, run as a person runs it."""
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(path), *said],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def wrong(content: bytes, checkpoint: str | None = None) -> list[str]:
    """Return what the script finds wrong, without a process of its own."""
    spec = importlib.util.spec_from_file_location("verify_audit_log", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    *found, _ = script.check(content, checkpoint, None)
    return list(map(str, found))


def chained(contents: Sequence[dict[str, Any]], last: str) -> list[bytes]:
    """Return lines whose hashes are right, as a forger makes them."""
    lines = []
    for content in contents:
        rest = {key: value for key, value in content.items() if key != "hash"}
        raw = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
        last = hashlib.sha256(bytes.fromhex(last) + raw).hexdigest()
        whole = {**rest, "hash": last}
        line = json.dumps(whole, sort_keys=True, separators=(",", ":"))
        lines.append(line.encode() + b"\n")
    return lines
