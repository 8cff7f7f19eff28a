"""Something is wrong with a lock: looked at live, told, and ended in what fits."""

import asyncio
from http import HTTPStatus
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.core.installation.support_case import (
    CasePart,
    NextAction,
    next_action,
)
from custom_components.nightlatch.core.sightings import Patience
from custom_components.nightlatch.core.transports.nordic_protocol import (
    bootloader_address,
)
from custom_components.nightlatch.flows.lock import LockFlow
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.report import view
from homeassistant.components import bluetooth
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig import bootloader
from tests.rig.lock import Mode
from tests.rig.lock_services import MODEL

from .flows import start_reconfigure, submit, until
from .house import FRONT_DOOR, House
from .test_actions import add_user
from .test_audit_log import approve
from .test_lifecycle import begin, slow_down, speed_up
from .test_watch import send_to_bootloader
from .test_watched import WatchedHouse, watched_house  # noqa: F401
from .zigbee_house import ZigbeeHouse

type Home = House | ZigbeeHouse | WatchedHouse


async def look(home: Home, title: str) -> tuple[SubentryFlowResult, list[str]]:
    """Choose it in the menu of a lock; return where it ends, and what was shown."""
    hass, entry = home.hass, home.entry
    subentry = next(each for each in entry.subentries.values() if each.title == title)
    flows = hass.config_entries.subentries
    shown: list[str] = []
    show = LockFlow.async_show_progress

    def note(flow: LockFlow, **showing: Any) -> SubentryFlowResult:
        shown.append(showing["description_placeholders"]["told"])
        return show(flow, **showing)

    with patch.object(LockFlow, "async_show_progress", note):
        menu = await start_reconfigure(hass, entry, subentry)
        result = await submit(hass, menu, next_step_id="help")
        if result["type"] is FlowResultType.SHOW_PROGRESS:
            assert result["progress_action"] == "help"
            await until(lambda: step_of(home, result) != "help")
            result = await flows.async_configure(result["flow_id"])
    assert result["step_id"] == "help_end", result
    return result, list(dict.fromkeys(shown))


def step_of(home: Home, result: SubentryFlowResult) -> str | None:
    """Return which step a dialog shows; None where it is closed."""
    flow = home.hass.config_entries.subentries._progress.get(result["flow_id"])
    return None if flow is None or flow.cur_step is None else flow.cur_step["step_id"]


def told(result: SubentryFlowResult) -> str:
    """Return what a dialog shows."""
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    return "\n".join(placeholders.values())


def options(result: SubentryFlowResult) -> list[str]:
    """Return what a menu offers, in its order."""
    offered: Any = result["menu_options"]
    return list(offered)


def decided(house: House) -> NextAction:
    """Return what is to be done next."""
    return next_action(house.runtime.helping.facts(house.managed()))


async def test_nothing_is_wrong_and_every_part_says_so(house: House) -> None:
    """One after the other, as it goes; nothing is written."""
    sent = house.links[FRONT_DOOR].counters.packets
    result, shown = await look(house, "Front door")
    text = told(result)
    assert "Nothing is wrong with Front door" in text
    assert "20 questions it has answered 20" in text
    assert "Its battery has 90 %" in text
    assert text.count("**") == 2 * len(CasePart)
    assert any(0 < each.count("- ") < len(CasePart) for each in shown)
    assert options(result) == ["help", "help_evidence"]
    assert house.links[FRONT_DOOR].counters.packets == sent
    # Once more, from the same dialog.
    again = await submit(house.hass, result, next_step_id="help")
    assert again["type"] is FlowResultType.SHOW_PROGRESS


async def test_a_lock_out_of_range_is_woken(house: House) -> None:
    """With what helps; its maker is not bothered first."""
    house.locks[FRONT_DOOR].cut_power()
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.WAKE
    assert "Wake Front door" in told(result)
    assert "Bluetooth proxy" in told(result)
    # It is not said to be heard in the same breath.
    assert "dBm" not in told(result)
    assert options(result)[0] == "help"


async def test_a_low_battery_is_waited_for(house: House) -> None:
    """And told with its level."""
    house.locks[FRONT_DOOR].set_battery(20)
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.BATTERY
    assert "new batteries into Front door" in told(result)
    assert "20 %" in told(result)


async def test_a_wrong_model_goes_to_its_maker(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another lock answers than the one that was added."""
    monkeypatch.setitem(house.locks[FRONT_DOOR]._strings, MODEL, "NL-200")
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.MAKER
    assert "NL-200" in told(result)
    assert options(result)[0] == "help_evidence"


async def test_a_stranded_lock_is_brought_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the one thing that is offered first."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 60.0)
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.RECOVER
    assert "bootloader" in told(result)
    assert options(result)[0] == "help_recover"
    ended = await submit(house.hass, result, next_step_id="help_recover")
    assert ended["reason"] == "recovery_begun"
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    await until(lambda: not house.managed().in_bootloader)
    await house.settle()
    # There is nothing to bring out any more.
    result, _ = await look(house, "Front door")
    ended = await submit(house.hass, result, next_step_id="help_evidence")
    assert ended["reason"] == "help_evidence"


@pytest.mark.parametrize("heard", [True, False])
async def test_a_lock_that_nobody_knows_to_be_stranded_is_found(
    house: House, monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    """Also where advertisements have led there in vain before; a person asks now."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 60.0)
    monkeypatch.setattr(Patience, "allows", lambda _patience, _now: False)
    lock = house.managed()
    send_to_bootloader(house.locks[FRONT_DOOR])
    if heard:
        address = bootloader_address(FRONT_DOOR)
        await until(
            lambda: bluetooth.async_address_present(house.hass, address) is True
        )
    result, _ = await look(house, "Front door")
    assert lock.in_bootloader
    assert decided(house) is NextAction.RECOVER
    assert "waits in its bootloader" in told(result)
    # It is not called out of range, nor is anybody told to wake it.
    assert "range" not in told(result)
    assert options(result)[0] == "help_recover"


async def test_an_installation_is_left_alone(house: House) -> None:
    """It is waited for, and the lock asked nothing."""
    await house.release("1.1.0")
    slow_down(house)
    press = await begin(house)
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.WAIT_FOR_END
    assert "being installed already" in told(result)
    speed_up(house)
    await press


async def test_the_evidence_names_nobody(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """It is of one lock, and made to be given away."""
    ann = await add_user(house, is_owner=True, name="Ann")
    await house.release("1.1.0")
    await approve(house, ann)
    await house.install()
    await house.settle()
    result, _ = await look(house, "Front door")
    ended = await submit(house.hass, result, next_step_id="help_evidence")
    text = told(ended)
    path = text.partition('href="')[2].partition('"')[0]
    assert path.startswith("/api/nightlatch/evidence/")
    response = await (await hass_client()).get(path)
    assert response.status == HTTPStatus.OK
    body = await response.text()
    evidence: dict[str, Any] = await response.json()
    assert evidence["next_action"] == NextAction.NOTHING
    assert evidence["lock"]["name"] == "Front door"
    assert evidence["installations"][-1]["to"] == "1.1.0"
    assert {each["event"] for each in evidence["audit_log"]} == {
        "approved",
        "installation_ended",
    }
    serial = house.managed().record.identity.serial_number
    for secret in ("Ann", ann.id, FRONT_DOOR, serial, "person-"):
        assert str(secret) not in body
    assert evidence["installations"][-1]["on_this_lock"]
    managed = house.managed()
    managed.record = managed.record.taken_over(
        managed.record.identity, dt_util.utcnow()
    )
    evidence = await (await (await hass_client()).get(path)).json()
    assert not any(each["on_this_lock"] for each in evidence["installations"])
    gone = await (await hass_client()).get(path.partition("?")[0] + "0")
    assert gone.status == HTTPStatus.SERVICE_UNAVAILABLE


async def test_who_may_not_gets_no_evidence(
    house: House, hass_client: ClientSessionGenerator, hass_read_only_access_token: str
) -> None:
    """It is for administrators."""
    client = await hass_client(hass_read_only_access_token)
    response = await client.get(
        f"/api/nightlatch/evidence/{house.managed().subentry_id}"
    )
    assert response.status == HTTPStatus.UNAUTHORIZED


async def test_of_a_guarded_lock_its_integration_is_asked(
    zigbee_house: ZigbeeHouse,
) -> None:
    """And it is woken where that does not reach it."""
    result, _ = await look(zigbee_house, "Side door")
    assert "Nothing is wrong with Side door" in told(result)
    zigbee_house.hass.states.async_set(str(zigbee_house.kind.anchor), "unavailable")
    result, _ = await look(zigbee_house, "Side door")
    assert "Wake Side door" in told(result)


async def test_of_a_watched_lock_is_asked_what_can_be(
    watched_house: WatchedHouse,  # noqa: F811
) -> None:
    """Nobody installs anything on it from here."""
    await watched_house.add_lock()
    (subentry,) = watched_house.entry.subentries.values()
    result, _ = await look(watched_house, subentry.title)
    assert "Nothing is wrong" in told(result)
    assert options(result) == ["help", "help_evidence"]


async def begin_to_look(house: House) -> SubentryFlowResult:
    """Choose it, and let the lock not answer before it is told to."""
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    result = await submit(house.hass, menu, next_step_id="help")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    return result


async def ended_by(house: House, result: SubentryFlowResult) -> SubentryFlowResult:
    """Return where a dialog ends once it looks no more."""
    await until(lambda: step_of(house, result) != "help")
    return await house.hass.config_entries.subentries.async_configure(result["flow_id"])


async def test_evidence_that_cannot_be_had_is_said_to_be_so(
    house: House, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a lock that is gone, and where the disk does not give the log."""
    client = await hass_client()
    gone = await client.get("/api/nightlatch/evidence/gone")
    assert gone.status == HTTPStatus.SERVICE_UNAVAILABLE

    async def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(view, "async_evidence", fail)
    unread = await client.get(f"/api/nightlatch/evidence/{house.managed().subentry_id}")
    assert unread.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Input/output error" in (await unread.json())["message"]


async def test_nightlatch_that_goes_ends_the_look(house: House) -> None:
    """The dialog says so, and does not look on."""
    result = await begin_to_look(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    ended = await ended_by(house, result)
    assert ended["reason"] == "entry_not_loaded"


async def test_a_lock_that_is_removed_meanwhile_ends_the_look(house: House) -> None:
    """There is nothing to look at any more, and nothing is said of it."""
    result = await begin_to_look(house)
    house.hass.config_entries.async_remove_subentry(
        house.entry, house.subentry("Front door").subentry_id
    )
    ended = await ended_by(house, result)
    assert ended["type"] is FlowResultType.ABORT
    await house.settle()


async def test_an_update_that_begins_meanwhile_is_waited_for(house: House) -> None:
    """Whatever was found before it began: the lock is left alone from then on."""
    await house.release("1.1.0")
    slow_down(house)
    result, _ = await look(house, "Front door")
    press = await begin(house)
    # The dialog stands open; looked at once more, it says what is going on.
    again = await submit(house.hass, result, next_step_id="help")
    ended = await ended_by(house, again)
    assert "being installed already" in told(ended)
    assert decided(house) is NextAction.WAIT_FOR_END
    speed_up(house)
    await press


async def test_a_lock_that_was_not_heard_since_the_start_is_woken(house: House) -> None:
    """Nothing is known of it but what is kept."""
    house.locks[FRONT_DOOR].cut_power()
    entries = house.hass.config_entries
    await entries.async_unload(house.entry.entry_id)
    assert await entries.async_setup(house.entry.entry_id)
    await house.settle()
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.WAKE
    assert "Wake Front door" in told(result)


async def test_a_fault_of_ours_is_told_and_the_other_parts_are_looked_at(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The dialog does not stand still."""
    monkeypatch.setattr(house.managed().kind, "async_check", None)
    result, _ = await look(house, "Front door")
    text = told(result)
    assert text.count("something in Nightlatch has failed") == 1
    assert "20 questions it has answered 20" in text
    assert text.count("**") == 2 * len(CasePart)
    assert "could not be looked at" in caplog.text
    # Nobody knows that.
    assert "Nothing is wrong" not in text
    assert options(result)[0] == "help_evidence"
    caplog.clear()


async def test_where_nothing_can_be_known_the_dialog_comes_to_its_end(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is known of the lock can still be handed on."""
    monkeypatch.setattr(house.runtime.helping, "facts", None)
    result, _ = await look(house, "Front door")
    text = told(result)
    assert text.count("something in Nightlatch has failed") == len(CasePart)
    assert options(result)[0] == "help_evidence"
    caplog.clear()


async def test_a_dialog_that_is_closed_looks_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads what it would find."""

    async def look_for_ever(lock: ManagedLock, part: CasePart) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(house.runtime.helping, "async_look", look_for_ever)
    result = await begin_to_look(house)
    flows = house.hass.config_entries.subentries
    flow: Any = flows._progress[result["flow_id"]]
    flows.async_abort(result["flow_id"])
    await until(flow._looking.cancelled)


async def test_what_was_found_can_be_asked_for_again(house: House) -> None:
    """A browser asks once for each part that it hears of, some of them late."""
    first, _ = await look(house, "Front door")
    flows = house.hass.config_entries.subentries
    again = await flows.async_configure(first["flow_id"])
    assert again["step_id"] == "help_end"
    assert told(again) == told(first)
    # To look again is a choice of the person.
    assert (await submit(house.hass, again, next_step_id="help"))["type"] in {
        FlowResultType.SHOW_PROGRESS,
        FlowResultType.MENU,
    }


@pytest.mark.parametrize("step", ["help", "help_evidence"])
async def test_a_dialog_that_stands_open_while_nightlatch_goes_says_so(
    house: House, step: str
) -> None:
    """Also the last page of it, whatever is chosen there."""
    result, _ = await look(house, "Front door")
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    ended = await submit(house.hass, result, next_step_id=step)
    assert ended["reason"] == "entry_not_loaded"


async def test_a_lock_that_is_out_meanwhile_is_not_brought_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to be done any more, and that is said."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 60.0)
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    result, _ = await look(house, "Front door")
    assert options(result)[0] == "help_recover"
    house.managed().async_found_in_application()
    ended = await submit(house.hass, result, next_step_id="help_recover")
    assert ended["reason"] == "nothing_to_decide"


async def test_a_lock_whose_other_integration_is_gone_is_put_right_in_repairs(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Nobody wakes a lock that nobody is asked for any more."""
    er.async_get(zigbee_house.hass).async_remove(str(zigbee_house.kind.anchor))
    await zigbee_house.hass.async_block_till_done()
    result, _ = await look(zigbee_house, "Side door")
    assert "Repairs" in told(result)


async def test_one_that_was_let_go_of_is_said_to_be_so(house: House) -> None:
    """It is no fault of the lock, nor of its maker."""
    await house.runtime.letting_go.async_let_go(house.managed(), None)
    result, _ = await look(house, "Front door")
    assert decided(house) is NextAction.TRY_AGAIN
    assert "was let go of" in told(result)


@pytest.mark.parametrize("step", ["help_end", "help_recover", "help_evidence"])
async def test_a_step_that_nobody_has_come_to_leads_nowhere(
    house: House, step: str
) -> None:
    """Anybody can name one."""
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    with pytest.raises(InvalidData):
        await submit(house.hass, menu, next_step_id=step)


async def test_a_person_without_rights_cannot_open_it(
    house: House, hass_client: ClientSessionGenerator, hass_read_only_access_token: str
) -> None:
    """Home Assistant itself lets administrators only."""
    await async_setup_component(house.hass, "config", {})
    client = await hass_client(hass_read_only_access_token)
    response = await client.post(
        "/api/config/config_entries/subentries/flow",
        json={
            "handler": [house.entry.entry_id, "lock"],
            "subentry_id": house.managed().subentry_id,
        },
    )
    assert response.status == HTTPStatus.UNAUTHORIZED
