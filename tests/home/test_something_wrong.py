"""Something is wrong with a lock: looked at live, told, and ended in what fits."""

from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.core.installation.support_case import (
    CasePart,
    NextAction,
    next_action,
)
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.data_entry_flow import FlowResultType
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
    menu = await start_reconfigure(hass, entry, subentry)
    result = await submit(hass, menu, next_step_id="help")
    flows = hass.config_entries.subentries
    shown: list[str] = []

    def has_ended() -> bool:
        # What the dialog shows at this moment.
        step: Any = flows._progress[result["flow_id"]].cur_step
        placeholders = step.get("description_placeholders") or {}
        shown.append(placeholders.get("told", ""))
        return bool(step["step_id"] != "help")

    if result["type"] is FlowResultType.SHOW_PROGRESS:
        assert result["progress_action"] == "help"
        await until(has_ended)
        result = await flows.async_configure(result["flow_id"])
    assert result["step_id"] == "help_end", result
    return result, list(dict.fromkeys(shown))


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


async def test_nightlatch_that_goes_ends_the_look(house: House) -> None:
    """And steps that nobody has come to lead nowhere."""
    menu = await start_reconfigure(
        house.hass, house.entry, house.subentry("Front door")
    )
    result = await submit(house.hass, menu, next_step_id="help")
    flows = house.hass.config_entries.subentries
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await until(
        lambda: all(
            each["flow_id"] != result["flow_id"] or each["step_id"] != "help"
            for each in flows.async_progress()
        )
    )
