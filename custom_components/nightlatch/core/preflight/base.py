"""The shape of a preflight check, and what happens when one fails."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..errors import NightlatchError


class Verdict(StrEnum):
    """What a check says."""

    PASS = "pass"  # noqa: S105
    WARNING = "warning"
    BLOCKER = "blocker"


class Family(StrEnum):
    """What a rule is about."""

    IDENTITY = "identity"
    PATH = "path"
    POWER = "power"
    LOCK = "lock"
    DOOR = "door"
    WAY_IN = "way_in"
    RADIO = "radio"
    HOUSE = "house"
    TIME = "time"
    TRUST = "trust"


class Reason(StrEnum):
    """Why a check says so; each has a sentence that tells what a person can do."""

    OK = "preflight_ok"
    # Identity.
    OTHER_MODEL = "preflight_other_model"
    OTHER_HARDWARE = "preflight_other_hardware"
    HARDWARE_UNKNOWN = "preflight_hardware_unknown"
    # Path.
    VERSION_UNKNOWN = "preflight_version_unknown"
    NOT_NEWER = "preflight_not_newer"
    BELOW_FLOOR = "preflight_below_floor"
    STEP_MISSING = "preflight_step_missing"
    REFUSED_BY_LOCK = "preflight_refused_by_lock"
    BELOW_SECURITY_FLOOR = "preflight_below_security_floor"
    PINNED = "preflight_pinned"
    SKIPPED = "preflight_skipped"
    SOAKING = "preflight_soaking"
    STAGED = "preflight_staged"
    STAGED_BY_KEEPER = "preflight_staged_by_keeper"
    NOT_APPROVED = "preflight_not_approved"
    # Power.
    BATTERY_LOW = "preflight_battery_low"
    BATTERY_FLAG = "preflight_battery_flag"
    BATTERY_UNKNOWN = "preflight_battery_unknown"
    BATTERY_NOT_LOW = "preflight_battery_not_low"
    BATTERY_STALE = "preflight_battery_stale"
    BATTERY_FALLING = "preflight_battery_falling"
    # Lock.
    IN_BOOTLOADER = "preflight_in_bootloader"
    BOLT_MOVING = "preflight_bolt_moving"
    BOLT_JAMMED = "preflight_bolt_jammed"
    BOLT_OPEN = "preflight_bolt_open"
    BOLT_UNKNOWN = "preflight_bolt_unknown"
    BOLT_JUST_MOVED = "preflight_bolt_just_moved"
    # Door.
    DOOR_OPEN = "preflight_door_open"
    DOOR_UNKNOWN = "preflight_door_unknown"
    DOOR_NOT_SAID = "preflight_door_not_said"
    DOOR_JUST_MOVED = "preflight_door_just_moved"
    # Way in.
    NO_WAY_IN = "preflight_no_way_in"
    NOBODY_PRESENT = "preflight_nobody_present"
    # Radio.
    NOT_HEARD = "preflight_not_heard"
    HELD_ELSEWHERE = "preflight_held_elsewhere"
    LET_GO = "preflight_let_go"
    ALWAYS_CONNECTED = "preflight_always_connected"
    WEAK_SIGNAL = "preflight_weak_signal"
    NO_SLOT = "preflight_no_slot"
    PAIRED_ELSEWHERE = "preflight_paired_elsewhere"
    # House.
    OTHER_INSTALLATION = "preflight_other_installation"
    BACKUP_RUNNING = "preflight_backup_running"
    HOUSE_STARTING = "preflight_house_starting"
    HOUSE_STOPPING = "preflight_house_stopping"
    UNSAVED = "preflight_unsaved"
    ENTRY_DOOR_TONIGHT = "preflight_entry_door_tonight"
    SOURCE_BUSY = "preflight_source_busy"
    SOURCE_ALONE = "preflight_source_alone"
    SOURCE_UNABLE = "preflight_source_unable"
    OTHER_DEVICE = "preflight_other_device"
    # Time.
    DOES_NOT_FIT = "preflight_does_not_fit"
    # Trust.
    FEED_IN_TROUBLE = "preflight_feed_in_trouble"
    FEED_EXPIRED = "preflight_feed_expired"
    FEED_NOT_ASKED = "preflight_feed_not_asked"
    WITHDRAWN = "preflight_withdrawn"
    HALTED = "preflight_halted"
    HALTED_BY_KEEPER = "preflight_halted_by_keeper"
    HALTED_BY_GONE_FEED = "preflight_halted_by_gone_feed"
    HALT_UNHEARD = "preflight_halt_unheard"
    NO_FIRMWARE_KEY = "preflight_no_firmware_key"
    NO_PROOF = "preflight_no_proof"
    KEEPER_ALONE = "preflight_keeper_alone"
    KEEPER_OTHER_SIGNER = "preflight_keeper_other_signer"
    INDEX_RECALLED = "preflight_index_recalled"
    INDEX_NOT_APPLICABLE = "preflight_index_not_applicable"
    INDEX_OTHER_HARDWARE = "preflight_index_other_hardware"
    INDEX_OTHER_MODEL = "preflight_index_other_model"
    INDEX_OTHER_IMAGE = "preflight_index_other_image"
    INDEX_DOWNGRADE = "preflight_index_downgrade"


SETTLING = frozenset(
    {
        Reason.BOLT_MOVING,
        Reason.BOLT_JUST_MOVED,
        Reason.DOOR_JUST_MOVED,
        Reason.LET_GO,
        Reason.NO_SLOT,
        Reason.PAIRED_ELSEWHERE,
        Reason.OTHER_INSTALLATION,
        Reason.BACKUP_RUNNING,
        Reason.HOUSE_STARTING,
        Reason.HOUSE_STOPPING,
        Reason.SOURCE_BUSY,
    }
)
"""What is over in a while without anybody doing anything: nobody is told of it."""

PASSING = SETTLING | {
    Reason.BOLT_OPEN,
    Reason.DOOR_OPEN,
    Reason.NOBODY_PRESENT,
    Reason.NOT_HEARD,
    Reason.WEAK_SIGNAL,
    Reason.ENTRY_DOOR_TONIGHT,
    Reason.DOES_NOT_FIT,
}
"""What comes and goes within a day: by day nobody knows how it will be at night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one rule."""

    family: Family
    rule: str
    verdict: Verdict
    reason: Reason
    measured: str | None = None
    """The value that was found, with its unit."""
    limit: str | None = None
    """What it is held against, with its unit."""
    details: dict[str, str] = field(default_factory=dict)
    """What else the sentence names."""
    overridden_by: str | None = None
    """Who judged it better; then a blocker is a warning."""
    override_ended: str | None = None
    """Who has judged it better for a time that is over; it is a blocker again."""

    @property
    def placeholders(self) -> dict[str, str]:
        """Return everything that the sentence may name."""
        values = {"measured": self.measured, "limit": self.limit}
        return {
            **{name: value for name, value in values.items() if value is not None},
            **self.details,
        }

    def softened(self) -> Check:
        """Return this as a warning, where it is a blocker."""
        if self.verdict is not Verdict.BLOCKER:
            return self
        return replace(self, verdict=Verdict.WARNING)


def passed(
    family: Family, rule: str, *, measured: str | None = None, limit: str | None = None
) -> Check:
    """Return the result of a rule that has nothing to object to."""
    return Check(
        family=family,
        rule=rule,
        verdict=Verdict.PASS,
        reason=Reason.OK,
        measured=measured,
        limit=limit,
    )


def blockers(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that block."""
    return tuple(check for check in checks if check.verdict is Verdict.BLOCKER)


def worth_telling(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that block, and that are not over by themselves in a while."""
    return tuple(check for check in blockers(checks) if check.reason not in SETTLING)


class PreflightProblem(StrEnum):
    """Why an installation was not begun."""

    BLOCKED = "preflight_blocked"


class PreflightError(NightlatchError):
    """An installation was not begun; all blockers at once, so that all can be fixed."""

    reason: PreflightProblem

    def __init__(self, checks: Iterable[Check]) -> None:
        """Keep the checks that block."""
        self.blockers = blockers(checks)
        super().__init__(
            PreflightProblem.BLOCKED,
            blockers=", ".join(check.reason for check in self.blockers),
        )
