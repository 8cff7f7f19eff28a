"""Which time of the house's clock is believed, whatever kind of computer it is on."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nightlatch.adapters.believed_clock import BelievedClock
from custom_components.nightlatch.adapters.storage import HouseholdStore
from homeassistant.core import HomeAssistant

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Computer:
    """One whose clock may show anything, and that may be switched off."""

    def __init__(self, store: HouseholdStore) -> None:
        """Begin with a clock that is right."""
        self.store = store
        self.now = NOW
        self.wrong = timedelta()
        self.seconds = 0.0
        self.start()

    def start(self) -> None:
        """Start Home Assistant."""
        self.seconds = 0.0
        self.clock = BelievedClock(self.store, lambda: self.seconds)

    async def look(self) -> bool:
        """Look at the clock; return whether it is believed."""
        shown = self.now + self.wrong
        await self.clock.async_look(shown)
        return self.clock.is_believed(shown)

    async def run(self, hours: int) -> None:
        """Go on for some hours, and look each."""
        for _ in range(hours):
            self.now += HOUR
            self.seconds += 3600
            await self.look()


@pytest.fixture(name="computer")
async def computer_on(hass: HomeAssistant) -> Computer:
    """Return a computer that has nothing kept yet."""
    store = HouseholdStore(hass, "clock")
    await store.async_load(expected=False)
    computer = Computer(store)
    await computer.look()
    return computer


@pytest.mark.parametrize("begins", [-40 * DAY, -HOUR * 3, NOW.replace(year=1970) - NOW])
async def test_a_computer_without_a_battery_for_its_clock_is_believed(
    computer: Computer, begins: timedelta
) -> None:
    """It is switched off each night, and begins with some time of the past."""
    for _ in range(5):
        await computer.run(16)
        computer.now += HOUR * 8
        computer.wrong = begins
        computer.start()
        await computer.look()
        # Then the network tells it.
        computer.wrong = timedelta()
        await computer.run(1)
    assert await computer.look()


async def test_a_clock_is_put_right_once(computer: Computer) -> None:
    """What is put ahead by and by is not; nor by so much that nobody knows how long."""
    await computer.run(80)
    assert await computer.look()
    computer.now += HOUR
    computer.start()
    computer.wrong = -HOUR * 5
    await computer.look()
    computer.wrong = timedelta()
    assert await computer.look()
    computer.wrong = DAY
    assert not await computer.look()
    computer.start()
    computer.wrong = timedelta()
    await computer.look()
    computer.wrong = DAY * 400
    assert not await computer.look()


async def test_a_computer_that_sleeps_each_night_is_believed_in_the_end(
    computer: Computer,
) -> None:
    """Its other clock stands still meanwhile, as if that one had been put ahead."""
    for _ in range(9):
        await computer.run(16)
        computer.now += HOUR * 8
    believed = computer.clock.believed(computer.now)
    assert believed is not None
    assert computer.now - DAY * 9 < believed <= computer.now
    # Over a restart as well.
    computer.start()
    assert computer.clock.believed(computer.now) == believed


async def test_a_house_for_weekends_is_believed_in_the_end(computer: Computer) -> None:
    """It is on for two days of seven."""
    for _ in range(8):
        await computer.run(48)
        computer.now += DAY * 5
        computer.start()
        await computer.look()
    believed = computer.clock.believed(computer.now)
    assert believed is not None
    assert computer.now - believed <= DAY * 28
