"""The repairs that suggest quiet hours in which the doors, or one door, are left alone."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from ..core.schedule.proposal import Proposal
from ..core.schedule.quiet_hours import QuietHours
from ..issue import Issue
from ..locks.lock import ManagedLock
from ..markup import listed
from ..monitoring.door_use import DoorUseWatch
from ..texts.quiet_hours import told_days, told_facts

FLOW = "quiet_hours"
LOCK = "quiet_hours_of"
"""The lock that they are for; the household's name none."""


def issue_of_door_use(hass: HomeAssistant, door_use: DoorUseWatch) -> Issue | None:
    """Return what is suggested for the household, if anything is."""
    if (proposal := door_use.suggestion) is None:
        return None
    return Issue(
        key="quiet_hours_learned",
        placeholders=_told(hass, proposal),
        data=_data(proposal.hours),
    )


def issue_of_own_hours(lock: ManagedLock, door_use: DoorUseWatch) -> Issue | None:
    """Return what is suggested for one lock alone, if anything is."""
    if (proposal := door_use.suggestion_of(lock)) is None:
        return None
    return Issue(
        key=(
            "own_hours_wanted"
            if lock.policy.quiet_hours is None
            else "own_hours_learned"
        ),
        placeholders={"lock": lock.name, **_told(lock.hass, proposal)},
        data={**_data(proposal.hours), LOCK: lock.subentry_id},
    )


def hours_told(data: Mapping[str, Any]) -> QuietHours:
    """Return the hours that a repair has told somebody of."""
    weekdays = list(map(int, str(data[FLOW]).split(",")))
    return QuietHours.from_dict({**data, "weekdays": weekdays})


def _told(hass: HomeAssistant, proposal: Proposal) -> dict[str, str]:
    hours = proposal.hours
    return {
        "start": f"{hours.start:%H:%M}",
        "end": f"{hours.end:%H:%M}",
        "weekdays": told_days(hass, hours.weekdays),
        "days": str(proposal.observed_days),
        "facts": listed(told_facts(hass, proposal.facts)),
    }


def _data(hours: QuietHours) -> dict[str, str | int | float | None]:
    return {
        FLOW: ",".join(map(str, sorted(hours.weekdays))),
        "start": hours.start.isoformat(),
        "end": hours.end.isoformat(),
    }
