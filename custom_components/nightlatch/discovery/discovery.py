"""Locks that Nightlatch could take care of, among Home Assistant's discoveries.

Each appears once. Who does not want it there ignores it there, which Home Assistant
keeps; who adds it in another way sees it vanish. Where more of its entities come later,
what was offered is corrected.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothCallbackMatcher,
    BluetoothChange,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_ADDRESS, CONF_DEVICE_ID, CONF_NAME
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import discovery_flow, entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from ..adapters.bluetooth import as_advertisement
from ..adapters.situation import is_started
from ..const import DOMAIN
from ..coordinator import FeedCoordinator
from ..core.model import BluetoothMatch
from ..faults import Faults
from ..locks.registry import Changes, LockRegistry
from ..members import Members
from .bluetooth import model_of
from .candidates import candidates, cared_for

# Seconds.
DISCOVERY_DELAY = 30.0


class Discovering:
    """Looks for locks that nobody takes care of yet."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        feeds: Members[FeedCoordinator],
        locks: LockRegistry,
        faults: Faults,
    ) -> None:
        """Take the entry that they would be added to, and the feeds that know some."""
        self._hass = hass
        self._entry = entry
        self._feeds = feeds
        self._locks = locks
        self._faults = faults
        self._listening: list[CALLBACK_TYPE] = []
        self._matches: tuple[BluetoothMatch, ...] = ()
        self._offered: dict[str, tuple[str | None, ...]] = {}
        """What was offered, by address or device, with what that rested on."""
        self._timer: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look from now on; return what ends that."""
        unsubscribe = [
            async_at_started(self._hass, self._started),
            self._entry.async_on_state_change(self._look_soon),
            self._hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_changed
            ),
            self._locks.async_subscribe(self._changed),
        ]

        @callback
        def stop() -> None:
            for each in (*unsubscribe, *self._listening):
                each()
            if self._timer is not None:
                self._timer()

        return stop

    @callback
    def _started(self, _: HomeAssistant) -> None:
        self._look_soon()

    @callback
    def _registry_changed(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        entity_id = event.data["entity_id"]
        entry = er.async_get(self._hass).async_get(entity_id)
        if is_started(self._hass) and (
            entity_id.startswith(f"{LOCK_DOMAIN}.")
            or (entry is not None and entry.device_id in self._offered)
        ):
            self._look_soon()

    @callback
    def _look_soon(self) -> None:
        """Look once all entities of a device are there: some come one by one."""
        if self._timer is not None:
            self._timer()
        self._timer = async_call_later(self._hass, DISCOVERY_DELAY, self._look)

    @callback
    def _look(self, _: datetime) -> None:
        self._timer = None
        if self._entry.state is not ConfigEntryState.LOADED or (
            not is_started(self._hass)
        ):
            # A flow could not add anything yet.
            return
        with self._faults.apart("discovery"):
            for found in candidates(self._hass, self._entry):
                self._offer(
                    found.device_id,
                    {CONF_DEVICE_ID: found.device_id, CONF_NAME: found.name},
                    (
                        found.kind,
                        found.update_entity,
                        found.battery_entity,
                        found.door_entity,
                    ),
                )

    @callback
    def _changed(self, changes: Changes) -> None:
        """Follow the models of the feeds, and the locks that were added."""
        if not changes.household:
            return
        wanted = tuple(
            model.bluetooth
            for feed in self._feeds.values()
            for model in (feed.data.models if feed.data else ())
            if model.bluetooth is not None
        )
        if wanted != self._matches:
            self._matches = wanted
            for stop in self._listening:
                stop()
            self._listening = [
                bluetooth.async_register_callback(
                    self._hass,
                    self._seen,
                    matcher_of(match),
                    BluetoothScanningMode.PASSIVE,
                )
                for match in wanted
            ]
        self._withdraw()

    @callback
    def _seen(self, info: BluetoothServiceInfoBleak, _: BluetoothChange) -> None:
        seen = as_advertisement(info)
        model = model_of(self._feeds.values(), seen)
        known = cared_for(self._hass, self._entry)
        if model is not None and seen.address not in known:
            self._offer(
                seen.address,
                {
                    CONF_ADDRESS: seen.address,
                    CONF_NAME: seen.local_name or model.name,
                },
            )

    @callback
    def _offer(
        self, key: str, data: dict[str, Any], rests_on: tuple[str | None, ...] = ()
    ) -> None:
        if self._offered.get(key) == rests_on:
            return
        self._offered[key] = rests_on
        # Its form would propose what is not true any more.
        self._take_back({key})
        discovery_flow.async_create_flow(
            self._hass,
            DOMAIN,
            context={"source": SOURCE_INTEGRATION_DISCOVERY},
            data=data,
            discovery_key=discovery_flow.DiscoveryKey(
                domain=DOMAIN, key=key, version=1
            ),
        )

    @callback
    def _withdraw(self) -> None:
        """Take back what has been added, or linked, in another way."""
        self._take_back(cared_for(self._hass, self._entry))

    @callback
    def _take_back(self, keys: Collection[str | None]) -> None:
        for flow in _offers(self._hass):
            if flow["context"].get("unique_id") in keys:
                self._hass.config_entries.flow.async_abort(flow["flow_id"])


@callback
def async_take_back_all(hass: HomeAssistant) -> None:
    """Offer nothing any more: there is nothing that a lock could be added to."""
    for flow in _offers(hass):
        hass.config_entries.flow.async_abort(flow["flow_id"])


def _offers(hass: HomeAssistant) -> list[ConfigFlowResult]:
    return [
        flow
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"].get("source") == SOURCE_INTEGRATION_DISCOVERY
    ]


def matcher_of(match: BluetoothMatch) -> BluetoothCallbackMatcher:
    """Return what Home Assistant's Bluetooth is to listen for."""
    matcher = BluetoothCallbackMatcher(connectable=True)
    if match.local_name is not None:
        matcher["local_name"] = match.local_name
    if match.service_uuid is not None:
        matcher["service_uuid"] = match.service_uuid
    if match.manufacturer_id is not None:
        matcher["manufacturer_id"] = match.manufacturer_id
    return matcher
