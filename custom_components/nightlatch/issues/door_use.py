"""The repair that suggests quiet hours in which the doors are left alone."""

from homeassistant.core import HomeAssistant

from ..issue import Issue
from ..markup import listed
from ..monitoring.door_use import DoorUseWatch
from ..texts.quiet_hours import told_days, told_facts

FLOW = "quiet_hours"


def issue_of_door_use(hass: HomeAssistant, door_use: DoorUseWatch) -> Issue | None:
    """Return what is suggested, if anything is."""
    if (proposal := door_use.suggestion) is None:
        return None
    hours = proposal.hours
    return Issue(
        key="quiet_hours_learned",
        placeholders={
            "start": f"{hours.start:%H:%M}",
            "end": f"{hours.end:%H:%M}",
            "weekdays": told_days(hass, hours.weekdays),
            "days": str(proposal.observed_days),
            "facts": listed(told_facts(hass, proposal.facts)),
        },
        data={
            FLOW: ",".join(map(str, sorted(hours.weekdays))),
            "start": hours.start.isoformat(),
            "end": hours.end.isoformat(),
        },
    )
