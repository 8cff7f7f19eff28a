"""An export of the audit log: its entries as they are, between signed checkpoints.

JSON Lines: a checkpoint where the log begins, the entries, one more checkpoint after
each five hundred and one at the end. What a power failure has torn is left out: the
entry after it tells of it. docs/verify_audit_log.py reads it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .audit_chain import AuditHead, ChainCheck, Line
from .audit_checkpoint import AuditKey

EVERY: Final = 500
"""Entries from one checkpoint to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExport:
    """What somebody can be shown."""

    content: bytes
    entries: int
    head: AuditHead
    """What the checkpoint at its end is of."""


def export_of(
    lines: Iterable[Line], key: AuditKey, now: datetime
) -> AuditExport | None:
    """Return the export of a log; None where that is not what was written.

    Nothing is signed that has been tampered with.
    """
    check = ChainCheck(None, key.public)
    begin = check.end.head
    body: list[bytes] = []
    for line in lines:
        before = check.entries
        check.take(line)
        if check.base is not None and not check.entries:
            begin = check.end.head
        if check.entries == before:
            continue
        assert line.text is not None, "it is an entry"
        body.append(line.text + b"\n")
        if check.entries % EVERY == 0:
            body.append(_signed(key, check.end.head, now))
    check.finish()
    if not check.intact:
        return None
    head = check.end.head
    if not body or check.entries % EVERY:
        body.append(_signed(key, head, now))
    content = b"".join((_signed(key, begin, now), *body))
    return AuditExport(content=content, entries=check.entries, head=head)


def _signed(key: AuditKey, head: AuditHead, now: datetime) -> bytes:
    return key.sign(head.number, head.hash, now).line()
