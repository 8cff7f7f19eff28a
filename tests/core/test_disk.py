"""A disk that does not answer holds up nobody for longer than the deadline."""

import asyncio
from pathlib import Path

import pytest

from custom_components.nightlatch.core import disk
from custom_components.nightlatch.core.disk import DiskFile, NoAnswerError
from tests.rig.virtual_time import virtual_time

pytestmark = virtual_time


async def test_who_waits_for_a_turn_waits_no_longer_than_the_deadline() -> None:
    """What is under way may take its own deadline; then it counts as hanging."""
    first, second = DiskFile(Path("a")), DiskFile(Path("a"))
    answers = asyncio.Event()

    async def hang() -> str:
        await answers.wait()
        return "late"

    async def quick() -> str:
        return "at once"

    waiting = asyncio.create_task(first.use(hang))
    await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    ends = await asyncio.gather(
        waiting, second.use(quick), second.use(quick), return_exceptions=True
    )
    assert [type(end) for end in ends] == [NoAnswerError] * 3
    assert asyncio.get_running_loop().time() - began <= 2 * disk.DEADLINE
    # Known to hang: nobody waits any more.
    with pytest.raises(NoAnswerError):
        await second.use(quick)
    answers.set()
    await asyncio.sleep(0.1)
    assert await second.use(quick) == "at once"


async def test_another_file_is_not_held_up() -> None:
    """Each has turns of its own."""
    never = asyncio.Event()
    hanging = asyncio.create_task(DiskFile(Path("a")).use(never.wait))
    await asyncio.sleep(0)
    assert await DiskFile(Path("b")).in_thread(lambda: 7) == 7
    never.set()
    assert await hanging
