"""Another integration's update entity, as what updates a guarded lock."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, override

from homeassistant.components.update import (
    ATTR_INSTALLED_VERSION,
    ATTR_LATEST_VERSION,
    ATTR_VERSION,
    DOMAIN as UPDATE_DOMAIN,
    SERVICE_INSTALL,
    UpdateEntityFeature,
)
from homeassistant.components.update.const import (
    ATTR_AUTO_UPDATE,
    ATTR_IN_PROGRESS,
    ATTR_RELEASE_SUMMARY,
    ATTR_RELEASE_URL,
    ATTR_SKIPPED_VERSION,
    ATTR_UPDATE_PERCENTAGE,
    SERVICE_SKIP,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_SUPPORTED_FEATURES,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    DOMAIN as HOMEASSISTANT_DOMAIN,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.hass_dict import HassKey

from ..core.errors import DelegateError, DelegateProblem
from ..core.guard.source import Delegate, SourceKind, SourceReading, source_kind
from ..core.phrase import Phrase
from ..core.remembered import Remembered
from ..core.versions import told_version
from .registry import device_of, main_device_of
from .zigbee2mqtt import OtaCommand, OtaRequests, ota_command

# Home Assistant has no constant for it in all versions that are supported.
_SERVICE_UPDATE_ENTITY = "update_entity"
_SERVICE_CLEAR_SKIPPED = "clear_skipped"
_ZIGBEE2MQTT = "zigbee2mqtt_"
_MQTT = "mqtt"
_MQTT_DATA: HassKey[Any] = HassKey(_MQTT)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def reading_of(state: State | None, sw_version: str | None) -> SourceReading:
    """Return what a state of an update entity says, and its device of its version."""
    device_version = told_version(sw_version) if sw_version is not None else None
    if state is None or state.state == STATE_UNAVAILABLE:
        return SourceReading(available=False, away=True, device_version=device_version)
    told = state.attributes
    features = UpdateEntityFeature(told.get(ATTR_SUPPORTED_FEATURES, 0))
    return SourceReading(
        available=state.state != STATE_UNKNOWN or bool(told.get(ATTR_IN_PROGRESS)),
        installed=told_version(told.get(ATTR_INSTALLED_VERSION)),
        offered=told_version(told.get(ATTR_LATEST_VERSION)),
        says_new=state.state == STATE_ON,
        in_progress=told.get(ATTR_IN_PROGRESS) is not False
        and told.get(ATTR_IN_PROGRESS) is not None,
        percentage=told.get(ATTR_UPDATE_PERCENTAGE),
        skipped=told.get(ATTR_SKIPPED_VERSION),
        installs_by_itself=bool(told.get(ATTR_AUTO_UPDATE)),
        can_install=UpdateEntityFeature.INSTALL in features,
        takes_version=UpdateEntityFeature.SPECIFIC_VERSION in features,
        device_version=device_version,
        release_url=told.get(ATTR_RELEASE_URL),
        release_summary=told.get(ATTR_RELEASE_SUMMARY),
    )


def _is_zigbee2mqtt(device: dr.AnyDeviceEntry | None) -> bool:
    return device is not None and any(
        identifier[0] == _MQTT and identifier[1].startswith(_ZIGBEE2MQTT)
        for identifier in device.identifiers
    )


def _kind_of(
    entry: er.RegistryEntry | None,
    device: dr.AnyDeviceEntry | None,
    discovery: Mapping[str, Any],
) -> SourceKind:
    if entry is None:
        return source_kind("", "")
    return source_kind(
        entry.platform,
        entry.unique_id,
        zigbee2mqtt=_is_zigbee2mqtt(device),
        answers=ota_command(discovery) is not None,
    )


class UpdateEntityDelegate(Delegate):
    """Follows one update entity, and tells it what to do."""

    def __init__(self, hass: HomeAssistant, entity_id: str) -> None:
        """Take the entity."""
        self._hass = hass
        self._requests = OtaRequests(hass)
        self.entity_id = entity_id
        self._reading = Remembered(reading_of)
        self._kind = Remembered(_kind_of)

    @property
    def registered(self) -> er.RegistryEntry | None:
        """Return the entity as it is registered; None where it is gone."""
        return er.async_get(self._hass).async_get(self.entity_id)

    @property
    def device(self) -> dr.AnyDeviceEntry | None:
        """Return the device that it belongs to."""
        return device_of(self._hass, self.entity_id)

    @property
    @override
    def kind(self) -> SourceKind:
        """Return how it updates."""
        device = self.device
        return self._kind(self.registered, device, self._discovery_of(device))

    @property
    @override
    def can_abort(self) -> bool:
        """Return whether it can be told to stop; Zigbee2MQTT can."""
        return self._command() is not None

    @property
    @override
    def can_ask(self) -> bool:
        """Return whether it can let the lock itself be asked what it runs."""
        return self._command() is not None

    @override
    def reading(self) -> SourceReading:
        """Return what the entity says now."""
        device = main_device_of(self._hass, self.entity_id)
        return self._reading(
            self._hass.states.get(self.entity_id), device.sw_version if device else None
        )

    @override
    async def changed(self, timeout: float) -> None:
        """Return at the next state of the entity, or after ``timeout`` seconds."""
        heard = asyncio.Event()

        @callback
        def seen(_: Event[EventStateChangedData]) -> None:
            heard.set()

        unsubscribe = async_track_state_change_event(self._hass, self.entity_id, seen)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await heard.wait()
        finally:
            unsubscribe()

    @override
    async def install(self, version: str | None) -> None:
        """Tell the entity to install, as the house and not as a person.

        Only an administrator may; who may ask Nightlatch was decided before. Where the
        bridge is asked itself, it says what came of it.
        """
        if (command := self._command()) is not None:
            await self._requests.async_update(command)
            return
        data = {} if version is None else {ATTR_VERSION: version}
        await self._async_call(SERVICE_INSTALL, data)

    @override
    async def abort(self) -> None:
        """Tell Zigbee2MQTT to stop; the lock keeps its old firmware."""
        command = self._command()
        if command is None:
            raise DelegateError(
                DelegateProblem.REFUSED, problem=Phrase("it cannot be aborted")
            )
        await self._requests.async_abort(command)

    @override
    async def ask(self) -> None:
        """Let the lock itself be asked what it runs; raise ``DelegateError``."""
        if (command := self._command()) is None:
            raise DelegateError(
                DelegateProblem.REFUSED, problem=Phrase("it cannot be asked")
            )
        await self._requests.async_check(command)

    async def async_refresh(self) -> None:
        """Let the integration ask for updates, as a person would in the settings."""
        with suppress(HomeAssistantError):
            await self._hass.services.async_call(
                HOMEASSISTANT_DOMAIN,
                _SERVICE_UPDATE_ENTITY,
                {ATTR_ENTITY_ID: self.entity_id},
                blocking=True,
            )

    async def async_skip(self) -> None:
        """Skip what is offered; raise ``DelegateError``."""
        await self._async_call(SERVICE_SKIP, {})

    async def async_clear_skipped(self) -> None:
        """Take a skip away; raise ``DelegateError``."""
        await self._async_call(_SERVICE_CLEAR_SKIPPED, {})

    async def _async_call(self, service: str, data: dict[str, Any]) -> None:
        try:
            await self._hass.services.async_call(
                UPDATE_DOMAIN,
                service,
                {ATTR_ENTITY_ID: self.entity_id, **data},
                blocking=True,
            )
        except Exception as err:
            # Whatever somebody's integration raises, its own deadlines too.
            problem = str(err) or type(err).__name__
            raise DelegateError(DelegateProblem.REFUSED, problem=problem) from err

    @property
    def base_topic(self) -> str | None:
        """Return Zigbee2MQTT's base topic, where that updates the lock."""
        command = self._command()
        return command.base_topic if command else None

    @property
    def told_topic(self) -> str | None:
        """Return where Zigbee2MQTT tells how the lock is, where that updates it."""
        topic = self._discovery_of(self.device).get("state_topic")
        return topic if isinstance(topic, str) else None

    def _command(self) -> OtaCommand | None:
        """Return where Zigbee2MQTT listens for this lock's updates, and to what."""
        return ota_command(self._discovery_of(self.device))

    def _discovery_of(self, device: dr.AnyDeviceEntry | None) -> Mapping[str, Any]:
        """Return how Zigbee2MQTT has described the entity; nothing for all others.

        It is what MQTT keeps for its own page on a device. A version that keeps it
        elsewhere only means that nothing can be aborted, the lock not asked, and less is
        known.
        """
        if not _is_zigbee2mqtt(device):
            return _NOTHING
        told = getattr(self._hass.data.get(_MQTT_DATA), "debug_info_entities", {})
        found = told.get(self.entity_id, {}).get("discovery_data") or {}
        return found.get("discovery_payload") or _NOTHING
