"""What a person sees of locks and feeds in Home Assistant."""

import asyncio
from datetime import timedelta
import json
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import WebSocketGenerator  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion

from custom_components.nightlatch.install.approval import async_approve
from custom_components.nightlatch.update import NightlatchUpdate
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig.bootloader import Opcode
from tests.rig.lock import Mode

from .asked import install
from .flows import until
from .house import (
    BACK_DOOR,
    BACK_UPDATE,
    EVENT,
    FRONT_DOOR,
    OUTCOME,
    STATUS,
    TROUBLE,
    UPDATE,
    House,
)
from .night import Night

DAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
# What is another one each time.
TIMES = {
    "event.front_door_firmware_event",
    "sensor.front_door_firmware_runs_since",
    "sensor.front_door_last_check",
}


def view_of_entity(house: House, entry: er.RegistryEntry) -> dict[str, Any]:
    """Return what people and other parts of Home Assistant make use of."""
    view: dict[str, Any] = {
        "key": entry.unique_id.partition("_")[2],
        "name": entry.original_name,
        "category": entry.entity_category,
        "device_class": entry.original_device_class,
        "translation_key": entry.translation_key,
        "unit": entry.unit_of_measurement,
        "disabled_by": entry.disabled_by,
    }
    if entry.disabled_by is None:
        state = house.state(entry.entity_id)
        view["state"] = "a time" if entry.entity_id in TIMES else state.state
        view["attributes"] = dict(state.attributes)
    return _plain(view)


def view_of_device(device: dr.DeviceEntry) -> dict[str, Any]:
    """Return what the device page shows."""
    return _plain(
        {
            "name": device.name,
            "manufacturer": device.manufacturer,
            "model": device.model,
            "model_id": device.model_id,
            "hw_version": device.hw_version,
            "sw_version": device.sw_version,
            "serial_number": device.serial_number,
            "entry_type": device.entry_type,
            "connections": sorted(device.connections),
        }
    )


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return only what JSON knows, so that a snapshot does not depend on reprs."""
    plain: dict[str, Any] = json.loads(json.dumps(value, default=str, sort_keys=True))
    for lock in plain.get("attributes", {}).get("locks", ()):
        # Another one each time.
        assert lock.pop("device_id")
    return plain


async def test_all_entities(house: House, snapshot: SnapshotAssertion) -> None:
    """Of a lock with a release to install, and of its feed."""
    await house.release("1.1.0")
    entries = er.async_entries_for_config_entry(
        er.async_get(house.hass), house.entry.entry_id
    )
    assert {entry.unique_id.partition("_")[0] for entry in entries} == {
        *house.entry.subentries,
        house.entry.entry_id,
    }
    assert all(
        entry.unique_id.startswith(
            f"{entry.config_subentry_id or house.entry.entry_id}_"
        )
        for entry in entries
    )
    assert {
        entry.entity_id: view_of_entity(house, entry) for entry in entries
    } == snapshot
    devices = dr.async_entries_for_config_entry(
        dr.async_get(house.hass), house.entry.entry_id
    )
    assert {str(device.name): view_of_device(device) for device in devices} == snapshot


async def test_what_changes_all_the_time_is_off_by_default(house: House) -> None:
    """And shows the signal when somebody wants to see it."""
    entity_id = "sensor.front_door_signal_strength"
    registry = er.async_get(house.hass)
    entry = registry.async_get(entity_id)
    assert entry is not None
    assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    off = [
        other.entity_id
        for other in er.async_entries_for_config_entry(registry, house.entry.entry_id)
        if other.disabled_by is not None
    ]
    assert set(off) == {
        entity_id,
        # Most locks have the quiet hours of the household.
        "switch.front_door_own_quiet_hours",
        # Seven of them are many.
        *(
            f"switch.nightlatch_quiet_hours_{number}_{day}"
            for number, day in enumerate(DAYS, 1)
        ),
        "time.front_door_quiet_hours_begin",
        "time.front_door_quiet_hours_end",
    }

    registry.async_update_entity(entity_id, disabled_by=None)
    await house.reload()
    assert house.state(entity_id).state == "-60"


async def test_release_notes(
    house: House, hass_ws_client: WebSocketGenerator, snapshot: SnapshotAssertion
) -> None:
    """What the release means for the lock, and below it the vendor's."""
    assert await async_setup_component(house.hass, "config", {})
    client = await hass_ws_client(house.hass)

    async def notes() -> Any:
        await client.send_json_auto_id(
            {"type": "update/release_notes", "entity_id": UPDATE}
        )
        answer = await client.receive_json()
        assert answer["success"]
        return answer["result"]

    assert await notes() is None
    await house.release(
        "1.1.0",
        advisories=[
            {"id": "KL-2026-07"},
            {"id": "CVE-2026-1", "url": "https://cve.example/1"},
        ],
        support_end="2031-01-01",
        release_url="https://kestrel.example/1.1.0",
    )
    assert await notes() == snapshot
    assert house.state().attributes["release_url"] == "https://kestrel.example/1.1.0"
    path = await house.release(
        "1.2.0",
        release_notes="Nothing much.",
        advisories=[],
        disrupts=[],
        severity="none",
    )
    house.vendor.amend(path, expected_duration=None)
    await house.check()
    assert await notes() == (
        # What the one before has closed, which nobody has installed, it closes too.
        "**Ready.** Nothing is in the way.\n\n"
        "- Severity: high\n- Closes: [CVE-2026-1](<https://cve.example/1>), KL-2026-07\n"
        "- Evidence: Signature verified\n- It takes about 10 min; do not rely on the lock "
        "for up to 13 min.\n- There is no way back: once the new one has "
        "started the lock refuses the old one.\n\n> Its vendor says:\n>\n> Nothing much."
    )


async def notes_of(house: House) -> str:
    """Return what the dialog of the update entity says."""
    entity = NightlatchUpdate(house.runtime, house.managed())
    entity.hass = house.hass
    told = await entity.async_release_notes()
    assert told is not None
    return told


async def test_the_dialog_begins_with_how_it_stands(house: House) -> None:
    """What a person looks for first; what its vendor says comes last."""
    await house.release("1.1.0")
    assert (await notes_of(house)).startswith("**Ready.**")
    night = Night(house)
    house.hass.states.async_set("binary_sensor.front", "on")
    house.hass.states.async_set("sensor.front", "31")
    night.set_lock(
        door_entity="binary_sensor.front",
        battery_entity="sensor.front",
        approval="person",
    )
    await house.settle()
    told = await notes_of(house)
    first, second, listed, facts = told.split("\n\n")[:4]
    assert first.startswith("**Waits for your approval.**")
    assert second == "**In the way (2):**"
    assert "at 31 %, the update needs 40 %" in listed
    assert "The door is open." in listed
    # With the same points it would be one list, and all facts would be in the way.
    assert {line[:2] for line in listed.split("\n")} == {"- "}
    assert {line[:2] for line in facts.split("\n")} == {"* "}
    assert told.index("In the way") < told.index("Evidence") < told.index("vendor says")

    house.hass.states.async_set("sensor.front", "90")
    house.hass.states.async_set(
        "binary_sensor.front",
        "off",
        timestamp=(dt_util.utcnow() - timedelta(minutes=3)).timestamp(),
    )
    ann = MockUser(name="Ann", is_owner=True).add_to_hass(house.hass)
    lock = house.managed()
    assert lock.release is not None
    await async_approve(house.hass, lock, lock.release, ann.id)
    assert (await notes_of(house)).startswith("**Approved** by Ann: ")
    night.automate(approval="none")
    await house.settle()
    assert "\n\n**By itself:** " in await notes_of(house)
    await lock.decided.async_pin("1.0.0")
    assert (await notes_of(house)).startswith("**Stays at its version**")


async def test_the_dialog_begins_with_what_went_wrong_the_last_time(
    house: House,
) -> None:
    """Before anybody presses Install again."""
    house.locks[FRONT_DOOR].buttonless_status = 6
    await house.release("1.1.0")
    with pytest.raises(HomeAssistantError):
        await house.install()
    told = await notes_of(house)
    assert told.startswith("The last time on this lock: Front door refused")


async def test_what_is_being_done_is_shown_and_why_the_bar_stands_still(
    house: House,
) -> None:
    """In the sensor as it goes on, and in the dialog when it is opened."""
    await house.release("1.1.0")
    house.locks[FRONT_DOOR].activation_time = 0.4
    states = house.record("sensor.front_door_next_step")
    press = asyncio.create_task(house.install())
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.ACTIVATING)
    await until(lambda: house.state().attributes["update_percentage"] == 97)
    told = await notes_of(house)
    await press
    assert told.split("\n\n")[0] in {
        "Starts the new firmware.",
        "Sees whether the lock works.",
    }
    assert "The bar stands still until the lock has proven" in told
    phases = [state.attributes["phase"] for state in states]
    shown = [phase for phase in dict.fromkeys(phases) if phase is not None]
    assert shown == [
        "planned",
        "fetching",
        "verifying",
        "preflight",
        "snapshot",
        "transferring",
        "activating",
        "confirming",
    ]
    assert phases[-1] is None


async def test_release_notes_are_cut_for_the_summary(house: House) -> None:
    """Home Assistant shows 255 characters of them."""
    await house.release("1.1.0", release_notes="word " * 100)
    assert house.state().attributes["release_summary"] == ("word " * 50 + "word…")
    await house.release("1.2.0", release_notes="")
    assert house.state().attributes["release_summary"] is None


# Installing.


async def test_progress_rises_and_is_never_a_hundred_before_it_is_true(
    house: House,
) -> None:
    """Also the lock that restarts stays in sight."""
    await house.release("1.1.0")
    states = house.record(UPDATE)
    events = house.record(EVENT)

    await house.install()

    during = [state for state in states if state.attributes["in_progress"]]
    assert {state.state for state in states} <= {"on", "off"}
    percentages = [
        state.attributes["update_percentage"]
        for state in during
        if state.attributes["update_percentage"] is not None
    ]
    assert percentages == sorted(percentages)
    assert percentages[0] == 0
    assert percentages[-1] == 97
    assert all(isinstance(percentage, int) for percentage in percentages)
    # What is not known to run is not shown as if it did.
    assert {state.attributes["installed_version"] for state in during} == {"1.0.0"}
    assert states[-1].state == "off"
    assert states[-1].attributes["installed_version"] == "1.1.0"
    assert states[-1].attributes["in_progress"] is False
    assert states[-1].attributes["update_percentage"] is None

    assert [
        (state.attributes["event_type"], state.attributes["version"])
        for state in events
    ] == [("update_started", "1.1.0"), ("update_installed", "1.1.0")]
    ended = events[-1].attributes
    assert ended["from_version"] == "1.0.0"
    assert ended["running_version"] == "1.1.0"
    assert float(ended["seconds"]) > 0
    assert ended["message"] == ""
    outcome = house.state(OUTCOME)
    assert outcome.state == "succeeded"
    assert outcome.attributes["to_version"] == "1.1.0"
    assert outcome.attributes["message"] is None


async def test_the_device_shows_what_runs(house: House) -> None:
    """Where other integrations and the device page look."""
    registry = dr.async_get(house.hass)

    def versions() -> set[str | None]:
        devices = dr.async_entries_for_config_entry(registry, house.entry.entry_id)
        return {device.sw_version for device in devices if device.serial_number}

    assert versions() == {"1.0.0"}
    await house.release("1.1.0")
    await house.install()
    assert versions() == {"1.1.0"}
    since = house.state("sensor.front_door_firmware_runs_since").state
    assert (
        since == house.managed().record.running_since.replace(microsecond=0).isoformat()
    )


async def test_a_second_press_says_that_an_installation_runs(house: House) -> None:
    """In Home Assistant's words, or in ours where they come later."""
    await house.release("1.1.0")
    first = asyncio.create_task(house.install())
    await until(lambda: house.state().attributes["in_progress"])
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "update_in_progress"
    with pytest.raises(HomeAssistantError) as caught:
        await install(house.managed())
    assert caught.value.translation_key == "installation_running"
    assert "Front door" in str(caught.value)
    await first
    assert house.state().attributes["installed_version"] == "1.1.0"


async def test_nothing_to_install(house: House) -> None:
    """The release was withdrawn between the look and the press."""
    with pytest.raises(HomeAssistantError) as caught:
        await install(house.managed())
    assert caught.value.translation_key == "nothing_to_install"
    assert "Front door" in str(caught.value)


async def test_two_locks_are_updated_one_after_the_other(two_doors: House) -> None:
    """*Update all* tells both at once; the second shows that it waits."""
    two_doors.locks[FRONT_DOOR].bootloader.delays = {Opcode.CREATE: 0.05}
    await two_doors.release("1.1.0")
    both = [two_doors.record(UPDATE), two_doors.record(BACK_UPDATE)]
    events = [*map(two_doors.record, (EVENT, "event.back_door_firmware_event"))]

    await two_doors.install(UPDATE, BACK_UPDATE)

    assert two_doors.locks[FRONT_DOOR].version == "1.1.0"
    assert two_doors.locks[BACK_DOOR].version == "1.1.0"
    moments = sorted(
        (state.last_updated, state.attributes["event_type"], state.entity_id)
        for states in events
        for state in states
    )
    assert [kind for _, kind, _ in moments] == [
        "update_started",
        "update_installed",
    ] * 2
    turn = moments[2][0]
    second = next(states for states in both if states[-1].last_updated > turn)
    waiting = [state for state in second if state.last_updated < turn]
    assert waiting
    assert all(state.attributes["in_progress"] for state in waiting)
    assert {state.attributes["update_percentage"] for state in waiting} == {None}


async def test_who_asked_need_not_wait(house: House) -> None:
    """A browser that is closed does not stop a lock half way."""
    await house.release("1.1.0")
    press = asyncio.create_task(house.install())
    await until(lambda: house.state().attributes["update_percentage"] is not None)
    press.cancel()
    await until(lambda: not house.state().attributes["in_progress"])
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await house.settle()


async def test_only_an_administrator_may_install(
    house: House, hass_read_only_user: MockUser
) -> None:
    """That is Home Assistant's rule; that it holds for locks too is seen here."""
    await house.release("1.1.0")
    with pytest.raises(Unauthorized):
        await house.hass.services.async_call(
            "update",
            "install",
            {"entity_id": UPDATE},
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert house.locks[FRONT_DOOR].version == "1.0.0"


async def test_a_release_is_skipped_until_there_is_a_newer_one(house: House) -> None:
    """Or until the owner changes their mind."""

    async def call(service: str) -> None:
        await house.hass.services.async_call(
            "update", service, {"entity_id": UPDATE}, blocking=True
        )

    await house.release("1.1.0")
    await call("skip")
    assert house.state().state == "off"
    assert house.state().attributes["skipped_version"] == "1.1.0"
    await call("clear_skipped")
    assert house.state().state == "on"
    await call("skip")
    await house.release("1.2.0")
    assert house.state().state == "on"
    assert house.state().attributes["skipped_version"] is None


# What is newer.


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        pytest.param("0.9.0", {}, id="older"),
        pytest.param("1.0.0", {}, id="the-same"),
        pytest.param("1.0", {}, id="the-same-otherwise-written"),
        pytest.param("1.1.0", {"hardware_revisions": ["C"]}, id="other-hardware"),
        pytest.param(
            "1.1.0", {"minimum_installed_version": "1.0.5"}, id="step-missing"
        ),
    ],
)
async def test_what_is_no_update(
    house: House, version: str, fields: dict[str, Any]
) -> None:
    """Home Assistant would call what does not compare an update."""
    await house.release("1.1.0")
    house.vendor.amend("kl-1/1.1.0.zip", version=version, **fields)
    if version == "1.0.0":
        # Else there were two of it, and both were refused.
        house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    assert house.state().state == "off"
    assert house.state().attributes["latest_version"] == "1.0.0"


async def test_a_version_that_does_not_compare_is_no_update(house: House) -> None:
    """Neither is the lock's own, when it is none of the model's scheme."""
    lock = house.locks[FRONT_DOOR]
    lock.comes_back_as = "1.0.0-beta"
    await house.hass.services.async_call(
        "button", "press", {"entity_id": "button.front_door_check_now"}, blocking=True
    )
    await house.release("1.1.0")
    assert house.state().attributes["installed_version"] == "1.0.0-beta"
    assert house.state().attributes["latest_version"] == "1.0.0-beta"
    assert house.state().state == "off"


async def test_home_assistants_guess_is_never_asked(house: House) -> None:
    """Only what was chosen by the vendor's scheme is newer."""
    entity = NightlatchUpdate(house.runtime, house.managed())
    assert not entity.version_is_newer("9.9.9", "1.0.0")
    await house.release("1.1.0")
    assert entity.version_is_newer("1.1.0", "1.0.0")
    assert not entity.version_is_newer("9.9.9", "1.0.0")


# Feeds.


async def test_a_feed_that_was_never_heard(
    empty_house: House,
) -> None:
    """Is not called good, nor bad before the first check is over."""
    await empty_house.add_feed()
    feed = empty_house.feed
    feed.data = None
    feed.async_update_listeners()
    assert empty_house.state(STATUS).state == "unavailable"
    assert empty_house.state(TROUBLE).state == "unavailable"


async def test_each_reason_is_shown(house: House) -> None:
    """Not only the first, while a feed stays in trouble."""
    states = house.record(STATUS)
    await house.vendor.stop()
    await house.check()
    await house.vendor.start()
    house.vendor.expire("timestamp")
    await house.check()
    house.vendor.describe(schema=99)
    await house.check()
    await house.check()
    house.vendor.describe(schema=1)
    await house.check()
    assert [state.state for state in states] == [
        "feed_unreachable",
        "feed_expired",
        "feed_schema_too_new",
        "ok",
    ]


async def test_a_check_that_breaks_is_not_called_good(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where there is no word for what has happened."""
    with monkeypatch.context() as patch:
        patch.setattr(
            house.feed.feed, "check", AsyncMock(side_effect=ZeroDivisionError)
        )
        await house.check()
    assert house.state(STATUS).state == "unknown"
    assert house.state(TROUBLE).state == "on"
    assert "ZeroDivisionError" in caplog.text
    await house.check()
    assert house.state(STATUS).state == "ok"
    assert house.state(TROUBLE).state == "off"
