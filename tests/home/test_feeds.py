"""Feeds over time: when they are asked, and what becomes of bad ones."""

from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
import pytest

from custom_components.nightlatch.core.errors import FeedProblem
from custom_components.nightlatch.core.preflight.base import Reason
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.idle_time import fire_time_changed
from tests.rig.scene import VENDOR
from tests.rig.vendor_http import Drip, Status

from .asked import checks_of
from .flows import until
from .house import BACK_DOOR, BACK_UPDATE, FRONT_DOOR, STATUS, TROUBLE, UPDATE, House


async def test_a_start_does_not_wait_for_a_feed(house: House) -> None:
    """Nor for one that is out of order: it shows as trouble, and all else works."""
    await house.release("1.1.0")
    house.vendor.misbehave("metadata/timestamp.json", Drip(1, 0.05))
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.LOADED
    assert house.state(STATUS).state == "unavailable"
    assert house.state().attributes["installed_version"] == "1.0.0"
    assert house.state().state == "unknown"
    await until(lambda: house.state(STATUS).state == "feed_too_slow")
    assert house.state(TROUBLE).state == "on"
    house.vendor.behave()
    await house.check()
    assert house.state(TROUBLE).state == "off"
    assert house.state().state == "on"
    await house.settle()


async def test_one_bad_feed_does_not_break_the_household(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one on this machine, once that is no longer allowed."""
    monkeypatch.setattr(
        "custom_components.nightlatch.coordinator.ALLOW_LOOPBACK_HTTP", False
    )
    await house.reload()
    assert house.entry.state is ConfigEntryState.LOADED
    assert house.state(STATUS).state == "feed_url_not_https"
    assert house.state(TROUBLE).state == "on"
    assert house.state().attributes["installed_version"] == "1.0.0"


async def test_a_pinned_key_that_cannot_be_read_is_none(house: House) -> None:
    """The owner is asked to compare the keys again; nothing is installed meanwhile."""
    feed = house.subentry(VENDOR)
    house.hass.config_entries.async_update_subentry(
        house.entry, feed, data={**feed.data, "firmware_keys": ["garbage"]}
    )
    await house.reload()
    assert house.entry.state is ConfigEntryState.LOADED
    assert house.state(STATUS).state == "feed_firmware_key_changed"


async def test_feeds_are_asked_twice_a_day(hass: HomeAssistant, house: House) -> None:
    """Each home at its own time, and all locks of a feed by one check."""
    await house.add_lock(BACK_DOOR, "Back door")
    interval = house.feed.update_interval
    assert interval is not None
    assert timedelta(hours=11.25) <= interval <= timedelta(hours=12.75)
    others = set()
    for _ in range(3):
        await house.reload()
        others.add(house.feed.update_interval)
    assert len(others) == 3

    requests = house.vendor.requests
    requests.clear()
    fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=11))
    await house.settle()
    assert requests == []
    fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=13))
    await house.settle()
    # For a next root, and the timestamp: nothing has changed.
    assert [request.path for request in requests] == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
    ]


async def test_a_feed_that_fails_at_a_start_is_asked_again_soon(
    hass: HomeAssistant, house: House
) -> None:
    """After one, two, four minutes: the router may be up later than this house."""
    vendor = house.vendor
    vendor.misbehave("metadata/timestamp.json", Status(503))
    await house.reload()
    assert house.state(STATUS).state == "feed_http_status"

    async def is_asked(after: timedelta) -> bool:
        vendor.requests.clear()
        fire_time_changed(hass, dt_util.utcnow() + after)
        await house.settle()
        return bool(vendor.requests)

    for minutes in (1, 2, 4):
        pause = timedelta(minutes=minutes)
        assert not await is_asked(pause - timedelta(seconds=40))
        assert await is_asked(pause + timedelta(seconds=50))
    for _ in range(12):
        await house.check()
    # Never more seldom than one that is in order.
    assert not await is_asked(timedelta(hours=11))
    vendor.behave()
    assert await is_asked(timedelta(hours=13))
    assert house.state(STATUS).state == "ok"
    assert not await is_asked(timedelta(hours=11))
    # Nothing is left of it by the next time.
    vendor.misbehave("metadata/timestamp.json", Status(503))
    await house.check()
    assert await is_asked(timedelta(minutes=1, seconds=50))


async def test_what_a_feed_offered_last_stays_on_show(house: House) -> None:
    """Also over a restart, with its age; nothing is installed by it."""
    await house.release("1.1.0")
    heard = house.feed.data
    assert heard is not None
    await house.vendor.stop()
    await house.reload()
    assert house.state(STATUS).state == "feed_unreachable"
    assert house.state(TROUBLE).state == "on"
    assert house.state().state == "on"
    assert house.state().attributes["latest_version"] == "1.1.0"
    assert house.feed.data == heard
    checks = {check.rule: check for check in checks_of(house.managed())}
    assert checks["feed"].reason is Reason.FEED_IN_TROUBLE
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "feed_unreachable"
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    await house.vendor.start()


async def test_a_clock_that_is_put_right_lets_feeds_be_asked_at_once(
    hass: HomeAssistant, house: House
) -> None:
    """A computer without a clock of its own starts in the past, until it is told."""
    await house.release("1.1.0")
    yesterday = dt_util.utcnow() - timedelta(days=1)
    with freeze_time(yesterday, tick=True, real_asyncio=True):
        await house.reload()
        assert house.state(STATUS).state == "feed_clock_went_back"
        assert house.state().attributes["latest_version"] == "1.1.0"
        for _ in range(12):
            await house.check()
        await house.runtime.scheduler.async_look(dt_util.utcnow())
        await house.settle()
        assert house.state(STATUS).state == "feed_clock_went_back"
    await house.runtime.scheduler.async_look(dt_util.utcnow())
    await house.settle()
    assert house.state(STATUS).state == "ok"
    with patch.object(house.feed, "async_refresh") as asked:
        await house.runtime.scheduler.async_look(dt_util.utcnow())
        await house.settle()
    assert not asked.called


async def test_asking_for_updates_asks_each_feed_once(two_doors: House) -> None:
    """*Check for updates* is pressed for all locks together."""
    requests = two_doors.vendor.requests
    requests.clear()
    await two_doors.hass.services.async_call(
        "homeassistant",
        "update_entity",
        {"entity_id": [UPDATE, BACK_UPDATE]},
        blocking=True,
    )
    assert [request.path for request in requests] == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
    ]
    await two_doors.remove(VENDOR)
    await two_doors.hass.services.async_call(
        "homeassistant", "update_entity", {"entity_id": [UPDATE]}, blocking=True
    )
    assert len(requests) == 2


async def test_a_clock_that_is_set_back_is_trouble(house: House) -> None:
    """Old metadata could pass for new; nothing is accepted until it is right again."""
    await house.release("1.1.0")
    yesterday = dt_util.utcnow() - timedelta(days=1)
    with freeze_time(yesterday, tick=True, real_asyncio=True):
        await house.check()
        assert house.state(STATUS).state == "feed_clock_went_back"
        assert house.state(TROUBLE).state == "on"
        with pytest.raises(HomeAssistantError) as caught:
            await house.install()
        assert caught.value.translation_key == "feed_clock_went_back"
    await house.check()
    assert house.state(TROUBLE).state == "off"
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_feed_that_has_not_been_signed_anew_is_trouble(house: House) -> None:
    """Whether or not it could be asked since."""
    data = house.feed.data
    assert data is not None
    with freeze_time(
        data.expires_at + timedelta(minutes=1), tick=True, real_asyncio=True
    ):
        assert house.feed.trouble is FeedProblem.EXPIRED
        await house.check()
    assert house.state(STATUS).state == "feed_expired"
    await house.settle()


async def test_a_release_that_is_left_out_is_logged_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Not twice a day for as long as the vendor does nothing."""
    await house.release("1.1.0", severity="dreadful")
    await house.check()
    await house.check()
    lines = [
        record.getMessage()
        for record in caplog.records
        if "a release or advisory is left out" in record.getMessage()
    ]
    assert len(lines) == 1
    assert "kl-1/1.1.0.zip" in lines[0]
    assert house.state().state == "off"
    assert house.state(STATUS).state == "ok"
