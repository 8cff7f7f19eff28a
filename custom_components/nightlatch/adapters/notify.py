"""Telling people: Home Assistant's notify entities, and phones with their buttons."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
import logging
from typing import Any

from homeassistant.components.notify import (
    ATTR_DATA,
    ATTR_MESSAGE,
    ATTR_TITLE,
    DOMAIN as NOTIFY_DOMAIN,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant

_LOGGER = logging.getLogger(__name__)

_TIMEOUT = 30.0
_GROUP = "nightlatch"
# What the companion apps take for a wish to take a notice away.
_CLEAR = "clear_notification"
# Android shows no more.
MOST_BUTTONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of a notification."""

    action: str
    title: str
    asks_for_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell people."""

    title: str
    message: str
    tag: str
    """A newer notice with the same tag takes the place of the older one."""
    buttons: tuple[Button, ...] = ()
    urgent: bool = False
    opens: str | None = None
    """The entity whose dialog opens when it is tapped."""


class Messenger:
    """Sends notices; a target that fails never stops the others."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant."""
        self._hass = hass
        self._failing: set[str] = set()

    async def async_send(
        self, notice: Notice, *, entities: Iterable[str], phones: Iterable[str]
    ) -> None:
        """Send a notice to everybody; return when all have it, or have failed."""
        text = {ATTR_TITLE: notice.title, ATTR_MESSAGE: notice.message}
        await asyncio.gather(
            *(
                self._async_call(
                    entity, SERVICE_SEND_MESSAGE, {**text, ATTR_ENTITY_ID: entity}
                )
                for entity in entities
            ),
            *(
                self._async_call(phone, phone, {**text, ATTR_DATA: _phone_data(notice)})
                for phone in phones
            ),
        )

    async def async_clear(self, tag: str, phones: Iterable[str]) -> None:
        """Take a notice away from the phones that still show it."""
        data = {ATTR_MESSAGE: _CLEAR, ATTR_DATA: {"tag": tag}}
        await asyncio.gather(
            *(self._async_call(phone, phone, data) for phone in phones)
        )

    async def _async_call(
        self, target: str, service: str, data: dict[str, Any]
    ) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._hass.services.async_call(
                    NOTIFY_DOMAIN, service, data, blocking=True
                )
        except Exception as err:  # noqa: BLE001  whatever somebody's notifier raises
            if target not in self._failing:
                self._failing.add(target)
                _LOGGER.warning(
                    "%s could not be told: %s", target, str(err) or repr(err)
                )
        else:
            self._failing.discard(target)


def _phone_data(notice: Notice) -> dict[str, Any]:
    return {
        # Android; without these a phone that sleeps shows it when it wakes up.
        **({"ttl": 0, "priority": "high"} if notice.urgent else {}),
        "tag": notice.tag,
        "group": _GROUP,
        **_tapped(notice.opens),
        "push": {
            "interruption-level": "time-sensitive" if notice.urgent else "passive"
        },
        "actions": [
            {
                "action": button.action,
                "title": button.title,
                # Who finds a locked phone must not decide about a lock.
                "authenticationRequired": True,
                **({"behavior": "textInput"} if button.asks_for_text else {}),
            }
            for button in notice.buttons[:MOST_BUTTONS]
        ],
    }


def _tapped(entity_id: str | None) -> dict[str, str]:
    """Return what opens the dialog of an entity, for Android and for iOS."""
    if entity_id is None:
        return {}
    return {
        "clickAction": f"entityId:{entity_id}",
        "url": f"/?more-info-entity-id={entity_id}",
    }
