"""Bluetooth devices in range that look like a model of one of the feeds."""

from collections.abc import Iterable

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant

from ..adapters.bluetooth import as_advertisement
from ..coordinator import FeedCoordinator
from ..core.discovery import matches, narrowness
from ..core.model import Model
from ..core.transports.base import Advertisement


def locks_in_range(
    hass: HomeAssistant, feeds: Iterable[FeedCoordinator]
) -> list[tuple[str, str | None, Model]]:
    """Return address, advertised name and model of each."""
    found = []
    for info in bluetooth.async_discovered_service_info(hass):
        seen = as_advertisement(info)
        if (model := model_of(feeds, seen)) is not None:
            found.append((seen.address, seen.local_name, model))
    return found


def model_of(feeds: Iterable[FeedCoordinator], seen: Advertisement) -> Model | None:
    """Return the model that a device looks most like."""
    return max(
        (
            model
            for feed in feeds
            if feed.data is not None
            for model in feed.data.models
            if matches(model.bluetooth, seen)
        ),
        # Of those that ask equally much it is the first.
        key=lambda model: narrowness(model.bluetooth),
        default=None,
    )
