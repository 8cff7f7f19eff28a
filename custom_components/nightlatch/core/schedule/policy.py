"""What the owner has decided once, for the household and for each lock."""

from dataclasses import dataclass, field, replace
from datetime import time
from enum import IntEnum, StrEnum

from ..model import Purpose, Release
from ..records.decisions import Choice, Consent
from .quiet_hours import QuietHours


class Mode(StrEnum):
    """Who starts installations."""

    ASK = "ask"
    """Only a person, or an automation that a person has made."""
    AUTOMATIC = "automatic"
    """Nightlatch too, in quiet hours; asked for by the owner, never silently on."""


class Importance(IntEnum):
    """How much the household needs a door; the least important is updated first."""

    INSIDE = 0
    """A door inside the house: nobody is locked out."""
    SIDE = 1
    """A door besides which there is another one: a shed, a garage, a garden."""
    ENTRY = 2
    """A door by which people come home."""


class ApprovalNeed(StrEnum):
    """Whose consent an installation needs."""

    NONE = "none"
    PERSON = "person"
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPolicy:
    """What the owner has decided for one lock."""

    mode: Mode = Mode.ASK
    importance: Importance = Importance.ENTRY
    approval: ApprovalNeed = ApprovalNeed.NONE
    quiet_hours: QuietHours | None = None
    """None where those of the household hold."""
    soak_days: int | None = None
    """None where those of the household hold."""
    has_door_sensor: bool | None = None
    """None until the owner has said; a door of which nothing is known is not shut."""
    has_battery: bool = True
    """False where the owner has said that it is wired, and none is linked."""
    not_low_suffices: bool = False
    """Whether a sensor that only says "not low" is enough for what runs by itself."""
    second_entry: bool = False
    """The owner has confirmed that a key or another door lets people in."""
    consent: Consent | None = None
    """To being updated by itself; without it, ``Mode.AUTOMATIC`` does not hold."""
    may_move_bolt: bool = False
    """Whether the lock may be locked and unlocked to see that it works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdPolicy:
    """What the owner has decided for all locks."""

    quiet_hours: QuietHours = field(default_factory=QuietHours)
    paused: bool = False
    """Whether nothing starts by itself for the time being."""
    notice_at: time = time(20)
    """When people are told, in the evening, what the night will bring; local time."""
    soak_days: int = 3
    two_entry_doors: bool = False
    """Whether two entry doors may be updated in one night."""


def soak_days_for(policy: LockPolicy, household: HouseholdPolicy) -> int:
    """Return for how many days releases soak on a lock."""
    return household.soak_days if policy.soak_days is None else policy.soak_days


def policy_for(
    policy: LockPolicy, choice: Choice | None, release: Release | None = None
) -> LockPolicy:
    """Return a policy as it holds for what is to be installed next.

    What does not come from the feed never installs by itself, and never without the
    approval of a person; going back needs a second factor besides. So it is with what
    nothing but a keeper's word says to be of the maker: a feed that somebody keeps is a
    way for files to come, and no proof. And with what a feed has halted that is gone: who
    removes one has not thereby said that it was wrong.
    """
    for_a_person = release is not None and (
        release.rests_on_keeper or release.was_halted
    )
    if choice is None and not for_a_person:
        return policy
    approval = policy.approval
    if choice is not None and choice.purpose is Purpose.ROLLBACK:
        approval = ApprovalNeed.SECOND_FACTOR
    elif approval is ApprovalNeed.NONE:
        approval = ApprovalNeed.PERSON
    return replace(policy, mode=Mode.ASK, approval=approval)
