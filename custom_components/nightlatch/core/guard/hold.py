"""Holding back what another integration offers, so that nothing installs it unguarded.

The means is Home Assistant's own: a version that is skipped is not counted, and *Update
all* leaves it out. It is no lock: whoever presses Install there still installs. Which
skips are ours is kept, so that those of people are never touched. Those of people are
kept too: Home Assistant forgets a skip when the entity is away at the wrong moment, or
what is skipped seems installed for a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..records.stored import as_text, optional
from .source import SourceReading


class Hold(StrEnum):
    """How it is with what a source offers."""

    HELD = "held"
    SKIPPED = "skipped"
    """A person has skipped it."""
    CLEARED = "cleared"
    """A person has taken the hold away; that is respected."""
    NOTHING_OFFERED = "nothing_offered"
    NOT_OFFERED_ON = "not_offered_on"
    """It is not offered here, so that it must not vanish there."""
    NOT_POSSIBLE = "not_possible"
    """The lock takes updates by itself, or the source is not available."""
    OPEN = "open"
    """It is offered, and not held yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRecord:
    """What is known of the skips on one source: our own hold, and those of people."""

    held: str | None = None
    """The version whose skip is ours."""
    cleared: str | None = None
    """The version for which a person has taken our hold away."""
    skipped: str | None = None
    """The version that a person has skipped there, until they lift it."""

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {"held": self.held, "cleared": self.cleared, "skipped": self.skipped}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> HoldRecord:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                held=optional(as_text, raw["held"]),
                cleared=optional(as_text, raw["cleared"]),
                # Records of earlier versions do not have it.
                skipped=optional(as_text, raw.get("skipped")),
            )
        except (KeyError, TypeError) as err:
            raise ValueError(f"Not what is known of a hold: {err!r}") from err


def hold_of(record: HoldRecord, reading: SourceReading, *, offered_on: bool) -> Hold:
    """Return how it is with what a source offers.

    ``offered_on`` is whether the lock is offered it here.
    """
    if not reading.available or reading.installs_by_itself:
        return Hold.NOT_POSSIBLE
    left = Hold.NOT_OFFERED_ON if reading.says_new else Hold.NOTHING_OFFERED
    if not reading.offers_update:
        return left
    if reading.skipped == reading.offered:
        return Hold.HELD if record.held == reading.offered else Hold.SKIPPED
    if record.skipped == reading.offered:
        return Hold.SKIPPED
    if record.cleared == reading.offered:
        return Hold.CLEARED
    return Hold.OPEN if offered_on else left


def skipped_by_person(record: HoldRecord, reading: SourceReading) -> str | None:
    """Return the version that a person has skipped, also where that was forgotten."""
    if reading.skipped not in {None, record.held}:
        return reading.skipped
    return record.skipped


def to_skip(
    record: HoldRecord, reading: SourceReading, *, offered_on: bool
) -> HoldRecord | None:
    """Return the record to keep before the offered version is skipped.

    For us, or once more for a person whose skip was forgotten; None where it is not to be
    skipped.
    """
    hold = hold_of(record, reading, offered_on=offered_on)
    if hold is Hold.OPEN:
        return held_by_us(record, reading)
    is_forgotten = hold is Hold.SKIPPED and reading.skipped != reading.offered
    return record if is_forgotten else None


def held_by_us(record: HoldRecord, reading: SourceReading) -> HoldRecord:
    """Return the record to keep before the offered version is skipped for us."""
    return replace(record, held=reading.offered)


def wanted_after_all(record: HoldRecord, reading: SourceReading) -> HoldRecord:
    """Return the record after a person has lifted their skip here.

    What is skipped there is our hold from then on.
    """
    theirs = skipped_by_person(record, reading)
    ours = theirs if theirs is not None and reading.skipped == theirs else record.held
    return replace(record, held=ours, skipped=None)


def must_lift(record: HoldRecord, reading: SourceReading) -> bool:
    """Return whether there is a skip of ours to take away."""
    return record.held is not None and reading.skipped == record.held


def must_let_go(
    record: HoldRecord, reading: SourceReading, *, offered_on: bool
) -> bool:
    """Return whether a skip of ours hides what the lock is not offered here."""
    return (
        reading.available
        and not offered_on
        and must_lift(record, reading)
        and reading.offered not in {None, reading.installed}
    )


def after_change(
    record: HoldRecord, before: SourceReading, after: SourceReading
) -> HoldRecord:
    """Return the record after a source has said something new.

    Only a skip that vanishes while the source is there all the time, with the same update
    on offer, was taken away by a person: Home Assistant itself forgets skips over a
    restart, and of what is installed. That of a person holds until another update is on
    offer.
    """
    if not after.available:
        return record
    if _is_lifted(before, after):
        if record.held == before.skipped:
            return replace(record, held=None, cleared=record.held)
        if record.skipped == before.skipped:
            return replace(record, skipped=None)
    if after.skipped not in {None, record.held}:
        record = replace(record, skipped=after.skipped)
    elif after.offers_update and after.offered != record.skipped:
        record = replace(record, skipped=None)
    if after.offered not in {None, record.held}:
        record = replace(record, held=None)
    return record


def _is_lifted(before: SourceReading, after: SourceReading) -> bool:
    """Return whether a person has taken a skip away, whosever it was."""
    return (
        before.available
        and before.skipped is not None
        and before.skipped == before.offered == after.offered
        and after.skipped is None
        and after.offers_update
    )
