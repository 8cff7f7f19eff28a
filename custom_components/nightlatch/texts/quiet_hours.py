"""Quiet hours, and what was seen in them, in words."""

from collections.abc import Iterable, Iterator

from homeassistant.core import HomeAssistant

from ..core.schedule.proposal import WEEKDAYS, Facts
from ..core.schedule.quiet_hours import EVERY_DAY, QuietHours
from ..core.schedule.week_picture import Words
from ..markup import together
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


def told_week(
    hass: HomeAssistant, days: int, hours: QuietHours, suggested: QuietHours | None
) -> str:
    """Return what the picture of the week shows, for who cannot see it."""
    shown = told_now(hass, "week_shows", days=str(days), hours=told_hours(hass, hours))
    if suggested is None:
        return shown
    other = told_now(hass, "week_suggests", hours=told_hours(hass, suggested))
    return together([shown, other])


def told_hours(hass: HomeAssistant, hours: QuietHours) -> str:
    """Return quiet hours in a line, with their days where these are not all."""
    told = f"{hours.start:%H:%M} - {hours.end:%H:%M}"
    if hours.weekdays == EVERY_DAY:
        return told
    return f"{told} ({told_days(hass, hours.weekdays)})"


def words_of_week(hass: HomeAssistant, told: str) -> Words:
    """Return what stands in the picture of the week."""
    return Words(
        title=told_now(hass, "week_title"),
        told=told,
        weekdays=tuple(
            label_now(hass, "weekday", str(day)) for day in sorted(EVERY_DAY)
        ),
        hours=told_now(hass, "week_quiet_hours"),
        suggested=told_now(hass, "week_suggested"),
    )
