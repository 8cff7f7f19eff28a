"""Another lock behind the same entities: held, asked anew, and nothing by itself."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.nightlatch.core.model import Origin
from custom_components.nightlatch.core.records.decisions import Approval
from custom_components.nightlatch.core.records.trust import LockFloor, Trust
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.versions import Version, VersionScheme
from custom_components.nightlatch.flows.replaced import SuccessorFlow
from custom_components.nightlatch.planning.planner import environment_of
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
from tests.core.schedule.releases import outcome

from .asked import plan_of
from .flows import start_flow, start_settings, submit, until
from .house import FRONT_DOOR, House
from .test_source import automate, look, repairs
from .vaulted import begin_fix
from .zigbee_house import HOLD, NEW, OLD, SOURCE, ZigbeeHouse

KEY = "source_other_device"


def replace_lock(house: ZigbeeHouse, **told: Any) -> None:
    """Let another lock be behind the same entities."""
    device = house.kind.main_device
    assert device is not None
    dr.async_get(house.hass).async_update_device(device.id, **told)


async def decide(house: ZigbeeHouse) -> None:
    """Decide all that can be decided about the lock that is there."""
    automate(house)
    await house.hass.async_block_till_done()
    decided = house.managed.decided
    release = house.managed.release
    assert release is not None
    await decided.async_pin(str(OLD))
    await decided.async_schedule(dt_util.utcnow() + timedelta(hours=1))
    await decided.async_approve(
        Approval(
            version=release.version.text,
            sha256=release.key,
            user_id="1",
            user_name="Ada",
            at=dt_util.utcnow(),
        )
    )


OTHERS = [
    {"model_id": "V4-BTZB", "model": "BT/ZB smartlock 4"},
    {"manufacturer": "Another maker"},
    {"hw_version": "2"},
]


@pytest.mark.parametrize("told", OTHERS, ids=lambda told: next(iter(told)))
async def test_another_lock_is_never_updated_under_the_old_consent(
    zigbee_house: ZigbeeHouse, told: dict[str, Any]
) -> None:
    """All that was decided ends; what is offered stays held, also over a restart."""
    house = zigbee_house
    replace_lock(house, hw_version="1")
    await house.managed.kind.async_check()
    house.bridge.tell(house.lock)
    await house.runtime.reader.async_read(house.managed)
    assert house.managed.record.identity.hardware_revision == "1"
    await decide(house)
    before = house.managed.record.identity
    replace_lock(house, **told)
    await until(lambda: KEY in repairs(house))
    await until(lambda: house.managed.policy.consent is None)
    await until(lambda: not house.managed.decided.holds_for_this_lock)
    for _ in range(2):
        house.bridge.tell(house.lock)
        await look(house)
        await house.hass.async_block_till_done()
        assert house.managed.record.identity == before
        assert house.managed.decisions.approval is None
        assert house.managed.decisions.pinned is None
        assert house.managed.decisions.scheduled_at is None
        # Whatever is switched on meanwhile.
        automate(house)
        await house.hass.async_block_till_done()
        assert plan_of(house.managed).waiting is Waiting.SOURCE
        await house.until_state(HOLD, "held")
        with pytest.raises(HomeAssistantError) as caught:
            await house.runtime.installations.of(house.managed).async_install(
                Origin.PERSON
            )
        assert caught.value.translation_key == KEY
        assert await house.hass.config_entries.async_reload(house.entry.entry_id)
        await until(lambda: KEY in repairs(house))
    assert not house.bridge.was_asked("update")


async def test_a_person_takes_the_other_lock_over(zigbee_house: ZigbeeHouse) -> None:
    """Then it is looked after, and asks; what the old one ran is not the new one's."""
    house = zigbee_house
    await decide(house)
    floor = LockFloor(
        version=Version.parse(VersionScheme.INTEGER, str(NEW + 1)),
        security_version=0,
        firmware_version=0,
    )
    await house.runtime.store.raise_to(Trust(locks={house.managed.kind.key: floor}))
    assert house.managed.floor == floor
    replace_lock(house, model_id="V4-BTZB", model="BT/ZB smartlock 4")
    await until(lambda: KEY in repairs(house))
    assert "V3-BTZB" in repairs(house)[KEY]["was"]
    assert "V4-BTZB" in repairs(house)[KEY]["now"]
    result = await begin_fix(SimpleNamespace(hass=house.hass), KEY)  # type: ignore[arg-type]
    flows = house.hass.data["repairs"]["flow_manager"]
    result = await flows.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(lambda: KEY not in repairs(house))
    managed = house.managed
    assert managed.record.identity.model == "V4-BTZB"
    assert managed.kind.stranger is None
    assert managed.policy.consent is None
    assert managed.decisions.pinned is None
    assert plan_of(managed).waiting is Waiting.PERSON
    await house.until_state(HOLD, "held")
    entries = {each.event for each in await house.runtime.audit.log.async_entries(1000)}
    assert {"other_device", "device_taken_over"} <= entries
    # Nor is the floor of the old one, which would keep the new one from its update.
    assert managed.floor is None
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await until(lambda: house.managed.release is not None)
    assert house.managed.floor is None
    assert floor in house.runtime.store.trust.locks.values()
    await house.install()
    assert house.lock.installed_version == NEW


async def test_what_failed_on_the_old_lock_keeps_nothing_from_the_new_one(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Neither in the plan nor in what a person reads."""
    house, managed = zigbee_house, zigbee_house.managed
    automate(house)
    await house.hass.async_block_till_done()
    release = managed.release
    assert release is not None
    failed = outcome(
        sha256=release.key,
        environment=environment_of(managed),
        touched=True,
        message="It went wrong here.",
    )
    managed.record = managed.record.ended(failed)
    assert plan_of(managed).waiting is Waiting.CHANGE
    assert "It went wrong here" in await notes_of(house)
    record = managed.record
    managed.record = record.taken_over(record.identity, dt_util.utcnow())
    assert plan_of(managed).waiting is not Waiting.CHANGE
    assert "It went wrong here" not in await notes_of(house)


async def notes_of(house: ZigbeeHouse) -> str:
    """Return what a person reads before the update."""
    lock, planner = house.managed, house.runtime.planner
    assert lock.release is not None
    return await async_release_notes(house.hass, lock, lock.release, planner)


async def test_what_was_not_told_is_not_taken_over(zigbee_house: ZigbeeHouse) -> None:
    """It has changed once more since the person has read of it."""
    house = zigbee_house
    replace_lock(house, model_id="V4-BTZB", model="BT/ZB smartlock 4")
    await until(lambda: KEY in repairs(house))
    result = await begin_fix(SimpleNamespace(hass=house.hass), KEY)  # type: ignore[arg-type]
    replace_lock(house, model_id="V5-BTZB", model="BT/ZB smartlock 5")
    flows = house.hass.data["repairs"]["flow_manager"]
    result = await flows.async_configure(result["flow_id"], {})
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "other_than_told",
    )
    assert house.managed.record.identity.model == "V3-BTZB"


async def test_more_words_for_the_same_lock_are_no_other_lock(
    zigbee_house: ZigbeeHouse,
) -> None:
    """An integration that tells more than before, or less, frightens nobody."""
    house = zigbee_house
    await decide(house)
    replace_lock(house, hw_version="7")
    replace_lock(house, model="V3-BTZB", model_id="v3-btzb-eu")
    replace_lock(house, manufacturer=None)
    await look(house)
    assert house.managed.kind.stranger is None
    assert KEY not in repairs(house)
    assert house.managed.policy.consent is not None


async def test_an_entity_in_the_place_of_one_that_is_gone_is_offered(
    zigbee_house: ZigbeeHouse,
) -> None:
    """One click links it; what it says is followed at once, and held."""
    house, hass = zigbee_house, zigbee_house.hass
    registry = er.async_get(hass)
    gone = registry.async_get(SOURCE)
    assert gone is not None
    told = dict(house.state(SOURCE).attributes)
    registry.async_remove(SOURCE)
    await until(lambda: "source_gone" in repairs(house))
    entry = registry.async_get_or_create(
        "update",
        "mqtt",
        "another",
        config_entry=house.mqtt,
        device_id=gone.device_id,
        suggested_object_id="side_door_2",
    )
    await look(house)
    await until(lambda: "source_succeeded" in repairs(house))
    assert "source_gone" not in repairs(house)
    assert repairs(house)["source_succeeded"]["successor"] == entry.entity_id
    result = await begin_fix(SimpleNamespace(hass=hass), "source_succeeded")  # type: ignore[arg-type]
    flows = hass.data["repairs"]["flow_manager"]
    # Who was told of another one links nothing.
    other = SuccessorFlow(house.managed.subentry_id, "update.another_one")
    other.hass = hass
    late = await other.async_step_confirm({})
    assert (late["type"], late["reason"]) == (FlowResultType.ABORT, "other_than_told")
    result = await flows.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(lambda: house.kind.anchor == entry.entity_id)
    await until(lambda: house.kind.trouble is None)
    # It is listened to without a restart: a skip there is a person's.
    told["skipped_version"] = told["latest_version"] = str(NEW + 1)
    hass.states.async_set(entry.entity_id, "off", told)
    await until(lambda: house.kind.guard.record.skipped == str(NEW + 1))
    await look(house)
    await until(lambda: not repairs(house))


async def test_which_of_two_nobody_guesses(zigbee_house: ZigbeeHouse) -> None:
    """Then a person picks it."""
    house, registry = zigbee_house, er.async_get(zigbee_house.hass)
    gone = registry.async_get(SOURCE)
    assert gone is not None
    registry.async_remove(SOURCE)
    for name in ("one", "two"):
        registry.async_get_or_create(
            "update",
            "mqtt",
            name,
            config_entry=house.mqtt,
            device_id=gone.device_id,
        )
    await look(house)
    await until(lambda: "source_gone" in repairs(house))
    assert house.kind.successor is None


async def test_the_old_lock_is_back(zigbee_house: ZigbeeHouse) -> None:
    """Nothing is to be done; but nobody has consented anew."""
    house = zigbee_house
    await decide(house)
    replace_lock(house, manufacturer="Another maker")
    await until(lambda: house.managed.policy.consent is None)
    replace_lock(house, manufacturer=house.managed.record.identity.manufacturer)
    await until(lambda: KEY not in repairs(house))
    assert house.managed.policy.consent is None
    assert ir.async_get(house.hass).async_get_issue("nightlatch", KEY) is None
    assert house.state(SOURCE).attributes["skipped_version"] == str(NEW)


# More than one on a device.


async def test_a_second_entity_on_the_device_is_said_in_the_forms(
    zigbee_home: ZigbeeHouse,
) -> None:
    """What is picked is what is held; the other one is not touched."""
    home, registry = zigbee_home, er.async_get(zigbee_home.hass)
    one = registry.async_get(SOURCE)
    assert one is not None
    for domain in ("update", "lock", "light"):
        registry.async_get_or_create(
            domain,
            "mqtt",
            f"second {domain}",
            config_entry=home.mqtt,
            device_id=one.device_id,
            suggested_object_id="side_door_2",
        )
    result = await start_flow(home.hass, home.entry, "lock")
    result = await submit(home.hass, result, locks=[f"device:{one.device_id}"])
    others = str((result["description_placeholders"] or {})["others"])
    assert "lock.side_door_2, update.side_door_2" in others.replace("\\", "")
    home.hass.config_entries.subentries.async_abort(result["flow_id"])
    await home.add_lock()
    await home.until_state(HOLD, "held")
    (subentry,) = home.entry.subentries.values()
    form = await start_settings(home.hass, home.entry, subentry)
    others = str((form["description_placeholders"] or {})["others"])
    assert "lock.side_door_2, update.side_door_2" in others.replace("\\", "")
    assert home.kind.anchor == SOURCE


async def test_nothing_is_said_where_there_is_one(zigbee_home: ZigbeeHouse) -> None:
    """A form is long enough."""
    device_id = er.async_get(zigbee_home.hass).entities[SOURCE].device_id
    result = await start_flow(zigbee_home.hass, zigbee_home.entry, "lock")
    result = await submit(zigbee_home.hass, result, locks=[f"device:{device_id}"])
    assert (result["description_placeholders"] or {})["others"] == ""


async def test_a_floor_stays_where_a_replaced_lock_is_removed_and_added_again(
    house: House,
) -> None:
    """Else that of the lock before it at the door would count, and it could go back."""
    lock = house.managed()
    version = Version.parse(VersionScheme.DOTTED, "9.0")
    floor = LockFloor(version=version, security_version=3, firmware_version=9)
    lock.record = replace(lock.record, lock_number=1)
    await house.runtime.store.raise_to(Trust(locks={f"{FRONT_DOOR}#1": floor}))
    assert lock.floor == floor
    await house.remove("Front door")
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    await house.settle()
    found = house.managed().floor
    assert found is not None
    assert found.merged(floor) == found
    assert house.managed().record.lock_number == 1
