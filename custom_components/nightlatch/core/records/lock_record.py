"""What is remembered of a lock over a restart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ..model import LockIdentity, OutcomeKind
from .stored import as_number, as_text, as_time, as_whole, optional


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """How an installation ended, in values that can be stored and shown."""

    kind: OutcomeKind
    ended: datetime
    seconds: float
    from_version: str
    to_version: str
    message: str | None = None
    """What a person was told, where it did not succeed."""

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {**asdict(self), "ended": self.ended.isoformat()}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> OutcomeRecord:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            kind=OutcomeKind(raw["kind"]),
            ended=as_time(raw["ended"]),
            seconds=as_number(raw["seconds"]),
            from_version=as_text(raw["from_version"]),
            to_version=as_text(raw["to_version"]),
            message=optional(as_text, raw["message"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """What was last known of a lock. Times are aware, UTC."""

    identity: LockIdentity
    read_at: datetime
    """When the lock last told its identity."""
    running_since: datetime
    """When its version was first seen."""
    outcome: OutcomeRecord | None = None
    announced: str | None = None
    """The version of the release that was last told to be available."""

    def reading(self, identity: LockIdentity, now: datetime) -> LockRecord:
        """Return the record after the lock has told its identity."""
        changed = identity.firmware_version != self.identity.firmware_version
        return replace(
            self,
            identity=identity,
            read_at=now,
            running_since=now if changed else self.running_since,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "identity": asdict(self.identity),
            "read_at": self.read_at.isoformat(),
            "running_since": self.running_since.isoformat(),
            "outcome": self.outcome.to_dict() if self.outcome else None,
            "announced": self.announced,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> LockRecord:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                identity=_identity_from_dict(raw["identity"]),
                read_at=as_time(raw["read_at"]),
                running_since=as_time(raw["running_since"]),
                outcome=(
                    None
                    if raw["outcome"] is None
                    else OutcomeRecord.from_dict(raw["outcome"])
                ),
                announced=optional(as_text, raw["announced"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not the record of a lock: {err!r}") from err


def _identity_from_dict(raw: Mapping[str, Any]) -> LockIdentity:
    return LockIdentity(
        model=as_text(raw["model"]),
        hardware_revision=optional(as_text, raw["hardware_revision"]),
        firmware_version=as_text(raw["firmware_version"]),
        manufacturer=optional(as_text, raw["manufacturer"]),
        serial_number=optional(as_text, raw["serial_number"]),
        battery=optional(as_whole, raw["battery"]),
    )
