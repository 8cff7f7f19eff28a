"""What people have decided about one lock's releases, and what the household has seen.

Kept in a store of our own: Home Assistant keeps a skip in an entity's attributes only,
and loses it when the entity is not available at the wrong moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..model import Purpose, Source
from ..moments import can_have_been, is_set, is_too_far
from ..versions import is_told_as
from .stored import as_chosen_time, as_text, as_time, as_truth, optional


class Override(StrEnum):
    """A rule of preflight that the owner may judge better."""

    BATTERY = "battery"
    DOOR = "door"
    WAY_IN = "way_in"
    SOAK = "soak"
    SECURITY_FLOOR = "security_floor"
    """Firmware with a known hole, of which the owner has said so in words."""
    HALT = "halt"
    """That a feed which is gone has halted the release."""


JUDGEMENT_HOLDS = timedelta(hours=12)
"""For how long somebody's judgement about a moment counts: a night."""
OF_A_MOMENT = frozenset({Override.BATTERY, Override.DOOR, Override.WAY_IN})
"""What changes by itself. The others are judgements about a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's consent to one installation of one release."""

    version: str
    sha256: str
    """Of the artifact: a release that changes needs another approval."""
    user_id: str
    user_name: str
    at: datetime
    """Aware, UTC."""
    second_factor: bool = False
    overrides: frozenset[Override] = frozenset()
    words: str = ""
    """What the person has said to it, where it had to be said in words."""

    def covers(self, version: str, sha256: str) -> bool:
        """Return whether this was given for that very release."""
        return (self.version, self.sha256) == (version, sha256)

    def overrides_at(self, now: datetime) -> frozenset[Override]:
        """Return what it overrides still; the approval itself does not end.

        One that is dated after now was given by a clock that was ahead, and nobody
        knows when: none of its overrides counts.
        """
        if self.at > now:
            return frozenset()
        if now - self.at > JUDGEMENT_HOLDS:
            return self.overrides - OF_A_MOMENT
        return self.overrides

    def ended_at(self, now: datetime) -> frozenset[Override]:
        """Return what it does not override any more."""
        return self.overrides - self.overrides_at(now)

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "version": self.version,
            "sha256": self.sha256,
            "user_id": self.user_id,
            "user_name": self.user_name,
            "at": self.at.isoformat(),
            "second_factor": self.second_factor,
            "overrides": sorted(self.overrides),
            "words": self.words,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Approval:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            version=as_text(raw["version"]),
            sha256=as_text(raw["sha256"]),
            user_id=as_text(raw["user_id"]),
            user_name=as_text(raw["user_name"]),
            at=as_time(raw["at"]),
            second_factor=as_truth(raw["second_factor"]),
            overrides=frozenset(map(Override, raw["overrides"])),
            # Approvals of earlier versions do not have it.
            words=as_text(raw.get("words", "")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A person's consent that a lock is updated by itself."""

    user_id: str | None
    user_name: str | None
    """None where Home Assistant did not say who it was."""
    at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The one release out of the vault that a person wants, instead of the feed's."""

    sha256: str
    """Of its artifact."""
    version: str
    source: Source
    purpose: Purpose

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "sha256": self.sha256,
            "version": self.version,
            "source": self.source,
            "purpose": self.purpose,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Choice:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            sha256=as_text(raw["sha256"]),
            version=as_text(raw["version"]),
            source=Source(raw["source"]),
            purpose=Purpose(raw["purpose"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What people have decided about one lock. Times are aware, UTC."""

    pinned: str | None = None
    """The version at which the lock is to stay."""
    skipped: str | None = None
    """The version that somebody does not want; as its lock told it where it ran there."""
    postponed_until: datetime | None = None
    scheduled_at: datetime | None = None
    scheduled_for: str | None = None
    """The key of the release for which somebody has said when; None in older records."""
    """When somebody wants the next installation; it counts as asked for by a person."""
    approval: Approval | None = None
    choice: Choice | None = None
    """What a person wants installed next, whatever the feed offers."""
    announced: str | None = None
    """The release of whose installation people were told, by its artifact's SHA-256."""
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    """When a release was first offered to this household, by its artifact's SHA-256."""

    def chosen_time(self, sha256: str) -> datetime | None:
        """Return when somebody wants a release installed; ``sha256`` is its key.

        Whoever has said "tonight" of one release has not said it of the next.
        """
        if self.scheduled_for not in {None, sha256}:
            return None
        return self.scheduled_at

    def leaves_out(self, version: str) -> bool:
        """Return whether somebody does not want the release of a version.

        A lock tells more of what it ran than its vendor: ``1.2.0+0`` of ``1.2.0``.
        """
        return self.skipped is not None and is_told_as(version, self.skipped)

    def of_another_lock(self) -> Decisions:
        """Return what holds also where another lock is in the place of this one."""
        return Decisions(skipped=self.skipped, postponed_until=self.postponed_until)

    def put_right(self, now: datetime) -> Decisions:
        """Return the decisions without what a wrong clock has made of them.

        A soak of which nobody knows when it began begins now. What a person has judged
        about a moment does not hold where nobody knows when that was. And a time that nobody
        can have chosen is none: what was to wait for it is told anew
        before it is installed.
        """
        if not is_set(now):
            # It is this clock that is wrong.
            return self
        approval = self.approval
        if approval is not None and not can_have_been(approval.at, now):
            approval = replace(approval, overrides=frozenset())
        postponed, scheduled = (
            time if time is not None and _can_be_chosen(time, now) else None
            for time in (self.postponed_until, self.scheduled_at)
        )
        voids = (postponed, scheduled) != (self.postponed_until, self.scheduled_at)
        return replace(
            self,
            postponed_until=postponed,
            scheduled_at=scheduled,
            announced=None if voids else self.announced,
            approval=approval,
            first_seen={
                sha256: seen if can_have_been(seen, now) else now
                for sha256, seen in self.first_seen.items()
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "pinned": self.pinned,
            "skipped": self.skipped,
            "postponed_until": _text(self.postponed_until),
            "scheduled_at": _text(self.scheduled_at),
            "scheduled_for": self.scheduled_for,
            "approval": self.approval.to_dict() if self.approval else None,
            "choice": self.choice.to_dict() if self.choice else None,
            "announced": self.announced,
            "first_seen": {
                sha256: seen.isoformat() for sha256, seen in self.first_seen.items()
            },
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Decisions:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            approval = raw["approval"]
            # Decisions of earlier versions do not have it.
            choice = raw.get("choice")
            return cls(
                pinned=optional(as_text, raw["pinned"]),
                skipped=optional(as_text, raw["skipped"]),
                postponed_until=optional(as_chosen_time, raw["postponed_until"]),
                scheduled_at=optional(as_chosen_time, raw["scheduled_at"]),
                # Decisions of earlier versions do not have it.
                scheduled_for=optional(as_text, raw.get("scheduled_for")),
                approval=None if approval is None else Approval.from_dict(approval),
                choice=None if choice is None else Choice.from_dict(choice),
                announced=optional(as_text, raw["announced"]),
                first_seen={
                    as_text(sha256): as_time(seen)
                    for sha256, seen in raw["first_seen"].items()
                },
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not what was decided about a lock: {err!r}") from err


def _can_be_chosen(time: datetime, now: datetime) -> bool:
    """Return whether people could have meant a time, with a clock that was right."""
    return is_set(time) and not is_too_far(time, now)


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
