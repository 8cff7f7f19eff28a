"""What is remembered of a lock over a restart."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..model import BatteryReading, LockIdentity, Manner, Origin, OutcomeKind, Purpose
from ..moments import EARLIEST, can_have_been, is_set
from ..revision_text import version_in
from ..versions import is_other_version, is_same_version
from .held_record import HeldRecord
from .outcome_record import OutcomeRecord
from .silence import Part, silence_from_dict
from .stored import as_floor, as_text, as_time, as_truth, as_whole, optional

# Some years of a lock's life; what is older has been exported or matters no longer.
HISTORY_LIMIT = 50
# Readings that tell a trend; one a day, and one at the end of every installation.
BATTERY_LIMIT = 30
# Versions that a rollback may go back to.
RAN_LIMIT = 12
# Installations by somebody else that are kept and told one by one.
EXTERNAL_A_DAY = 3
# So long after a version was first seen its installation may have ended at the earliest,
# and before: clocks are put right in between.
_PROVEN_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """What was last known of a lock. Times are aware, UTC."""

    identity: LockIdentity
    read_at: datetime
    """When the lock last told its identity."""
    running_since: datetime
    """When its version was first seen."""
    history: tuple[OutcomeRecord, ...] = ()
    """How installations ended, oldest first; also on the locks before it at its door."""
    batteries: tuple[BatteryReading, ...] = ()
    """Earlier readings of its battery, oldest first."""
    announced: str | None = None
    """The version of the release that was last told to be available."""

    ran: tuple[str, ...] = ()
    """The other versions that it was seen to run, oldest first."""
    unsettled: Mapping[str, Any] | None = None
    """The journal of an installation whose end only the lock can tell, once it is back."""
    to_do: tuple[str, ...] = ()
    """After-care that a person has not done yet."""
    held: HeldRecord | None = None
    """In which nights its release could not be installed by itself."""
    silent_since: Mapping[Part, datetime] = field(default_factory=dict)
    """Since when what belongs to it says nothing; only what does so now."""
    heard_at: datetime | None = None
    """When the device of its linked battery was last heard, as far as is known."""
    manner: Manner | None = None
    """How its Nordic bootloader takes what is sent, if that was learned."""
    lock_number: int = 0
    """How many locks there were at the door before this one: a floor is of one lock."""

    @property
    def own_history(self) -> Iterator[OutcomeRecord]:
        """Return how installations ended on this very lock, newest first.

        What a lock before it has run, or was left with, says nothing of this one.
        """
        return (
            outcome
            for outcome in reversed(self.history)
            if outcome.lock_number == self.lock_number
        )

    @property
    def outcome(self) -> OutcomeRecord | None:
        """Return how the last installation on it ended."""
        return next(self.own_history, None)

    @property
    def attempted(self) -> OutcomeRecord | None:
        """Return how the last installation on it ended that somebody had wanted.

        A recovery only puts right what such a one has left.
        """
        wanted = (
            outcome
            for outcome in self.own_history
            if outcome.purpose is not Purpose.RECOVERY
        )
        return next(wanted, None)

    def has_run(self, sha256: str) -> bool:
        """Return whether an artifact was installed here, and has proven itself."""
        return any(
            outcome.sha256 == sha256 and outcome.kind is OutcomeKind.SUCCEEDED
            for outcome in self.own_history
        )

    def runs_as_installed(self, sha256: str) -> bool:
        """Return whether it runs an artifact that was installed here, and nothing since.

        That it tells the same version once more proves nothing: another program may have
        installed another file under its name, or another lock hang at the door.
        """
        return any(
            outcome.sha256 == sha256
            and outcome.kind is OutcomeKind.SUCCEEDED
            and outcome.ended >= self.running_since - _PROVEN_WITHIN
            and is_same_version(outcome.to_version, self.identity.firmware_version)
            for outcome in self.own_history
        )

    def reading(
        self, identity: LockIdentity, now: datetime, *, is_known: bool = True
    ) -> LockRecord:
        """Return the record after the lock has told its identity.

        ``is_known`` is whether what it ran until now is known from elsewhere.
        """
        known = self.read_as(identity.firmware_form)
        before, runs = known.identity.firmware_version, identity.firmware_version
        changed = is_other_version(before, runs)
        ran = tuple(
            each
            for each in known.ran
            if not (is_same_version(each, before) or is_same_version(each, runs))
        )
        return replace(
            self,
            identity=identity,
            ran=(*ran, before)[-RAN_LIMIT:] if changed and is_known else known.ran,
            read_at=now,
            running_since=now if changed else self.running_since,
            held=None if changed else self.held,
        )

    def taken_over(self, identity: LockIdentity, now: datetime) -> LockRecord:
        """Return the record after another lock has come to the same door.

        How installations ended is the door's history; all else was of the lock.
        """
        return LockRecord(
            identity=identity,
            read_at=now,
            running_since=now,
            history=self.history,
            lock_number=self.lock_number + 1,
        )

    def read_as(self, form: str | None) -> LockRecord:
        """Return the record with all versions as a form finds them in what was told."""
        if form == self.identity.firmware_form:
            return self
        return replace(
            self,
            identity=self.identity.read_as(form),
            ran=tuple(version_in(each, form) for each in self.ran),
        )

    def ended(self, outcome: OutcomeRecord) -> LockRecord:
        """Return the record after an installation; told twice, it counts once.

        Recoveries are tried again and again: those in vain are kept as one, or they
        would push out what the lock has lived through. So is what somebody else
        installs, when it is more in a day than anybody installs.
        """
        outcome = replace(outcome, lock_number=self.lock_number)
        told = {outcome.attempt}
        last = self.outcome
        if last is not None and (
            (last.is_fruitless and outcome.is_fruitless)
            or self._is_one_of_many(outcome)
        ):
            once_more = 0 if last.attempt in told else 1
            outcome = replace(
                outcome, started=last.started, tries=last.tries + once_more
            )
            told.add(last.attempt)
        others = tuple(each for each in self.history if each.attempt not in told)
        return replace(self, history=(*others, outcome)[-HISTORY_LIMIT:], held=None)

    def _is_one_of_many(self, outcome: OutcomeRecord) -> bool:
        """Return whether a lock claims other firmware again and again."""
        last = tuple(islice(self.own_history, EXTERNAL_A_DAY))
        return len(last) == EXTERNAL_A_DAY and all(
            each.origin is Origin.EXTERNAL
            and abs(outcome.ended - each.ended) < timedelta(days=1)
            for each in (*last, outcome)
        )

    def battery_read(self, reading: BatteryReading) -> LockRecord:
        """Return the record after the battery's level has been told."""
        return replace(self, batteries=(*self.batteries, reading)[-BATTERY_LIMIT:])

    def put_right(self, now: datetime) -> LockRecord:
        """Return the record without what a wrong clock has written into it.

        What is dated after now, or before there was anything to date, has happened at
        some time until now: an installation counts as having ended just now, and what
        was read counts as read nobody knows when.
        """
        if not is_set(now):
            # It is this clock that is wrong.
            return self
        return replace(
            self,
            read_at=self.read_at if can_have_been(self.read_at, now) else EARLIEST,
            running_since=_until(self.running_since, now),
            history=tuple(
                outcome
                if can_have_been(outcome.ended, now)
                else replace(outcome, started=min(outcome.started, now), ended=now)
                for outcome in self.history
            ),
            batteries=tuple(
                reading
                for reading in self.batteries
                if reading.at is None or can_have_been(reading.at, now)
            ),
            silent_since={
                part: _until(since, now) for part, since in self.silent_since.items()
            },
            heard_at=(
                self.heard_at
                if self.heard_at is None or can_have_been(self.heard_at, now)
                else None
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "identity": asdict(self.identity),
            "read_at": self.read_at.isoformat(),
            "running_since": self.running_since.isoformat(),
            "history": [outcome.to_dict() for outcome in self.history],
            "batteries": [_battery_to_dict(reading) for reading in self.batteries],
            "announced": self.announced,
            "ran": list(self.ran),
            "unsettled": dict(self.unsettled) if self.unsettled else None,
            "to_do": list(self.to_do),
            "lock_number": self.lock_number,
            "held": self.held.to_dict() if self.held else None,
            "silent_since": {
                part: since.isoformat() for part, since in self.silent_since.items()
            }
            or None,
            "heard_at": self.heard_at.isoformat() if self.heard_at else None,
            "manner": self.manner,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LockRecord:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            running_since = as_time(raw["running_since"])
            # Earlier versions counted none.
            number = as_floor(raw.get("lock_number", 0))
            return cls(
                identity=identity_from_dict(raw["identity"]),
                read_at=as_time(raw["read_at"]),
                running_since=running_since,
                history=tuple(
                    _outcome_from_dict(each, number, running_since)
                    for each in raw["history"]
                ),
                batteries=tuple(map(_battery_from_dict, raw["batteries"])),
                announced=optional(as_text, raw["announced"]),
                # Records of earlier versions do not have these.
                ran=tuple(map(as_text, raw.get("ran", ()))),
                unsettled=optional(_as_mapping, raw.get("unsettled")),
                to_do=tuple(map(as_text, raw.get("to_do", ()))),
                lock_number=number,
                held=optional(_as_held, raw.get("held")),
                silent_since=silence_from_dict(raw.get("silent_since") or {}),
                heard_at=optional(as_time, raw.get("heard_at")),
                manner=optional(_as_manner, raw.get("manner")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not the record of a lock: {err!r}") from err


def _outcome_from_dict(
    raw: Mapping[str, Any], number: int, since: datetime
) -> OutcomeRecord:
    """Read one; ``since`` the lock of this number runs what it runs.

    Earlier versions did not say on which lock it was. What has ended since then was on
    this one: it may have been left in its bootloader by that, and must get out of it.
    """
    outcome = OutcomeRecord.from_dict(raw)
    if "lock_number" in raw or outcome.ended < since:
        return outcome
    return replace(outcome, lock_number=number)


def _until(moment: datetime, now: datetime) -> datetime:
    return moment if can_have_been(moment, now) else now


def identity_from_dict(raw: Mapping[str, Any]) -> LockIdentity:
    """Read what ``asdict`` gave of an identity; raises what ``stored`` raises."""
    return LockIdentity(
        model=as_text(raw["model"]),
        hardware_revision=optional(as_text, raw["hardware_revision"]),
        firmware_version=as_text(raw["firmware_version"]),
        manufacturer=optional(as_text, raw["manufacturer"]),
        serial_number=optional(as_text, raw["serial_number"]),
        battery=optional(as_whole, raw["battery"]),
        # Records of earlier versions do not have these.
        firmware_text=optional(as_text, raw.get("firmware_text")),
        firmware_form=optional(as_text, raw.get("firmware_form")),
    )


def _as_manner(raw: object) -> Manner:
    return Manner(as_text(raw))


def _as_held(raw: object) -> HeldRecord:
    return HeldRecord.from_dict(_as_mapping(raw))


def _as_mapping(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise TypeError(f"{raw!r} is no mapping")
    return raw


def _battery_to_dict(reading: BatteryReading) -> dict[str, Any]:
    return {
        "level": reading.level,
        "low": reading.low,
        "at": reading.at.isoformat() if reading.at else None,
    }


def _battery_from_dict(raw: Mapping[str, Any]) -> BatteryReading:
    return BatteryReading(
        level=optional(as_whole, raw["level"]),
        low=as_truth(raw["low"]),
        at=optional(as_time, raw["at"]),
    )
