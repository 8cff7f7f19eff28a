"""What is new in Home Assistant's registries about the devices of locks: one listener."""

from collections.abc import Callable
from typing import Protocol

from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    HomeAssistant,
    callback,
    split_entity_id,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..following import ending_all


class Registered(Protocol):
    """A lock whose device another integration has registered."""

    @property
    def anchor(self) -> str:
        """Return the entity that says which device it is."""

    def registration_changed(self, *, look: bool) -> None:
        """Take over that something is new; ``look`` tells whether its version may be."""


class Registrations:
    """Tells each lock what is new about it, however many there are."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nobody."""
        self._hass = hass
        self._followers: set[Registered] = set()
        self._by_anchor: dict[str, list[Registered]] | None = None
        self._stop: Callable[[], None] | None = None

    @callback
    def async_follow(self, follower: Registered) -> CALLBACK_TYPE:
        """Tell a lock from now on; return what ends that."""
        if self._stop is None:
            self._stop = self._listen()
        self._followers.add(follower)
        self.async_anchors_changed()

        @callback
        def stop() -> None:
            self._followers.discard(follower)
            self.async_anchors_changed()
            if not self._followers and self._stop is not None:
                self._stop()
                self._stop = None

        return stop

    @callback
    def async_anchors_changed(self) -> None:
        """Look anew which lock has which anchor."""
        self._by_anchor = None

    def _listen(self) -> CALLBACK_TYPE:
        bus = self._hass.bus
        return ending_all(
            bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_changed),
            bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._entity_changed),
        )

    def _at(self, anchor: str) -> list[Registered]:
        if (by_anchor := self._by_anchor) is None:
            by_anchor = self._by_anchor = {}
            for follower in self._followers:
                by_anchor.setdefault(follower.anchor, []).append(follower)
        return by_anchor.get(anchor, [])

    def _on_device(self, device_id: str | None) -> list[Registered]:
        """Return the locks that a device is: their anchors are on it, or on its parts."""
        if device_id is None:
            return []
        parts = dr.async_entries_for_parent_device(dr.async_get(self._hass), device_id)
        return [
            found
            for each in (device_id, *(part.id for part in parts))
            for entry in er.async_entries_for_device(
                er.async_get(self._hass), each, include_disabled_entities=True
            )
            for found in self._at(entry.entity_id)
        ]

    @callback
    def _device_changed(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "sw_version" in data["changes"]:
            for follower in self._on_device(data["device_id"]):
                follower.registration_changed(look=True)

    @callback
    def _entity_changed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        entity_id = event.data["entity_id"]
        if event.data["action"] != "remove":
            for follower in self._at(entity_id):
                # Its integration may have been added again, with another device.
                follower.registration_changed(look=True)
        if split_entity_id(entity_id)[0] != UPDATE_DOMAIN:
            return
        entry = er.async_get(self._hass).async_get(entity_id)
        # One that is gone does not say any more whose it was.
        there = self._followers if entry is None else self._on_device(entry.device_id)
        for follower in tuple(there):
            follower.registration_changed(look=False)
