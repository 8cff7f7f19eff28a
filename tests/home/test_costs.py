"""What one state of one lock costs: the work for that lock, whatever else there is.

Counts, not times: they are the same on every machine.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, override

import pytest

from custom_components.nightlatch import entity, turns
from custom_components.nightlatch.adapters import storage
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.guard.hold import HoldRecord
from custom_components.nightlatch.core.model import Release
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.records.silence import Part
from custom_components.nightlatch.core.records.weekly_record import LockNeeds
from custom_components.nightlatch.core.schedule.night import night_of, noon_of
from custom_components.nightlatch.core.schedule.plan import Plan, Planning, make_plan
from custom_components.nightlatch.core.vault.kept import Binding, Kept
from custom_components.nightlatch.core.versions import Version
from custom_components.nightlatch.entity import HouseholdEntity, LockEntity
from custom_components.nightlatch.kinds.guarded import GuardedKind
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.locks.registry import LockRegistry
from custom_components.nightlatch.monitoring import presence, weekly
from custom_components.nightlatch.monitoring.entity_links import EntityLinks
from custom_components.nightlatch.monitoring.next_step import NextStep
from custom_components.nightlatch.monitoring.rest import Rests
from custom_components.nightlatch.planning import planner
from custom_components.nightlatch.redraw import Redraw, pause_for
from custom_components.nightlatch.turns import FEW, Turns
from custom_components.nightlatch.vault.contents import VaultContents
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.util import dt as dt_util

from .asked import plan_of
from .flows import until
from .house import BACK_DOOR, UPDATE, House
from .zigbee_house import SOURCE, ZigbeeHouse

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values

MINUTE = timedelta(minutes=1)


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the plans that are made, and the states that entities write."""
    counts: Counter[str] = Counter()
    write = Entity.async_write_ha_state

    def made(planning: Planning) -> Plan:
        counts["plans"] += 1
        return make_plan(planning)

    def written(entity: Entity) -> None:
        if isinstance(entity, LockEntity):
            counts[entity.managed_lock.name] += 1
        elif isinstance(entity, HouseholdEntity):
            counts[entity.entity_id] += 1
        write(entity)

    with patch.context() as patched:
        patched.setattr(planner, "make_plan", made)
        patched.setattr(Entity, "async_write_ha_state", written)
        yield counts


def plans_asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count from now on of which lock the plan is asked for, by its name."""
    asked: Counter[str] = Counter()
    plan = planner.Planner.plan

    def counted_plan(self: planner.Planner, lock: ManagedLock) -> Plan:
        asked[lock.name] += 1
        return plan(self, lock)

    monkeypatch.setattr(planner.Planner, "plan", counted_plan)
    return asked


async def test_what_one_lock_says_costs_nothing_elsewhere(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own entities at once, and for all that follows in the turn once more.

    What looks at several locks once a turn.
    """
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    front = house.managed()
    plan_of(front)
    plan_of(house.managed(BACK_DOOR))
    with counted(monkeypatch) as counts:
        for _ in range(5):
            front.async_changed()
        await house.settle()
    entities = counts.pop("Front door") / 2
    assert entities == int(entities)
    for shows_all in ("calendar.nightlatch_installations", "sensor.nightlatch_locks"):
        assert counts.pop(shows_all) == 1
    # Nothing is new that a plan depends on, so none is made again.
    assert not counts


async def test_a_plan_is_made_again_when_something_is_new(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the lock that it is about."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    front, back = house.managed(), house.managed(BACK_DOOR)
    before = plan_of(front), plan_of(back)
    await front.decided.async_pin("1.0.0")
    assert plan_of(front) != before[0]
    with counted(monkeypatch) as counts:
        assert plan_of(back) == before[1]
        plan_of(front)
    assert counts["plans"] <= 2


async def test_an_installation_is_no_work_for_all(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each percent is for the update entity of the lock, and for nobody else."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    states = house.record(UPDATE)
    with counted(monkeypatch) as counts:
        await house.install()
        await house.settle()
    shown = {each.attributes["update_percentage"] for each in states}
    assert len(shown) > 3
    # That it begins, that it ends, what is kept, what has ended.
    assert counts["calendar.nightlatch_installations"] <= 12
    assert counts["plans"] <= 12
    assert set(counts) <= {
        "Front door",
        # What is kept for both is new.
        "Back door",
        "calendar.nightlatch_installations",
        "sensor.nightlatch_locks",
        "plans",
    }


async def test_what_shows_all_looks_at_the_lock_that_is_new(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks for the plan of another lock, however many turns it takes."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    front = house.managed()
    asked = plans_asked(monkeypatch)
    for _ in range(10):
        front.async_changed()
        await house.settle()
    assert asked["Front door"] >= 10
    # Twice in each turn, if it were looked at because of the other; a minute may end.
    assert asked["Back door"] <= 6


async def test_the_past_of_all_is_gone_through_when_it_is_new(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not because a lock has told what it runs, or people have decided something."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    front = house.managed()
    plan_of(front)
    views: Counter[str] = Counter()
    make = planner._View

    def counted_view(locks: LockRegistry, now: datetime, zone: tzinfo) -> object:
        views["made"] += 1
        return make(locks, now, zone)

    monkeypatch.setattr(planner, "_View", counted_view)
    for _ in range(10):
        front.record = replace(front.record, announced="1.1.0")
        front.async_select()
        plan_of(front)
    assert views["made"] <= 1
    views.clear()
    await house.install()
    await house.settle()
    plan_of(front)
    assert views["made"] >= 1


async def test_the_past_of_all_counts_for_a_night(two_doors: House) -> None:
    """From noon to noon by the house's clock, and as long as it is the same past."""
    house = two_doors
    locks, zone = house.runtime.locks, dt_util.get_default_time_zone()
    noon = noon_of(night_of(dt_util.utcnow(), zone), zone)
    last = noon_of(night_of(noon, zone) + timedelta(days=1), zone) - MINUTE
    view = planner._View(locks, noon, zone)
    assert view.stands(locks, noon, zone)
    assert view.stands(locks, last, zone)
    for other in (noon - MINUTE, last + MINUTE):
        assert not view.stands(locks, other, zone)
    assert not view.stands(locks, noon, timezone(timedelta(hours=5)))
    locks.async_lock_touched(past=True)
    assert not view.stands(locks, noon, zone)


async def test_what_shows_all_is_not_drawn_in_each_turn(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once at once, then once in a while; what is the newest is shown in the end."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    monkeypatch.setattr(entity, "pause_for", lambda locks: 0.5)
    front, name = house.managed(), "sensor.nightlatch_locks"

    def shown() -> set[str]:
        state = house.hass.states.get(name)
        assert state is not None
        return {each["installed_version"] for each in state.attributes["locks"]}

    with counted(monkeypatch) as counts:
        for number in range(20):
            identity = replace(
                front.record.identity, firmware_version=f"1.0.{number + 1}"
            )
            front.record = replace(front.record, identity=identity)
            front.async_changed()
            for _ in range(3):
                await asyncio.sleep(0)
            if number == 0:
                assert "1.0.1" in shown()
        await until(lambda: "1.0.20" in shown())
    assert counts["Front door"] >= 20
    for shows_all in (name, "calendar.nightlatch_installations"):
        assert counts[shows_all] <= 6


async def test_what_is_drawn_waits_no_longer_than_its_pause(
    hass: HomeAssistant,
) -> None:
    """What is new is drawn at once, what follows it together, and nothing once closed."""
    drawn: list[int] = []
    pause, news = 0.05, 0

    def note() -> None:
        nonlocal news
        news += 1
        redraw.async_note()

    redraw = Redraw(hass, lambda: drawn.append(news), lambda: pause)
    for _ in range(5):
        note()
    assert drawn == [1]
    await until(lambda: len(drawn) > 1)
    assert drawn == [1, 5]
    pause = 3600
    await until(lambda: redraw._paused is None)
    note()
    note()
    redraw.async_close()
    assert drawn == [1, 5, 6]
    pause = 0
    note()
    note()
    assert drawn == [1, 5, 6, 8, 9]


def test_a_few_locks_are_never_waited_for() -> None:
    """Many are, and the longer the more there are; not longer than people notice."""
    assert not any(map(pause_for, range(FEW + 1)))
    assert 0 < pause_for(30) < pause_for(300) <= 0.3


async def test_a_plan_is_looked_at_once_for_what_shows_it(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once for the state and once for what stands beside it."""
    house = two_doors
    await house.release("1.1.0")
    await house.settle()
    asked = plans_asked(monkeypatch)
    entities = house.hass.data[DATA_INSTANCES]["sensor"]
    found = entities.get_entity("sensor.front_door_next_step")
    assert found is not None
    found.async_write_ha_state()
    assert asked["Front door"] == 1


async def test_entities_go_some_in_one_turn(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A house of many locks is not stopped when Nightlatch is loaded anew."""
    hass, turn, is_over = two_doors.hass, 0, False
    there = [
        each
        for platform in async_get_platforms(hass, DOMAIN)
        for each in platform.entities
    ]
    removed: Counter[int] = Counter()
    remove = Entity.async_remove
    monkeypatch.setattr(entity, "_REMOVED_IN_A_TURN", 4)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if not is_over:
            hass.loop.call_soon(next_turn)

    async def counted_remove(self: Entity, *, force_remove: bool = False) -> None:
        removed[turn] += 1
        await remove(self, force_remove=force_remove)

    monkeypatch.setattr(Entity, "async_remove", counted_remove)
    next_turn()
    assert await hass.config_entries.async_unload(two_doors.entry.entry_id)
    is_over = True
    assert removed.total() >= len(there) > 8
    assert max(removed.values()) <= 4
    for entity_id in there:
        state = hass.states.get(entity_id)
        assert state is not None
        assert state.state == "unavailable"


async def test_a_quiet_minute_costs_nothing(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No plan, no state, and nobody looks at what belongs to a lock."""
    house, now = zigbee_house, dt_util.utcnow()
    scheduler = house.runtime.scheduler
    await scheduler.async_look(now)
    await settled(house)
    await scheduler.async_look(now)
    asked: list[str] = []
    silent = presence._silent

    def counted_silent(lock: ManagedLock) -> Iterator[Part]:
        asked.append(lock.name)
        return silent(lock)

    monkeypatch.setattr(presence, "_silent", counted_silent)
    with counted(monkeypatch) as counts:
        await scheduler.async_look(now + MINUTE)
        await settled(house)
    assert not counts
    assert not asked


async def test_nobody_looks_for_what_a_lock_is_linked_to_in_a_quiet_minute(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is new with the registries only, or with what the owner has set."""
    rests, now = await at_rest(zigbee_house)
    asked: list[str] = []

    def counted_linked(kind: GuardedKind) -> tuple[str, ...]:
        asked.append(kind.anchor)
        return (kind.anchor,)

    monkeypatch.setattr(GuardedKind, "rests_on", property(counted_linked))
    assert not rests.async_disturbed(now + MINUTE)
    assert not asked
    registry = er.async_get(zigbee_house.hass)
    registry.async_update_entity(SOURCE, icon="mdi:lock")
    assert rests.async_disturbed(now + MINUTE)
    assert asked == [SOURCE]


async def test_nobody_goes_through_all_that_is_kept_for_one_lock(
    house: House,
) -> None:
    """Each lock is looked for each minute: only through what is of its model."""
    await house.release("1.1.0")
    await house.settle()
    lock = house.managed()
    assert lock.release is not None
    runs = Version.parse(
        lock.release.version.scheme, lock.record.identity.firmware_version
    )
    vault = VaultContents(house.runtime.locks, house.runtime.faults)
    others = [
        kept_of(replace(lock.release, model=f"M{number}", version=runs), number)
        for number in range(40)
    ]
    for there in ([], [replace(lock.release, version=runs)]):
        vault.async_take([*others, *(kept_of(each, 40) for each in there)])
        vault._releases = passed = GoneThrough(vault._releases)
        running = vault.running(lock)
        assert [running.release for running in (running,) if running] == there
        assert not passed.often


class GoneThrough[K, V](dict[K, V]):
    """Counts how often it is gone through."""

    often = 0

    @override
    def items(self) -> dict_items[K, V]:
        self.often += 1
        return super().items()

    @override
    def values(self) -> dict_values[K, V]:
        self.often += 1
        return super().values()

    @override
    def __iter__(self) -> Iterator[K]:
        self.often += 1
        return super().__iter__()


def kept_of(release: Release, number: int) -> Kept:
    """Return a release as the vault keeps it."""
    return Kept(
        binding=Binding(
            vendor=release.vendor,
            model=release.model,
            version=release.version.text,
            sha256=f"{number:064x}",
        ),
        size=1,
        kept_at=dt_util.utcnow(),
        about=KeptRelease(release=release, signer=None).to_about(),
    )


async def test_a_battery_that_says_little_keeps_no_lock_awake(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Most say something once a day; that they have is seen within minutes."""
    rests, now = await at_rest(zigbee_house)
    later = now + timedelta(minutes=31)
    await zigbee_house.runtime.scheduler.async_look(later)
    await settled(zigbee_house)
    assert not rests.async_disturbed(later + MINUTE)
    assert rests.async_disturbed(later + 6 * MINUTE)


@pytest.mark.parametrize("later", [timedelta(minutes=31), timedelta(minutes=-5)])
async def test_no_lock_rests_for_long(
    zigbee_house: ZigbeeHouse, later: timedelta
) -> None:
    """Nor over a clock that is put back."""
    rests, now = await at_rest(zigbee_house)
    assert not rests.async_disturbed(now + MINUTE)
    assert rests.async_disturbed(now + later)


async def test_whatever_is_new_in_the_house_ends_a_rest(
    zigbee_house: ZigbeeHouse,
) -> None:
    """Also what nobody tells Nightlatch of."""
    house = zigbee_house
    hass, lock = house.hass, house.managed
    rests, now = await at_rest(house)
    registry = er.async_get(hass)

    def told() -> None:
        lock.async_changed()

    def bolt() -> None:
        assert lock.links.lock_entity is not None
        hass.states.async_set(lock.links.lock_entity, "jammed", force_update=True)

    def registered() -> None:
        registry.async_get_or_create("light", "demo", "new")

    def household() -> None:
        house.runtime.locks.async_changed()

    for disturb in (told, bolt, registered, household):
        assert not rests.async_disturbed(now), disturb.__name__
        disturb()
        assert rests.async_disturbed(now), disturb.__name__
        hass.states.async_set(lock.links.lock_entity or "", "locked")
        rests, now = await at_rest(house)


async def test_what_is_under_way_does_not_rest(zigbee_house: ZigbeeHouse) -> None:
    """Its source is silent: after a day a person is told."""
    house = zigbee_house
    rests, now = await at_rest(house)
    house.hass.states.async_set(SOURCE, "unavailable")
    await settled(house)
    for _ in range(2):
        await house.runtime.scheduler.async_look(now)
        await settled(house)
        assert rests.async_disturbed(now)


async def settled(house: ZigbeeHouse) -> None:
    """Wait until Nightlatch does nothing in the background any more."""
    await house.hass.async_block_till_done(wait_background_tasks=True)


async def at_rest(house: ZigbeeHouse) -> tuple[Rests, datetime]:
    """Let the house come to rest; return who knows of that, and a moment."""
    await settled(house)
    now = dt_util.utcnow()
    for _ in range(2):
        await house.runtime.scheduler.async_look(now)
        await settled(house)
    return house.runtime.scheduler.rests, now


async def test_what_is_registered_concerns_the_locks_that_are_linked_to_it(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody goes through all locks for a lamp."""
    house = two_doors
    looked: list[str] = []
    rename = EntityLinks._rename

    def counted_rename(
        self: EntityLinks, lock: ManagedLock, before: str, after: str
    ) -> None:
        looked.append(lock.name)
        rename(self, lock, before, after)

    monkeypatch.setattr(EntityLinks, "_rename", counted_rename)
    registry = er.async_get(house.hass)
    lamp = registry.async_get_or_create("light", "demo", "lamp").entity_id
    registry.async_update_entity(lamp, new_entity_id="light.other")
    await house.settle()
    assert not looked
    linked = registry.async_get_or_create("lock", "demo", "bolt").entity_id
    house.runtime.settings.async_set_lock_data(
        house.managed().subentry_id, lock_entity=linked
    )
    await house.settle()
    registry.async_update_entity(linked, new_entity_id="lock.renamed")
    await house.settle()
    assert looked == ["Front door"]
    assert house.managed().links.lock_entity == "lock.renamed"


async def test_ours_are_moved_only_with_what_they_are_at(
    zigbee_house: ZigbeeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody goes through all entities because one has another icon."""
    house = zigbee_house
    moved: list[str] = []
    move = EntityLinks._move

    def counted_move(self: EntityLinks, lock: ManagedLock, anchor: str) -> None:
        moved.append(anchor)
        move(self, lock, anchor)

    monkeypatch.setattr(EntityLinks, "_move", counted_move)
    registry = er.async_get(house.hass)
    registry.async_update_entity(SOURCE, icon="mdi:lock")
    await settled(house)
    assert not moved
    registry.async_update_entity(SOURCE, device_id=None)
    await settled(house)
    assert moved == [SOURCE]


async def test_what_is_offered_to_many_locks_is_written_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since when it is on offer here; nobody waits for that to be on disk."""
    await house.release("1.1.0")
    await house.settle()
    lock = house.managed()
    assert lock.release is not None
    writes = count_writes(monkeypatch)
    for number in range(40):
        offered = replace(lock.release, artifact=None, model=f"M{number}")
        lock.decided.note_seen(offered, [offered])
        for _ in range(3):
            await asyncio.sleep(0)
    await until(lambda: bool(writes) and key_of(writes[-1], lock) == {offered.key})
    assert len(writes) <= 4


def key_of(written: dict[str, Any], lock: ManagedLock) -> set[str]:
    """Return what is kept as being on offer to a lock."""
    return set(written["decisions"][lock.subentry_id]["first_seen"])


async def test_holds_of_many_locks_are_written_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is on disk before it is told so; a few go on in one turn of the loop."""
    store, hass = house.runtime.store, house.hass
    await house.settle()
    writes = count_writes(monkeypatch)
    turn, went_on = 0, Counter[int]()

    def count_turns() -> None:
        nonlocal turn
        turn += 1
        if not all(each.done() for each in holds):
            hass.loop.call_soon(count_turns)

    async def hold(number: int) -> None:
        await store.async_set_hold(f"lock{number}", HoldRecord(held=f"1.{number}"))
        assert f"lock{number}" in writes[-1]["holds"]
        went_on[turn] += 1

    holds: list[asyncio.Task[None]] = []
    for number in range(40):
        holds.append(hass.async_create_task(hold(number)))
        for _ in range(3):
            await asyncio.sleep(0)
    hass.loop.call_soon(count_turns)
    await asyncio.gather(*holds)
    assert len(writes) <= 4
    assert max(went_on.values()) <= storage._GO_ON


@pytest.mark.parametrize("removed", [False, True])
async def test_many_locks_are_not_assessed_in_one_turn(
    two_doors: House, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    """Once a week; one that is removed meanwhile is none that anything is kept of."""
    hass, runtime = two_doors.hass, two_doors.runtime
    turn, assessed = 0, dict[str, int]()
    monkeypatch.setattr(turns, "FEW", 1)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if len(assessed) < 2:
            hass.loop.call_soon(next_turn)

    def needs_of(lock: ManagedLock, step: NextStep) -> LockNeeds:
        assessed[lock.subentry_id] = turn
        if removed:
            for lock_id in runtime.locks.keys() - assessed.keys():
                runtime.locks.async_drop(lock_id)
        return needs(lock, step)

    needs = weekly.needs_of
    monkeypatch.setattr(weekly, "needs_of", needs_of)
    next_turn()
    later = dt_util.utcnow() + timedelta(days=8)
    await runtime.scheduler._weekly.async_look(later)
    assert len(assessed) == 1 if removed else 2
    assert len(set(assessed.values())) == len(assessed)
    kept = runtime.store.weekly
    assert kept is not None
    assert kept.at == later
    assert kept.locks.keys() == assessed.keys()


async def test_nobody_waits_for_what_others_may_still_write(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person decides is written at once, with all that waits."""
    store = house.runtime.store
    await house.settle()
    writes = count_writes(monkeypatch)
    monkeypatch.setattr(storage, "_QUIET_FOR", 3600)
    monkeypatch.setattr(storage, "_GATHERS_FOR", 3600)
    hold = house.hass.async_create_task(store.async_set_hold("lock", HoldRecord()))
    async with asyncio.timeout(60):
        await store.async_set_decisions("lock", Decisions(pinned="1.0.0"))
        await hold
    assert len(writes) == 1


def count_writes(patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list to which everything that is written will be added."""
    writes: list[dict[str, Any]] = []
    write = storage._Store.async_write

    async def written(store: storage._Store, data: dict[str, Any]) -> None:
        await write(store, data)
        writes.append(data)

    patch.setattr(storage._Store, "async_write", written)
    return writes


async def test_a_few_locks_have_their_turn_at_once(hass: HomeAssistant) -> None:
    """The others in the turns that follow, each once, and soon where that is wanted."""
    done: list[tuple[int, ...]] = []
    turns = Turns[int](hass, done.append)
    for key in (*range(10), 0, 9):
        turns.async_note(key)
    assert done == [(0,), (1,), (2,), (3,)]
    turns.async_hurry(7)
    assert done.pop() == (7,)
    for at_most in (8, 10):
        await asyncio.sleep(0)
        assert sum(map(len, done)) <= at_most
    assert done[4:] == [(4, 5, 6, 8), (9, 0)]
    turns.async_note(5)
    assert done[-1] == (5,)
    await hass.async_block_till_done()
