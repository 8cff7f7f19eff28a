"""What one state of one lock costs: the work for that lock, whatever else there is.

Counts, not times: they are the same on every machine.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from custom_components.nightlatch.core.schedule.plan import Plan, Planning, make_plan
from custom_components.nightlatch.entity import HouseholdEntity, LockEntity
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.locks.registry import LockRegistry
from custom_components.nightlatch.planning import planner
from homeassistant.helpers.entity import Entity

from .asked import plan_of
from .house import BACK_DOOR, UPDATE, House


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


async def test_what_one_lock_says_costs_nothing_elsewhere(
    two_doors: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own entities each time; all that looks at several locks once a turn."""
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
    entities = counts.pop("Front door") / 5
    assert entities == int(entities)
    for shows_all in ("calendar.nightlatch_installations", "sensor.nightlatch_locks"):
        assert counts.pop(shows_all) == 1
    # Nothing is new that a plan depends on, so none is made again; but a minute may
    # end meanwhile.
    assert counts.pop("plans", 0) <= 2
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
    asked: Counter[str] = Counter()
    plan = planner.Planner.plan

    def counted_plan(self: planner.Planner, lock: ManagedLock) -> Plan:
        asked[lock.name] += 1
        return plan(self, lock)

    monkeypatch.setattr(planner.Planner, "plan", counted_plan)
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

    def counted_view(locks: LockRegistry, noon: datetime) -> object:
        views["made"] += 1
        return make(locks, noon)

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
