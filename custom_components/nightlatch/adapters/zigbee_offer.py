"""What Zigbee2MQTT tells of an offer besides its version.

Its message on a lock has the image's address and the release notes of exactly what it
offers; the entity that Home Assistant's MQTT makes of it leaves both out.
"""

from collections.abc import Callable
from dataclasses import dataclass
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.importlib import async_import_module
from homeassistant.util.json import json_loads

from ..core.feeds.public_index import clean_notes, https_url

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOffer:
    """What is told of one version."""

    version: str
    source: str | None = None
    """Where its image is."""
    notes: str = ""


def told_offer(payload: str) -> ToldOffer | None:
    """Return what a message on a lock says of what is offered, if anything."""
    try:
        told = json_loads(payload)
    except ValueError:
        return None
    update = told.get("update") if isinstance(told, dict) else None
    if not isinstance(update, dict):
        return None
    version = update.get("latest_version")
    if not isinstance(version, int | str):
        return None
    source, notes = update.get("latest_source"), update.get("latest_release_notes")
    return ToldOffer(
        version=str(version),
        source=https_url(source) if isinstance(source, str) else None,
        notes=clean_notes(notes) if isinstance(notes, str) else "",
    )


class OfferTold:
    """Listens to what is told of the offers for one lock."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, changed: Callable[[], None]
    ) -> None:
        """Take who is called when it is something else."""
        self._hass = hass
        self._entry = entry
        self._changed = changed
        self._topic: str | None = None
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._told: ToldOffer | None = None

    def of(self, version: str | None) -> ToldOffer | None:
        """Return what is known of a version; None where it is about another one."""
        told = self._told
        return told if told is not None and told.version == version else None

    @callback
    def follow(self, topic: str | None) -> None:
        """Listen to a topic from now on, where that is not done already."""
        if topic == self._topic:
            return
        self.stop()
        self._topic = topic
        if topic is not None:
            self._entry.async_create_background_task(
                self._hass, self._async_subscribe(topic), f"offers on {topic}"
            )

    async def _async_subscribe(self, topic: str) -> None:
        mqtt = await async_import_module(self._hass, "homeassistant.components.mqtt")
        try:
            unsubscribe = await mqtt.async_subscribe(self._hass, topic, self._heard)
        except HomeAssistantError as err:
            # The next state of the entity is another occasion.
            _LOGGER.debug("Not listening to %s: %s", topic, err)
            self._topic = None
            return
        if topic == self._topic:
            self._unsubscribe = unsubscribe
        else:
            unsubscribe()

    @callback
    def _heard(self, message: Any) -> None:
        told = told_offer(message.payload) if isinstance(message.payload, str) else None
        if told is not None and told != self._told:
            self._told = told
            self._changed()

    @callback
    def stop(self) -> None:
        """Listen no more."""
        self._topic = self._told = None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
