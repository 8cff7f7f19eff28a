"""Which entities say how a lock is set, and what is read of them."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.lock_settings import entity_of, read_settings
from custom_components.nightlatch.adapters.setting_back import (
    NotSetError,
    async_set_back,
)
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.records.redaction import SettingKind
from custom_components.nightlatch.core.records.settable import WhyNot
from custom_components.nightlatch.core.records.snapshot import Reading, Setting
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er

LOCK = "lock.attic"


class OtherIntegration:
    """An integration that knows a lock, and its registries."""

    def __init__(self, hass: HomeAssistant, domain: str = "switchbot") -> None:
        """Add a lock."""
        self.hass = hass
        self.domain = domain
        self.entry = MockConfigEntry(domain=domain)
        self.entry.add_to_hass(hass)
        self.device = dr.async_get(hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={(domain, "1")},
            name="Attic",
        )
        self.add("lock", None, "locked", object_id="attic")

    def add(
        self,
        domain: str,
        name: str | None,
        state: str | None,
        attributes: dict[str, Any] | None = None,
        *,
        object_id: str | None = None,
        **fields: Any,
    ) -> er.RegistryEntry:
        """Add an entity."""
        count = len(er.async_get(self.hass).entities)
        entry = er.async_get(self.hass).async_get_or_create(
            domain,
            self.domain,
            f"unique-{count}",
            **{
                "suggested_object_id": object_id or f"attic_{count}",
                "original_name": name,
                "config_entry": self.entry,
                "device_id": self.device.id,
                **fields,
            },
        )
        if state is not None:
            self.hass.states.async_set(entry.entity_id, state, attributes or {})
        return entry

    def read(self) -> Reading:
        """Return how the lock is set."""
        return read_settings(self.hass, [LOCK])

    def values(self) -> dict[str, str | None]:
        """Return how the lock is set, by what people call it."""
        return {each.name or each.kind: each.value for each in self.read().settings}


@pytest.fixture
def lock(hass: HomeAssistant) -> OtherIntegration:
    """Add a lock."""
    return OtherIntegration(hass)


def test_a_lock_that_has_no_settings(lock: OtherIntegration) -> None:
    """Nor has one that nobody knows."""
    assert lock.read() == Reading()
    assert read_settings(lock.hass, ["lock.nobody"]) == Reading()


def test_the_bolt_is_no_setting(lock: OtherIntegration) -> None:
    """In whatever form it comes, and whatever somebody calls it."""
    lock.add("switch", None, "on")
    lock.add("switch", "Attic", "on")
    lock.add("switch", "Door lock", "on")
    lock.add("select", None, "locked", {"options": ["locked", "unlocked"]})
    renamed = lock.add("switch", None, "on")
    er.async_get(lock.hass).async_update_entity(renamed.entity_id, name="Bohrer")
    dr.async_get(lock.hass).async_update_device(lock.device.id, name_by_user="Dach")
    lock.add("switch", "Dach", "on")
    assert lock.values() == {}
    lock.add("switch", "Child lock", "on")
    assert lock.values() == {"Child lock": "on"}


def test_what_only_shows_how_it_is_set(lock: OtherIntegration) -> None:
    """Whether it is calibrated, whether it locks by itself; nothing that is measured."""
    lock.add("binary_sensor", "Lock uncalibrated", "off")
    lock.add("binary_sensor", None, "on", translation_key="auto_lock")
    lock.add("sensor", "Calibration state", "done")
    lock.add("sensor", "Last calibration", "2026-11-25T10:00:00+00:00")
    lock.add(
        "sensor", "Auto-lock remaining", "12", capabilities={"state_class": "total"}
    )
    lock.add("binary_sensor", "Door", "on")
    lock.add("button", "Calibrate", "unknown")
    assert set(lock.values().values()) == {"off", "on", "done", None}
    assert len(lock.values()) == 4
    assert {each.fixed for each in lock.read().settings} == {WhyNot.SEEN_ONLY}


def test_attributes_of_the_lock(lock: OtherIntegration) -> None:
    """Only those that are known to be settings, and of users only the slots."""
    lock.hass.states.async_set(
        LOCK,
        "locked",
        {
            "auto_lock": True,
            "calibrated": False,
            "auto_lock_delay": 30,
            "language": "en",
            "operating_mode": None,
            "sound_volume": {"odd": 1},
            "pin_code": "471108",
            "changed_by": "Anna 4711",
            "code_format": "471108",
            "users": {
                "1": {"status": "enabled", "pin_code": "471108"},
                "2": "odd",
                "3": {},
            },
        },
    )
    assert lock.values() == {
        "Auto lock": "on",
        "Auto lock delay": "30",
        "Calibrated": "off",
        "Language": "en",
        "Operating mode": None,
        "Sound volume": None,
        "code_slots": "1",
    }
    lock.hass.states.async_set(LOCK, "locked", {"users": {}})
    assert lock.values() == {}
    lock.hass.states.async_set(LOCK, "unavailable")
    assert lock.values() == {}


def test_parts_of_the_lock_count(lock: OtherIntegration) -> None:
    """Whichever of them the owner has linked."""
    part = dr.async_get(lock.hass).async_get_or_create_child(
        config_entry_id=lock.entry.entry_id,
        identifiers={("switchbot", "1-keypad")},
        parent_device_id=lock.device.id,
        name="Keypad",
    )
    beep = lock.add("switch", "Beep", "on", device_id=part.id)
    lock.add("number", "Auto-lock time", "30", {"max": 60, "unit_of_measurement": "s"})
    assert lock.values() == {"Beep": "on", "Auto-lock time": "30"}
    assert read_settings(lock.hass, [beep.entity_id]) == lock.read()
    assert read_settings(lock.hass, [beep.entity_id, LOCK]) == lock.read()


def test_a_device_of_ours_is_left_out(hass: HomeAssistant) -> None:
    """It has our switches."""
    ours = OtherIntegration(hass, DOMAIN)
    ours.add("switch", "Install automatically", "on")
    assert ours.read() == Reading()


def test_a_setting_without_a_name(lock: OtherIntegration) -> None:
    """It is called as its entity is."""
    lock.add("number", None, "3", {"max": 5}, object_id="attic_volume")
    assert lock.values() == {"Attic volume": "3"}


def test_a_setting_outlives_a_new_name(lock: OtherIntegration) -> None:
    """It is found by what the registry calls it."""
    entry = lock.add("number", "Volume", "3", {"max": 5})
    (before,) = lock.read().settings
    registry = er.async_get(lock.hass)
    registry.async_update_entity(
        entry.entity_id, new_entity_id="number.loudness", name="Loudness"
    )
    lock.hass.states.async_set("number.loudness", "4", {"max": 5})
    (after,) = lock.read().settings
    assert (after.key, after.name, after.value) == (before.key, "Loudness", "4")
    found = entity_of(lock.hass, before.key)
    assert found is not None
    assert found.entity_id == "number.loudness"
    assert entity_of(lock.hass, "zwave:x:112:0:1") is None


def test_a_disabled_entity_is_not_seen(lock: OtherIntegration) -> None:
    """It has no state."""
    entry = lock.add("number", "Volume", "3", {"max": 5})
    er.async_get(lock.hass).async_update_entity(
        entry.entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )
    assert lock.read() == Reading()


def test_a_relay_on_the_same_device_is_not_set(lock: OtherIntegration) -> None:
    """It is shown; a restore must not open the garage."""
    lock.add("switch", "Hoftor", "off")
    lock.add("switch", "Summer", "off", entity_category=EntityCategory.CONFIG)
    assert {each.name: each.fixed for each in lock.read().settings} == {
        "Hoftor": WhyNot.MOVES_BOLT,
        "Summer": None,
    }


async def test_an_entity_that_is_gone_is_not_set(
    lock: OtherIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the very moment in which it goes."""
    entry = lock.add("number", "Volume", "3", {"max": 5})
    before = lock.read()
    (wanted,) = before.settings
    er.async_get(lock.hass).async_remove(entry.entity_id)
    for read in (lock.read, lambda: before):
        with pytest.raises(NotSetError) as caught:
            await async_set_back(lock.hass, wanted, read)
        assert caught.value.why_not is WhyNot.GONE


async def test_what_was_not_known_is_not_set(lock: OtherIntegration) -> None:
    """Nobody knows to what."""
    unknown = Setting(key="entity:1", kind=SettingKind.NUMBER, name="?", value=None)
    with pytest.raises(NotSetError) as caught:
        await async_set_back(lock.hass, unknown, lock.read)
    assert caught.value.why_not is WhyNot.UNAVAILABLE
