"""How long an installation takes, said everywhere in the same words."""

from datetime import timedelta

from homeassistant.core import HomeAssistant

from ..core.schedule.duration import most_minutes, transfer_minutes
from ..markup import Composed
from ..translation import async_sentence

_KEY = "takes"


async def async_takes(hass: HomeAssistant, expected: timedelta) -> Composed:
    """Return how long it takes, and for how long the lock must not be relied upon.

    ``expected`` is with the settling, as it is planned.
    """
    return await async_sentence(hass, _KEY, _minutes(expected))


def _minutes(expected: timedelta) -> dict[str, str]:
    return {
        "about": str(transfer_minutes(expected)),
        "most": str(most_minutes(expected)),
    }
