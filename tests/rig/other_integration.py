"""An integration of somebody else that updates its lock, under whichever name.

Home Assistant's own entity classes do what they do in a house: compare versions, keep and
forget skips, tell progress for those that do not. How well the lock behind them is
updated is up to the test.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, override

from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from homeassistant.components.lock import LockEntity
from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.components.update import UpdateEntity, UpdateEntityFeature
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

_PLATFORMS = [Platform.LOCK, Platform.SENSOR, Platform.UPDATE]
_STEP = 0.05
"""Seconds between two percentages."""
BROKEN_OFF = "Target node did not process the update file"


class Progress(StrEnum):
    """How much it tells while it installs."""

    NONE = "none"
    """It does not know of progress: Home Assistant tells that it is at work."""
    AT_WORK = "at_work"
    """Only that it is at work; None percent."""
    PERCENT = "percent"


class End(StrEnum):
    """What comes of an installation."""

    WELL = "well"
    RAISES_AT_ONCE = "raises_at_once"
    RAISES_AT_LAST = "raises_at_last"
    """When all was sent."""
    GIVES_UP = "gives_up"
    """Its own ``TimeoutError``, when all was sent."""
    NEVER = "never"
    """Its call never returns, and it says that it is idle."""
    LIES = "lies"
    """It shows the new version, and the lock runs the old one."""
    ALONE = "alone"
    """The lock has it, and the call never returns."""
    FALLS_BACK = "falls_back"
    """It shows the new version until the lock has restarted."""


_WAITS = {End.RAISES_AT_LAST, End.GIVES_UP, End.NEVER, End.ALONE}


@dataclass(kw_only=True)
class OtherLock:
    """A lock as the integration knows it, and what the integration does with it."""

    hass: HomeAssistant
    domain: str
    installed: str
    latest: str
    waits: bool
    """Whether its call returns when all is over, or at once."""
    progress: Progress = Progress.PERCENT
    end: End = End.WELL
    updates: int = 1
    """How many update entities it has."""
    available: bool = True
    auto_update: bool = False
    can_install: bool = True
    battery: int = 90
    at_work: bool = False
    percentage: int | None = None
    installs: list[str | None] = field(default_factory=list)
    """What it was asked for."""
    entry: MockConfigEntry = field(init=False)
    _entities: list[Entity] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the entry that it is set up by."""
        self.entry = MockConfigEntry(domain=self.domain, title="Shed")

    # What it is in Home Assistant.

    def entity_id(self, domain: str, number: int = 0) -> str:
        """Return one of its entities."""
        found = er.async_get(self.hass).async_get_entity_id(
            domain, self.domain, self.unique_id(domain, number)
        )
        assert found is not None, (domain, number)
        return found

    def unique_id(self, domain: str, number: int = 0) -> str:
        """Return what one of its entities is registered by."""
        return f"shed-{domain}-{number}"

    @property
    def device(self) -> dr.DeviceEntry:
        """The device as it is registered."""
        found = er.async_get(self.hass).async_get(self.entity_id("lock"))
        assert found is not None
        device = dr.async_get(self.hass).async_get(found.device_id or "")
        assert isinstance(device, dr.DeviceEntry)
        return device

    def entities_of(self, platform: Platform) -> list[Entity]:
        """Return new entities of a platform."""
        if platform is Platform.LOCK:
            entities: list[Entity] = [OtherBolt(self)]
        elif platform is Platform.SENSOR:
            entities = [OtherBattery(self)]
        else:
            entities = [OtherUpdate(self, number) for number in range(self.updates)]
        self._entities += entities
        return entities

    def forget_entities(self) -> None:
        """Be unloaded: what is under way is heard of by nobody."""
        self._entities.clear()
        self.at_work, self.percentage = False, None

    # What happens.

    def tell(self, **news: Any) -> None:
        """Let something be different from now on, and tell it."""
        for name, value in news.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        for entity in self._entities:
            entity.async_write_ha_state()

    def runs(self, version: str) -> None:
        """Let the lock say what it runs: to the entity, and to the device registry."""
        self.tell(installed=version)
        dr.async_get(self.hass).async_update_device(self.device.id, sw_version=version)

    async def install(self, version: str | None) -> None:
        """Install, as well as it does."""
        self.installs.append(version)
        if self.end is End.RAISES_AT_ONCE:
            raise HomeAssistantError("Battery too low")
        if self.waits or self.end in _WAITS:
            await self._install()
        else:
            self.hass.async_create_background_task(self._install(), "installs")

    async def _install(self) -> None:
        old, new = self.installed, self.latest
        self.at_work = True
        for percentage in (0, 30, 60, 100):
            if self.progress is Progress.PERCENT:
                self.percentage = percentage
            self.tell()
            await asyncio.sleep(_STEP)
        self.at_work, self.percentage = False, None
        match self.end:
            case End.RAISES_AT_LAST:
                self.tell()
                raise HomeAssistantError(BROKEN_OFF)
            case End.GIVES_UP:
                self.tell()
                raise TimeoutError
            case End.NEVER:
                self.tell()
                await asyncio.Event().wait()
            case End.ALONE:
                self.runs(new)
                await asyncio.Event().wait()
            case End.LIES:
                self.tell(installed=new)
            case End.FALLS_BACK:
                self.runs(new)
                self.hass.loop.call_later(_STEP, self.runs, old)
            case _:
                self.runs(new)


class OtherEntity(Entity):
    """What its entities have in common."""

    _attr_should_poll = False
    _domain: str

    def __init__(self, lock: OtherLock, number: int = 0) -> None:
        """Belong to the lock's device."""
        self.behind = lock
        self._attr_unique_id = lock.unique_id(self._domain, number)
        self._attr_device_info = DeviceInfo(
            identifiers={(lock.domain, "shed")},
            name="Shed",
            manufacturer="Kestrel",
            model="KL-9",
            sw_version=lock.installed,
        )

    @property
    @override
    def available(self) -> bool:
        return self.behind.available


class OtherBolt(OtherEntity, LockEntity):
    """Its bolt."""

    _domain = "lock"
    _attr_name = "Shed"
    _attr_is_locked = True


class OtherBattery(OtherEntity, SensorEntity):
    """Its battery."""

    _domain = "sensor"
    _attr_name = "Shed battery"
    _attr_device_class = SensorDeviceClass.BATTERY
    _attr_native_unit_of_measurement = "%"

    @property
    @override
    def native_value(self) -> int:
        return self.behind.battery


class OtherUpdate(OtherEntity, UpdateEntity):
    """Its update entity."""

    _domain = "update"
    _attr_name = "Shed"

    @property
    @override
    def supported_features(self) -> UpdateEntityFeature:
        features = UpdateEntityFeature(0)
        if self.behind.can_install:
            features |= UpdateEntityFeature.INSTALL
        if self.behind.progress is not Progress.NONE:
            features |= UpdateEntityFeature.PROGRESS
        return features

    @property
    @override
    def auto_update(self) -> bool:
        return self.behind.auto_update

    @property
    @override
    def installed_version(self) -> str:
        return self.behind.installed

    @property
    @override
    def latest_version(self) -> str:
        return self.behind.latest

    @property
    @override
    def in_progress(self) -> bool:
        return self.behind.at_work

    @property
    @override
    def update_percentage(self) -> int | None:
        return self.behind.percentage

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        await self.behind.install(version)


class _Flow(ConfigFlow):
    """Home Assistant sets up no entry of whom has no flow."""


@asynccontextmanager
async def other_integration(lock: OtherLock) -> AsyncGenerator[OtherLock]:
    """Have an integration with one lock, under the name that the lock says."""
    hass = lock.hass

    async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)
        return True

    async def unload(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        unloaded = await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)
        lock.forget_entities()
        return unloaded

    mock_integration(
        hass,
        MockModule(lock.domain, async_setup_entry=set_up, async_unload_entry=unload),
    )
    mock_platform(hass, f"{lock.domain}.config_flow", None)
    for platform in _PLATFORMS:
        mock_platform(
            hass,
            f"{lock.domain}.{platform}",
            MockPlatform(async_setup_entry=_adds(lock, platform)),
        )
    lock.entry.add_to_hass(hass)
    with mock_config_flow(lock.domain, _Flow):
        assert await hass.config_entries.async_setup(lock.entry.entry_id)
        yield lock
        await hass.config_entries.async_unload(lock.entry.entry_id)


def _adds(lock: OtherLock, platform: Platform) -> Any:
    async def add(
        _hass: HomeAssistant,
        _entry: ConfigEntry,
        add_entities: AddConfigEntryEntitiesCallback,
    ) -> None:
        add_entities(lock.entities_of(platform))

    return add
