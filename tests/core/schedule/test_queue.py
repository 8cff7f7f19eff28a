"""One at a time, the least important door first, whoever asked."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import (
    InstallationError,
    InstallationProblem,
)
from custom_components.nightlatch.core.schedule.policy import Importance
from custom_components.nightlatch.core.schedule.queue import Queue, Ticket
from tests.rig.virtual_time import virtual_time

pytestmark = virtual_time


def ticket(key: str, importance: Importance = Importance.SIDE) -> Ticket:
    """Return a place for a lock."""
    return Ticket(key=key, name=key, importance=importance)


async def after(delay: float, what: Awaitable[None]) -> None:
    """Do something after a while."""
    await asyncio.sleep(delay)
    await what


class Household:
    """Notes who had a turn."""

    def __init__(self, gathering: float = 0.0) -> None:
        """Begin with an empty queue."""
        self.queue = Queue(gathering)
        self.order: list[str] = []
        self.busy = 0

    async def install(self, wanted: Ticket, seconds: float = 10.0) -> None:
        """Have a turn for a while."""
        async with self.queue.turn(wanted):
            assert self.queue.running == wanted
            await self._use(wanted.key, seconds)

    async def read(self, name: str) -> None:
        """Use the radio for a moment."""
        async with self.queue.short_use():
            await self._use(name, 1.0)

    async def _use(self, name: str, seconds: float) -> None:
        self.busy += 1
        assert self.busy == 1
        try:
            await asyncio.sleep(seconds)
            self.order.append(name)
        finally:
            self.busy -= 1


async def test_the_least_important_door_goes_first() -> None:
    """Once somebody holds the turn, the others are put in order."""
    house = Household()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("first", Importance.ENTRY)))
        await asyncio.sleep(1)
        for name, importance in (
            ("front", Importance.ENTRY),
            ("shed", Importance.SIDE),
            ("cellar", Importance.INSIDE),
            ("garage", Importance.SIDE),
        ):
            group.create_task(house.install(ticket(name, importance)))
        await asyncio.sleep(1)
        assert [each.key for each in house.queue.waiting] == [
            "cellar",
            "shed",
            "garage",
            "front",
        ]
    assert house.order == ["first", "cellar", "shed", "garage", "front"]
    assert house.queue.running is None


async def test_those_that_come_at_once_are_put_in_order_first() -> None:
    """As Update all does it: one after the other, the front door first."""
    house = Household(gathering=0.5)
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front", Importance.ENTRY)))
        group.create_task(house.install(ticket("cellar", Importance.INSIDE)))
    assert house.order == ["cellar", "front"]


async def test_a_lock_has_one_place() -> None:
    """Whether it waits or runs."""
    house = Household()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front")))
        group.create_task(house.install(ticket("shed")))
        await asyncio.sleep(1)
        for key in ("front", "shed"):
            with pytest.raises(InstallationError) as refused:
                await house.install(ticket(key))
            assert refused.value.reason is InstallationProblem.ALREADY_QUEUED


async def test_after_a_failure_whoever_waits_is_sent_home() -> None:
    """With the name of the lock that failed; who comes later has decided anew."""
    house = Household()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front")))
        await asyncio.sleep(1)
        waiting = asyncio.create_task(house.install(ticket("shed")))
        reading = group.create_task(house.read("reading"))
        await asyncio.sleep(1)
        house.queue.fail("Front door")
        with pytest.raises(InstallationError) as refused:
            await waiting
        assert refused.value.reason is InstallationProblem.AFTER_FAILURE
        assert refused.value.details == {"failed": "Front door"}
        await reading
        await house.install(ticket("shed"))
    assert house.order == ["front", "reading", "shed"]


async def test_a_door_that_does_not_open_goes_first() -> None:
    """Before doors that matter less, and after a failure too."""
    house = Household()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front")))
        await asyncio.sleep(1)
        shed = asyncio.create_task(house.install(ticket("shed", Importance.INSIDE)))
        stranded = replace(ticket("garage", Importance.ENTRY), urgent=True)
        group.create_task(house.install(stranded))
        await asyncio.sleep(1)
        assert [each.key for each in house.queue.waiting] == ["garage", "shed"]
        house.queue.fail("Front door")
        with pytest.raises(InstallationError):
            await shed
    assert house.order == ["front", "garage"]


async def test_a_reading_goes_before_the_next_installation() -> None:
    """It takes a moment, and waits for one that runs."""
    house = Household()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front")))
        await asyncio.sleep(1)
        group.create_task(house.install(ticket("shed", Importance.INSIDE)))
        group.create_task(house.read("reading"))
    assert house.order == ["front", "reading", "shed"]


async def test_a_reading_does_not_cut_the_gathering_short() -> None:
    """Neither one that begins meanwhile, nor one that was there before."""
    for first in (0.0, 0.05):
        house = Household(gathering=2.0)
        async with asyncio.TaskGroup() as group:
            for delay, what in sorted(
                (
                    (first, house.read("reading")),
                    (0.02, house.install(ticket("front", Importance.ENTRY))),
                    (1.5, house.install(ticket("cellar", Importance.INSIDE))),
                ),
                key=lambda each: each[0],
            ):
                group.create_task(after(delay, what))
        assert house.order == ["reading", "cellar", "front"]


@pytest.mark.parametrize("failing", [False, True])
async def test_when_nobody_is_left_the_next_one_gathers_anew(failing: bool) -> None:
    """Whether they changed their minds or were sent home."""
    house = Household(gathering=2.0)
    gone = asyncio.create_task(house.install(ticket("garage")))
    await asyncio.sleep(1)
    if failing:
        house.queue.fail("Front door")
    else:
        gone.cancel()
    await asyncio.wait([gone])
    async with asyncio.TaskGroup() as group:
        group.create_task(house.install(ticket("front", Importance.ENTRY)))
        await asyncio.sleep(1.5)
        group.create_task(house.install(ticket("cellar", Importance.INSIDE)))
    assert house.order == ["cellar", "front"]


async def test_a_lock_has_a_place_while_its_turn_is_on_the_way() -> None:
    """Between the end of one turn and the begin of the next one."""
    house = Household()
    refusals: list[InstallationProblem] = []

    async def front() -> None:
        async with house.queue.turn(ticket("front")):
            await asyncio.sleep(1)
        # The turn has been given to the shed, whose task has not gone on yet.
        try:
            await house.install(ticket("shed"))
        except InstallationError as err:
            refusals.append(err.reason)

    async with asyncio.TaskGroup() as group:
        group.create_task(front())
        await asyncio.sleep(0)
        group.create_task(house.install(ticket("shed")))
    assert refusals == [InstallationProblem.ALREADY_QUEUED]
    assert house.order == ["shed"]


@pytest.mark.parametrize("failing", [False, True])
async def test_cancelling_all_at_once_leaves_it_usable(failing: bool) -> None:
    """As on the way out: who holds the turn ends before who waits has noticed."""
    house = Household()
    tasks = [
        asyncio.create_task(house.install(ticket(name))) for name in ("front", "shed")
    ]
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    if failing:
        house.queue.fail("Front door")
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    async with asyncio.timeout(20):
        await house.install(ticket("shed"))
    assert house.order == ["shed"]


async def test_who_is_cancelled_while_the_turn_comes_gives_it_on() -> None:
    """To the next one, at once."""
    house = Household()
    shed: list[asyncio.Task[None]] = []

    async def front() -> None:
        async with house.queue.turn(ticket("front")):
            await asyncio.sleep(1)
        shed[0].cancel()

    async with asyncio.TaskGroup() as group:
        group.create_task(front())
        await asyncio.sleep(0)
        shed.append(asyncio.create_task(house.install(ticket("shed"))))
        await asyncio.sleep(0)
        group.create_task(house.install(ticket("garage")))
    assert shed[0].cancelled()
    assert house.order == ["garage"]
    assert house.queue.running is None


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["install", "read", "cancel", "fail", "wait"]),
            st.integers(0, 5),
        ),
        max_size=25,
    ),
    gathering=st.sampled_from([0.0, 0.7]),
)
async def test_it_is_usable_whatever_happens(
    steps: list[tuple[str, int]], gathering: float
) -> None:
    """Never two at once; and when all is over, the next one has its turn at once."""
    house = Household(gathering)
    tasks: list[asyncio.Task[None]] = []
    for what, number in steps:
        if what == "install":
            wanted = ticket(str(number), Importance(number % 3))
            tasks.append(asyncio.create_task(house.install(wanted, number)))
        elif what == "read":
            tasks.append(asyncio.create_task(house.read("reading")))
        elif what == "cancel" and tasks:
            tasks[number % len(tasks)].cancel()
        elif what == "fail":
            house.queue.fail("somebody")
        else:
            await asyncio.sleep(number / 2)
    await asyncio.wait([*tasks, asyncio.create_task(asyncio.sleep(0))])
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            assert isinstance(error, InstallationError)
    assert house.queue.waiting == ()
    assert house.queue.running is None
    async with asyncio.timeout(20):
        await house.install(ticket("last"))


async def test_what_closes_a_hole_goes_before_what_does_not() -> None:
    """Of either the least important door goes first; a door that is shut before all."""
    household = Household(gathering=0.1)
    doors = [
        ticket("cellar", Importance.INSIDE),
        replace(ticket("front", Importance.ENTRY), closes_hole=True),
        replace(ticket("shed", Importance.SIDE), closes_hole=True),
        replace(ticket("stuck", Importance.ENTRY), urgent=True),
    ]
    await asyncio.gather(*(household.install(door) for door in doors))
    assert household.order == ["stuck", "shed", "front", "cellar"]
