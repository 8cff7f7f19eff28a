"""Locks and feeds that come and go, and Home Assistant that stops and starts."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN, IDENTITY_INTERVAL
from custom_components.nightlatch.core.guard.hold import HoldRecord
from custom_components.nightlatch.notifications.notices import Notices
from custom_components.nightlatch.translation import async_sentence
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
from tests.rig.bootloader import Opcode
from tests.rig.idle_time import fire_time_changed
from tests.rig.lock import Mode
from tests.rig.scene import VENDOR
from tests.rig.vendor import Vendor
from tests.rig.vendor_http import Silence

from .asked import install, read
from .flows import add_feed, until
from .house import (
    BACK_DOOR,
    BACK_UPDATE,
    EVENT,
    FRONT_DOOR,
    OUTCOME,
    PROBLEM,
    STATUS,
    UPDATE,
    House,
)


def slow_down(house: House) -> None:
    """Let an installation take its time, so that something can happen during it."""
    for lock in house.locks.values():
        lock.bootloader.delays = dict.fromkeys(
            (Opcode.CREATE, Opcode.EXECUTE, Opcode.SELECT), 0.3
        )


def speed_up(house: House) -> None:
    """Let an installation take no longer than it must."""
    for lock in house.locks.values():
        lock.bootloader.delays = {}


async def begin(house: House) -> asyncio.Task[None]:
    """Begin to install, and return while the transfer is under way.

    Not by an action, whose end Home Assistant would wait for on many occasions.
    """
    press = asyncio.create_task(install(house.managed()))
    await until(lambda: bool(house.state().attributes["update_percentage"]))
    assert house.locks[FRONT_DOOR].mode is Mode.BOOTLOADER
    return press


# Locks and feeds come and go.


async def test_another_lock_disturbs_nobody(house: House) -> None:
    """It is added and removed while the first one is installed to."""
    slow_down(house)
    await house.release("1.1.0")
    front = house.managed()
    household = house.runtime
    states = house.record(UPDATE)
    press = await begin(house)

    await house.put_up_lock(BACK_DOOR)
    await house.add_lock_already_up(BACK_DOOR, "Back door")
    assert house.state(BACK_UPDATE).state == "on"
    house.hass.config_entries.async_remove_subentry(
        house.entry, house.subentry("Back door").subentry_id
    )
    await until(lambda: house.hass.states.get(BACK_UPDATE) is None)
    assert house.state().attributes["in_progress"]
    await press

    assert house.runtime is household
    assert house.managed() is front
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert "unavailable" not in {state.state for state in states}
    await house.settle()


async def test_another_feed_disturbs_nobody(house: House) -> None:
    """It is added, renamed and removed."""
    await house.release("1.1.0")
    before = house.states_of("front_door")
    other = Vendor(name="Acme")
    await other.start()
    await add_feed(house.hass, house.entry, url=other.url, root=other.root)
    await house.settle()
    assert house.state("sensor.acme_status").state == "ok"
    house.hass.config_entries.async_update_subentry(
        house.entry, house.subentry("Acme"), title="Acme of old"
    )
    await house.settle()
    state = house.state("sensor.acme_status")
    assert state.attributes["friendly_name"] == "Acme of old Status"
    await house.remove("Acme of old")
    await other.stop()
    assert house.states_of("front_door") == before


async def test_a_removed_lock_leaves_nothing_but_its_floor(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """For the same lock may come back, and old firmware with it."""
    subentry_id = two_doors.subentry("Front door").subentry_id
    assert subentry_id in two_doors.kept(hass_storage)["locks"]
    await two_doors.remove("Front door")
    assert two_doors.states_of("front_door") == {}
    for entries in (
        er.async_entries_for_config_entry(
            er.async_get(two_doors.hass), two_doors.entry.entry_id
        ),
        dr.async_entries_for_config_entry(
            dr.async_get(two_doors.hass), two_doors.entry.entry_id
        ),
    ):
        assert entries
        assert subentry_id not in {entry.config_subentry_id for entry in entries}
    assert subentry_id not in two_doors.kept(hass_storage)["locks"]
    assert FRONT_DOOR in two_doors.kept(hass_storage)["trust"]["locks"]
    assert two_doors.state(BACK_UPDATE).state == "off"


async def test_a_lock_removed_during_its_installation_is_sent_back(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """To what it ran; who waits for it is told."""
    slow_down(two_doors)
    await two_doors.release("1.1.0")
    press = await begin(two_doors)
    await two_doors.remove("Front door")
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "installation_interrupted"
    assert "Front door" in str(caught.value)
    lock = two_doors.locks[FRONT_DOOR]
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.0.0"
    assert list(two_doors.kept(hass_storage)["locks"]) == [
        two_doors.subentry("Back door").subentry_id
    ]
    # Its place is free.
    speed_up(two_doors)
    await two_doors.install(BACK_UPDATE)
    assert two_doors.locks[BACK_DOOR].version == "1.1.0"


async def test_a_lock_removed_while_it_is_read_is_not_remembered(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """What it says comes too late."""
    front = two_doors.managed()
    async with two_doors.runtime.queue.short_use():
        reading = asyncio.create_task(read(front))
        await asyncio.sleep(0)
        two_doors.hass.config_entries.async_remove_subentry(
            two_doors.entry, front.subentry_id
        )
        await until(lambda: front not in two_doors.runtime.locks.values())
    await reading
    await two_doors.settle()
    assert front.subentry_id not in two_doors.kept(hass_storage)["locks"]


async def test_nothing_is_kept_of_a_removed_lock_that_somebody_still_looks_at(
    two_doors: House, hass_storage: dict[str, Any]
) -> None:
    """What was begun before comes to its end, and leaves nothing behind."""
    await two_doors.release("1.1.0")
    front = two_doors.managed()
    release = front.release
    assert release is not None
    await two_doors.remove("Front door")
    await front.async_keep()
    await front.decided.async_note_announced(release)
    await two_doors.runtime.store.async_set_hold(front.subentry_id, HoldRecord())
    kept = two_doors.kept(hass_storage)
    for part in ("locks", "decisions", "holds"):
        assert front.subentry_id not in kept[part]


async def test_nothing_is_begun_on_a_lock_that_is_gone(two_doors: House) -> None:
    """Also where somebody has looked at it just before, and found that it is due."""
    await two_doors.release("1.1.0")
    front = two_doors.managed()
    await two_doors.remove("Front door")
    with pytest.raises(HomeAssistantError) as caught:
        await install(front)
    assert caught.value.translation_key == "installation_interrupted"
    assert two_doors.locks[FRONT_DOOR].version == "1.0.0"


async def test_what_somebody_has_ignored_stays_so_where_a_look_outlasts_nightlatch(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locks that are let go of are not gone."""
    hass, entry = two_doors.hass, two_doors.entry
    await two_doors.remove(VENDOR)
    registry = ir.async_get(hass)
    ignored = [issue_id for domain, issue_id in registry.issues if domain == DOMAIN]
    assert len(ignored) == 2
    for issue_id in ignored:
        ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
    reached, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly(notices: Notices, now: datetime) -> None:
        reached.set()
        await goes_on.wait()

    monkeypatch.setattr(Notices, "async_tell_digest", slowly)
    look = asyncio.create_task(two_doors.runtime.scheduler.async_look(dt_util.utcnow()))
    await reached.wait()
    assert await hass.config_entries.async_unload(entry.entry_id)
    goes_on.set()
    await look
    for issue_id in ignored:
        issue = registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.dismissed_version is not None


async def test_a_removed_feed_takes_its_cache_along(house: House) -> None:
    """Its locks stay, and say that they need attention."""
    await house.release("1.1.0")
    cache = house.cache(VENDOR)
    assert cache.is_dir()
    await house.remove(VENDOR)
    assert not cache.exists()
    assert house.hass.states.get(STATUS) is None
    assert house.state().state == "unknown"
    assert house.state(PROBLEM).state == "on"
    assert house.state("sensor.front_door_last_check").state == "unknown"
    with pytest.raises(HomeAssistantError) as caught:
        await install(house.managed())
    assert caught.value.translation_key == "nothing_to_install"


async def test_a_feed_removed_while_an_update_waits_for_its_turn(
    two_doors: House,
) -> None:
    """Nothing is installed, a person is told why, and others take their turns."""
    await two_doors.release("1.1.0")
    lock = two_doors.managed()
    async with two_doors.runtime.queue.short_use():
        press = asyncio.create_task(install(lock))
        await until(lambda: bool(two_doors.runtime.queue.waiting))
        two_doors.hass.config_entries.async_remove_subentry(
            two_doors.entry, two_doors.subentry(VENDOR).subentry_id
        )
        await until(lambda: not two_doors.runtime.feeds)
    with pytest.raises(HomeAssistantError, match="feed of Front door was removed"):
        await press
    assert two_doors.locks[FRONT_DOOR].version == "1.0.0"
    assert two_doors.runtime.queue.running is None
    assert lock.progress is None


async def test_a_feed_removed_while_it_is_asked(house: House) -> None:
    """It is not waited for, and its cache does not come back."""
    cache = house.cache(VENDOR)
    house.vendor.misbehave("metadata/timestamp.json", Silence())
    check = asyncio.create_task(house.feed.async_refresh())
    await house.vendor.server.asked_for("metadata/timestamp.json")
    await house.remove(VENDOR)
    await check
    assert not cache.exists()


async def test_a_feed_replaced_while_it_is_asked(house: House) -> None:
    """What the old one may still say no longer counts."""
    house.vendor.misbehave("metadata/timestamp.json", Silence())
    asked = len(house.vendor.requests)
    check = asyncio.create_task(house.feed.async_refresh())
    await until(lambda: len(house.vendor.requests) >= asked + 2)
    moved = Vendor(name="Kestrel of the North")
    await moved.start()
    states = house.record(STATUS)
    house.hass.config_entries.async_update_subentry(
        house.entry,
        house.subentry(VENDOR),
        data={
            "url": moved.url,
            "root": moved.root.decode(),
            "firmware_keys": [moved.firmware_key_pem],
        },
    )
    await check
    await house.settle()
    # Of a feed that has never been heard nothing is known.
    assert [state.state for state in states] == ["unavailable", "ok"]
    assert house.feed.data is not None
    assert house.feed.data.vendor == "Kestrel of the North"
    await moved.stop()


async def test_removing_nightlatch_removes_all_that_was_kept(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Floors and caches too."""
    cache = house.cache(VENDOR)
    key = f"nightlatch.{house.entry.entry_id}"
    assert key in hass_storage
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert key not in hass_storage
    assert not cache.parent.exists()


async def test_a_subentry_that_comes_too_late_is_left_alone(house: House) -> None:
    """A household that has been closed does not come to life again."""
    runtime = house.runtime
    await runtime.subentries.async_close()
    assert runtime.feeds == {}
    await runtime.subentries.async_sync()
    assert runtime.feeds == {}
    assert runtime.locks == {}


# Stopping and starting.


@pytest.mark.parametrize("stop", ["unload", "shutdown"])
async def test_no_lock_is_left_in_its_bootloader(house: House, stop: str) -> None:
    """When Nightlatch is reloaded, or Home Assistant stops, in the middle of it."""
    slow_down(house)
    await house.release("1.1.0")
    press = await begin(house)
    lock = house.locks[FRONT_DOOR]

    if stop == "unload":
        await house.hass.config_entries.async_unload(house.entry.entry_id)
    else:
        await house.hass.async_stop(force=True)

    # It was told to go, and did not only lose patience.
    assert lock.mode is not Mode.BOOTLOADER
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "installation_interrupted"
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.0.0"
    assert not [
        task
        for task in asyncio.all_tasks()
        if "Front door" in task.get_name() and not task.done()
    ]


async def test_an_end_is_kept_though_nightlatch_ends_at_the_same_time(
    house: House, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not cancelled, but had failed already."""
    await house.release("1.1.0")
    await house.vendor.stop()
    ended, may_go_on = asyncio.Event(), asyncio.Event()

    async def slowly(
        hass: HomeAssistant, key: str, placeholders: Mapping[str, object]
    ) -> str:
        ended.set()
        await may_go_on.wait()
        return await async_sentence(hass, key, placeholders)

    monkeypatch.setattr(
        "custom_components.nightlatch.install.end_texts.async_sentence", slowly
    )
    press = asyncio.create_task(install(house.managed()))
    await ended.wait()
    unload = asyncio.create_task(
        house.hass.config_entries.async_unload(house.entry.entry_id)
    )
    await asyncio.sleep(0)
    may_go_on.set()
    assert await unload
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "feed_unreachable"
    (lock,) = house.kept(hass_storage)["locks"].values()
    (outcome,) = lock["history"]
    assert outcome["kind"] == "failed"
    assert "does not answer" in outcome["message"]


async def test_an_interrupted_installation_goes_on(house: House) -> None:
    """After the next start, by itself, and is on record once."""
    slow_down(house)
    await house.release("1.1.0")
    press = await begin(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await press
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    speed_up(house)
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await house.settle()
    assert house.state(PROBLEM).state == "off"
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    (outcome,) = house.managed().record.history
    assert (outcome.from_version, outcome.to_version) == ("1.0.0", "1.1.0")


async def test_a_restart_forgets_nothing(house: House) -> None:
    """Not what runs since when, nor how the last installation ended."""
    await house.release("1.1.0")
    await house.install()
    before = house.states_of("front_door")
    await house.reload()
    after = house.states_of("front_door")
    for entity_id in (UPDATE, OUTCOME, PROBLEM, EVENT):
        assert after[entity_id] == before[entity_id]
    since = "sensor.front_door_firmware_runs_since"
    assert after[since] == before[since]


async def test_a_release_is_announced_only_once(house: House) -> None:
    """Not again after a restart, nor after another check."""
    await house.release("1.1.0")
    told = house.state(EVENT)
    assert told.attributes["event_type"] == "update_available"
    assert told.attributes["installed_version"] == "1.0.0"
    assert told.attributes["version"] == "1.1.0"
    await house.check()
    await house.reload()
    assert house.state(EVENT).state == told.state
    await house.release("1.2.0")
    assert house.state(EVENT).attributes["version"] == "1.2.0"


async def test_a_release_that_waits_for_a_new_lock_is_announced(house: House) -> None:
    """Though there was nobody yet to tell it when it was found."""
    await house.release("1.1.0")
    await house.add_lock(BACK_DOOR, "Back door")
    told = house.state("event.back_door_firmware_event")
    assert told.attributes["event_type"] == "update_available"
    assert told.attributes["version"] == "1.1.0"


async def test_a_failure_is_not_forgotten_while_the_feed_is_silent(
    house: House,
) -> None:
    """It becomes history when the release is taken back, or has been installed."""
    house.locks[FRONT_DOOR].buttonless_status = 6
    path = await house.release("1.1.0")
    with pytest.raises(HomeAssistantError):
        await house.install()
    assert house.state(PROBLEM).state == "on"
    await house.vendor.stop()
    await house.reload()
    assert house.state(PROBLEM).state == "on"
    await house.vendor.start()
    await house.check()
    assert house.state(PROBLEM).state == "on"
    house.vendor.withdraw(path)
    await house.check()
    assert house.state(PROBLEM).state == "off"
    assert house.state(OUTCOME).state == "failed"


async def test_a_device_that_is_gone_is_not_missed(house: House) -> None:
    """Whoever has deleted it; what is known of the lock is still kept."""
    registry = dr.async_get(house.hass)
    for device in dr.async_entries_for_config_entry(registry, house.entry.entry_id):
        registry.async_remove_device(device.id)
    await house.hass.async_block_till_done()
    await house.release("1.1.0")
    release = house.managed().release
    assert release is not None
    assert release.version.text == "1.1.0"


async def test_floors_that_stay_are_not_written_again(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """A memory card does not last for ever."""
    store = house.runtime.store
    hass_storage.clear()
    await store.raise_to(store.trust)
    assert hass_storage == {}


async def test_a_lock_changed_by_other_means_is_noticed(house: House) -> None:
    """At the next start, and once a day."""
    lock = house.locks[FRONT_DOOR]
    lock.comes_back_as = "1.0.3"
    await house.reload()
    assert house.state().attributes["installed_version"] == "1.0.3"
    lock.comes_back_as = "1.0.4"
    fire_time_changed(
        house.hass, dt_util.utcnow() + IDENTITY_INTERVAL + timedelta(seconds=1)
    )
    await until(lambda: house.state().attributes["installed_version"] == "1.0.4")
    await house.settle()


async def test_a_lock_that_does_not_answer_is_asked_another_time(house: House) -> None:
    """What was known of it stays."""
    house.locks[FRONT_DOOR].cut_power()
    fire_time_changed(
        house.hass, dt_util.utcnow() + IDENTITY_INTERVAL + timedelta(seconds=1)
    )
    await house.settle()
    assert house.state().attributes["installed_version"] == "1.0.0"
    assert house.state(PROBLEM).state == "off"
