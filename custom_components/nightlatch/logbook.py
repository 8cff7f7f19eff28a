"""The logbook: a line for whatever happens to a lock."""

from collections.abc import Callable

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback, valid_entity_id

from .const import DOMAIN, EVENT_NIGHTLATCH
from .core.model import Purpose
from .events import BACKUP_RESTORED, Happening
from .markup import neutral
from .translation import filled

# Home Assistant's logbook asks for its lines at once, without translations.
_LINES: dict[str, str] = {
    Happening.UPDATE_AVAILABLE: "can be updated to {version}",
    Happening.ANNOUNCED: "will be updated to {version}",
    Happening.STARTED: "is being updated to {version}",
    Happening.INSTALLED: "was updated to {version} and works{took}",
    Happening.FAILED: "was not updated to {version}: {message}",
    Happening.ROLLED_BACK: "has gone back to its old firmware: {message}",
    Happening.HELD: "waits with its update to {version}: {why}",
    Happening.CANCELLED: "is not updated: it was cancelled",
    Happening.MANUAL_STEP_NEEDED: "needs a hand: {message}",
    Happening.BOOTLOADER_FOUND: "was found in its bootloader",
    Happening.INSTALLED_ELSEWHERE: "runs {version}, installed by somebody else",
    Happening.UNGUARDED: "is updated past Nightlatch: {message}",
    Happening.OVERRUNS: "is still being updated, after the quiet hours",
    Happening.BATTERY_DRAINING: "uses more battery since its update",
    BACKUP_RESTORED: "has taken over the floors of its vault: a backup was restored",
    Happening.SETTINGS_DIFFER: "is not set as it was before its update",
}
# Where what was done is no update.
_LINES_ON_PURPOSE: dict[tuple[str, str], str] = {
    (Happening.STARTED, Purpose.ROLLBACK): "is being brought back to {version}",
    (
        Happening.INSTALLED,
        Purpose.ROLLBACK,
    ): "was brought back to {version} and works{took}",
    (Happening.STARTED, Purpose.RECOVERY): "is being brought out of its bootloader",
    (Happening.INSTALLED, Purpose.RECOVERY): (
        "was brought out of its bootloader, runs {version} and works{took}"
    ),
}
_SHORT = 255
"""Characters of a name."""
_MINUTES_FROM = 120.0
"""Seconds from which on minutes are told."""
_LONGEST = 7 * 86400.0
_UNKNOWN: dict[str, object] = {
    "type": "",
    "name": "A lock",
    "version": "an unknown version",
    "message": "",
    "purpose": "",
}


def _took(seconds: object) -> str:
    """Return how long it took, where an event tells it."""
    try:
        took = float(str(seconds))
    except ValueError:
        return ""
    if not 0 < took < _LONGEST:
        return ""
    return f", {took:.0f} s" if took < _MINUTES_FROM else f", {took / 60:.0f} min"


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None],
) -> None:
    """Describe what happens to locks."""

    @callback
    def describe(event: Event) -> dict[str, str]:
        data = {**_UNKNOWN, **event.data}
        data.setdefault("why", data["message"])
        data["took"] = _took(data.get("seconds"))
        # Anybody may fire an event, and old ones are read by newer versions.
        happening, purpose = neutral(data["type"], _SHORT), data["purpose"]
        line = _LINES.get(happening)
        if isinstance(purpose, str):
            line = _LINES_ON_PURPOSE.get((happening, purpose), line)
        told = happening if line is None else filled(line, data)
        described = {
            LOGBOOK_ENTRY_NAME: neutral(data["name"], _SHORT),
            LOGBOOK_ENTRY_MESSAGE: told.rstrip(": "),
        }
        entity_id = data.get("entity_id")
        if isinstance(entity_id, str) and valid_entity_id(entity_id):
            described[LOGBOOK_ENTRY_ENTITY_ID] = entity_id
        return described

    async_describe_event(DOMAIN, EVENT_NIGHTLATCH, describe)
