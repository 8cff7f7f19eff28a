"""How long the audit log is kept: where its oldest entries may be cut off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..moments import is_ahead
from .audit_chain import AuditHead, ChainCheck, Line, parse

MOST_BYTES: Final = 8 * 1024 * 1024
"""No log is longer for long, however long it is to be kept."""
SHORTENED: Final = "log_shortened"
"""The event of the note after a cut."""

# A log that is too long is cut to this part, so that it is not cut each day.
_LEFT = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where the oldest entries end."""

    head: AuditHead
    """The last of them."""
    offset: int
    """Bytes up to its end."""
    entries: int


def cut_of(
    lines: Iterable[Line],
    *,
    before: datetime | None,
    now: datetime,
    most: int,
    key: str,
) -> Cut | None:
    """Return where a log is to be cut; None where it is not, or has been tampered with.

    Off comes what is older than ``before``, if that is given, and what goes beyond
    ``most`` bytes. ``key`` is what an earlier cut has to be signed with.
    """
    check = ChainCheck(None, key)
    found: list[tuple[Cut, datetime, str]] = []
    for line in lines:
        entries = check.entries
        check.take(line)
        if check.entries > entries and (read := parse(line)) is not None:
            cut = Cut(head=check.end.head, offset=check.end.size, entries=check.entries)
            found.append((cut, read.entry.at, read.entry.event))
    check.finish()
    if not check.intact:
        return None
    size = check.end.size
    left = size * 2 if size <= most else int(most * _LEFT)
    written = _written([at for _, at, _ in found], now)
    last = -1
    for place, at in enumerate(written):
        young = before is None or at is None or before <= at
        begin = found[place - 1][0].offset if place else 0
        if young and size - begin <= left:
            break
        last = place
    if all(event == SHORTENED for _, _, event in found[: last + 1]):
        # Else each note of a cut would make for another one.
        return None
    return found[last][0]


def _written(dated: Sequence[datetime], now: datetime) -> list[datetime | None]:
    """Return when entries were written at the latest; None where nobody knows.

    One that has not come yet was dated by a clock that was wrong: the next one that has
    come tells. Where none has, the clock of now is as likely the wrong one.
    """
    found: list[datetime | None] = []
    after: datetime | None = None
    for at in reversed(dated):
        after = after if is_ahead(at, now) else at
        found.append(after)
    return found[::-1]
