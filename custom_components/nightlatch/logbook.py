"""The logbook: a line for whatever happens to a lock."""

from collections.abc import Callable

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN, EVENT_NIGHTLATCH
from .happenings import Happening

# Home Assistant's logbook asks for its lines at once, without translations.
_LINES = {
    Happening.UPDATE_AVAILABLE: "can be updated to {version}",
    Happening.ANNOUNCED: "will be updated to {version}",
    Happening.STARTED: "is being updated to {version}",
    Happening.INSTALLED: "was updated to {version} and works",
    Happening.FAILED: "was not updated to {version}: {message}",
    Happening.HELD: "waits with its update to {version}: {message}",
    Happening.CANCELLED: "is not updated: it was cancelled",
    Happening.MANUAL_STEP_NEEDED: "needs a hand: {message}",
    Happening.BOOTLOADER_FOUND: "was found in its bootloader",
    Happening.INSTALLED_ELSEWHERE: "runs {version}, installed by somebody else",
    Happening.UNGUARDED: "is updated past Nightlatch: {message}",
    Happening.OVERRUNS: "is still being updated, after the quiet hours",
    Happening.BATTERY_DRAINING: "uses more battery since its update",
    Happening.SETTINGS_DIFFER: "is not set as it was before its update",
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None],
) -> None:
    """Describe what happens to locks."""

    @callback
    def describe(event: Event) -> dict[str, str]:
        data = {"type": "", "name": "?", "version": "?", "message": "", **event.data}
        # Anybody may fire an event, and old ones are read by newer versions.
        line = _LINES.get(data["type"], str(data["type"])).format_map(data)
        described = {
            LOGBOOK_ENTRY_NAME: data["name"],
            LOGBOOK_ENTRY_MESSAGE: line.rstrip(": "),
        }
        if data.get("entity_id"):
            described[LOGBOOK_ENTRY_ENTITY_ID] = data["entity_id"]
        return described

    async_describe_event(DOMAIN, EVENT_NIGHTLATCH, describe)
