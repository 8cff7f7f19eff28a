"""A lock that runs ESPHome, updated by its own update entity."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation import delegated
from custom_components.nightlatch.household import Household
from custom_components.nightlatch.locks import ManagedLock
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.rig.ota_script import OtaEnding, OtaScript
from tests.rig.scene import lock_form

from .flows import start_flow, submit, until
from .test_rig_guardable import BOLT, FIRMWARE, EsphomeHome, esphome_home, esphome_host

__all__ = ["esphome_host"]

UPDATE = "update.back_door_guarded_firmware"


@dataclass(kw_only=True)
class GuardedEsphome:
    """Everything that a test may look at or order."""

    home: EsphomeHome
    entry: MockConfigEntry

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        household: Household = self.entry.runtime_data
        (lock,) = household.locks.values()
        return lock

    async def install(self) -> None:
        """Press Install."""
        await self.home.hass.services.async_call(
            "update", "install", {"entity_id": UPDATE}, blocking=True
        )


@pytest.fixture
async def guarded(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    esphome_host: None,
    impatience: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[GuardedEsphome]:
    """Guard a lock for which there is something new."""
    # Home Assistant takes two seconds to connect again.
    monkeypatch.setattr(delegated, "REPORT_TIMEOUT", 8.0)
    assert await async_setup_component(hass, "bluetooth", {})
    async with esphome_home(hass, OtaScript()) as home:
        entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        device_id = er.async_get(hass).entities[BOLT].device_id
        result = await start_flow(hass, entry, "lock")
        result = await submit(hass, result, address=f"device:{device_id}")
        form = lock_form("Back door", update_entity=FIRMWARE, lock_entity=BOLT)
        battery = next(
            each.entity_id
            for each in er.async_entries_for_device(er.async_get(hass), device_id or "")
            if each.original_device_class == "battery"
        )
        result = await submit(hass, result, **form, battery_entity=battery)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await until(
            lambda: (
                (state := hass.states.get(UPDATE)) is not None and state.state == "on"
            )
        )
        yield GuardedEsphome(home=home, entry=entry)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_install(guarded: GuardedEsphome) -> None:
    """It is told once, restarts, and is proven by what it says afterwards."""
    await guarded.install()
    assert guarded.home.lock.state.installed_version == "1.1.0"
    assert guarded.home.lock.record.installs == 1
    (outcome,) = guarded.managed.record.history
    assert outcome.kind == "succeeded"


@pytest.mark.parametrize("ending", [OtaEnding.LIE, OtaEnding.FALL_BACK])
async def test_a_lie_is_a_failure(guarded: GuardedEsphome, ending: OtaEnding) -> None:
    """Whatever was told in between."""
    guarded.home.lock.script = OtaScript(ending=ending)
    with pytest.raises(HomeAssistantError):
        await guarded.install()
    (outcome,) = guarded.managed.record.history
    assert outcome.kind == "failed"
