"""The virtual lock: what it is to those who look at it, update it or cut its power."""

import asyncio
from collections.abc import AsyncIterator

from bleak.exc import BleakError
from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError
from tests.rig.bootloader import INACTIVITY_TIMEOUT, MAX_DATA_OBJECT, RECEIVE_BUFFERS
from tests.rig.faults import Fault, Traffic
from tests.rig.gatt import AttRefusal
from tests.rig.link import LinkModel
from tests.rig.lock import Bolt, Door, Mode, Step
from tests.rig.lock_services import (
    BATTERY_LEVEL,
    CONTROL_POINT,
    DFU_SERVICE,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    PACKET,
    SERIAL_NUMBER,
    Buttonless,
)
from tests.rig.virtual_time import virtual_time

from .bench import FULL_PACKET
from .dfu import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    NEW_IMAGE,
    NEW_INIT_PACKET,
    OLD_IMAGE,
    Home,
    console,
)

pytestmark = virtual_time


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """A lock with an unbonded bootloader on a perfect link."""
    home = Home()
    yield home
    home.close()


# The application.


async def test_it_tells_who_it_is(home: Home) -> None:
    """Device Information and Battery; the version is the image's own."""
    await home.appears(ADDRESS)
    client = await home.connect()
    told = {
        uuid: bytes(await client.read_gatt_char(uuid))
        for uuid in (
            MANUFACTURER,
            MODEL,
            SERIAL_NUMBER,
            HARDWARE_REVISION,
            FIRMWARE_REVISION,
        )
    }
    assert list(told.values()) == [b"Rig Locks", b"NB-1", b"0001", b"A", b"1.0.0"]
    home.lock.set_battery(42)
    assert await client.read_gatt_char(BATTERY_LEVEL) == b"\x2a"


async def test_it_may_tell_little(home: Home) -> None:
    """As firmware does that is made with Zephyr and nothing else set."""
    home.close()
    home = Home(hardware_revision=None, has_battery=False, firmware_text="Rig FW v{}")
    await home.appears(ADDRESS)
    client = await home.connect()
    assert client.services.get_characteristic(HARDWARE_REVISION) is None
    assert client.services.get_characteristic(BATTERY_LEVEL) is None
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"Rig FW v1.0.0"
    home.close()


async def test_it_advertises_unless_it_is_connected_or_off(home: Home) -> None:
    """Whoever listens is told of every change."""
    seen: list[str | None] = []

    def note() -> None:
        advertising = home.lock.advertising
        seen.append(advertising.address if advertising else None)

    home.lock.on_advertising_changed(note)
    await home.appears(ADDRESS)
    client = await home.connect()
    await client.disconnect()
    home.lock.cut_power()
    assert seen == [ADDRESS, None, ADDRESS, None]


async def test_it_starts_as_slowly_as_it_is_told(home: Home) -> None:
    """An advertisement may come late."""
    home.lock.cut_power()
    home.lock.application_start = 30
    home.lock.restore_power()
    with pytest.raises(TimeoutError):
        await home.appears(ADDRESS, timeout=29)
    await home.appears(ADDRESS, timeout=2)


async def test_bolt_door_and_battery_are_seen_by_listeners(home: Home) -> None:
    """They move in any mode, also without power."""
    seen: list[tuple[Bolt, Door, int, Mode]] = []
    lock = home.lock
    await home.appears(ADDRESS)
    stop = lock.on_change(
        lambda: seen.append((lock.bolt, lock.door, lock.battery, lock.mode))
    )
    lock.move_bolt(Bolt.UNLOCKED)
    lock.move_door(Door.OPEN)
    lock.cut_power()
    lock.move_bolt(Bolt.JAMMED)
    lock.set_battery(3)
    stop()
    lock.move_door(Door.CLOSED)
    assert seen == [
        (Bolt.UNLOCKED, Door.CLOSED, 90, Mode.APPLICATION),
        (Bolt.UNLOCKED, Door.OPEN, 90, Mode.APPLICATION),
        (Bolt.UNLOCKED, Door.OPEN, 90, Mode.OFF),
        (Bolt.JAMMED, Door.OPEN, 90, Mode.OFF),
        (Bolt.JAMMED, Door.OPEN, 3, Mode.OFF),
    ]


async def test_without_firmware_that_boots_it_stays_in_the_bootloader() -> None:
    """Also after it has waited in vain."""
    home = Home(image=b"\xff" * 4096)
    await home.appears(BOOTLOADER_ADDRESS)
    await asyncio.sleep(INACTIVITY_TIMEOUT + 1)
    assert home.in_mode(Mode.BOOTLOADER)
    assert home.lock.version is None
    home.close()


# The way into the bootloader.


@pytest.mark.parametrize(
    ("address", "bootloader_address"),
    [
        ("C3:5A:00:12:34:01", "C3:5A:00:12:34:02"),
        ("C3:5A:00:12:34:0F", "C3:5A:00:12:34:10"),
        ("C3:5A:00:12:34:FF", "C3:5A:00:12:34:00"),
    ],
)
@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.EXPERIMENTAL])
async def test_an_unbonded_bootloader_has_the_next_address(
    buttonless: Buttonless, address: str, bootloader_address: str
) -> None:
    """One more in the last octet, without a carry."""
    home = Home(address=address, buttonless=buttonless)
    await home.enter_bootloader()
    advertising = home.lock.advertising
    assert advertising is not None
    assert advertising.address == bootloader_address
    assert advertising.local_name == "DfuTarg"
    assert advertising.service_uuids == (DFU_SERVICE,)
    assert home.disconnects == 1
    home.close()


async def test_a_bonded_bootloader_keeps_the_address() -> None:
    """It needs a bond first, and then listens to the bonded central."""
    home = Home(buttonless=Buttonless.BONDED)
    await home.enter_bootloader()
    assert home.lock.advertised_address == ADDRESS
    client = await home.connect()
    assert client.services.get_characteristic(CONTROL_POINT)
    home.close()


async def test_a_bonded_lock_wants_a_bond_before_anything_else() -> None:
    """Without one the command is refused, and pairing may be refused too."""
    home = Home(buttonless=Buttonless.BONDED)
    home.lock.refuses_pairing = True
    await home.appears(ADDRESS)
    client = await home.connect()
    with pytest.raises(BleakError, match="Pairing failed"):
        await client.pair()
    with pytest.raises(BleakError, match="error=5 "):
        await home.command(client, b"\x01")
    home.close()


async def test_a_bonded_bootloader_refuses_strangers() -> None:
    """The bond is what lets a central in."""
    home = Home(buttonless=Buttonless.BONDED)
    await home.enter_bootloader()
    home.lock.bonded = False
    with pytest.raises(TransportError, match="connection_failed"):
        await home.connect()
    home.close()


async def test_a_lock_without_bonds_does_not_pair(home: Home) -> None:
    """There is nothing to bond for."""
    await home.appears(ADDRESS)
    client = await home.connect()
    with pytest.raises(BleakError, match="Pairing failed"):
        await client.pair()


async def test_a_lock_may_have_no_way_into_the_bootloader() -> None:
    """Then it shows no DFU service at all."""
    home = Home(buttonless=Buttonless.NONE)
    await home.appears(ADDRESS)
    client = await home.connect()
    assert [service.uuid[4:8] for service in client.services] == ["180a", "180f"]
    home.close()


async def test_commands_need_a_subscription(home: Home) -> None:
    """Who does not want the answer may not ask."""
    await home.appears(ADDRESS)
    client = await home.connect()
    with pytest.raises(BleakError) as refused:
        await client.write_gatt_char(Buttonless.UNBONDED.uuid, b"\x01", response=True)
    assert "error=253 " in str(refused.value)
    assert home.in_mode(Mode.APPLICATION)


@pytest.mark.parametrize(
    ("buttonless", "value"),
    [(Buttonless.UNBONDED, b"\x02\0"), (Buttonless.EXPERIMENTAL, b"\x01\0")],
)
async def test_a_subscription_can_be_read_and_ended(
    buttonless: Buttonless, value: bytes
) -> None:
    """Indications and notifications have a bit each, and only the right one counts."""
    home = Home(buttonless=buttonless)
    await home.appears(ADDRESS)
    client = await home.connect()
    characteristic = client.services.get_characteristic(buttonless.uuid)
    assert characteristic is not None
    cccd = characteristic.descriptors[0].handle
    for written, expected in (
        (b"\0\0", b"\0\0"),
        (bytes((3 - value[0], 0)), b"\0\0"),
        (value, value),
        (b"\0\0", b"\0\0"),
    ):
        await home.link.write(cccd, written)
        assert await home.link.read(cccd) == expected
    with pytest.raises(AttRefusal, match="INVALID_LENGTH"):
        await home.link.write(cccd, b"\x02")
    home.close()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (b"\x02\x04Door", 1),
        (b"\x02\x05Door", 5),
        (b"\x02\x00", 5),
        (b"\x02", 5),
        (b"\x03", 2),
    ],
)
async def test_other_commands_are_answered(
    home: Home, command: bytes, status: int
) -> None:
    """The bootloader's name can be chosen; nothing else is known."""
    await home.appears(ADDRESS)
    client = await home.connect()
    answer = await home.command(client, command)
    assert answer == bytes((0x20, command[0], status))
    assert home.in_mode(Mode.APPLICATION)


async def test_the_bootloader_can_be_named(home: Home) -> None:
    """So that one knows it among others."""
    await home.appears(ADDRESS)
    client = await home.connect()
    await home.command(client, b"\x02\x04Door")
    await home.command(client, b"\x01")
    await home.radio.find(lambda found: found.local_name == "Door", 10)
    await home.appears(ADDRESS, timeout=INACTIVITY_TIMEOUT + 1)
    await home.enter_bootloader()  # under its usual name


async def test_a_command_may_be_refused(home: Home) -> None:
    """Once, with any status."""
    home.lock.buttonless_status = 6
    await home.appears(ADDRESS)
    client = await home.connect()
    assert await home.command(client, b"\x01") == b"\x20\x01\x06"
    assert home.in_mode(Mode.APPLICATION)
    assert await home.command(client, b"\x01") == b"\x20\x01\x01"
    assert home.in_mode(Mode.STARTING)


async def test_it_may_leave_without_an_answer(home: Home) -> None:
    """The restart is the answer then."""
    home.lock.jumps_without_answer = True
    await home.appears(ADDRESS)
    client = await home.connect()
    with pytest.raises(TimeoutError):
        await home.command(client, b"\x01")
    assert home.disconnects == 1
    await home.appears(BOOTLOADER_ADDRESS)


async def test_left_alone_it_goes_back_to_its_application(home: Home) -> None:
    """The bootloader waits for two minutes."""
    await home.enter_bootloader()
    await asyncio.sleep(INACTIVITY_TIMEOUT - 5)
    assert home.in_mode(Mode.BOOTLOADER)
    await asyncio.sleep(10)
    assert home.in_mode(Mode.APPLICATION)


async def test_the_control_point_needs_a_subscription(home: Home) -> None:
    """As in the application, and anew for each connection."""
    await home.enter_bootloader()
    client = await home.connect()
    async with console(client) as told:
        assert await told.ask("0601")
    await client.disconnect()
    client = await home.connect()
    with pytest.raises(BleakError) as refused:
        await client.write_gatt_char(CONTROL_POINT, b"\x06\x01", response=True)
    assert "error=253 " in str(refused.value)


# Updates.


@pytest.mark.parametrize("buttonless", [Buttonless.UNBONDED, Buttonless.BONDED])
@pytest.mark.parametrize(
    "model",
    [
        LinkModel(),
        LinkModel(connection_interval=0.015, packets_per_interval=4),
        LinkModel(connection_interval=0.03, packets_per_interval=1, mtu=23),
    ],
)
async def test_an_update_brings_the_new_version(
    model: LinkModel, buttonless: Buttonless
) -> None:
    """From one application to the next, and the bolt does not move."""
    home = Home(model=model, buttonless=buttonless)
    home.lock.move_bolt(Bolt.UNLOCKED)
    await home.enter_bootloader()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    client = await home.connect()
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"1.1.0"
    assert home.lock.flash.application == NEW_IMAGE
    assert home.lock.flash.application_version == 2
    assert home.lock.bolt is Bolt.UNLOCKED
    home.close()


async def test_a_lost_connection_is_no_restart(home: Home) -> None:
    """The bootloader goes on where it was."""
    await home.enter_bootloader()
    home.link.order(Traffic.WRITE, Fault.CUT_BEFORE, match=b"\x04", nth=3)
    with pytest.raises(BleakError):
        await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    client = await home.connect()
    async with console(client) as told:
        assert (await told.ask("0602")).startswith("600601" + "00100000" + "00200000")
        assert await told.ask("04") == "600401"
        await told.send_object(NEW_IMAGE[8192:])
    await home.appears(ADDRESS)
    assert home.lock.version == "1.1.0"


async def test_a_lost_connection_leaves_no_buffer_occupied(home: Home) -> None:
    """What was in them is worked off meanwhile."""
    await home.enter_bootloader()
    for _ in range(2):
        client = await home.connect()
        for _ in range(RECEIVE_BUFFERS):
            await client.write_gatt_char(PACKET, b"\0\0\0\0", response=False)
        await asyncio.sleep(1)
        await client.disconnect()
    assert home.lock.bootloader.counters.packets == 2 * RECEIVE_BUFFERS
    assert home.lock.bootloader.counters.dropped_packets == 0


async def test_after_an_update_nothing_of_it_is_left(home: Home) -> None:
    """The next one begins anew."""
    await home.enter_bootloader()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.enter_bootloader()
    client = await home.connect()
    async with console(client) as told:
        assert await told.ask("0601") == "600601" + "00020000" + "00000000" * 2
        assert await told.ask("0602") == "600601" + "00100000" + "00000000" * 2


async def test_it_may_claim_another_version_than_its_image(home: Home) -> None:
    """Firmware is not always what it says."""
    home.lock.comes_back_as = "0.9.9"
    await home.enter_bootloader()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    assert home.lock.version == "0.9.9"
    assert home.lock.flash.application == NEW_IMAGE


async def test_it_may_accept_an_image_and_keep_the_old_one(home: Home) -> None:
    """Everything was answered with success, and nothing has changed."""
    home.lock.keeps_old_application = True
    await home.enter_bootloader()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    assert home.lock.version == "1.0.0"


# Power.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(NEW_IMAGE) - 1))
@example(FULL_PACKET - 1)
@example(FULL_PACKET)
async def test_a_loss_of_power_while_receiving_leaves_the_old_application(
    byte: int,
) -> None:
    """At any byte; the init packet is kept, and the next attempt succeeds."""
    home = Home()
    await home.enter_bootloader()
    home.lock.cut_power_at(byte, restore_after=60)
    with pytest.raises((BleakError, TimeoutError)):
        await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    assert home.in_mode(Mode.OFF)
    created = byte // MAX_DATA_OBJECT * MAX_DATA_OBJECT
    written = created + (byte - created) // FULL_PACKET * FULL_PACKET
    staged = home.lock.flash.staged
    assert staged[:written] == NEW_IMAGE[:written]
    assert set(staged[written:]) == {0xFF}
    await home.appears(ADDRESS, timeout=62)
    assert home.lock.version == "1.0.0"
    await home.enter_bootloader()
    client = await home.connect()
    async with console(client) as told:
        expected = len(NEW_INIT_PACKET).to_bytes(4, "little").hex()
        assert (await told.ask("0601")).startswith("600601" + "00020000" + expected)
        assert await told.ask("0602") == "600601" + "00100000" + "00000000" * 2
    await client.disconnect()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    assert home.lock.version == "1.1.0"
    home.close()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(NEW_IMAGE)))
async def test_a_loss_of_power_while_activating_is_made_good(byte: int) -> None:
    """The settings page knows that there is an image to copy."""
    home = Home()
    await home.enter_bootloader()
    home.lock.cut_power_in_activation(byte, restore_after=60)
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await asyncio.sleep(30)
    assert home.in_mode(Mode.OFF)
    assert home.lock.flash.application[:byte] == NEW_IMAGE[:byte]
    assert home.lock.flash.application[byte:] == OLD_IMAGE[byte:]
    await home.appears(ADDRESS, timeout=40)
    assert home.lock.version == "1.1.0"
    home.close()


@pytest.mark.parametrize(
    ("step", "version"),
    [
        (Step.JUMP, "1.0.0"),
        (Step.INIT_PACKET, "1.0.0"),
        (Step.LAST_EXECUTE, "1.0.0"),
        (Step.ANSWERED, "1.0.0"),
        (Step.NOTED, "1.1.0"),
        (Step.ACTIVATED, "1.1.0"),
    ],
)
async def test_a_loss_of_power_can_be_ordered_for_a_step(
    home: Home, step: Step, version: str
) -> None:
    """The lock is away until somebody gives it power again."""

    async def update() -> None:
        await home.enter_bootloader()
        await home.update(NEW_IMAGE, NEW_INIT_PACKET)
        await home.appears(ADDRESS)

    home.lock.cut_power_at(step)
    with pytest.raises((BleakError, TimeoutError)):
        await update()
    await asyncio.sleep(3600)
    assert home.in_mode(Mode.OFF)
    home.lock.restore_power()
    await home.appears(ADDRESS)
    assert home.lock.version == version


async def test_power_can_be_cut_and_given_at_any_time(home: Home) -> None:
    """A central misses the lock after the supervision timeout."""
    await home.appears(ADDRESS)
    client = await home.connect()
    home.lock.cut_power(restore_after=1)
    home.lock.restore_power()
    home.lock.restore_power()
    assert client.is_connected
    await home.appears(ADDRESS)
    await asyncio.sleep(6)
    assert not client.is_connected
    assert home.in_mode(Mode.APPLICATION)
