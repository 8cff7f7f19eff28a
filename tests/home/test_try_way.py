"""Trying the way to a lock by day: asked, measured, told in words, and nothing written."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events  # type: ignore[import-untyped]

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.preflight.base import (
    Family,
    Reason,
    blockers,
    passed,
)
from custom_components.nightlatch.core.preflight.rehearsal import Rehearsal
from custom_components.nightlatch.core.transports.way import QUESTIONS, Way
from custom_components.nightlatch.flows import progress
from custom_components.nightlatch.monitoring import rehearsing
from custom_components.nightlatch.texts.rehearsal import async_told_rehearsal
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.link import LinkError
from tests.rig.lock_services import Buttonless

from .flows import add_lock, start_reconfigure, submit, until
from .house import BACK_DOOR, BACK_UPDATE, FRONT_DOOR, UPDATE, House
from .test_lifecycle import begin, slow_down, speed_up
from .test_watched import WatchedHouse, watched_house  # noqa: F401
from .zigbee_house import UPDATE as SIDE_UPDATE, ZigbeeHouse

type Home = House | ZigbeeHouse


async def try_way(home: Home, title: str) -> str:
    """Choose it in the menu of a lock, wait, and return what is told."""
    hass, entry = home.hass, home.entry
    subentry = next(each for each in entry.subentries.values() if each.title == title)
    menu = await start_reconfigure(hass, entry, subentry)
    result = await submit(hass, menu, next_step_id="try_way")
    flows = hass.config_entries.subentries
    ended: list[SubentryFlowResult] = []
    if result["type"] is FlowResultType.SHOW_PROGRESS:
        assert result["progress_action"] == "try_way"
        await until(lambda: flows.async_get(result["flow_id"])["step_id"] != "try_way")
        result = await flows.async_configure(result["flow_id"])
    ended.append(result)
    assert result["reason"] == "way_tried", result
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    return placeholders["told"]


async def test_the_end_is_told_until_the_dialog_asks_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was not drawn yet when it was told first would wait for ever."""
    monkeypatch.setattr(progress, "_AGAIN_AFTER", (0.01,) * 50)
    hass, flows = house.hass, house.hass.config_entries.subentries
    menu = await start_reconfigure(hass, house.entry, house.subentry("Front door"))
    told = async_capture_events(hass, EVENT_DATA_ENTRY_FLOW_PROGRESSED)
    result = await submit(hass, menu, next_step_id="try_way")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await until(lambda: len(told) >= 4)
    assert {event.data["flow_id"] for event in told} == {result["flow_id"]}
    result = await flows.async_configure(result["flow_id"])
    assert result["reason"] == "way_tried"
    heard = len(told)
    await asyncio.sleep(0.1)
    assert len(told) == heard


async def way_in_plan(home: Home, entity_id: str = UPDATE) -> Any:
    """Return what the plan tells of it."""
    plans: Any = await home.hass.services.async_call(
        "nightlatch",
        "get_plan",
        {"entity_id": entity_id},
        blocking=True,
        return_response=True,
    )
    return plans[entity_id]["way"]


async def test_a_good_way_is_called_good(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """With what was measured; and the plan tells how long ago."""
    lock = house.locks[FRONT_DOOR]
    assert await way_in_plan(house) is None
    sent = house.links[FRONT_DOOR].counters.packets
    told = await try_way(house, "Front door")
    assert "nothing on the way to it stands against an update" in told
    assert "20 questions it has answered 20" in told
    assert "carries 244 bytes" in told
    assert "packets are lost" not in told
    assert "Free connections: " in told
    assert "Its battery has 90 %" in told
    # Nothing was written, and it is where it was.
    assert house.links[FRONT_DOOR].counters.packets == sent
    assert lock.version == "1.0.0"
    assert house.managed().record.history == ()

    freezer.tick(timedelta(minutes=90))
    way = await way_in_plan(house)
    assert way["ready"] is True
    assert way["minutes_ago"] == 90
    assert way["message"][0] in told


async def test_what_the_night_would_meet_is_told_by_day(house: House) -> None:
    """First what stands against it; a packet that carries little is named."""
    link = house.links[FRONT_DOOR]
    link.model.mtu = 23
    house.locks[FRONT_DOOR].set_battery(20)
    told = await try_way(house, "Front door")
    assert "nothing on the way" not in told
    assert "20 bytes only" in told
    rehearsal = house.managed().rehearsal
    assert rehearsal is not None
    assert Reason.BATTERY_LOW in {each.reason for each in blockers(rehearsal.checks)}
    assert not (await way_in_plan(house))["ready"]


async def test_a_lock_that_is_silent_is_told(house: House) -> None:
    """With what to do about it."""
    house.locks[FRONT_DOOR].cut_power()
    told = await try_way(house, "Front door")
    assert "Bluetooth proxy" in told
    rehearsal = house.managed().rehearsal
    assert rehearsal is not None
    assert rehearsal.error is not None
    assert not rehearsal.ready


async def test_late_answers_are_called_losses(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a link that goes is told as that."""
    link = house.links[FRONT_DOOR]
    read, reads = link.read, 0

    async def read_badly(handle: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 30:
            raise LinkError("no answer")
        return await read(handle)

    monkeypatch.setattr(link, "read", read_badly)
    told = await try_way(house, "Front door")
    assert "20 questions it has answered 19" in told
    assert "packets are lost on the way" in told


async def test_a_bond_is_part_of_the_way(house: House) -> None:
    """It says with what the lock is paired."""
    lock = await house.put_up_lock(BACK_DOOR, buttonless=Buttonless.BONDED)
    lock.reads_need_bond = True
    await add_lock(house.hass, house.entry, address=BACK_DOOR, name="Back door")
    told = await try_way(house, "Back door")
    assert "It is paired with" in told
    assert "ready" in (await way_in_plan(house, BACK_UPDATE))


async def test_an_installation_is_not_disturbed(house: House) -> None:
    """The lock is left alone meanwhile, and the menu does not offer it."""
    await house.release("1.1.0")
    slow_down(house)
    press = await begin(house)
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    assert "try_way" not in menu["menu_options"]
    with pytest.raises(HomeAssistantError) as caught:
        await house.runtime.rehearsing.async_try(house.managed())
    assert caught.value.translation_key == "installation_running"
    speed_up(house)
    await press


async def test_a_try_outlives_neither_its_dialog_nor_nightlatch(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who closes the dialog ends it; what stands in its way is told."""
    hass, entry = zigbee_house.hass, zigbee_house.entry
    (subentry,) = entry.subentries.values()
    flows = hass.config_entries.subentries
    ended = asyncio.Event()
    rehearsals = zigbee_house.runtime.rehearsing

    async def never(_lock: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(rehearsals, "async_try", never)
    menu = await start_reconfigure(hass, entry, subentry)
    result = await submit(hass, menu, next_step_id="try_way")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    flows.async_abort(result["flow_id"])
    await asyncio.wait_for(ended.wait(), 10)

    async def refused(_lock: object) -> None:
        raise HomeAssistantError(
            translation_domain="nightlatch", translation_key="installation_running"
        )

    monkeypatch.setattr(rehearsals, "async_try", refused)
    assert "being installed already" in await try_way(zigbee_house, "Side door")

    menu = await start_reconfigure(hass, entry, subentry)
    await hass.config_entries.async_unload(entry.entry_id)
    result = await submit(hass, menu, next_step_id="try_way")
    assert result["reason"] == "entry_not_loaded"


async def test_nightlatch_that_goes_while_the_way_is_tried_ends_the_dialog(
    house: House,
) -> None:
    """What shows progress is led to its end, and says why there is nothing to tell."""
    hass, entry = house.hass, house.entry
    house.locks[FRONT_DOOR].cut_power()
    menu = await start_reconfigure(hass, entry, house.subentry("Front door"))
    result = await submit(hass, menu, next_step_id="try_way")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert await hass.config_entries.async_unload(entry.entry_id)
    flows = hass.config_entries.subentries
    await until(lambda: flows.async_get(result["flow_id"])["step_id"] != "try_way")
    result = await flows.async_configure(result["flow_id"])
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


async def test_of_a_guarded_lock_its_integration_is_asked(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Whether it is there, and can install; nothing is measured that is not known."""
    told = await try_way(zigbee_house, "Side door")
    assert "nothing on the way to it stands against an update" in told
    assert "questions" not in told
    assert (await way_in_plan(zigbee_house, SIDE_UPDATE))["ready"]


@pytest.mark.parametrize(
    ("measured", "limit", "is_told"), [("90 %", "40 %", True), ("not low", None, False)]
)
async def test_a_battery_without_a_level_is_told_of_by_no_number(
    zigbee_house: ZigbeeHouse, measured: str, limit: str | None, is_told: bool
) -> None:
    """That it is not low is enough for its rule, and is no level."""
    battery = passed(Family.POWER, "battery", measured=measured, limit=limit)
    rehearsal = Rehearsal(at=dt_util.utcnow(), checks=(battery,))
    told = await async_told_rehearsal(
        zigbee_house.hass, zigbee_house.managed, rehearsal
    )
    assert any(measured in line for line in told) is is_told


async def test_a_watched_lock_has_no_way_to_try(
    watched_house: WatchedHouse,  # noqa: F811
) -> None:
    """A person brings its firmware."""
    await watched_house.add_lock()
    result = await start_reconfigure(
        watched_house.hass,
        watched_house.entry,
        next(iter(watched_house.entry.subentries.values())),
    )
    assert result["type"] is FlowResultType.MENU
    assert "try_way" not in result["menu_options"]


async def test_a_link_that_goes_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of what is asked."""
    link = house.links[FRONT_DOOR]
    read, reads = link.read, 0

    async def read_then_go(handle: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 25:
            link.cut()
        return await read(handle)

    monkeypatch.setattr(link, "read", read_then_go)
    told = await try_way(house, "Front door")
    rehearsal = house.managed().rehearsal
    assert rehearsal is not None
    assert rehearsal.error is not None
    assert rehearsal.error.reason is TransportProblem.LINK_LOST
    assert "was lost" in told


async def test_a_lock_that_answers_never_is_not_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog has an end."""
    monkeypatch.setattr(rehearsing, "_WITHIN", 0.01)
    link = house.links[FRONT_DOOR]

    async def never(handle: int) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(link, "read", never)
    assert "stopped answering" in await try_way(house, "Front door")


def way(*answers: float) -> Way:
    """Return a way on which so many answers came, after so long."""
    return Way(
        way=None, paired_with=None, reached_after=1.0, packet=244, answers=answers
    )


def test_what_counts_as_lost() -> None:
    """An answer that is missing, or much later than usual; not one that is a bit late."""
    usual = (0.06,) * (QUESTIONS - 1)
    assert not way(*usual, 0.2).loses
    assert way(*usual, 0.5).loses
    assert way(*usual).loses
    assert way().loses
    assert (way().usual, way().slowest) == (0.0, 0.0)
