"""A lock that another integration updates: held back, let go, proven."""

from collections.abc import Awaitable, Callable
from functools import partial
import json
from types import MappingProxyType

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.delegate import UpdateEntityDelegate
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import DelegateError, DelegateProblem
from custom_components.nightlatch.core.guard.conduct import PHANTOM_AFTER
from custom_components.nightlatch.core.installation import delegated
from custom_components.nightlatch.core.model import Transport
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.schedule.retries import retry
from custom_components.nightlatch.planning.planner import environment_of
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
from tests.rig.ota_script import BoltAfterwards, OtaEnding, OtaScript
from tests.rig.scene import lock_form

from .asked import cancel
from .flows import options_of, start_flow, until
from .zigbee_house import HOLD, LOCK, NEW, OLD, SOURCE, UPDATE, ZigbeeHouse


async def test_add_lock_tells_what_can_be_done(zigbee_home: ZigbeeHouse) -> None:
    """And why."""
    result = await start_flow(zigbee_home.hass, zigbee_home.entry, "lock")
    assert list(options_of(result).values()) == [
        "Side door: guard, since MQTT can install its updates"
    ]


async def test_one_click_adds_a_usual_lock(zigbee_house: ZigbeeHouse) -> None:
    """Its entities sit on the device that it has."""
    registry = er.async_get(zigbee_house.hass)
    ours = registry.async_get(UPDATE)
    assert ours is not None
    assert ours.device_id == registry.entities[LOCK].device_id
    state = zigbee_house.state()
    assert state.state == "on"
    assert state.attributes["installed_version"] == str(OLD)
    assert state.attributes["latest_version"] == str(NEW)
    assert state.attributes["evidence"] == "nothing_known"


async def test_what_is_offered_is_held_back(zigbee_house: ZigbeeHouse) -> None:
    """So that Update all and the badge leave it out."""
    source = zigbee_house.state(SOURCE)
    assert source.state == "off"
    assert source.attributes["skipped_version"] == str(NEW)


async def test_install(zigbee_house: ZigbeeHouse) -> None:
    """It is told to the other integration, and proven by what the lock says."""
    states = []
    zigbee_house.hass.bus.async_listen(
        "state_changed",
        lambda event: (
            states.append(event.data["new_state"])
            if event.data["entity_id"] == UPDATE
            else None
        ),
    )
    await zigbee_house.install()
    assert zigbee_house.lock.installed_version == NEW
    assert [each.verb for each in zigbee_house.bridge.requests] == ["update", "check"]
    state = zigbee_house.state()
    assert state.state == "off"
    assert state.attributes["installed_version"] == str(NEW)
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.kind == "succeeded"
    assert any(each.attributes["update_percentage"] for each in states)
    assert not any(each.state == "unavailable" for each in states)


@pytest.mark.parametrize(
    ("script", "kind", "reason"),
    [
        (OtaScript(ending=OtaEnding.LIE), "failed", "delegate_other_version"),
        (
            OtaScript(ending=OtaEnding.FALL_BACK),
            "failed",
            "delegate_other_version",
        ),
        (OtaScript(ending=OtaEnding.ABORT), "failed", "delegate_broke_off"),
        (OtaScript(ending=OtaEnding.BROKEN), "failed", "delegate_broke_off"),
        (OtaScript(ending=OtaEnding.BATTERY_REFUSAL), "failed", "delegate_refused"),
        (OtaScript(ending=OtaEnding.BAD_IMAGE), "failed", "delegate_refused"),
        (OtaScript(ending=OtaEnding.SILENT), "failed", "delegate_refused"),
        (
            OtaScript(bolt_afterwards=BoltAfterwards.UNLOCKED),
            "needs_hand",
            "installation_bolt_elsewhere",
        ),
    ],
    ids=lambda each: each.ending.name if isinstance(each, OtaScript) else "",
)
async def test_what_goes_wrong_is_told(
    zigbee_house: ZigbeeHouse, script: OtaScript, kind: str, reason: str
) -> None:
    """Success is only what the lock itself shows."""
    zigbee_house.lock.script = script
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert caught.value.translation_key == reason
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.message is not None
    assert "Side door" in outcome.message
    untouched = {OtaEnding.BATTERY_REFUSAL, OtaEnding.BAD_IMAGE, OtaEnding.SILENT}
    assert outcome.touched is (script.ending not in untouched)


async def test_a_bad_image_is_told_at_once_in_the_words_of_the_bridge(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for what cannot come, and no lock has to be woken."""
    monkeypatch.setattr(delegated, "START_TIMEOUT", 3600.0)
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.BAD_IMAGE)
    with pytest.raises(HomeAssistantError):
        await zigbee_house.install()
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.message is not None
    assert "No image currently available" in outcome.message


async def test_an_answer_to_somebody_else_is_not_ours(
    zigbee_house: ZigbeeHouse,
) -> None:
    """The bridge does not say which lock an error is about."""
    zigbee_house.lock.script = OtaScript(duration=0.5)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(lambda: zigbee_house.bridge.was_asked("update"))
    asked = zigbee_house.bridge.requests[0].payload
    assert asked["transaction"]
    payload = {"data": {}, "error": "of another", "status": "error"}
    topic = "zigbee2mqtt/bridge/response/device/ota_update/update"
    for answer in (payload, {**payload, "transaction": "x"}, [1], "{"):
        await zigbee_house.hass.services.async_call(
            "mqtt",
            "publish",
            {
                "topic": topic,
                "payload": answer if isinstance(answer, str) else json.dumps(answer),
            },
            blocking=True,
        )
    await pressed
    assert zigbee_house.managed.record.history[0].kind == "succeeded"


async def test_nothing_begins_beside_what_was_aborted(
    zigbee_house: ZigbeeHouse,
) -> None:
    """That the bridge agrees does not mean that the transfer is over."""
    lock = zigbee_house.lock
    lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS, closing=0.6)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(
        lambda: (
            (progress := zigbee_house.managed.progress) is not None
            and bool(progress.percentage)
        )
    )
    await cancel(zigbee_house.managed)
    await until(lambda: zigbee_house.bridge.was_asked("update/abort"))
    with pytest.raises(HomeAssistantError):
        await pressed
    assert zigbee_house.bridge.open_beside == 0
    lock.script = OtaScript()
    await zigbee_house.install()
    assert zigbee_house.bridge.begun_beside == 0
    assert zigbee_house.managed.record.history[-1].kind == "succeeded"


async def test_a_lock_that_is_silent_afterwards_is_not_believed_to_be_updated(
    zigbee_house: ZigbeeHouse,
) -> None:
    """The version that the bridge tells is the image's."""
    lock = zigbee_house.lock
    lock.script = OtaScript(duration=0.5)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(lambda: lock.update_state == "updating")
    lock.deaf = True
    with pytest.raises(HomeAssistantError) as caught:
        await pressed
    assert caught.value.translation_key == "delegate_not_asked"
    assert zigbee_house.state(SOURCE).attributes["installed_version"] == str(NEW)
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.kind == "needs_hand"
    # Also later only the lock itself makes a success of it.
    lock.deaf = False
    await zigbee_house.runtime.reader.async_check_now(zigbee_house.managed)
    assert zigbee_house.bridge.requests[-1].verb == "check"


async def test_what_a_bridge_has_forgotten_and_tells_again_is_not_the_locks_word(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Out of a backup of its own, and then from the image: the lock was silent all along."""
    lock, managed = zigbee_house.lock, zigbee_house.managed
    lock.script = OtaScript(duration=0.5)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(lambda: lock.update_state == "updating")
    lock.deaf = True
    with pytest.raises(HomeAssistantError):
        await pressed
    (outcome,) = managed.record.history

    async def tell(version: int) -> None:
        lock.installed_version = version
        lock.rest()
        zigbee_house.bridge.tell(lock)
        await until(
            lambda: (
                zigbee_house.state(SOURCE).attributes["installed_version"]
                == str(version)
            )
        )

    await tell(OLD)
    await until(lambda: managed.record.read_at > outcome.ended)
    await tell(NEW)
    with pytest.raises(DelegateError):
        await zigbee_house.runtime.reader.async_read(managed)
    assert managed.record.history == (outcome,)
    assert managed.record.identity.firmware_version == str(OLD)


async def test_a_lock_is_not_asked_at_each_change_what_it_runs(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Its battery is asked with it: once where it answers, once a while where not."""
    lock, bridge = zigbee_house.lock, zigbee_house.bridge

    def asked() -> int:
        return sum(request.verb == "check" for request in bridge.requests)

    def offered(version: int) -> bool:
        return bool(
            zigbee_house.state(SOURCE).attributes["latest_version"] == str(version)
        )

    async def change(*versions: int) -> None:
        for version in versions:
            bridge.offer(lock, version)
            await until(partial(offered, version))
            await zigbee_house.hass.async_block_till_done(wait_background_tasks=True)

    lock.script = OtaScript(duration=0.5)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(lambda: lock.update_state == "updating")
    lock.deaf = True
    with pytest.raises(HomeAssistantError):
        await pressed
    before = asked()
    await change(NEW + 1, NEW + 2, NEW + 3)
    assert asked() <= before + 1
    lock.deaf = False
    before = asked()
    await zigbee_house.runtime.reader.async_check_now(zigbee_house.managed)
    await change(NEW + 4, NEW + 5, NEW + 6)
    assert asked() == before + 1


async def test_a_version_that_falls_back_later_was_an_attempt_in_vain(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant
) -> None:
    """Nobody else has installed anything, and it is not sent every night."""
    await zigbee_house.install()
    told = async_capture_events(hass, "nightlatch_event")
    lock = zigbee_house.lock
    lock.runs = OLD
    lock.answer()
    lock.rest()
    zigbee_house.bridge.tell(lock)
    await until(lambda: zigbee_house.managed.record.history[-1].kind != "succeeded")
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.reason) == ("rolled_back", "delegate_fell_back")
    assert outcome.origin != "external"
    assert outcome.message is not None
    assert "by itself" in outcome.message
    await until(lambda: any(each.data["type"] == "update_rolled_back" for each in told))
    assert not any(each.data["type"] == "installed_elsewhere" for each in told)
    managed = zigbee_house.managed
    assert managed.release is not None
    assert retry(
        managed.record.history,
        managed.release.key,
        environment_of(managed),
        dt_util.utcnow(),
    ).after_change


async def test_what_is_offered_lower_than_installed_is_left_alone(
    zigbee_house: ZigbeeHouse,
) -> None:
    """The bridge's index has an order of its own; a downgrade is neither held nor done."""
    zigbee_house.bridge.offer(zigbee_house.lock, OLD - 1)
    await until(
        lambda: zigbee_house.state(SOURCE).attributes["latest_version"] == str(OLD - 1)
    )
    await zigbee_house.until_state(HOLD, "nothing_offered")
    assert zigbee_house.managed.release is None
    assert zigbee_house.state(SOURCE).attributes["skipped_version"] != str(OLD - 1)
    with pytest.raises(HomeAssistantError):
        await zigbee_house.install()
    assert zigbee_house.bridge.requests == []


async def test_a_running_transfer_can_be_cancelled(zigbee_house: ZigbeeHouse) -> None:
    """Zigbee2MQTT can stop one; the lock keeps what it has."""
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    pressed = zigbee_house.hass.async_create_task(zigbee_house.install())
    await until(
        lambda: (
            (progress := zigbee_house.managed.progress) is not None
            and bool(progress.percentage)
        )
    )
    await cancel(zigbee_house.managed)
    with pytest.raises(HomeAssistantError):
        await pressed
    assert zigbee_house.bridge.was_asked("update/abort")
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.kind == "cancelled"
    assert zigbee_house.lock.installed_version == OLD


async def test_schedule_is_never_used(zigbee_house: ZigbeeHouse) -> None:
    """Whatever is scheduled there may come at noon."""
    zigbee_house.lock.script = OtaScript()
    await zigbee_house.install()
    assert not zigbee_house.bridge.was_asked("schedule")


# The hold.


async def test_a_person_who_lets_it_go_is_respected(zigbee_house: ZigbeeHouse) -> None:
    """Also by what comes after: only another version is held again."""
    hass = zigbee_house.hass
    await hass.services.async_call(
        "update", "clear_skipped", {"entity_id": SOURCE}, blocking=True
    )
    await zigbee_house.until_state(HOLD, "cleared")
    zigbee_house.bridge.tell(zigbee_house.lock)
    await hass.async_block_till_done(wait_background_tasks=False)
    assert zigbee_house.state(SOURCE).state == "on"
    zigbee_house.bridge.offer(zigbee_house.lock, NEW + 1)
    await zigbee_house.until_state(HOLD, "held")
    assert zigbee_house.state(SOURCE).attributes["skipped_version"] == str(NEW + 1)


async def test_a_skip_of_a_person_is_theirs(zigbee_home: ZigbeeHouse) -> None:
    """It is not lifted, and nothing that they do not want is installed by itself."""
    hass = zigbee_home.hass
    await hass.services.async_call(
        "update", "skip", {"entity_id": SOURCE}, blocking=True
    )
    await zigbee_home.add_lock()
    await zigbee_home.until_state(HOLD, "skipped")
    await remove_lock(zigbee_home)
    assert zigbee_home.state(SOURCE).attributes["skipped_version"] == str(NEW)


async def test_our_hold_is_lifted_when_the_lock_is_removed(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Everything is as it was."""
    await remove_lock(zigbee_house)
    await zigbee_house.until_state(SOURCE, "on")


async def test_our_hold_is_lifted_when_nightlatch_is_removed(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Also when the whole household goes."""
    await zigbee_house.hass.config_entries.async_remove(zigbee_house.entry.entry_id)
    await zigbee_house.until_state(SOURCE, "on")


async def test_a_hold_outlives_a_restart(zigbee_house: ZigbeeHouse) -> None:
    """Home Assistant forgets a skip when the entity is away at the wrong moment."""
    hass, entry = zigbee_house.hass, zigbee_house.entry
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.services.async_call(
        "update", "clear_skipped", {"entity_id": SOURCE}, blocking=True
    )
    assert zigbee_house.state(SOURCE).state == "on"
    await hass.config_entries.async_setup(entry.entry_id)
    await zigbee_house.until_state(HOLD, "held")
    assert zigbee_house.state(SOURCE).state == "off"


async def source(house: ZigbeeHouse, action: str, entity_id: str = SOURCE) -> None:
    """Press *Skip*, or its opposite."""
    await house.hass.services.async_call(
        "update", action, {"entity_id": entity_id}, blocking=True
    )


async def skipped_by_a_person(house: ZigbeeHouse) -> None:
    """Add a lock whose update a person has skipped at the source."""
    await source(house, "skip")
    await house.add_lock()
    await house.until_state(HOLD, "skipped")
    await until(lambda: house.state().attributes["skipped_version"] == str(NEW))
    await house.hass.async_block_till_done(wait_background_tasks=False)


async def forget_over_a_restart(house: ZigbeeHouse) -> None:
    """Home Assistant's own restart, with an entity that was away when it stopped."""
    hass, entry = house.hass, house.entry
    await hass.config_entries.async_unload(entry.entry_id)
    await source(house, "clear_skipped")
    house.bridge.tell_bridge_state("offline")
    await house.until_state(SOURCE, "unavailable")
    await hass.config_entries.async_setup(entry.entry_id)
    house.bridge.tell_bridge_state("online")


async def forget_since_it_seems_installed(house: ZigbeeHouse) -> None:
    """The bridge says for a moment that what is offered runs."""
    house.lock.installed_version = NEW
    house.bridge.tell(house.lock)
    await until(lambda: house.state(SOURCE).attributes["installed_version"] == str(NEW))
    await until(lambda: house.state().attributes["installed_version"] == str(NEW))
    house.lock.installed_version = OLD
    house.bridge.tell(house.lock)


@pytest.mark.parametrize(
    "forget", [forget_over_a_restart, forget_since_it_seems_installed]
)
async def test_a_skip_of_a_person_is_never_forgotten(
    zigbee_home: ZigbeeHouse, forget: Callable[[ZigbeeHouse], Awaitable[None]]
) -> None:
    """It is made again at the source, as theirs; nothing is due."""
    await skipped_by_a_person(zigbee_home)
    await forget(zigbee_home)
    await until(
        lambda: (
            (state := zigbee_home.hass.states.get(SOURCE)) is not None
            and state.attributes.get("installed_version") == str(OLD)
            and state.attributes.get("skipped_version") == str(NEW)
        )
    )
    await zigbee_home.until_state(HOLD, "skipped")
    managed = zigbee_home.managed
    await until(lambda: managed.release is not None)
    assert zigbee_home.runtime.planner.plan(managed).waiting is Waiting.SKIPPED
    assert zigbee_home.kind.guard.record.held is None
    await remove_lock(zigbee_home)
    assert zigbee_home.state(SOURCE).attributes["skipped_version"] == str(NEW)


@pytest.mark.parametrize("where", [SOURCE, UPDATE])
async def test_a_person_lifts_their_skip(zigbee_home: ZigbeeHouse, where: str) -> None:
    """At the source or at our entity; then it is on offer, and held by us."""
    await skipped_by_a_person(zigbee_home)
    await source(zigbee_home, "clear_skipped", where)
    await zigbee_home.until_state(HOLD, "held")
    await zigbee_home.until_state(UPDATE, "on")
    managed = zigbee_home.managed
    assert managed.skips is None
    assert zigbee_home.state().attributes["skipped_version"] is None
    assert zigbee_home.kind.guard.record.held == str(NEW)
    assert zigbee_home.state(SOURCE).attributes["skipped_version"] == str(NEW)


async def test_a_skip_at_our_entity_outlives_what_seems_installed(
    zigbee_house: ZigbeeHouse,
) -> None:
    """It is a person's too."""
    await source(zigbee_house, "skip", UPDATE)
    await until(lambda: zigbee_house.managed.decisions.skipped == str(NEW))
    await forget_since_it_seems_installed(zigbee_house)
    await until(lambda: zigbee_house.managed.release is not None)
    await until(lambda: zigbee_house.state().attributes["skipped_version"] == str(NEW))
    assert zigbee_house.managed.decisions.skipped == str(NEW)
    await zigbee_house.until_state(HOLD, "held")


async def remove_lock(house: ZigbeeHouse) -> None:
    """Delete the lock in the user interface."""
    house.hass.config_entries.async_remove_subentry(
        house.entry, house.managed.subentry_id
    )
    await house.hass.async_block_till_done(wait_background_tasks=False)


# The device.


async def test_a_rename_is_followed(zigbee_house: ZigbeeHouse) -> None:
    """What the owner calls the other entity is the owner's business."""
    registry = er.async_get(zigbee_house.hass)
    registry.async_update_entity(SOURCE, new_entity_id="update.shed")
    registry.async_update_entity(LOCK, new_entity_id="lock.shed")
    await until(lambda: zigbee_house.kind.anchor == "update.shed")
    assert zigbee_house.managed.links.lock_entity == "lock.shed"
    await until(lambda: zigbee_house.state().state == "on")
    await zigbee_house.install()
    assert zigbee_house.lock.installed_version == NEW


async def test_a_lock_that_is_gone_is_told(zigbee_house: ZigbeeHouse) -> None:
    """With what a person can do."""
    zigbee_house.bridge.remove(zigbee_house.lock)
    registry = er.async_get(zigbee_house.hass)
    await until(lambda: registry.async_get(SOURCE) is None)
    await until(lambda: zigbee_house.kind.trouble == "source_gone")
    assert zigbee_house.state("binary_sensor.side_door_update_problem").state == "on"


# What others do.


async def test_an_update_from_elsewhere_is_noticed(zigbee_house: ZigbeeHouse) -> None:
    """And looked at as one of ours."""
    zigbee_house.lock.script = OtaScript()
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: bool(zigbee_house.managed.record.history))
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.origin, outcome.to_version) == ("external", str(NEW))


async def test_a_phantom_is_told(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant
) -> None:
    """An installation that nobody has asked for."""
    told = []
    hass.bus.async_listen("nightlatch_event", lambda event: told.append(event.data))
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: bool(told))
    assert told[0]["type"] == "unguarded_update"
    assert told[0]["reasons"] == "started_by_itself"
    assert "Side door" in told[0]["message"]


async def test_what_is_in_progress_at_a_start_is_given_time(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant
) -> None:
    """Some sources say so after each restart, and nothing moves; then that is told."""
    told = async_capture_events(hass, "nightlatch_event")
    entry = zigbee_house.entry
    await hass.config_entries.async_unload(entry.entry_id)
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS, duration=0.1)
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: zigbee_house.state(SOURCE).attributes["in_progress"] is True)
    await until(
        lambda: zigbee_house.state(SOURCE).attributes["update_percentage"] == 50
    )
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=False)
    assert told == []
    zigbee_house.managed.kind.look(dt_util.utcnow() + PHANTOM_AFTER)
    await until(lambda: bool(told))
    assert told[0].data["reasons"] == "phantom"
    assert zigbee_house.state("binary_sensor.side_door_update_problem").state == "on"


# Restarts, and sources that are away.


async def test_a_reload_in_the_middle_is_gone_on_with(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked for twice: the lock goes on alone."""
    monkeypatch.setattr(delegated, "REPORT_TIMEOUT", 5.0)
    hass, entry = zigbee_house.hass, zigbee_house.entry
    zigbee_house.lock.script = OtaScript(duration=2.0, steps=20)
    pressed = hass.async_create_task(zigbee_house.install())
    await until(
        lambda: (
            (progress := zigbee_house.managed.progress) is not None
            and bool(progress.percentage)
        )
    )
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await pressed
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: bool(zigbee_house.managed.record.history))
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.to_version) == ("succeeded", str(NEW))
    verbs = [each.verb for each in zigbee_house.bridge.requests]
    assert verbs.count("update") == 1


async def test_what_was_done_meanwhile_is_proven(zigbee_house: ZigbeeHouse) -> None:
    """Though it is no longer on offer then."""
    hass, entry = zigbee_house.hass, zigbee_house.entry
    zigbee_house.lock.script = OtaScript(duration=0.5)
    pressed = hass.async_create_task(zigbee_house.install())
    await until(
        lambda: (
            (progress := zigbee_house.managed.progress) is not None
            and bool(progress.percentage)
        )
    )
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await pressed
    await until(
        lambda: (
            zigbee_house.state(SOURCE).attributes.get("installed_version") == str(NEW)
        )
    )
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: bool(zigbee_house.managed.record.history))
    (outcome,) = zigbee_house.managed.record.history
    assert outcome.kind == "succeeded"


async def test_a_source_that_stays_away_is_told(zigbee_house: ZigbeeHouse) -> None:
    """After a restart in the middle nobody knows what the lock runs."""
    hass, entry = zigbee_house.hass, zigbee_house.entry
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    pressed = hass.async_create_task(zigbee_house.install())
    await until(
        lambda: (
            (progress := zigbee_house.managed.progress) is not None
            and bool(progress.percentage)
        )
    )
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await pressed
    zigbee_house.bridge.tell_bridge_state("offline")
    await zigbee_house.until_state(SOURCE, "unavailable")
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: bool(zigbee_house.managed.record.history))
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.reason) == ("needs_hand", "delegate_not_available")


async def test_check_now_asks_the_other_integration(zigbee_house: ZigbeeHouse) -> None:
    """And says where that says nothing."""
    button = {"entity_id": "button.side_door_check_now"}
    hass = zigbee_house.hass
    await hass.services.async_call("button", "press", button, blocking=True)
    zigbee_house.bridge.tell_bridge_state("offline")
    await zigbee_house.until_state(SOURCE, "unavailable")
    with pytest.raises(HomeAssistantError) as caught:
        await hass.services.async_call("button", "press", button, blocking=True)
    assert caught.value.translation_key == "delegate_not_available"


async def test_what_cannot_be_held_is_logged_once(
    zigbee_home: ZigbeeHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And not tried again with every message."""

    async def refuse(_: object) -> None:
        raise DelegateError(DelegateProblem.REFUSED, problem="no")

    monkeypatch.setattr(UpdateEntityDelegate, "async_skip", refuse)
    await zigbee_home.add_lock()
    await zigbee_home.until_state(HOLD, "open")
    zigbee_home.bridge.tell(zigbee_home.lock)
    zigbee_home.bridge.tell(zigbee_home.lock)
    await zigbee_home.hass.async_block_till_done(wait_background_tasks=False)
    assert caplog.text.count("could not be held back") == 1


async def test_a_source_that_tries_again_is_told(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant
) -> None:
    """Some do, minutes after they have failed."""
    told = async_capture_events(hass, "nightlatch_event")
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.ABORT)
    with pytest.raises(HomeAssistantError):
        await zigbee_house.install()
    told.clear()
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    zigbee_house.bridge.start_by_itself(zigbee_house.lock)
    await until(lambda: any(each.data["type"] == "unguarded_update" for each in told))
    (found,) = [each for each in told if each.data["type"] == "unguarded_update"]
    assert found.data["reasons"] == "started_again"


async def test_a_source_that_tries_again_and_again_is_told_once(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant
) -> None:
    """No phone rings every few seconds; a repair says what can be done."""
    told = async_capture_events(hass, "nightlatch_event")
    lock = zigbee_house.lock
    issue = f"source_repeats_{zigbee_house.managed.subentry_id}"
    for _ in range(4):
        lock.script = OtaScript(ending=OtaEnding.ABORT)
        zigbee_house.bridge.start_by_itself(lock)
        await until(lambda: zigbee_house.state(SOURCE).attributes["in_progress"])
        await until(lambda: not zigbee_house.state(SOURCE).attributes["in_progress"])
    await until(lambda: (DOMAIN, issue) in ir.async_get(hass).issues)
    unguarded = [each for each in told if each.data["type"] == "unguarded_update"]
    assert len(unguarded) == 1
    zigbee_house.managed.kind.look(dt_util.utcnow())
    assert zigbee_house.state("binary_sensor.side_door_update_problem").state == "on"


async def test_what_ours_has_left_behind_is_no_new_start(
    zigbee_house: ZigbeeHouse, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source says for good that it is at work: nobody has begun anything."""
    monkeypatch.setitem(delegated.DEADLINES, Transport.ZIGBEE, 0.5)
    monkeypatch.setattr(UpdateEntityDelegate, "can_abort", False)
    told = async_capture_events(hass, "nightlatch_event")
    zigbee_house.lock.script = OtaScript(ending=OtaEnding.NEVER_ENDS)
    with pytest.raises(HomeAssistantError):
        await zigbee_house.install()
    zigbee_house.bridge.tell(zigbee_house.lock)
    zigbee_house.managed.kind.look(dt_util.utcnow())
    await hass.async_block_till_done(wait_background_tasks=False)
    assert not [each for each in told if each.data["type"] == "unguarded_update"]


async def test_a_failure_that_leaves_the_door_open_is_told_of_the_door_first(
    zigbee_house: ZigbeeHouse,
) -> None:
    """At once, and as what a person has to see to."""
    zigbee_house.lock.script = OtaScript(
        ending=OtaEnding.LIE, bolt_afterwards=BoltAfterwards.UNLOCKED
    )
    with pytest.raises(HomeAssistantError) as caught:
        await zigbee_house.install()
    assert caught.value.translation_key == "door_installation_bolt_elsewhere"
    (outcome,) = zigbee_house.managed.record.history
    assert (outcome.kind, outcome.reason, outcome.door) == (
        "needs_hand",
        "delegate_other_version",
        "installation_bolt_elsewhere",
    )
    assert outcome.message is not None
    assert outcome.message.startswith(
        "See to the door of Side door: its bolt was locked and is unlocked now."
    )
    assert "the lock runs" in outcome.message
    issues = ir.async_get(zigbee_house.hass).issues
    issue = f"needs_hand_{zigbee_house.managed.subentry_id}"
    await until(lambda: (DOMAIN, issue) in issues)


# What a person reads, and discovery.


async def test_the_notes_say_what_a_hold_is(zigbee_house: ZigbeeHouse) -> None:
    """And what is asked of the battery, and by whom."""
    lock = zigbee_house.managed
    assert lock.release is not None
    notes = await async_release_notes(
        zigbee_house.hass, lock, lock.release, zigbee_house.runtime.planner
    )
    assert "That is no lock" in notes
    assert "70 %" in notes
    assert "Evidence: Nothing known" in notes


async def test_the_notes_say_what_a_number_is(zigbee_house: ZigbeeHouse) -> None:
    """People know the build id, and Zigbee2MQTT tells the number of an image."""
    lock = zigbee_house.managed
    assert lock.release is not None
    number = lock.record.identity.firmware_version
    build = zigbee_house.lock.sw_build_id
    assert number.isdecimal()
    assert build != number
    update_notes = partial(
        async_release_notes,
        zigbee_house.hass,
        lock,
        lock.release,
        zigbee_house.runtime.planner,
    )
    told = f"Side door calls what it runs {build}; {number} is the number of its image."
    assert told in (await update_notes()).replace("\\", "")
    devices = dr.async_get(zigbee_house.hass)
    source = er.async_get(zigbee_house.hass).async_get(SOURCE)
    assert source is not None
    assert source.device_id is not None
    for unknown in (None, number):
        devices.async_update_device(source.device_id, sw_version=unknown)
        assert "calls what it runs" not in await update_notes()


async def test_a_discovered_lock_is_guarded(zigbee_home: ZigbeeHouse) -> None:
    """With what is proposed; once."""
    hass = zigbee_home.hass
    flows = hass.config_entries.flow
    await until(lambda: bool(flows.async_progress_by_handler(DOMAIN)))
    # As long as not all of its entities are there it may be offered otherwise.
    await until(
        lambda: all(
            flow["step_id"] == "guarded"
            for flow in flows.async_progress_by_handler(DOMAIN)
        )
    )
    (flow,) = flows.async_progress_by_handler(DOMAIN)
    assert flow["context"]["title_placeholders"] == {
        "name": "Side door",
        "way": "guarded, MQTT",
    }
    form = lock_form("Side door", update_entity=SOURCE, lock_entity=LOCK)
    result = await flows.async_configure(flow["flow_id"], form)
    assert result["reason"] == "lock_added"
    await zigbee_home.until_state(HOLD, "held")
    # What the firmware is for; a number by itself tells nobody anything.
    assert zigbee_home.state().attributes["title"] == (
        zigbee_home.managed.record.identity.told_model
    )
    assert zigbee_home.state().attributes["title"]
    again = {"device_id": er.async_get(hass).entities[LOCK].device_id, "name": "x"}
    result = await flows.async_init(
        DOMAIN, context={"source": SOURCE_INTEGRATION_DISCOVERY}, data=again
    )
    assert result["reason"] == "already_configured"
    await hass.config_entries.async_unload(zigbee_home.entry.entry_id)
    result = await flows.async_init(
        DOMAIN, context={"source": SOURCE_INTEGRATION_DISCOVERY}, data=again
    )
    assert result["reason"] == "entry_not_loaded"


async def test_a_lock_that_was_added_in_the_meantime(zigbee_home: ZigbeeHouse) -> None:
    """A dialog that stood open all the while adds it no second time."""
    hass = zigbee_home.hass
    flows = hass.config_entries.flow
    await until(lambda: bool(flows.async_progress_by_handler(DOMAIN)))
    (flow,) = flows.async_progress_by_handler(DOMAIN)
    form = lock_form("Side door", update_entity=SOURCE, lock_entity=LOCK)
    subentry = ConfigSubentry(
        data=MappingProxyType({}),
        subentry_type="lock",
        title="Side door",
        unique_id=flow["context"]["unique_id"],
    )
    zigbee_home.entry.subentries = MappingProxyType({subentry.subentry_id: subentry})
    try:
        result = await flows.async_configure(flow["flow_id"], form)
    finally:
        zigbee_home.entry.subentries = MappingProxyType({})
    assert result["reason"] == "already_configured"
