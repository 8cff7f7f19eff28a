"""A household whose night is now."""

from datetime import timedelta
from typing import Any

from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from custom_components.nightlatch.const import EVENT_NIGHTLATCH
from homeassistant.core import Event, ServiceCall, callback
from homeassistant.util import dt as dt_util

from .house import House

PHONE = "mobile_app_anna"
CONSENT = {"user_id": None, "user_name": None, "at": "2026-11-01T12:00:00+00:00"}


class Night:
    """Moves a house's night to now, and lets the scheduler look when a test wants."""

    def __init__(self, house: House, **options: Any) -> None:
        """Let quiet hours be now, and the evening notice due."""
        self.house = house
        self.told: list[ServiceCall] = async_mock_service(house.hass, "notify", PHONE)
        """What the phone was sent."""
        self.events: list[dict[str, Any]] = []
        """What happened on the bus."""

        @callback
        def happened(event: Event) -> None:
            self.events.append(dict(event.data))

        house.hass.bus.async_listen(EVENT_NIGHTLATCH, happened)
        now = dt_util.now()
        told_at = now - timedelta(minutes=1)
        if told_at.hour < 12 <= now.hour:
            # Before noon it would be another night's.
            told_at = now
        self.set_options(
            **{
                "quiet_hours": {
                    "weekdays": list(range(7)),
                    "start": (now - timedelta(hours=1)).time().isoformat("minutes"),
                    "end": (now + timedelta(hours=6)).time().isoformat("minutes"),
                },
                "notice_at": told_at.time().isoformat("minutes"),
                "soak_days": 0,
                "phones": [PHONE],
                **options,
            }
        )

    def set_options(self, **options: Any) -> None:
        """Change what holds for all locks."""
        entry = self.house.entry
        self.house.hass.config_entries.async_update_entry(
            entry, options={**entry.options, **options}
        )

    def set_lock(self, title: str = "Front door", **data: Any) -> None:
        """Change what the owner has set for a lock."""
        subentry = self.house.subentry(title)
        self.house.hass.config_entries.async_update_subentry(
            self.house.entry, subentry, data={**subentry.data, **data}
        )

    def automate(self, title: str = "Front door", **data: Any) -> None:
        """Let a lock be updated by itself."""
        self.set_lock(title, mode="automatic", consent=CONSENT, **data)

    async def look(self) -> None:
        """Let a minute pass, and everything that begins in it end."""
        await self.house.settle()
        await self.house.runtime.scheduler.async_look(dt_util.utcnow())
        await self.house.settle()

    @property
    def messages(self) -> list[str]:
        """What the phone shows, one after the other."""
        return [
            call.data["message"]
            for call in self.told
            if call.data["message"] != "clear_notification"
        ]

    @property
    def taken_away(self) -> list[str]:
        """The tags of what the phone was told to show no longer."""
        return [
            call.data["data"]["tag"]
            for call in self.told
            if call.data["message"] == "clear_notification"
        ]

    def types(self, name: str = "Front door") -> list[str]:
        """What has happened to a lock."""
        return [event["type"] for event in self.events if event["name"] == name]
