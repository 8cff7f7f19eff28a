"""How a lock is set is remembered, compared, restored, kept; codes are never kept."""

import asyncio
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events  # type: ignore[import-untyped]

from custom_components.nightlatch.const import EVENT_NIGHTLATCH
from custom_components.nightlatch.locks.lock import Progress
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
from tests.rig.idle_time import fire_time_changed
from tests.rig.ota_script import OtaEnding, OtaScript

from .asked import cancel
from .flows import until
from .settings_house import (
    AUTO_LOCK,
    MODE,
    PIN,
    RELOCK,
    SOUND,
    THE_CODE,
    SettingsHouse,
    settings_house,
)
from .zigbee_house import UPDATE

__all__ = ["settings_house"]

pytestmark = pytest.mark.usefixtures("settings_house")


def on_disk(house: SettingsHouse) -> str:
    """Return everything that is written down."""
    return "".join(path.read_text("utf-8") for path in house.folder.glob("*"))


# Before an installation.


async def test_what_is_remembered(settings_house: SettingsHouse) -> None:
    """All that can be set, what shows how it is set, and which slots are in use."""
    await settings_house.install()
    assert settings_house.values() == {
        "Auto-relock time": "30",
        "Sound volume": "low",
        "Auto-lock": "on",
        "Greeting": "Welcome",
        "Master PIN": "set",
        "Night from": "22:00:00",
        "Battery day": "2026-11-01",
        "Away until": "2026-12-01T10:00:00+00:00",
        "Operating mode": "normal",
        "Calibrated": "on",
        "code_slots": "1,3",
    }
    (snapshot,) = settings_house.snapshots.all
    assert (snapshot.occasion, snapshot.version) == ("installation", "285474816")
    (outcome,) = settings_house.house.managed.record.history
    assert snapshot.attempt == outcome.attempt


async def test_no_code_is_written_down(settings_house: SettingsHouse) -> None:
    """Neither before, nor after, nor in what is told; though Home Assistant shows it."""
    told = async_capture_events(settings_house.hass, EVENT_NIGHTLATCH)
    assert settings_house.state(PIN).state == THE_CODE
    await settings_house.update(master_pin="815000", auto_relock_time="0")
    exported = json.dumps(await settings_house.act("export_snapshot"))
    issue = settings_house.issue
    assert issue is not None
    said = str([issue.translation_placeholders, [event.data for event in told]])
    for text in (on_disk(settings_house), exported, said):
        assert "Auto-relock time" in text
        assert THE_CODE not in text
        assert "815000" not in text
    # Another code is no change that anybody here could know of.
    assert settings_house.different() == {"Auto-relock time": "changed"}


async def test_only_home_assistant_may_read_it(settings_house: SettingsHouse) -> None:
    """How a lock is set is nobody else's business."""
    await settings_house.install()
    (path,) = settings_house.folder.glob("*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings_house.folder.stat().st_mode & 0o777 == 0o700


async def test_what_is_ours_is_no_setting(settings_house: SettingsHouse) -> None:
    """Our switches sit on the same device."""
    await settings_house.install()
    registry = er.async_get(settings_house.hass)
    ours = [
        f"entity:{entry.id}"
        for entry in registry.entities.values()
        if entry.platform == "nightlatch"
    ]
    assert ours
    keys = {each.key for each in settings_house.snapshots.find(None).settings}
    assert not keys & set(ours)


async def test_what_cannot_be_seen_is_unknown(settings_house: SettingsHouse) -> None:
    """It holds up nothing, and cannot have changed."""
    settings_house.settings.hide("auto_relock_time")
    await settings_house.until_state(RELOCK, "unavailable")
    settings_house.loses(auto_relock_time="0")
    await settings_house.install()
    assert settings_house.values()["Auto-relock time"] is None
    assert settings_house.issue is None


async def test_a_full_disk_costs_only_the_memory(
    settings_house: SettingsHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told; the lock is updated, and compared all the same."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        "custom_components.nightlatch.adapters.snapshot_file.SnapshotFiles._write", full
    )
    await settings_house.update(auto_relock_time="0")
    assert settings_house.house.managed.record.history[-1].kind == "succeeded"
    assert settings_house.different() == {"Auto-relock time": "changed"}
    assert "could not be written down" in caplog.text
    assert "No space left" in caplog.text
    assert not settings_house.folder.exists()


async def test_a_mistake_of_ours_stops_no_installation(
    settings_house: SettingsHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There is no snapshot then."""

    def mistake(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(
        "custom_components.nightlatch.snapshots.snapshots.read_settings", mistake
    )
    await settings_house.house.install()
    assert settings_house.house.managed.record.history[-1].kind == "succeeded"
    assert settings_house.snapshots.all == ()
    assert "its settings were not looked at" in caplog.text
    caplog.clear()


# After it.


async def test_nothing_has_changed(settings_house: SettingsHouse) -> None:
    """Then nobody has to decide anything."""
    told = async_capture_events(settings_house.hass, EVENT_NIGHTLATCH)
    await settings_house.install()
    assert settings_house.issue is None
    assert "settings_differ" not in {event.data["type"] for event in told}
    assert settings_house.snapshots.find(None).compared


async def test_what_has_changed_is_told(settings_house: SettingsHouse) -> None:
    """In words, with units, as a repair with two answers, and once to the people."""
    told = async_capture_events(settings_house.hass, EVENT_NIGHTLATCH)
    house = settings_house.house
    # Somebody calls it by another name.
    er.async_get(settings_house.hass).async_update_entity(SOUND, name="Beeps")
    house.lock.users = {"1": {"status": "available"}, "3": {"status": "disabled"}}
    await settings_house.update(
        auto_relock_time="0",
        sound_volume="high",
        auto_lock="OFF",
        master_pin="",
        night_from="00:00:00",
        calibrated="OFF",
    )
    shown = await settings_house.open_issue()
    assert (shown["type"], shown["step_id"]) == ("menu", "init")
    assert shown["menu_options"] == ["restore", "keep"]
    changes = shown["description_placeholders"]["changes"]
    assert sorted(changes.splitlines()) == [
        "- Auto-lock: On → Off",
        "- Auto-relock time: 30 s → 0 s",
        "- Beeps: low → high",
        "- Calibrated: On → Off",
        "- Master PIN: set → not set",
        "- Night from: 22:00:00 → 00:00:00",
        "- Places for codes that are in use: 1, 3 → 3",
    ]
    texts = await async_get_translations(
        settings_house.hass, "en", "issues", ["nightlatch"]
    )
    where = "component.nightlatch.issues.settings_differ"
    assert texts[f"{where}.title"].format(lock="Side door") == (
        "Side door is not set as it was"
    )
    text = texts[f"{where}.fix_flow.step.init.description"]
    assert changes in text.format(**shown["description_placeholders"])
    (event,) = [each for each in told if each.data["type"] == "settings_differ"]
    assert event.data["name"] == "Side door"
    assert "Auto-relock time: 30 s → 0 s" in event.data["message"]
    store = house.runtime.store
    await until(lambda: any("not set as it was" in each for each in store.digest))


async def test_what_is_gone_and_what_nobody_knows(
    settings_house: SettingsHouse,
) -> None:
    """A setting may no longer be there, and one may not come back."""
    house = settings_house
    house.loses()
    installing = house.hass.async_create_task(house.house.install())
    await until(lambda: bool(house.snapshots.all))
    house.settings.remove("sound_volume")
    await installing
    # One that does not come back.
    house.settings.hide("auto_relock_time")
    await house.compared()
    assert house.different() == {"Sound volume": "gone", "Auto-relock time": "unknown"}
    shown = await house.open_issue()
    assert sorted(shown["description_placeholders"]["changes"].splitlines()) == [
        "- Auto-relock time: it was 30 s; at the moment nobody knows what it is",
        "- Sound volume: it was low; there is no such setting any more",
    ]
    # It is found later, as it was.
    house.settings.show("auto_relock_time")
    await until(lambda: house.different() == {"Sound volume": "gone"})
    await house.hass.async_block_till_done()


async def test_a_long_list_is_cut(settings_house: SettingsHouse) -> None:
    """Nobody reads a hundred lines."""
    await settings_house.update(auto_relock_time="0")
    (difference,) = settings_house.snapshots.differences
    record = settings_house.snapshots._record
    settings_house.snapshots._record = type(record)(
        snapshots=record.snapshots, differences=(difference,) * 30
    )
    told = settings_house.snapshots.told.splitlines()
    assert len(told) == 21
    assert told[-1] == "- 10 more are not shown here"


async def test_who_comes_back_late_is_waited_for(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever."""
    monkeypatch.setattr(
        "custom_components.nightlatch.snapshots.snapshots.COMPARE_WITHIN", 60.0
    )
    house = settings_house
    house.loses()
    installing = house.hass.async_create_task(house.house.install())
    await until(lambda: bool(house.snapshots.all))
    house.settings.hide("auto_relock_time")
    await installing
    await asyncio.sleep(0.5)
    assert house.snapshots._record.pending is not None
    house.settings.show("auto_relock_time")
    await house.compared()
    assert house.issue is None


async def test_those_who_know_the_lock_are_asked(
    settings_house: SettingsHouse,
) -> None:
    """Some show what they knew before the lock was restarted."""
    calls = async_capture_events(settings_house.hass, "call_service")
    await settings_house.install()
    asked = [
        call.data["service_data"]["entity_id"]
        for call in calls
        if call.data["service"] == "update_entity"
    ]
    assert any(RELOCK in entity_ids for entity_ids in asked)


async def test_an_installation_that_does_not_succeed_changes_nothing(
    settings_house: SettingsHouse,
) -> None:
    """Nobody is asked what to do before the lock works."""
    house = settings_house
    house.house.lock.script = OtaScript(ending=OtaEnding.ABORT)
    house.loses(auto_relock_time="0")
    with pytest.raises(HomeAssistantError):
        await house.house.install()
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert len(house.snapshots.all) == 1
    assert house.issue is None


async def test_a_second_installation_before_the_first_was_looked_at(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is seen by then counts; nothing is forgotten."""
    monkeypatch.setattr(
        "custom_components.nightlatch.snapshots.snapshots.SETTLED_AFTER", 60.0
    )
    house = settings_house
    house.loses(auto_relock_time="0")
    await house.house.install()
    await house.until_state(RELOCK, "0")
    assert house.issue is None
    await house.snapshots.async_remember("the next one")
    assert house.different() == {"Auto-relock time": "changed"}
    assert house.snapshots._comparing is None


async def test_it_is_remembered_once_for_each_installation(
    settings_house: SettingsHouse,
) -> None:
    """One that goes on after a restart must not take what it did for what was."""
    house = settings_house
    await house.snapshots.async_remember("one")
    house.settings.change(auto_relock_time="0")
    await house.until_state(RELOCK, "0")
    await house.snapshots.async_remember("one")
    assert house.values()["Auto-relock time"] == "30"
    assert len(house.snapshots.all) == 1


# What a person decides.


async def test_keep(settings_house: SettingsHouse) -> None:
    """The new state is the state."""
    await settings_house.update(auto_relock_time="0")
    shown = await settings_house.open_issue()
    shown = await settings_house.choose(shown, "keep")
    assert shown["type"] == "create_entry"
    assert settings_house.issue is None
    assert settings_house.state(RELOCK).state == "0"
    assert settings_house.settings.commands == []
    assert '"differences": []' in on_disk(settings_house)


async def test_restore(settings_house: SettingsHouse) -> None:
    """Each kind by the service of its entity; the lock shows it, and the issue goes."""
    house = settings_house
    await house.update(
        auto_relock_time="0",
        sound_volume="silent",
        auto_lock="OFF",
        greeting="Hello",
        night_from="00:00:00",
        battery_day="2000-01-01",
        away_until="2000-01-01T00:00:00+00:00",
    )
    assert len(house.different()) == 7
    shown = await house.choose(await house.open_issue(), "restore")
    assert shown["type"] == "create_entry"
    assert house.issue is None
    assert house.state(RELOCK).state == "30"
    assert house.state(SOUND).state == "low"
    assert house.state(AUTO_LOCK).state == "on"
    assert sorted(house.settings.commanded()) == sorted(
        [
            "auto_lock",
            "auto_relock_time",
            "away_until",
            "battery_day",
            "greeting",
            "night_from",
            "sound_volume",
        ]
    )
    # How it was before that is remembered as well.
    newest = house.snapshots.find(None)
    assert newest.occasion == "restore"
    assert house.values()["Auto-relock time"] == "0"


async def test_what_cannot_be_restored_is_told(settings_house: SettingsHouse) -> None:
    """With the reason for each; the issue stays for what is left."""
    house = settings_house
    house.house.lock.users = {"3": {"status": "enabled"}}
    house.settings["night_from"].stubborn = True
    await house.update(
        auto_relock_time="0",
        sound_volume="silent",
        night_from="00:00:00",
        calibrated="OFF",
        master_pin="",
        operating_mode="passage",
    )
    house.settings.offer("sound_volume", options=["silent", "high"])
    await until(lambda: "low" not in house.state(SOUND).attributes["options"])
    shown = await house.choose(await house.open_issue(), "restore")
    assert (shown["type"], shown["reason"]) == ("abort", "partly_restored")
    placeholders = shown["description_placeholders"]
    assert placeholders["done"] == "- Auto-relock time"
    assert sorted(placeholders["left"].splitlines()) == [
        "- Calibrated: it can only be seen here; set it in the maker's app or at the lock",
        "- Master PIN: its value may be a code and is not kept; enter it again yourself",
        "- Night from: it was set, and the lock does not show it",
        "- Operating mode: setting it might move the bolt; set it yourself, at the door",
        "- Places for codes that are in use: codes are never kept; enter them again yourself",
        "- Sound volume: the lock no longer offers that",
    ]
    issue = house.issue
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert (
        "- Night from: 22:00:00 → 00:00:00 (not set back: it was set, and the lock does"
        " not show it)"
    ) in issue.translation_placeholders["changes"]
    # Passage holds the bolt back, and codes are not ours to set.
    assert set(house.settings.commanded()) == {"auto_relock_time", "night_from"}
    assert house.house.bridge.commands == []

    house.settings["night_from"].stubborn = False
    shown = await house.choose(await house.open_issue(), "restore")
    assert shown["description_placeholders"]["done"] == "- Night from"
    assert "Night from" not in house.different()


async def test_only_what_cannot_be_set_is_left(settings_house: SettingsHouse) -> None:
    """Then there is only one answer."""
    await settings_house.update(calibrated="OFF")
    shown = await settings_house.open_issue()
    assert shown["menu_options"] == ["keep"]


@pytest.mark.parametrize(
    ("config", "state", "why"),
    [
        ({"max": 20}, None, "the lock no longer takes that value"),
        ({"unit_of_measurement": "min"}, None, "it is shown in another unit now"),
        ({}, "unavailable", "it cannot be reached at the moment"),
    ],
)
async def test_a_number_that_cannot_be_set(
    settings_house: SettingsHouse, config: dict[str, Any], state: str | None, why: str
) -> None:
    """Nobody guesses what the lock would make of it."""
    house = settings_house
    await house.update(auto_relock_time="0")
    if config:
        house.settings.offer("auto_relock_time", **config)
        ((name, value),) = config.items()
        await until(lambda: house.state(RELOCK).attributes.get(name) == value)
    else:
        house.settings.hide("auto_relock_time")
        await house.until_state(RELOCK, str(state))
    shown = await house.choose(await house.open_issue(), "restore")
    assert shown["description_placeholders"]["left"] == f"- Auto-relock time: {why}"
    assert shown["description_placeholders"]["done"] == "-"
    assert house.settings.commands == []


async def test_an_integration_that_refuses(settings_house: SettingsHouse) -> None:
    """What it says is told."""
    house = settings_house
    await house.update(auto_relock_time="0", auto_lock="OFF")

    async def refuse(call: Any) -> None:
        raise HomeAssistantError("The lock is\nasleep")

    house.hass.services.async_register("number", "set_value", refuse)
    shown = await house.choose(await house.open_issue(), "restore")
    assert shown["description_placeholders"]["left"] == (
        "- Auto-relock time: it was refused (The lock is asleep)"
    )
    assert house.state(AUTO_LOCK).state == "on"


async def test_an_integration_that_does_not_answer(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for for ever."""
    monkeypatch.setattr(
        "custom_components.nightlatch.adapters.setting_back.CALL_TIMEOUT", 0.05
    )
    house = settings_house
    await house.update(auto_relock_time="0")

    async def hang(call: Any) -> None:
        await asyncio.sleep(5)

    house.hass.services.async_register("number", "set_value", hang)
    restored = await house.snapshots.async_restore_differences()
    (left,) = restored.not_set
    assert (left.why_not, left.detail) == ("refused", "timeout")


async def test_a_setting_that_another_one_takes_back(
    settings_house: SettingsHouse,
) -> None:
    """What was set first is looked at once more at the end."""
    house = settings_house
    await house.update(auto_relock_time="0", auto_lock="OFF")
    changed = {each.before.name: each.before for each in house.snapshots.differences}

    async def turn_on(call: Any) -> None:
        house.hass.states.async_set(AUTO_LOCK, "on")
        house.hass.states.async_set(RELOCK, "5", {"unit_of_measurement": "s"})

    house.hass.services.async_register("switch", "turn_on", turn_on)
    restored = await house.snapshots._async_follow(
        [changed["Auto-relock time"], changed["Auto-lock"]]
    )
    assert [each.name for each in restored.done] == ["Auto-lock"]
    (left,) = restored.not_set
    assert (left.setting.name, left.why_not) == ("Auto-relock time", "not_confirmed")


async def test_who_puts_it_right_by_hand(settings_house: SettingsHouse) -> None:
    """The issue goes by itself."""
    house = settings_house
    await house.update(auto_relock_time="0")
    house.settings.change(auto_relock_time="45")
    await house.until_state(RELOCK, "45")
    await until(lambda: "→ 45 s" in house.snapshots.told)
    assert house.issue is not None
    house.settings.change(auto_relock_time="30")
    await until(lambda: house.issue is None)
    await house.hass.async_block_till_done()


async def test_what_tells_nothing_is_looked_at_now_and_then(
    settings_house: SettingsHouse,
) -> None:
    """As what has no entity."""
    house = settings_house
    await house.update(auto_relock_time="0")
    house.snapshots._unwatch[0]()
    house.snapshots._unwatch[0] = lambda: None
    house.settings.change(auto_relock_time="30")
    await house.until_state(RELOCK, "30")
    assert house.issue is not None
    fire_time_changed(house.hass, dt_util.utcnow() + timedelta(minutes=6))
    await until(lambda: house.issue is None)
    await house.hass.async_block_till_done()


async def test_never_while_an_installation_runs(settings_house: SettingsHouse) -> None:
    """Neither on this lock nor on another one."""
    house = settings_house
    await house.update(auto_relock_time="0")
    shown = await house.open_issue()
    house.house.bridge.offer(house.house.lock, 285_700_000)
    await until(lambda: house.state(UPDATE).state == "on")
    house.house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    pressed = house.hass.async_create_task(house.house.install())
    await until(lambda: house.house.managed.progress is not None)
    shown = await house.choose(shown, "restore")
    assert (shown["type"], shown["reason"]) == ("abort", "not_restored")
    assert "Side door" in shown["description_placeholders"]["problem"]
    assert house.settings.commands == []
    with pytest.raises(HomeAssistantError) as caught:
        await house.act("restore_snapshot")
    assert caught.value.translation_key == "settings_busy"
    await until(
        lambda: bool((progress := house.house.managed.progress) and progress.percentage)
    )
    await cancel(house.house.managed)
    with pytest.raises(HomeAssistantError):
        await pressed


async def test_an_installation_ends_a_restore(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for its turn, and the rest is left as it is."""
    house = settings_house
    await house.update(auto_relock_time="0", auto_lock="OFF")
    wanted = [each.before for each in house.snapshots.differences]

    async def press(call: Any) -> None:
        monkeypatch.setattr(house.house.managed, "_progress", Progress())

    for domain, service in (("number", "set_value"), ("switch", "turn_on")):
        house.hass.services.async_register(domain, service, press)
    restored = await house.snapshots._async_follow(wanted)
    assert {each.why_not for each in restored.not_set} == {
        "not_confirmed",
        "interrupted",
    }
    # Nor is anything looked at while it runs.
    before = house.different()
    house.settings.change(auto_relock_time="30")
    await house.until_state(RELOCK, "30")
    await house.hass.async_block_till_done()
    assert house.different() == before


async def test_somebody_else_has_the_radio(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for, not for ever."""
    monkeypatch.setattr(
        "custom_components.nightlatch.snapshots.restore._TURN_TIMEOUT", 0.05
    )
    house = settings_house
    await house.update(auto_relock_time="0")
    async with house.house.runtime.queue.short_use():
        with pytest.raises(HomeAssistantError) as caught:
            await house.snapshots.async_restore_differences()
    assert caught.value.translation_key == "settings_busy"
    assert house.settings.commands == []


async def test_two_at_once(settings_house: SettingsHouse) -> None:
    """The second is told so; stopping Nightlatch ends the first, and tells that."""
    house = settings_house
    await house.update(auto_relock_time="0")

    async def hang(call: Any) -> None:
        await asyncio.sleep(60)

    house.hass.services.async_register("number", "set_value", hang)
    first = house.hass.async_create_task(house.snapshots.async_restore_differences())
    await until(lambda: house.snapshots._restoring)
    with pytest.raises(HomeAssistantError) as caught:
        await house.snapshots.async_restore(None)
    assert caught.value.translation_key == "settings_busy"
    await house.hass.config_entries.async_unload(house.house.entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await first
    assert caught.value.translation_key == "settings_interrupted"


async def test_a_dialog_that_is_closed(settings_house: SettingsHouse) -> None:
    """What has begun goes on."""
    house = settings_house
    await house.update(auto_relock_time="0")
    shown = await house.open_issue()
    shown = await house.flows.async_configure(
        shown["flow_id"], {"next_step_id": "restore"}
    )
    assert shown["type"] == "progress"
    house.flows.async_abort(shown["flow_id"])
    await until(lambda: house.issue is None)
    assert house.state(RELOCK).state == "30"


# Restarts, removal, damage.


async def test_a_restart_before_it_was_looked_at(
    settings_house: SettingsHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at afterwards."""
    house = settings_house
    with monkeypatch.context() as patched:
        patched.setattr(
            "custom_components.nightlatch.snapshots.snapshots.SETTLED_AFTER", 60.0
        )
        house.loses(auto_relock_time="0")
        await house.house.install()
        await house.hass.config_entries.async_unload(house.house.entry.entry_id)
    assert await house.hass.config_entries.async_setup(house.house.entry.entry_id)
    await house.compared()
    assert house.different() == {"Auto-relock time": "changed"}
    assert house.issue is not None


async def test_a_restart_before_a_person_has_decided(
    settings_house: SettingsHouse,
) -> None:
    """The question stays, and so do its answers."""
    house = settings_house
    await house.update(auto_relock_time="0")
    before = house.issue
    assert await house.hass.config_entries.async_reload(house.house.entry.entry_id)
    await house.hass.async_block_till_done()
    issue = house.issue
    assert before is not None
    assert issue is not None
    assert issue.translation_placeholders == before.translation_placeholders
    shown = await house.choose(await house.open_issue(), "restore")
    assert shown["type"] == "create_entry"
    assert house.state(RELOCK).state == "30"


async def test_a_lock_that_is_removed(settings_house: SettingsHouse) -> None:
    """Nothing of it stays."""
    house = settings_house
    await house.update(auto_relock_time="0")
    shown = await house.open_issue()
    assert list(house.folder.glob("*"))
    lock_id = house.house.managed.subentry_id
    entry = house.house.entry
    house.hass.config_entries.async_remove_subentry(entry, lock_id)
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert not list(house.folder.glob("*"))
    for option, reason in (("restore", "lock_gone"), ("init", "lock_gone")):
        flow = house.flows._progress[shown["flow_id"]]
        ended = await getattr(flow, f"async_step_{option}")()
        assert (ended["type"], ended["reason"]) == ("abort", reason)
    assert (await house.choose(shown, "keep"))["type"] == "create_entry"


async def test_a_lock_that_was_removed_while_nobody_was_here(
    settings_house: SettingsHouse,
) -> None:
    """Its file goes at the next start."""
    house = settings_house
    await house.install()
    (path,) = house.folder.glob("*")
    other = path.with_name("gone.json")
    other.write_text(path.read_text("utf-8"), "utf-8")
    assert await house.hass.config_entries.async_reload(house.house.entry.entry_id)
    assert list(house.folder.glob("*")) == [path]
    assert len(house.snapshots.all) == 1


async def test_a_disk_that_goes_wrong(
    settings_house: SettingsHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an installation nor a removal ends with it."""
    house = settings_house
    lock_id = house.house.managed.subentry_id
    (house.folder / f"{lock_id}.json").mkdir(parents=True)
    await house.install()
    assert house.house.managed.record.history[-1].kind == "succeeded"
    assert "could not be written down" in caplog.text
    house.hass.config_entries.async_remove_subentry(house.house.entry, lock_id)
    await until(lambda: "was not deleted" in caplog.text)
    await house.hass.async_block_till_done()
    assert house.house.runtime.locks == {}
    # Home Assistant logs as an error what it could not write.
    caplog.clear()


async def test_nightlatch_is_removed(settings_house: SettingsHouse) -> None:
    """With everything."""
    house = settings_house
    await house.install()
    folder = house.folder
    assert await house.hass.config_entries.async_remove(house.house.entry.entry_id)
    assert not folder.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1}'])
async def test_a_damaged_file_is_put_aside(
    settings_house: SettingsHouse, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told; nothing else is lost by it, and nothing is deleted."""
    house = settings_house
    await house.install()
    (path,) = house.folder.glob("*")
    path.write_text(text, "utf-8")
    assert await house.hass.config_entries.async_reload(house.house.entry.entry_id)
    assert house.snapshots.all == ()
    assert path.with_suffix(".damaged").read_text("utf-8") == text
    assert "cannot be read" in caplog.text
    assert not path.exists()


async def test_a_damaged_file_that_cannot_be_put_aside(
    settings_house: SettingsHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """That keeps no household from starting either."""
    house = settings_house
    await house.install()
    (path,) = house.folder.glob("*")
    path.write_text("{", "utf-8")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    assert await house.hass.config_entries.async_reload(house.house.entry.entry_id)
    assert "could not be put aside" in caplog.text


# The actions.


async def test_snapshots_can_be_listed_and_exported(
    settings_house: SettingsHouse,
) -> None:
    """The newest first; with everything that is in one."""
    house = settings_house
    with pytest.raises(HomeAssistantError) as caught:
        await house.act("export_snapshot")
    assert caught.value.translation_key == "snapshot_none"
    assert await house.act("list_snapshots") == {"snapshots": []}
    await house.update(auto_relock_time="0")
    await house.act("restore_snapshot")
    newest, first = (await house.act("list_snapshots"))["snapshots"]
    assert (newest["before"], newest["settings"]) == ("restore", 11)
    assert (first["before"], first["version"]) == ("installation", "285474816")
    exported = await house.act("export_snapshot", snapshot=first["snapshot"])
    assert exported["lock"] == "Side door"
    (relock,) = [
        each for each in exported["settings"] if each["name"] == "Auto-relock time"
    ]
    assert (relock["value"], relock["unit"], relock["kind"]) == ("30", "s", "number")
    json.dumps(exported)
    with pytest.raises(HomeAssistantError, match="no snapshot nothing") as caught:
        await house.act("export_snapshot", snapshot="nothing")
    assert caught.value.translation_key == "snapshot_unknown"


async def test_a_snapshot_can_be_restored_by_hand(
    settings_house: SettingsHouse,
) -> None:
    """Also weeks later, and whatever an installation had to do with it."""
    house = settings_house
    await house.install()
    assert await house.act("restore_snapshot") == {"restored": [], "not_restored": []}
    house.settings.change(auto_relock_time="99", master_pin="", sound_volume="high")
    await house.until_state(RELOCK, "99")
    await house.until_state(PIN, "")
    await house.until_state(SOUND, "high")
    answer = await house.act("restore_snapshot", snapshot=house.snapshots.find(None).id)
    assert {each["name"]: each["value"] for each in answer["restored"]} == {
        "Auto-relock time": "30 s",
        "Sound volume": "low",
    }
    assert answer["not_restored"] == [
        {
            "name": "Master PIN",
            "value": "set",
            "reason": "secret",
            "message": "its value may be a code and is not kept; enter it again yourself",
        }
    ]
    # Nobody has to want an answer.
    await house.hass.services.async_call(
        "nightlatch", "restore_snapshot", {"entity_id": UPDATE}, blocking=True
    )


async def test_only_administrators_may(settings_house: SettingsHouse) -> None:
    """What is kept of a lock tells how it can be got past."""
    house = settings_house
    user = MockUser().add_to_hass(house.hass)
    await house.install()
    for action in ("list_snapshots", "export_snapshot", "restore_snapshot"):
        with pytest.raises(Unauthorized):
            await house.hass.services.async_call(
                "nightlatch",
                action,
                {"entity_id": UPDATE},
                blocking=True,
                return_response=True,
                context=Context(user_id=user.id),
            )
    assert MODE
