"""The shape of a preflight check, and what happens when one fails."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from ..errors import NightlatchError


class Verdict(StrEnum):
    """What a check says."""

    PASS = "pass"  # noqa: S105
    WARNING = "warning"
    BLOCKER = "blocker"


class Reason(StrEnum):
    """Why a check says so; each has a sentence that tells what a person can do."""

    OK = "preflight_ok"
    OTHER_MODEL = "preflight_other_model"
    OTHER_HARDWARE = "preflight_other_hardware"
    HARDWARE_UNKNOWN = "preflight_hardware_unknown"
    VERSION_UNKNOWN = "preflight_version_unknown"
    NOT_NEWER = "preflight_not_newer"
    BELOW_FLOOR = "preflight_below_floor"
    STEP_MISSING = "preflight_step_missing"
    BATTERY_LOW = "preflight_battery_low"
    BATTERY_UNKNOWN = "preflight_battery_unknown"
    BOLT_MOVING = "preflight_bolt_moving"
    BOLT_JAMMED = "preflight_bolt_jammed"
    BOLT_OPEN = "preflight_bolt_open"
    BOLT_UNKNOWN = "preflight_bolt_unknown"


class Bolt(StrEnum):
    """What the bolt of a lock does."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    MOVING = "moving"
    JAMMED = "jammed"
    OPEN = "open"
    """The latch is held back."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What is known of a lock from elsewhere in the house."""

    bolt: Bolt | None = None
    """None where nothing is linked that knows it."""
    has_battery: bool = False
    """Whether a battery sensor is linked; then it counts, not what the lock says."""
    battery: int | None = None
    """Percent; None while the sensor does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one rule."""

    rule: str
    verdict: Verdict
    reason: Reason
    details: dict[str, str] = field(default_factory=dict)
    """The measured value, the limit, and what else the sentence names."""


def passed(rule: str) -> Check:
    """Return the result of a rule that has nothing to object to."""
    return Check(rule=rule, verdict=Verdict.PASS, reason=Reason.OK)


class PreflightProblem(StrEnum):
    """Why an installation was not begun."""

    BLOCKED = "preflight_blocked"


class PreflightError(NightlatchError):
    """At least one check is a blocker; all of them are listed."""

    def __init__(self, checks: Iterable[Check]) -> None:
        """Keep the checks that block."""
        self.blockers = tuple(
            check for check in checks if check.verdict is Verdict.BLOCKER
        )
        super().__init__(
            PreflightProblem.BLOCKED,
            blockers=", ".join(check.reason for check in self.blockers),
        )
