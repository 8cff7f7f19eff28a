"""A lock is let go of for a while, so that its maker's app reaches it."""

from collections.abc import Iterator
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    MockModule,
    async_fire_time_changed,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.preflight.base import Reason, blockers
from custom_components.nightlatch.monitoring.letting_go import FOR
from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .asked import checks_of, read
from .flows import until
from .house import FRONT_DOOR, House
from .test_lifecycle import begin, slow_down, speed_up
from .vaulted import audited, issues

BUTTON = "button.front_door_let_go_for_ten_minutes"


@pytest.fixture(autouse=True)
def flow_of_other_integration() -> Iterator[None]:
    """Let Home Assistant know how the other integration is set up."""
    with mock_config_flow("other_locks", ConfigFlow):
        yield


async def press(house: House) -> None:
    """Press the button."""
    await house.hass.services.async_call(
        "button", "press", {"entity_id": BUTTON}, blocking=True
    )


async def other_integration(house: House, title: str, devices: int) -> ConfigEntry:
    """Let another integration be connected to the lock, and perhaps have others too."""

    async def done(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return True

    mock_integration(
        house.hass,
        MockModule("other_locks", async_setup_entry=done, async_unload_entry=done),
    )
    mock_platform(house.hass, "other_locks.config_flow")
    entry = MockConfigEntry(domain="other_locks", title=title)
    entry.add_to_hass(house.hass)
    addresses = [FRONT_DOOR, *(f"C0:00:00:00:00:{n:02}" for n in range(devices - 1))]
    for address in addresses:
        dr.async_get(house.hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            connections={(dr.CONNECTION_BLUETOOTH, address)},
        )
    assert await house.hass.config_entries.async_setup(entry.entry_id)
    found: ConfigEntry = entry
    return found


async def test_everybody_lets_go_and_takes_it_again(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """It says so, until when; nothing connects meanwhile, and it ends by itself."""
    lock = house.managed()
    other = await other_integration(house, "Hall", 1)
    hub = await other_integration(house, "All of them", 3)
    await house.release("1.1.0")
    await press(house)
    assert other.state is ConfigEntryState.NOT_LOADED
    assert hub.state is ConfigEntryState.LOADED
    told = (await issues(house))["let_go"]
    assert "(Hall)" in told.partition("Could not")[0]
    assert "(All of them)" in told.partition("Could not")[2]
    connections = house.links[FRONT_DOOR].counters.packets
    with pytest.raises(TransportError) as caught:
        await read(lock)
    assert caught.value.reason is TransportProblem.LET_GO
    assert Reason.LET_GO in {each.reason for each in blockers(checks_of(lock))}
    with pytest.raises(HomeAssistantError, match="was let go of"):
        await house.install()
    assert house.links[FRONT_DOOR].counters.packets == connections
    # Once more begins the time anew.
    freezer.tick(FOR / 2)
    await press(house)
    freezer.tick(FOR / 2 + timedelta(seconds=1))
    async_fire_time_changed(house.hass)
    await house.settle()
    assert house.runtime.letting_go.of(lock) is not None
    freezer.tick(FOR / 2)
    # Timers count real seconds, whatever the clock is set to.
    async_fire_time_changed(house.hass, dt_util.utcnow() + FOR)
    await until(lambda: other.state is ConfigEntryState.LOADED)
    await house.settle()
    assert "let_go" not in await issues(house)
    assert len(await audited(house, "let_go")) == 2
    await read(lock)
    assert Reason.LET_GO not in {each.reason for each in checks_of(lock)}


async def test_never_during_an_installation(house: House) -> None:
    """It says so, and the lock stays with us."""
    await house.release("1.1.0")
    slow_down(house)
    installing = await begin(house)
    with pytest.raises(HomeAssistantError, match="being installed"):
        await press(house)
    assert house.managed().let_go_until is None
    speed_up(house)
    await installing


async def test_nightlatch_that_goes_gives_back_what_it_took(house: House) -> None:
    """At once: nobody would do it later."""
    other = await other_integration(house, "Hall", 1)
    await press(house)
    assert other.state is ConfigEntryState.NOT_LOADED
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await until(lambda: other.state is ConfigEntryState.LOADED)
