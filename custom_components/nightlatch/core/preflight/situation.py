"""Everything that the rules of preflight ask about, as it is at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..feeds.public_index import Contradiction
from ..guard.source import SourceReading
from ..model import BatteryReading, LockIdentity, Purpose, Release, Severity
from ..records.decisions import Decisions
from ..records.trust import LockFloor
from ..schedule.policy import LockPolicy


class Bolt(StrEnum):
    """What the bolt of a lock does."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    MOVING = "moving"
    JAMMED = "jammed"
    OPEN = "open"
    """The latch is held back."""
    UNKNOWN = "unknown"


class Door(StrEnum):
    """What the door of a lock does."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What other integrations of the house know of a lock and its door."""

    bolt: Bolt | None = None
    """None where nothing is linked that knows it."""
    bolt_since: datetime | None = None
    door: Door | None = None
    """None where no sensor is linked."""
    door_since: datetime | None = None
    battery: BatteryReading | None = None
    """None where nothing is linked; then what the lock says counts."""
    someone_home: bool | None = None
    """None where Home Assistant knows no persons."""

    @property
    def battery_level(self) -> int | None:
        """Return the level of the linked battery, if it is known."""
        return self.battery.level if self.battery else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioState:
    """What is known of the way to a lock."""

    heard: bool
    rssi: int | None = None
    """dBm, of the last advertisement."""
    free_slots: int | None = None
    """Connections that the radios which hear the lock have left; None if unknown."""
    reached_by: str | None = None
    """Which integration reaches it all the same, where it is not heard."""
    always_connected: str | None = None
    """Who is set to hold the lock's only connection, whether it does so now or not."""
    paired_with: str | None = None
    """Which adapter or proxy the lock is paired with, if a bond of ours is known."""
    pair_heard: bool = True
    """Whether that one hears the lock; then signal and connections are its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseState:
    """What else goes on in the house."""

    backup_running: bool = False
    stopping: bool = False
    """Whether Home Assistant stops."""
    starting: bool = False
    """Whether it still starts: what belongs to the lock may not be there yet."""
    unsaved: str | None = None
    """Why what is known and decided of the lock cannot be saved; None where it is."""
    installing: str | None = None
    """The name of the lock on which another installation runs."""
    entry_door_tonight: str | None = None
    """The name of another entry door that was updated this night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What is known of the release's feed."""

    checked_at: datetime | None
    expires_at: datetime | None
    trouble: str | None = None
    """The reason, out of ``FeedProblem``, why the feed cannot be relied upon."""
    unheard: str | None = None
    """The reason why a feed that is not needed could not say what is halted by now."""
    offers_release: bool = True
    """Whether it still offers this very artifact."""
    key_pinned: bool = True
    """Whether a firmware key is pinned, under which the artifact must be signed."""
    other_signer: bool = False
    """Whether a keeper names no key of whoever signed what the lock runs."""
    contradiction: Contradiction | None = None
    """Why a public index says that this release is not for this lock, if one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that the rules ask about. Times are aware, UTC."""

    now: datetime
    identity: LockIdentity
    """As the lock last told it."""
    identity_at: datetime
    asked_at: datetime | None = None
    """When the lock itself last told what it is; None where only others tell of it."""
    release: Release
    floor: LockFloor | None
    policy: LockPolicy
    decisions: Decisions
    soak_days: int
    unattended: bool
    """Whether nobody asked for it just now: it runs by itself, at night."""
    surroundings: Surroundings
    radio: RadioState
    house: HouseState
    feed: FeedState
    expected: timedelta
    """How long the installation will take, with the settling afterwards."""
    window_end: datetime | None = None
    """When the quiet hours end; None where none bind."""
    purpose: Purpose = Purpose.UPDATE
    running_release: Release | None = None
    """What the lock runs, if the vault has it."""
    battery_history: Sequence[BatteryReading] = ()
    """Earlier readings, oldest first."""
    in_bootloader: bool = False
    """Whether the lock seems to wait in its bootloader, as far as was heard."""
    stranded: bool = False
    """Whether it was left there, and getting it out is what this installation is for."""
    source: SourceReading | None = None
    """What the integration says that updates a guarded lock."""
    let_go_until: datetime | None = None
    """Until when a person lets its maker's app have it; None where nobody does."""
    stranger: bool = False
    """Whether another lock is behind the entities of this one."""
    let_out: bool = True
    """Whether the vendor lets the release out to this lock already."""
    needs_presence: bool = False
    """Whether the maker wants a person at the door, during or after an installation."""
    closes: Severity = Severity.NONE
    """How bad the worst published hole is that the lock has and the release has not."""
