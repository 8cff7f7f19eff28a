"""Nordic DFU brings exactly the verified bytes across, with as little as it takes."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from math import ceil, inf

import pytest

from custom_components.nightlatch.core.errors import (
    FirmwareError,
    FirmwareProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.transports import sending
from custom_components.nightlatch.core.transports.device_information import (
    read_identity,
)
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.lock import Mode
from tests.rig.lock_services import Buttonless
from tests.rig.virtual_time import virtual_time

from ..doorway import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    NAME,
    OBJECT,
    SIZE,
    artifact,
    doorway,
    until,
)

pytestmark = virtual_time

SELECT_COMMAND, SELECT_DATA = b"\x06\x01", b"\x06\x02"
CREATE, EXECUTE, CHECKSUM = 0x01, 0x04, 0x03


# Where the lock is.


@pytest.mark.parametrize(
    ("address", "bootloader"),
    [
        ("C0:11:22:33:44:55", "C0:11:22:33:44:56"),
        ("C0:11:22:33:44:0F", "C0:11:22:33:44:10"),
        ("C0:11:22:33:44:FF", "C0:11:22:33:44:00"),
    ],
)
async def test_an_unbonded_bootloader_is_at_the_next_address(
    address: str, bootloader: str
) -> None:
    """The last octet wraps without a carry."""
    async with doorway(address=address) as door:
        await door.transfer()
        await asyncio.sleep(5)
        assert door.radio.connected == [address, bootloader]
        assert not door.lock.bonded
        door.assert_updated()
        door.assert_nothing_left()


async def test_a_bonded_bootloader_is_at_the_same_address() -> None:
    """It lets in only who has paired with the application."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        await door.transfer()
        await asyncio.sleep(5)
        assert door.radio.connected == [ADDRESS, ADDRESS]
        assert door.lock.bonded
        door.assert_updated()
        door.assert_nothing_left()


async def test_an_address_may_be_written_small() -> None:
    """Addresses are compared as the radio writes them."""
    async with doorway() as door:
        transport = NordicDfuTransport(door.radio, ADDRESS.lower(), NAME)
        await transport.transfer(artifact(), door.progress.append)
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_a_lock_that_waits_in_its_bootloader_is_updated(
    buttonless: Buttonless,
) -> None:
    """Whoever has sent it there, and however long ago."""
    async with doorway(buttonless=buttonless) as door:
        # So that a cache knows the application's services.
        await read_identity(door.radio, ADDRESS, NAME)
        door.lock.bonded = buttonless is Buttonless.BONDED
        door.lock._jump()
        await asyncio.sleep(30)
        assert door.lock.mode is Mode.BOOTLOADER
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


async def test_a_lock_whose_application_is_destroyed_is_rescued() -> None:
    """It cannot leave its bootloader but with new firmware."""
    async with doorway() as door:
        door.lock.cut_power()
        door.lock.flash.application[100] ^= 1
        door.lock.restore_power()
        await door.rest()
        assert door.lock.mode is Mode.BOOTLOADER
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()


# What goes over the air.


@pytest.mark.parametrize("objects", [1, 2, 24])
async def test_two_control_writes_an_object(objects: int) -> None:
    """Receipts take the place of checksum requests."""
    async with doorway() as door:
        await door.transfer(artifact(size=objects * OBJECT))
        kinds = [request[0] for request in door.requests]
        assert door.requests[0] == SELECT_COMMAND
        assert door.requests[3] == SELECT_DATA
        assert kinds[:5] == [0x06, CREATE, EXECUTE, 0x06, 0x02]
        assert kinds[5:] == [CREATE, EXECUTE] * objects
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize("tail", [64, 1000, 3000, 3400, 4092])
async def test_a_tail_costs_at_most_one_control_write_more(tail: int) -> None:
    """Where no receipt comes with its last packet the bootloader is asked."""
    async with doorway() as door:
        await door.transfer(artifact(size=OBJECT + tail))
        assert door.count(CHECKSUM) == 0
        assert door.count(CREATE) == door.count(EXECUTE) == 3
        assert len(door.requests) <= 5 + 2 * 2 + 1
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize(
    "model",
    [
        LinkModel(),
        LinkModel(connection_interval=0.03, mtu=185),
        LinkModel(connection_interval=0.015, loss=0.05),
    ],
    ids=["clean", "slow", "lossy"],
)
async def test_the_report_says_what_went_over_the_air(model: LinkModel) -> None:
    """The records must not flatter."""
    async with doorway(model=model, seed=3) as door:
        started = asyncio.get_running_loop().time()
        report = await door.transfer()
        assert report.seconds == asyncio.get_running_loop().time() - started
        assert report.packets == door.link.counters.packets
        assert report.bytes_sent == door.link.counters.packet_bytes
        assert report.control_writes == len(door.requests)
        assert report.reconnects == door.link.counters.connects - 2 == 0
        needed = SIZE + len(artifact().init_packet)
        assert report.bytes_sent_again == report.bytes_sent - needed
        assert (report.bytes_sent_again > 0) is bool(model.loss)


@pytest.mark.parametrize("loss", [0.0, 0.05])
async def test_progress_never_falls_and_ends_at_a_hundred(loss: float) -> None:
    """Also where something has to be sent again."""
    model = LinkModel(connection_interval=0.015, loss=loss)
    async with doorway(model=model) as door:
        await door.transfer(artifact(size=10 * OBJECT))
        assert len(door.progress) >= 10
        assert all(earlier <= later for earlier, later in pairwise(door.progress))
        assert 0 < door.progress[0] < 100
        assert door.progress[-1] == 100


async def test_the_shortest_interval_is_asked_for() -> None:
    """Most of a transfer is waiting for connection events."""
    model = LinkModel(connection_interval=0.03)
    async with doorway(model=model) as door:
        shortened = await door.transfer()
        assert door.link.interval == 0.0075
    model = LinkModel(connection_interval=0.03, honours_fast_interval=False)
    async with doorway(model=model) as door:
        assert (await door.transfer()).seconds > shortened.seconds
        assert door.link.interval == 0.03


@pytest.mark.parametrize(
    ("mtu", "largest"), [(23, 20), (24, 20), (185, 180), (247, 244), (517, 244)]
)
async def test_packets_are_as_large_as_the_link_and_the_bootloader_allow(
    mtu: int, largest: int
) -> None:
    """In whole words, and never more than its buffers hold."""
    async with doorway(model=LinkModel(connection_interval=0.0075, mtu=mtu)) as door:
        await door.transfer()
        firmware = door.packets[ceil(len(artifact().init_packet) / largest) :]
        assert all(len(packet) % 4 == 0 for packet in firmware)
        assert b"".join(firmware) == artifact().firmware
        assert max(len(packet) for packet in firmware) <= largest
        fewest = 2 * ceil(OBJECT / largest) + ceil((SIZE % OBJECT) / largest)
        assert len(firmware) <= fewest + 3 * 4
        await asyncio.sleep(5)
        door.assert_updated()


@pytest.mark.parametrize(("traffic", "nth"), [(Traffic.PACKET, 25), (Traffic.WRITE, 3)])
@pytest.mark.parametrize("mtus", [(247, 23), (23, 247), (185, 517), (517, 23)])
async def test_the_mtu_may_be_another_after_a_reconnect(
    mtus: tuple[int, int], traffic: Traffic, nth: int
) -> None:
    """Another proxy may have taken over, at any moment."""
    async with doorway(model=LinkModel(mtu_after_reconnect=mtus)) as door:
        door.link.order(traffic, Fault.CUT_AFTER, nth=nth)
        report = await door.transfer()
        assert report.reconnects == 1
        await asyncio.sleep(5)
        door.assert_updated()


async def test_at_one_address_no_cache_is_believed() -> None:
    """Neither is the application's table the bootloader's, nor the other way round."""
    model = LinkModel(mtu=185, mtu_after_reconnect=(185, 23, 185))
    async with doorway(buttonless=Buttonless.BONDED, model=model) as door:
        await read_identity(door.radio, ADDRESS, NAME)
        await door.transfer()
        assert max(len(packet) for packet in door.packets) == 20
        await asyncio.sleep(5)
        identity = await read_identity(door.radio, ADDRESS, NAME)
        assert identity.firmware_version == "1.1.0"
        door.assert_updated()


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
async def test_services_are_forgotten_while_they_can_be(
    buttonless: Buttonless,
) -> None:
    """A proxy discovers them anew only if it was told so over the connection before."""
    async with doorway(buttonless=buttonless) as door:
        await door.transfer()
        assert door.radio.forgotten == ["application", "bootloader"]


@pytest.mark.parametrize(("remembered", "fits"), [(517, 23), (247, 185), (185, 23)])
async def test_a_remembered_mtu_that_is_too_large_ends_nothing(
    remembered: int, fits: int
) -> None:
    """Nothing arrives over the first connection; the next one is asked anew."""
    async with doorway(model=LinkModel(mtu=fits)) as door:
        radio = door.radio
        door.lock.bootloader.start(door.lock)
        door.lock._set_mode(Mode.BOOTLOADER)
        client = await radio.connect(
            BOOTLOADER_ADDRESS, name=NAME, disconnected=lambda: None
        )
        radio._cache[BOOTLOADER_ADDRESS] = (
            radio._cache[BOOTLOADER_ADDRESS][0],
            remembered,
        )
        await client.disconnect()
        report = await door.transfer()
        assert report.reconnects == 1
        assert max(len(packet) for packet in door.packets) <= fits - 3
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()


async def test_a_link_over_which_nothing_ever_arrives_is_given_up() -> None:
    """After one more try, in which nothing was remembered."""
    async with doorway(model=LinkModel(loss=1.0)) as door:
        error = await door.fails()
        assert error.reason is TransportProblem.LOSSY_LINK
        assert door.radio.connected.count(BOOTLOADER_ADDRESS) == 2


async def test_a_link_that_falls_silent_after_a_deaf_one_is_given_up() -> None:
    """What was remembered has been forgotten by then, so it is the link."""
    model = LinkModel(loss=1.0, connection_interval=0.015, honours_fast_interval=False)
    async with doorway(model=model) as door:

        async def hear_once() -> None:
            await until(lambda: door.radio.connected.count(BOOTLOADER_ADDRESS) == 2)
            model.loss = 0.0
            await until(lambda: bool(door.progress) and door.progress[-1] > 30)
            model.loss = 1.0

        hears = asyncio.create_task(hear_once())
        error = await door.fails(artifact(size=10 * OBJECT))
        await hears
        assert error.reason is TransportProblem.LOSSY_LINK
        assert door.radio.connected.count(BOOTLOADER_ADDRESS) == 2
        await door.rest()
        door.assert_as_before()


# What is never sent.


async def test_what_changed_after_verifying_is_refused_at_the_door() -> None:
    """The bytes that are sent are the bytes that were verified."""
    verified = artifact()
    flipped = bytes((verified.firmware[0] ^ 1,)) + verified.firmware[1:]
    async with doorway() as door:
        for changed in (
            replace(verified, firmware=flipped),
            replace(verified, init_packet=verified.init_packet[:-1]),
            replace(verified, digest="0" * 64),
        ):
            with pytest.raises(FirmwareError) as refused:
                await door.transport.transfer(changed, door.progress.append)
            assert refused.value.reason is FirmwareProblem.CHANGED_AFTER_VERIFYING
        assert door.link.counters.connects == 0
        assert door.progress == []
        door.assert_as_before()
        await door.assert_second_transfer_succeeds()


async def test_what_takes_for_ever_is_given_up() -> None:
    """A lock that is half updated for an hour helps nobody."""
    model = LinkModel(
        connection_interval=0.5,
        mtu=23,
        packets_per_interval=1,
        honours_fast_interval=False,
    )
    async with doorway(model=model) as door:
        wanted = artifact(size=24 * OBJECT)
        error = await door.fails(wanted)
        assert error.reason is TransportProblem.TOO_SLOW
        assert error.details == {"minutes": "21"}
        await asyncio.sleep(5)
        door.assert_as_before()
        door.assert_nothing_left()
        model.packets_per_interval = 4
        model.mtu = 247
        await door.assert_second_transfer_succeeds()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
async def test_time_is_not_up_while_the_lock_takes_the_firmware(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """It was told to start it, so it is not too late any more."""
    loop = asyncio.get_running_loop()
    told = 0.0

    async def about_to_activate() -> None:
        nonlocal told
        told = loop.time() - began

    async with doorway() as door:
        began = loop.time()
        await door.transport.transfer(
            artifact(), door.progress.append, about_to_activate
        )
        ended = loop.time() - began
    monkeypatch.setattr(sending, "SLOWEST_RATE", inf)
    monkeypatch.setattr(sending, "SETTLING_TIME", told + share * (ended - told))
    async with doorway() as door:
        await door.transfer()
        await asyncio.sleep(5)
        door.assert_updated()
        door.assert_nothing_left()
    monkeypatch.setattr(sending, "SETTLING_TIME", 0.9 * told)
    async with doorway() as door:
        assert (await door.fails()).reason is TransportProblem.TOO_SLOW
        await asyncio.sleep(5)
        door.assert_as_before()
        door.assert_nothing_left()


async def test_an_error_leaves_the_transport_as_good_as_new() -> None:
    """The same one may be used again."""
    async with doorway() as door:
        door.link.model.loss = 1.0
        with pytest.raises(TransportError) as failed:
            await door.transport.transfer(artifact(), door.progress.append)
        assert failed.value.reason is TransportProblem.LOSSY_LINK
        door.link.model.loss = 0.0
        await door.transport.transfer(artifact(), door.progress.append)
        await asyncio.sleep(5)
        door.assert_updated()
