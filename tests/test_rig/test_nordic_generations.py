"""Bootloaders of three generations, where they differ on the air."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.rig.bootloader import Generation
from tests.rig.dfu_package import generate_key, make_init_packet
from tests.rig.flash import ERASE_TIME
from tests.rig.image import make_image
from tests.rig.link import LinkModel
from tests.rig.virtual_time import virtual_time

from .bench import FULL_PACKET, FW_VERSION, HW_VERSION, Bench, pieces, u32
from .dfu import NEW_INIT_PACKET, Home, console

pytestmark = virtual_time

KEY = generate_key()
OBJECT = 4096
IMAGE = make_image("1.1.0", 2 * OBJECT, 2)
INIT_PACKET = make_init_packet(
    IMAGE, key=KEY, fw_version=FW_VERSION, hw_version=HW_VERSION, sd_req=(0,)
)
SLOW_WORD = 338e-6
INTERVAL = 0.015


@asynccontextmanager
async def receiving(
    generation: Generation, *, word: float = 41e-6
) -> AsyncIterator[Bench]:
    """Have a bootloader that knows what it is to receive, with the times of a flash."""
    bench = Bench(KEY, generation=generation)
    bench.bootloader.receive_buffers.worst = False
    bench.flash.word_time = word
    bench.send_init_packet(INIT_PACKET)
    bench.ask("0102" + u32(OBJECT))
    try:
        yield bench
    finally:
        bench.close()


async def send_as_a_radio_does(bench: Bench, data: bytes) -> None:
    """Send four packets a connection interval."""
    for at, packet in enumerate(pieces(data, FULL_PACKET)):
        if at % 4 == 0:
            await asyncio.sleep(INTERVAL)
        bench.bootloader.packet(packet)


async def send_image(bench: Bench, *, pause: float) -> str:
    """Send both objects, each after a pause; return the answer to the last EXECUTE."""
    await asyncio.sleep(pause)
    await send_as_a_radio_does(bench, IMAGE[:OBJECT])
    await asyncio.sleep(pause)
    assert bench.ask("04") == "600401"
    bench.ask("0102" + u32(OBJECT))
    await asyncio.sleep(pause)
    await send_as_a_radio_does(bench, IMAGE[OBJECT:])
    await asyncio.sleep(pause)
    return bench.ask("04")


async def test_the_oldest_answers_execute_while_the_flash_is_busy() -> None:
    """It tells nothing of the flash."""
    async with receiving(Generation.SDK_12) as bench:
        await send_as_a_radio_does(bench, IMAGE[:OBJECT])
        assert bench.bootloader.receive_buffers.flash_busy
        assert bench.ask("04") == "600401"


async def test_the_oldest_keeps_what_its_flash_has_time_for() -> None:
    """Whoever waits for the erase gets an image across that holds."""
    async with receiving(Generation.SDK_12) as bench:
        assert await send_image(bench, pause=0.1) == "600401"


async def test_what_the_oldest_overwrites_is_found_only_by_the_hash() -> None:
    """All checksums are right: they are over what arrived."""
    async with receiving(Generation.SDK_12, word=SLOW_WORD) as bench:
        await send_as_a_radio_does(bench, IMAGE[:OBJECT])
        assert bench.bootloader.counters.dropped_packets == 0
        assert bytes(bench.flash.staged[:OBJECT]) != IMAGE[:OBJECT]
        assert await send_image_on(bench) == "60040b0c"


async def send_image_on(bench: Bench) -> str:
    """Send the second object, after the first; return the answer to its EXECUTE."""
    await asyncio.sleep(1)
    assert bench.ask("04") == "600401"
    bench.ask("0102" + u32(OBJECT))
    await asyncio.sleep(0.1)
    await send_as_a_radio_does(bench, IMAGE[OBJECT:])
    await asyncio.sleep(1)
    return bench.ask("04")


@pytest.mark.parametrize(
    "request_", ["04", "03", "0601", "0602", "0102" + u32(OBJECT), "020000"]
)
async def test_the_second_refuses_everything_while_it_executes(request_: str) -> None:
    """Until it has answered."""
    async with receiving(Generation.SDK_14) as bench:
        await send_as_a_radio_does(bench, IMAGE[:OBJECT])
        assert bench.ask("04") == ""
        assert bench.ask(request_) == f"60{request_[:2]}08"
        bench.answers.clear()
        await asyncio.sleep(bench.bootloader.receive_buffers.flash_busy + 0.001)
        assert bench.answers == ["600401"]
        assert bench.ask("0102" + u32(OBJECT)) == "600101"


async def test_the_second_lets_go_of_an_object_only_for_an_init_packet() -> None:
    """One that has lost a packet can neither be executed nor be created again."""
    async with receiving(Generation.SDK_14) as bench:
        bench.send(IMAGE[FULL_PACKET:OBJECT])
        assert bench.ask("04") == "600408"
        assert bench.ask("0102" + u32(OBJECT)) == "600108"
        await asyncio.sleep(10)
        assert bench.ask("0102" + u32(OBJECT)) == "600108"
        assert bench.send_init_packet(INIT_PACKET) == "600401"
        assert await send_as_new(bench) == "600401"


async def send_as_new(bench: Bench) -> str:
    """Send everything after the init packet; return the answer to the last EXECUTE."""
    bench.ask("0102" + u32(OBJECT))
    return await send_image(bench, pause=0.3)


async def test_the_latest_begins_an_object_before_the_last_one_is_done() -> None:
    """It executes first what came first, and both are ours."""
    async with receiving(Generation.SDK_15) as bench:
        await send_as_a_radio_does(bench, IMAGE[:OBJECT])
        assert bench.ask("04") == ""
        assert bench.ask("0102" + u32(OBJECT)) == "600101"
        bench.answers.clear()
        await asyncio.sleep(1)
        assert bench.answers == ["600401"]


async def test_the_latest_activates_what_is_whole_before_it_is_told_to() -> None:
    """Where an EXECUTE waits for the flash, and the rest comes meanwhile."""
    async with receiving(Generation.SDK_15, word=SLOW_WORD) as bench:
        bench.bootloader.receive_buffers.count = 40
        bench.send(IMAGE[:OBJECT])
        bench.ask("04")
        bench.ask("0102" + u32(OBJECT))
        bench.send(IMAGE[OBJECT:])
        assert not bench.bootloader.accepted
        await asyncio.sleep(2)
        assert (
            bench.bootloader.counters.executes == 2
        )  # of init packet and first object
        assert bench.bootloader.accepted


@pytest.mark.parametrize("generation", Generation)
async def test_an_erase_may_stall_the_link(generation: Generation) -> None:
    """For as long as it takes; otherwise the radio goes on."""
    async with receiving(generation) as bench:
        assert bench.silences == []
        bench.send(IMAGE[:OBJECT])
        await asyncio.sleep(1)
        bench.ask("04")
        await asyncio.sleep(1)
        bench.bootloader.erase_stalls_link = True
        bench.ask("0102" + u32(OBJECT))
        assert bench.silences == [ERASE_TIME]


@pytest.mark.parametrize("stalls", [False, True])
async def test_a_stalled_link_tells_that_the_object_is_there_after_the_erase(
    stalls: bool,
) -> None:
    """An answer that was due meanwhile comes at the next event after it."""
    home = Home(
        model=LinkModel(connection_interval=INTERVAL, honours_fast_interval=False)
    )
    loop = asyncio.get_running_loop()
    try:
        await home.enter_bootloader()
        home.lock.bootloader.erase_stalls_link = stalls
        async with console(await home.connect()) as told:
            await told.send_init_packet(NEW_INIT_PACKET)
            started = loop.time()
            assert await told.ask("0102" + u32(OBJECT)) == "600101"
            taken = loop.time() - started
        assert (taken > ERASE_TIME) is stalls
        assert taken < ERASE_TIME + 3 * INTERVAL
    finally:
        home.close()
