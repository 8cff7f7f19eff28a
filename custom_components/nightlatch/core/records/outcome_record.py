"""How an installation ended, in values that can be stored and shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..errors import TransportProblem
from ..model import Origin, OutcomeKind, Purpose
from .decisions import Approval
from .stored import as_floor, as_number, as_text, as_time, as_truth, as_whole, optional

_WAITS = {TransportProblem.WAITS_FOR_RESTART, TransportProblem.MAY_WAIT_FOR_RESTART}
_ON_TRIAL = {TransportProblem.CANNOT_BE_KEPT, TransportProblem.NOT_TAKEN_BACK}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord:
    """How an installation ended. Times are aware, UTC."""

    attempt: str
    """What tells one installation from all others."""
    kind: OutcomeKind
    origin: Origin
    started: datetime
    ended: datetime
    seconds: float
    """From the lock's turn to the end, without the waiting before."""
    from_version: str
    to_version: str
    sha256: str | None = None
    """Of the artifact; None where somebody else installed it."""
    touched: bool = False
    """Whether the transfer had begun."""
    reason: str | None = None
    """Why it did not succeed, out of the lists of ``errors``."""
    door: str | None = None
    """What was wrong with the bolt, where the reason is another."""
    message: str | None = None
    """What a person was told, where it did not succeed."""
    approval: Approval | None = None
    """Who had approved it."""
    purpose: Purpose = Purpose.UPDATE
    environment: str = ""
    """What could matter for another try: when it has changed, one makes sense."""
    tries: int = 1
    """How many are kept as this one: recoveries in a row that were in vain, or what a
    lock claims too often that somebody else has installed."""
    lock_number: int = 0
    """On which lock at its door, as ``LockRecord.lock_number`` counts them."""

    @property
    def is_bad_news(self) -> bool:
        """Return whether others had better wait: firmware was sent, and it went wrong.

        A lock that only could not be reached tells nothing of any other; else whoever
        keeps one from being reached would end the night of all.
        """
        return (
            self.touched
            and self.purpose is not Purpose.RECOVERY
            and self.kind
            in {OutcomeKind.FAILED, OutcomeKind.NEEDS_HAND, OutcomeKind.ROLLED_BACK}
        )

    @property
    def is_fruitless(self) -> bool:
        """Return whether this was a recovery after which the lock is still stranded."""
        return self.purpose is Purpose.RECOVERY and self.kind is OutcomeKind.NEEDS_HAND

    @property
    def waits_for_restart(self) -> bool:
        """Whether new firmware starts, or may, at the lock's next restart."""
        return self.reason in _WAITS

    @property
    def left_on_trial(self) -> bool:
        """Whether the lock ran the new firmware in the end, and was not to."""
        return self.reason in _ON_TRIAL

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            **asdict(self),
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat(),
            "approval": self.approval.to_dict() if self.approval else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> OutcomeRecord:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        approval = raw["approval"]
        return cls(
            attempt=as_text(raw["attempt"]),
            kind=OutcomeKind(raw["kind"]),
            origin=Origin(raw["origin"]),
            started=as_time(raw["started"]),
            ended=as_time(raw["ended"]),
            seconds=as_number(raw["seconds"]),
            from_version=as_text(raw["from_version"]),
            to_version=as_text(raw["to_version"]),
            sha256=optional(as_text, raw["sha256"]),
            touched=as_truth(raw["touched"]),
            reason=optional(as_text, raw["reason"]),
            message=optional(as_text, raw["message"]),
            approval=None if approval is None else Approval.from_dict(approval),
            # Records of earlier versions do not have these.
            door=optional(as_text, raw.get("door")),
            purpose=Purpose(raw.get("purpose", Purpose.UPDATE)),
            tries=as_whole(raw.get("tries", 1)),
            lock_number=as_floor(raw.get("lock_number", 0)),
            environment=as_text(raw["environment"]),
        )
