"""Preflight: does anything else in the house stand against it."""

from ..schedule.policy import Importance
from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation


def check_house(situation: Situation) -> Check:
    """Check that Home Assistant has started, and neither saves itself nor stops."""
    house = situation.house
    if house.stopping:
        reason = Reason.HOUSE_STOPPING
    elif house.starting:
        reason = Reason.HOUSE_STARTING
    elif house.backup_running:
        reason = Reason.BACKUP_RUNNING
    else:
        return passed(Family.HOUSE, "home_assistant")
    return Check(
        family=Family.HOUSE,
        rule="home_assistant",
        verdict=Verdict.BLOCKER,
        reason=reason,
    )


def check_storage(situation: Situation) -> Check:
    """Check that what is decided, and how it ends, can be saved."""
    if (problem := situation.house.unsaved) is None:
        return passed(Family.HOUSE, "storage")
    return Check(
        family=Family.HOUSE,
        rule="storage",
        verdict=Verdict.BLOCKER,
        reason=Reason.UNSAVED,
        measured=problem,
    )


def check_one_at_a_time(situation: Situation) -> Check:
    """Check that no other lock is being installed to."""
    if (other := situation.house.installing) is None:
        return passed(Family.HOUSE, "one_at_a_time")
    return Check(
        family=Family.HOUSE,
        rule="one_at_a_time",
        verdict=Verdict.BLOCKER,
        reason=Reason.OTHER_INSTALLATION,
        measured=other,
    )


def check_entry_doors(situation: Situation) -> Check:
    """Check that no other entry door was updated in this night."""
    other = situation.house.entry_door_tonight
    if other is None or situation.policy.importance is not Importance.ENTRY:
        return passed(Family.HOUSE, "entry_doors")
    return Check(
        family=Family.HOUSE,
        rule="entry_doors",
        verdict=Verdict.BLOCKER,
        reason=Reason.ENTRY_DOOR_TONIGHT,
        measured=other,
    )


def check_source(situation: Situation) -> Check:
    """Check that the integration which updates the lock is at rest, and asks first."""
    source = situation.source
    if source is None:
        return passed(Family.HOUSE, "source")
    if situation.stranger:
        reason = Reason.OTHER_DEVICE
    elif source.in_progress:
        reason = Reason.SOURCE_BUSY
    elif source.installs_by_itself:
        reason = Reason.SOURCE_ALONE
    elif source.available and not source.can_install:
        reason = Reason.SOURCE_UNABLE
    else:
        return passed(Family.HOUSE, "source")
    return Check(
        family=Family.HOUSE,
        rule="source",
        verdict=Verdict.BLOCKER,
        reason=reason,
    )
