"""What panel and card are told: what is in it, when it comes, and who sees what."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import CLIENT_ID, MockUser  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import (  # type: ignore[import-untyped]
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.nightlatch import translation
from custom_components.nightlatch.core.errors import SourceError, SourceProblem
from custom_components.nightlatch.core.guard.offer import NoOffer
from custom_components.nightlatch.core.model import Origin, OutcomeKind
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.schedule.duration import most_minutes
from custom_components.nightlatch.monitoring.next_step import NextStep, next_step
from custom_components.nightlatch.panel import snapshot
from custom_components.nightlatch.panel.subscription import _OPEN, AT_MOST_EVERY
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from .asked import a_turn, plan_of
from .flows import until
from .house import BACK_DOOR, UPDATE, House
from .night import Night
from .test_rollback import update

READ = {"entities": {"all": {"read": True}}}
CONTROL = {"entities": {"all": {"read": True, "control": True}}}
NOTHING = dict.fromkeys(
    (
        "install",
        "tomorrow",
        "skip",
        "approve",
        "approve_needs_code",
        "cancel",
        "go_back",
    ),
    False,
)


@dataclass
class Watch:
    """Somebody who looks at the panel."""

    hass: HomeAssistant
    client: MockHAClientWebSocket
    told: list[dict[str, Any]] = field(default_factory=list)
    """What was pushed, one after the other."""

    async def rest(self) -> dict[str, Any]:
        """Wait until nothing is about to be told any more; return what holds."""
        await until(
            lambda: all(
                each._task is None and each._pause is None
                for each in self.hass.data[_OPEN]
            )
        )
        # What was sent before comes before the answer to this.
        await self.client.send_json_auto_id({"type": "ping"})
        while (message := await self.client.receive_json())["type"] != "pong":
            assert message["type"] == "event"
            self.told.append(message["event"])
        return self.told[-1]

    async def lock(self, name: str = "Front door") -> dict[str, Any]:
        """Return what holds of a lock."""
        (found,) = [
            each for each in (await self.rest())["locks"] if each["name"] == name
        ]
        return dict(found)


type Look = Callable[..., Awaitable[Watch]]


async def asked(client: MockHAClientWebSocket, **options: Any) -> dict[str, Any]:
    """Ask for a subscription; return the answer."""
    await client.send_json_auto_id({"type": "nightlatch/tonight", **options})
    answer: dict[str, Any] = await client.receive_json()
    return answer


@pytest.fixture
def look(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Look:
    """Return what lets somebody look; an administrator where nobody is named."""

    async def look(policy: dict[str, Any] | None = None, **options: Any) -> Watch:
        client = (
            await hass_ws_client(hass)
            if policy is None
            else await hass_ws_client(hass, await token_of(hass, policy))
        )
        assert (await asked(client, **options))["success"]
        watch = Watch(hass, client)
        await watch.rest()
        return watch

    return look


async def token_of(hass: HomeAssistant, policy: dict[str, Any]) -> str:
    """Let somebody live here; return what they sign in with."""
    user = MockUser(name="Ann").add_to_hass(hass)
    user.mock_policy(policy)
    refresh = await hass.auth.async_create_refresh_token(user, CLIENT_ID)
    return hass.auth.async_create_access_token(refresh)


# What is in it.


async def test_a_lock_that_is_current(house: House, look: Look) -> None:
    """Every name of the contract is there; nothing is offered, and nothing to be done."""
    watch = await look()
    (told,) = watch.told
    assert told.keys() == {"now", "quiet_hours", "summary", "locks", "household"}
    assert datetime.fromisoformat(told["now"]) <= dt_util.utcnow()
    assert told["summary"] == house.state("sensor.nightlatch_locks").state
    (lock,) = told["locks"]
    assert lock.pop("device_id") == house.managed().device_id
    assert lock == {
        "lock_id": house.managed().subentry_id,
        "name": "Front door",
        "kind": "direct",
        "update_entity": UPDATE,
        "lock_entity": None,
        "installed": "1.0.0",
        "offered": None,
        "next_step": "up_to_date",
        "summary": "It runs the newest version.",
        "starts_at": None,
        "expected_minutes": None,
        "tone": "good",
        "waiting_for": [],
        "blockers": [],
        "progress": None,
        "may": NOTHING,
        "history": [],
        "evidence": "Nightlatch checks its maker's signature before anything is sent.",
        "way_back": "There is nothing it could go back to: nothing that ran before is "
        "kept.",
    }
    assert told["household"] == {
        "evidence": "Locks whose firmware is checked against its maker's signature: "
        "1 of 1.",
        "way_back": "Locks with a way back: 0 of 1.",
        "report": {
            "path": "/api/nightlatch/report",
            "text": "Locks that need something: 0 of 1.",
        },
        "week": None,
    }


async def test_what_is_planned_is_as_the_sensors_say(house: House, look: Look) -> None:
    """Step, time, and what is waited for; tomorrow, skip and install are open."""
    night = Night(house, gate_entity="input_boolean.asleep")
    night.automate()
    await house.release("1.1.0")
    await night.look()
    watch = await look()
    lock = await watch.lock()
    assert lock["next_step"] == house.state("sensor.front_door_next_step").state
    assert lock["next_step"] == "waits_for_condition"
    assert lock["offered"] == "1.1.0"
    assert "1.1.0" in lock["summary"]
    assert lock["tone"] == "waits"
    plan = plan_of(house.managed())
    assert plan.starts_at is not None
    assert datetime.fromisoformat(lock["starts_at"]) <= plan.starts_at
    assert lock["expected_minutes"] == most_minutes(plan.expected) > 0
    # The summary says it, and nothing says it twice.
    assert lock["waiting_for"] == []
    assert lock["may"] == {**NOTHING, "install": True, "tomorrow": True, "skip": True}
    quiet = watch.told[-1]["quiet_hours"]
    assert quiet["open"] is True
    assert quiet["weekdays"] == list(range(7))
    assert quiet["paused"] is False
    assert quiet["starts_at"] < watch.told[-1]["now"] < quiet["ends_at"]
    night.set_options(
        paused=True,
        quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"},
    )
    await house.settle()
    assert (await watch.rest())["quiet_hours"] is None
    assert (await watch.lock())["next_step"] == "paused"


async def test_what_stands_against_it_is_what_get_plan_says(
    house: House, look: Look
) -> None:
    """In the same words; who may not ask for the plan is not told."""
    Night(house).set_lock(no_door_sensor=False)
    await house.release("1.1.0")
    await house.settle()
    answer: Any = await house.hass.services.async_call(
        "nightlatch",
        "get_plan",
        {"entity_id": UPDATE},
        blocking=True,
        return_response=True,
    )
    against = answer[UPDATE]["blockers"]
    assert against
    watch, reader = await look(), await look(READ)
    assert (await watch.lock())["blockers"] == [
        {"text": text, "what_to_do": None} for text in against
    ]
    assert (await reader.lock())["blockers"] == []


async def test_an_approval_and_its_code(house: House, look: Look) -> None:
    """Who may approve is asked to; nobody installs before."""
    Night(house).set_lock(approval="second_factor")
    await house.release("1.1.0")
    await house.settle()
    watch = await look()
    lock = await watch.lock()
    assert lock["next_step"] == "waits_for_approval"
    assert lock["may"] == {
        **NOTHING,
        "approve": True,
        "approve_needs_code": True,
        "skip": True,
    }


async def test_an_installation_from_beginning_to_end(house: House, look: Look) -> None:
    """Its progress at most once a second, then its end, and what it can go back to."""
    await house.release("1.1.0")
    await house.settle()
    watch = await look()
    loop, before = asyncio.get_running_loop(), len(watch.told)
    began = loop.time()
    await house.install()
    await house.settle()
    lock = await watch.lock()
    pushed = watch.told[before:]
    assert len(pushed) <= (loop.time() - began) / AT_MOST_EVERY + 2
    running = [
        each["locks"][0] for each in pushed if each["locks"][0]["progress"] is not None
    ]
    assert running
    for each in running:
        assert each["next_step"] == "running"
        assert each["progress"]["phase_text"] != each["progress"]["phase"]
        assert datetime.fromisoformat(each["progress"]["since"]) <= dt_util.utcnow()
        assert not each["may"]["install"]
    assert len({each["progress"]["since"] for each in running}) == 1
    assert lock["progress"] is None
    assert lock["installed"] == "1.1.0"
    (past,) = lock["history"]
    assert datetime.fromisoformat(past.pop("at")) <= dt_util.utcnow()
    assert past == {"version": "1.1.0", "outcome": "succeeded", "text": "installed"}
    assert lock["may"]["go_back"] == ("1.0.0" in lock["way_back"])


async def test_what_only_a_person_can_see_to(
    house: House, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what happened, and where it is said what to do."""
    lock = house.managed()
    watch = await look()
    lock.async_found_in_bootloader()
    told = await watch.lock()
    assert (told["next_step"], told["tone"]) == ("needs_hand", "stopped")
    assert told["blockers"] == [
        {
            "text": "It waits in its bootloader. Use a key or a keypad to go in.",
            "what_to_do": "Settings > System > Repairs says what to do now.",
        }
    ]
    lock.async_found_in_application()
    kind = type(lock.kind)
    monkeypatch.setattr(kind, "left_at_source", NoOffer.NOT_NEWER)
    lock.async_changed()
    told = await watch.lock()
    assert told["next_step"] == "not_comparable"
    assert told["blockers"][0]["text"] == "The lock runs 1.0.0, which is newer."
    monkeypatch.undo()
    error = SourceError(SourceProblem.DISABLED, entity="update.front")
    monkeypatch.setattr(kind, "source_error", error)
    lock.async_changed()
    told = await watch.lock()
    assert told["next_step"] == "blocked"
    assert "update.front is disabled" in told["blockers"][0]["text"]


async def test_what_went_wrong_is_told_as_it_was_then(
    house: House, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the sentence that people were sent; without one, that it failed."""
    watch, lock = await look(), house.managed()
    now = dt_util.utcnow()
    ended = OutcomeRecord(
        attempt="1",
        kind=OutcomeKind.NEEDS_HAND,
        origin=Origin.PERSON,
        started=now,
        ended=now,
        seconds=1,
        from_version="1.0.0",
        to_version="1.1.0",
        message="Front door did not come back.",
    )
    lock.async_note_ended(ended)
    lock.async_changed()
    told = await watch.lock()
    assert told["next_step"] == "needs_hand"
    assert told["blockers"][0]["text"] == "Front door did not come back."
    assert told["history"][-1]["text"] == "needs a hand"
    lock.async_note_ended(replace(ended, message=None))
    monkeypatch.setattr(snapshot, "next_step", lambda *_: NextStep.FAILED)
    lock.async_changed()
    told = await watch.lock()
    assert told["tone"] == "stopped"
    assert told["blockers"][0] == {
        "text": "The last installation on it failed.",
        "what_to_do": None,
    }


async def test_what_it_could_go_back_to(house: House, look: Look) -> None:
    """It ran before, is kept, and the lock takes it: the button is there for that."""
    await update(house)
    await house.settle()
    watch = await look()
    lock = await watch.lock()
    assert lock["may"]["go_back"]
    assert lock["way_back"] == "It could have 1.0.0 back, which ran before."
    assert watch.told[-1]["household"]["way_back"] == "Locks with a way back: 1 of 1."


async def test_a_way_back_with_holes_is_named_and_not_offered(
    house: House, look: Look
) -> None:
    """It takes words that a button cannot ask for; it is not said that there is none."""
    await update(house, security_version=2)
    await house.settle()
    watch = await look()
    lock = await watch.lock()
    assert not lock["may"]["go_back"]
    assert lock["way_back"] == (
        "Version 1.0.0, which ran before, is kept, but has known holes. Who wants it "
        "all the same finds it under Reconfigure, on its page."
    )
    assert watch.told[-1]["household"]["way_back"] == "Locks with a way back: 0 of 1."


# When it comes.


async def test_nothing_is_sent_where_nothing_is_new(
    two_doors: House, look: Look
) -> None:
    """Neither by a minute, nor by a lock that says the same once more."""
    house = two_doors
    watch = await look()
    assert len(watch.told) == 1
    house.runtime.locks.async_minute()
    house.managed().async_changed()
    await a_turn()
    await watch.rest()
    assert len(watch.told) == 1


async def test_much_that_is_new_comes_in_few_messages(
    two_doors: House, look: Look
) -> None:
    """At most one a second; the last one is right."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    watch = await look()
    loop, before = asyncio.get_running_loop(), len(watch.told)
    began = loop.time()
    for version in ("1.0.0", None) * 10:
        await house.managed().decided.async_pin(version)
    await house.managed().decided.async_pin("1.0.0")
    assert (await watch.lock())["next_step"] == "pinned"
    assert 1 <= len(watch.told) - before <= (loop.time() - began) / AT_MOST_EVERY + 2


async def test_what_the_rules_look_at_is_followed(house: House, look: Look) -> None:
    """A door that is opened shows at once, without anything else that is new."""
    door = "binary_sensor.front_door_contact"
    house.hass.states.async_set(door, "off", {"device_class": "door"})
    night = Night(house)
    night.set_lock(door_entity=door, no_door_sensor=False)
    await house.release("1.1.0")
    await house.settle()
    watch = await look()
    before = (await watch.lock())["blockers"]
    house.hass.states.async_set(door, "on", {"device_class": "door"})
    await a_turn()
    assert (await watch.lock())["blockers"] != before


async def test_what_is_linked_later_is_followed(house: House, look: Look) -> None:
    """As soon as the owner has named it."""
    first, later = "binary_sensor.first_contact", "binary_sensor.later_contact"
    for entity in (first, later):
        house.hass.states.async_set(entity, "off", {"device_class": "door"})
    night = Night(house)
    night.set_lock(door_entity=first, no_door_sensor=False)
    await house.release("1.1.0")
    await house.settle()
    watch = await look()
    night.set_lock(door_entity=later)
    await house.settle()
    before = (await watch.lock())["blockers"]
    house.hass.states.async_set(later, "on", {"device_class": "door"})
    await a_turn()
    assert (await watch.lock())["blockers"] != before


async def test_what_is_being_told_ends_with_nightlatch(
    house: House, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing holds it up when it is switched off."""
    watch = await look()
    begun = asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(
        "custom_components.nightlatch.panel.subscription.async_snapshot", never
    )
    house.runtime.locks.async_minute()
    await asyncio.wait_for(begun.wait(), 10)
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert len(watch.told) == 1


async def test_locks_come_and_go(house: House, look: Look) -> None:
    """One that is added is followed too; one that is removed is gone."""
    watch = await look()
    await house.add_lock(BACK_DOOR, "Back door")
    await house.settle()
    assert (await watch.lock("Back door"))["installed"] == "1.0.0"
    await house.remove("Front door")
    names = [each["name"] for each in (await watch.rest())["locks"]]
    assert names == ["Back door"]


async def test_it_goes_on_over_a_reload_and_says_when_there_is_nothing(
    house: House, look: Look, hass_ws_client: WebSocketGenerator
) -> None:
    """Nobody sees how the locks are taken away; a new one is told why there are none."""
    watch = await look()
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await watch.rest()
    assert len(watch.told) == 1
    refused = await asked(await hass_ws_client(house.hass))
    assert not refused["success"]
    assert refused["error"]["code"] == "not_loaded"
    assert refused["error"]["message"].startswith("Nightlatch does not run.")
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()
    await house.release("1.1.0")
    assert (await watch.lock())["offered"] == "1.1.0"
    assert all(len(each["locks"]) == 1 for each in watch.told)


async def test_nobody_takes_what_was_for_what_is(
    house: House, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Nightlatch is switched off, who looks is told; and when it is there again."""
    monkeypatch.setattr(
        "custom_components.nightlatch.panel.subscription.GONE_AFTER", 0.0
    )
    watch = await look()
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert (await watch.client.receive_json())["event"] is None
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()
    await watch.lock()
    assert watch.told[-1]["locks"] == watch.told[0]["locks"]
    assert len(watch.told) >= 2
    # A timer does not outlive who looks.
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await watch.client.close()
    await until(lambda: not house.hass.data[_OPEN])


async def test_who_no_longer_looks_is_told_nothing(house: House, look: Look) -> None:
    """And costs nothing more; nor does who has closed the browser."""
    watch, other = await look(), await look()
    assert len(house.hass.data[_OPEN]) == 2
    await watch.client.send_json_auto_id(
        {"type": "unsubscribe_events", "subscription": 1}
    )
    assert (await watch.client.receive_json())["success"]
    await other.client.close()
    await until(lambda: not house.hass.data[_OPEN])
    house.managed().async_changed()
    await house.settle()


# Who sees what.


async def test_everybody_sees_what_they_may(two_doors: House, look: Look) -> None:
    """And may do what the table of rights says; no way in that would refuse them."""
    house = two_doors
    Night(house).automate()
    await house.release("1.1.0")
    await house.settle()
    administrator, reader, resident = (
        await look(),
        await look(READ),
        await look(CONTROL),
    )
    may = {
        name: (await who.lock())["may"]
        for name, who in (
            ("administrator", administrator),
            ("reader", reader),
            ("resident", resident),
        )
    }
    assert may["administrator"]["install"]
    assert may["administrator"]["skip"]
    assert may["reader"] == NOTHING
    assert not may["resident"]["install"]
    assert not may["resident"]["skip"]
    assert may["resident"]["tomorrow"] == may["administrator"]["tomorrow"]

    nobody = await look({})
    assert nobody.told[-1]["locks"] == []
    assert nobody.told[-1]["summary"] == "Current: 0, waiting: 0, problems: 0"
    one = await look({"entities": {"entity_ids": {UPDATE: {"read": True}}}})
    assert [each["name"] for each in one.told[-1]["locks"]] == ["Front door"]


async def test_a_lock_entity_that_somebody_may_not_see_is_not_named(
    house: House, look: Look
) -> None:
    """Only that of the update was allowed."""
    house.hass.states.async_set("lock.front", "locked")
    Night(house).set_lock(lock_entity="lock.front")
    await house.settle()
    one = await look({"entities": {"entity_ids": {UPDATE: {"read": True}}}})
    assert (await one.lock())["lock_entity"] is None
    assert (await (await look()).lock())["lock_entity"] == "lock.front"


async def test_without_an_update_entity_only_administrators_see_it(
    house: House, look: Look
) -> None:
    """There is nothing by which others could be allowed to."""
    er.async_get(house.hass).async_remove(UPDATE)
    await house.settle()
    assert (await look(CONTROL)).told[-1]["locks"] == []
    assert (await (await look()).lock())["update_entity"] is None


# In which words.


async def test_each_is_told_in_the_language_that_they_read(
    house: House, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, or with one that there is not, in Home Assistant's own."""
    asked_in: list[str] = []
    load = translation.told_now

    def told_now(hass: HomeAssistant, key: str, **placeholders: str) -> str:
        asked_in.append(translation._language(hass))
        return load(hass, key, **placeholders)

    monkeypatch.setattr(snapshot, "told_now", told_now)
    for language, told in (("de", "de"), (None, "en"), ("../x", "en")):
        asked_in.clear()
        options = {"language": language} if language else {}
        assert (await (await look(**options)).lock())["summary"]
        assert set(asked_in) == {told}


async def test_a_fault_of_one_lock_stops_no_other(
    two_doors: House,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is left out, the fault is logged once, and the other is shown."""
    house = two_doors
    broken, step = house.managed(), next_step

    def fails(lock: Any, plan: Any) -> Any:
        if lock is broken:
            raise RuntimeError("broken")
        return step(lock, plan)

    monkeypatch.setattr(snapshot, "next_step", fails)
    watch = await look()
    assert [each["name"] for each in watch.told[-1]["locks"]] == ["Back door"]
    assert house.runtime.faults.of(broken) == "panel: RuntimeError"
    monkeypatch.undo()
    broken.async_changed()
    assert (await watch.lock())["name"] == "Front door"
    assert house.runtime.faults.of(broken) is None
    assert "Front door: panel failed" in caplog.text
    caplog.clear()
