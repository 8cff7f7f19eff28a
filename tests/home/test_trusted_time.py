"""A clock that was ahead at a good check: until then nothing is accepted, or until a person says so."""

from datetime import timedelta
from typing import Any

from freezegun import freeze_time
import pytest

from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .house import FRONT_DOOR, STATUS, House
from .vaulted import audited, begin_fix, go_on, issues, look, restart

AHEAD = timedelta(hours=6)
"""Within what the vendor has signed; else nothing was good at that check."""


async def checked_ahead(house: House) -> None:
    """Let a check succeed while the clock is ahead, and put the clock right."""
    await house.release("1.1.0")
    with freeze_time(dt_util.utcnow() + AHEAD, tick=True, real_asyncio=True):
        await house.check()
        assert house.state(STATUS).state == "ok"
    await house.check()
    assert house.state(STATUS).state == "feed_clock_went_back"


async def test_the_owner_is_told_of_both_times(house: House) -> None:
    """Nobody can know which of them was wrong; what to do is said for either."""
    await checked_ahead(house)
    trusted = house.runtime.store.trust.time
    assert trusted is not None
    told = (await issues(house))["clock_went_back"]
    assert trusted.isoformat() in told
    assert "was ahead at the earlier check" in told
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "feed_clock_went_back"
    assert caught.value.translation_placeholders is not None
    assert caught.value.translation_placeholders["trusted"] == trusted.isoformat()
    assert "was ahead" in str(caught.value)


async def test_an_administrator_resets_the_trusted_time(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """No other floor sinks by it; it is written down, and no ledger takes it back."""
    old = house.vendor.keep()
    await checked_ahead(house)
    await look(house)
    before = house.runtime.store.trust
    result = await begin_fix(house, "clock_went_back")
    result = await go_on(house, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await house.settle()
    after = house.runtime.store.trust
    assert before.time is not None
    assert after.time is not None
    assert after.time < before.time
    assert (after.feeds, after.locks) == (before.feeds, before.locks)
    assert house.kept(hass_storage)["trust"] == after.to_dict()
    (line,) = await audited(house, "trusted_time_reset")
    assert line.details["before"] == before.time.isoformat()
    # Asked at once, without anybody pressing anything.
    assert house.state(STATUS).state == "ok"
    assert await issues(house) == {}

    await restart(house)
    assert house.state(STATUS).state == "ok"
    assert await audited(house, "backup_restored") == []
    # Old metadata is refused as before.
    house.vendor.replay(old)
    await house.check()
    assert house.state(STATUS).state == "feed_rolled_back"
    house.vendor.behave()
    await house.check()
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_clock_that_cannot_be_right_resets_nothing(house: House) -> None:
    """It would be the measure of all later ones."""
    await checked_ahead(house)
    before = house.runtime.store.trust
    result = await begin_fix(house, "clock_went_back")
    with freeze_time("2020-01-01", tick=True, real_asyncio=True):
        result = await go_on(house, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "clock_not_set"
    assert house.runtime.store.trust == before
    assert any(
        issue.translation_key == "clock_went_back"
        for issue in ir.async_get(house.hass).issues.values()
    )
