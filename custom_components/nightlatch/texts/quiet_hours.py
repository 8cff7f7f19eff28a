"""Quiet hours, and what was seen in them, in words."""

from collections.abc import Iterable, Iterator

from homeassistant.core import HomeAssistant

from ..core.schedule.proposal import WEEKDAYS, Facts
from ..translation import label_now, told_now


def told_days(hass: HomeAssistant, weekdays: Iterable[int]) -> str:
    """Return days of the week, one after the other."""
    return ", ".join(label_now(hass, "weekday", str(day)) for day in sorted(weekdays))


def told_facts(hass: HomeAssistant, facts: Iterable[Facts]) -> Iterator[str]:
    """Return a sentence for weekdays, and one for weekends."""
    for each in facts:
        yield told_now(
            hass,
            "used_on_weekdays" if each.weekdays <= WEEKDAYS else "used_at_weekends",
            used=str(each.used),
            days=str(each.days),
        )
