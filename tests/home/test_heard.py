"""How old a battery's level is: as old as what its device has told last."""

from datetime import datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.entities import read_surroundings
from custom_components.nightlatch.adapters.heard import (
    SETTLING,
    async_note_start,
    heard_at,
)
from custom_components.nightlatch.const import DOMAIN
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

LEVEL = "sensor.side_door_battery"
OTHERS = {
    "lock.side_door": "lock",
    "sensor.side_door_linkquality": "linkquality",
    "sensor.side_door_last_seen": "last_seen",
    "sensor.side_door_node_status": "node_status",
    "binary_sensor.side_door_online": "online",
    "update.side_door": "update",
    "button.side_door_identify": "identify",
}
DAY = timedelta(days=1)


@pytest.fixture
def device(hass: HomeAssistant) -> None:
    """Register a lock with a battery and more."""
    entry = MockConfigEntry(domain="mqtt")
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("mqtt", "side")}
    )
    for entity_id, name in {LEVEL: "battery", **OTHERS}.items():
        domain, object_id = entity_id.split(".")
        er.async_get(hass).async_get_or_create(
            domain,
            "mqtt",
            f"side_{name}",
            suggested_object_id=object_id,
            config_entry=entry,
            device_id=device.id,
        )
    er.async_get(hass).async_get_or_create(
        "sensor",
        DOMAIN,
        "side_ours",
        suggested_object_id="side_door_ours",
        device_id=device.id,
    )


def battery_at(hass: HomeAssistant, heard: datetime | None = None) -> datetime | None:
    """Return how old the level is."""
    battery = read_surroundings(
        hass,
        lock_entity=None,
        battery_entity=LEVEL,
        door_entity=None,
        heard=heard,
    ).battery
    assert battery is not None
    assert battery.level == 90
    return battery.at


@pytest.mark.parametrize(
    ("entity_id", "state"),
    [("lock.side_door", "locked"), ("sensor.side_door_linkquality", "120")],
)
def test_a_level_that_stays_is_as_fresh_as_its_device(
    hass: HomeAssistant,
    device: None,
    freezer: FrozenDateTimeFactory,
    entity_id: str,
    state: str,
) -> None:
    """MQTT and ESPHome do not tell the same value twice."""
    hass.states.async_set(LEVEL, "90")
    freezer.tick(40 * DAY)
    hass.states.async_set(entity_id, state)
    told = dt_util.utcnow()
    freezer.tick(timedelta(hours=3))
    assert battery_at(hass) == told


@pytest.mark.parametrize(
    "written",
    [
        ("lock.side_door", "unavailable", {}),
        ("lock.side_door", "unknown", {}),
        ("lock.side_door", "locking", {}),
        ("lock.side_door", "locked", {"assumed_state": True}),
        ("lock.side_door", "locked", {"restored": True}),
        ("sensor.side_door_node_status", "dead", {}),
        ("binary_sensor.side_door_online", "off", {"device_class": "connectivity"}),
        ("update.side_door", "on", {}),
        ("button.side_door_identify", "2026-11-30T00:00:00+00:00", {}),
        ("sensor.side_door_ours", "1", {}),
        ("sensor.side_door_last_seen", "nonsense", {"device_class": "timestamp"}),
        ("sensor.side_door_linkquality", "unavailable", {"last_seen": True}),
        ("sensor.side_door_linkquality", "unavailable", {"last_seen": float("inf")}),
        # The clock of whoever says so is wrong.
        (
            "sensor.side_door_last_seen",
            "2099-01-01T00:00:00+00:00",
            {"device_class": "timestamp"},
        ),
    ],
)
def test_what_does_not_come_from_the_device_shows_nothing(
    hass: HomeAssistant,
    device: None,
    freezer: FrozenDateTimeFactory,
    written: tuple[str, str, dict[str, object]],
) -> None:
    """Others can write that of a device whose battery is empty for weeks."""
    hass.states.async_set(LEVEL, "90")
    told = dt_util.utcnow()
    freezer.tick(40 * DAY)
    hass.states.async_set(*written)
    assert battery_at(hass) == told


@pytest.mark.parametrize("form", ["sensor", "text", "seconds", "milliseconds", "time"])
def test_an_integration_may_say_when_a_device_was_seen(
    hass: HomeAssistant, device: None, freezer: FrozenDateTimeFactory, form: str
) -> None:
    """As a sensor, or beside a value."""
    hass.states.async_set(LEVEL, "90")
    freezer.tick(40 * DAY)
    seen = (dt_util.utcnow() - timedelta(hours=2)).replace(microsecond=0)
    if form == "sensor":
        hass.states.async_set(
            "sensor.side_door_last_seen",
            seen.isoformat(),
            {"device_class": "timestamp"},
        )
    else:
        written = {
            "text": seen.isoformat(),
            "seconds": seen.timestamp(),
            "milliseconds": int(seen.timestamp() * 1000),
            "time": seen,
        }[form]
        # Also where it is unavailable by now.
        hass.states.async_set(
            "sensor.side_door_linkquality", "unavailable", {"last_seen": written}
        )
    assert battery_at(hass) == seen


def test_what_is_written_at_the_start_is_as_old_as_it_was(
    hass: HomeAssistant, device: None, freezer: FrozenDateTimeFactory
) -> None:
    """Home Assistant writes what it, or a broker, has kept; for sixty days, if need be."""
    heard = dt_util.utcnow()
    freezer.tick(60 * DAY)
    hass.set_state(CoreState.starting)
    async_note_start(hass)
    hass.states.async_set(LEVEL, "90")
    hass.states.async_set("lock.side_door", "locked")
    assert battery_at(hass) is None
    assert battery_at(hass, heard) == heard
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    freezer.tick(SETTLING - timedelta(seconds=1))
    hass.states.async_set("sensor.side_door_linkquality", "120")
    assert battery_at(hass, heard) == heard
    freezer.tick(timedelta(minutes=1))
    hass.states.async_set("sensor.side_door_linkquality", "121")
    assert battery_at(hass, heard) == dt_util.utcnow()


def test_what_was_kept_with_a_wrong_clock_is_not_believed(
    hass: HomeAssistant, device: None
) -> None:
    """It would be fresh for years."""
    hass.states.async_set(LEVEL, "unavailable")
    assert heard_at(hass, LEVEL, dt_util.utcnow() + 365 * DAY) is None
