"""The flash of a lock with a Secure DFU bootloader, cut at every write of an update."""

import asyncio
from collections.abc import Callable

from bleak.exc import BleakError
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError
from tests.rig.bootloader import INACTIVITY_TIMEOUT
from tests.rig.dfu_package import make_init_packet
from tests.rig.flash import PowerLost
from tests.rig.image import Behaviour, make_image
from tests.rig.lock_body import WATCHDOG, Bolt, Mode
from tests.rig.lock_services import Buttonless
from tests.rig.nordic_flash import PAGE, Flash
from tests.rig.virtual_time import run_virtual, virtual_time

from .dfu import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    KEY,
    NEW_IMAGE,
    NEW_INIT_PACKET,
    OLD_IMAGE,
    Home,
    console,
)


async def _update(home: Home) -> None:
    """Send the new firmware, from wherever the lock is, and wait for what comes."""
    if home.in_mode(Mode.APPLICATION):
        await home.enter_bootloader()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)


async def _settle(home: Home) -> None:
    """Wait until the lock is where it stays for now."""
    await home.radio.find(
        lambda found: found.address in {ADDRESS, BOOTLOADER_ADDRESS}, 600
    )


async def _story(operation: int, *, torn: bool, single_bank: bool) -> tuple[int, str]:
    """Cut an update at a write, and do it again; return writes, and where it stood."""
    home = Home(single_bank=single_bank)
    await home.appears(ADDRESS)
    before = home.lock.flash.operations.count
    if operation:
        home.lock.flash.cut_at(operation, torn=torn, restore_after=5)
    try:
        await _update(home)
    except BleakError, TimeoutError, TransportError:
        assert operation
    await asyncio.sleep(8)
    await _settle(home)
    writes = home.lock.flash.operations.count - before
    stood = str(home.lock.version or home.lock.mode)
    if home.lock.version != "1.1.0":
        await _update(home)
        await asyncio.sleep(8)
    await home.appears(ADDRESS)
    assert home.lock.version == "1.1.0"
    assert home.lock.flash.application == NEW_IMAGE
    assert home.lock.flash.application_version == 2
    home.close()
    return writes, stood


@pytest.mark.parametrize("torn", [False, True], ids=["between", "torn"])
@pytest.mark.parametrize("single_bank", [False, True], ids=["dual", "single"])
def test_an_update_that_is_cut_at_every_write_can_be_done_again(
    single_bank: bool, torn: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two banks an application always runs; with one the bootloader waits."""
    cuts, _ = run_virtual(_story(0, torn=torn, single_bank=single_bank))
    # Erases and packets of three objects, settings and their backups.
    assert cuts >= 50
    stood: dict[str, int] = {}
    for operation in range(1, cuts + 1):
        _, where = run_virtual(_story(operation, torn=torn, single_bank=single_bank))
        stood[where] = stood.get(where, 0) + 1
    with capsys.disabled():
        kind = "single bank" if single_bank else "dual bank"
        print(f"\n{cuts} cuts, {kind}, {'torn' if torn else 'between'}: {stood}")  # noqa: T201
    if single_bank:
        assert stood[Mode.BOOTLOADER] > 40
        assert stood["1.0.0"] <= 3
    else:
        assert set(stood) == {"1.0.0", "1.1.0"}


# Settings.


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.integers(1, 6), st.booleans()), max_size=9
    )
)
def test_settings_are_old_or_new_whenever_the_power_goes(
    saves: list[tuple[int, int, bool]],
) -> None:
    """Never lost, and never anything else."""
    flash = Flash(bytearray(OLD_IMAGE), 1)
    for version, cut, torn in saves:
        before = flash.settings
        flash.cut_at(cut, torn=torn)
        try:
            flash.save(application_version=version)
        except PowerLost:
            assert flash.settings in {
                before,
                type(before)(application_version=version),
            }
        else:
            assert flash.application_version == version


def _changes(do: Callable[[Flash], object]) -> int:
    flash = Flash(bytearray(OLD_IMAGE), 1)
    flash.staged[:] = NEW_IMAGE
    flash.save(activate=len(NEW_IMAGE), activate_version=2)
    before = flash.operations.count
    do(flash)
    return flash.operations.count - before


def test_everything_that_is_written_is_counted() -> None:
    """Page by page."""
    pages = -(-len(NEW_IMAGE) // PAGE)
    assert _changes(lambda flash: flash.save(init_packet=b"x")) == 4
    assert _changes(Flash.copy_staged) == 2 * pages
    assert _changes(Flash.forget_staged) == 4


@virtual_time
async def test_copying_may_be_torn_and_is_done_again() -> None:
    """What was received stays until the copy is whole."""
    home = Home()
    await home.enter_bootloader()
    activating = asyncio.Event()
    home.lock.on_change(
        lambda: activating.set() if home.in_mode(Mode.ACTIVATING) else None
    )
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    # What it was is noted behind the answer.
    await asyncio.wait_for(activating.wait(), 10)
    home.lock.flash.cut_at(2, torn=True, restore_after=30)
    await asyncio.sleep(10)
    assert home.in_mode(Mode.OFF)
    half = PAGE // 2
    assert home.lock.flash.application[:half] == NEW_IMAGE[:half]
    assert set(home.lock.flash.application[half:PAGE]) == {0xFF}
    assert home.lock.version is None
    await home.appears(ADDRESS, timeout=40)
    assert home.lock.version == "1.1.0"
    home.close()


# One bank.


@virtual_time
async def test_with_one_bank_there_is_no_application_while_one_comes() -> None:
    """Only another transfer gets the lock out of its bootloader."""
    home = Home(single_bank=True)
    await home.enter_bootloader()
    client = await home.connect()
    async with console(client) as told:
        await told.send_init_packet(NEW_INIT_PACKET)
        await told.send_object(NEW_IMAGE[:PAGE])
    home.lock.cut_power(restore_after=5)
    await home.appears(BOOTLOADER_ADDRESS, timeout=20)
    await asyncio.sleep(INACTIVITY_TIMEOUT * 3)
    assert home.in_mode(Mode.BOOTLOADER)
    assert home.lock.version is None
    client = await home.connect()
    async with console(client) as told:
        # The init packet is kept, what came of the image is not.
        length = len(NEW_INIT_PACKET).to_bytes(4, "little").hex()
        assert (await told.ask("0601")).startswith("600601" + "00020000" + length)
        assert await told.ask("0602") == "600601" + "00100000" + "00000000" * 2
    await client.disconnect()
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    assert home.lock.version == "1.1.0"
    assert not home.lock.flash.init_packet
    home.close()


@virtual_time
async def test_with_one_bank_a_wrong_image_leaves_none() -> None:
    """It is noticed when it is too late."""
    home = Home(single_bank=True)
    await home.enter_bootloader()
    wrong = bytearray(NEW_IMAGE)
    wrong[5000] ^= 1
    client = await home.connect()
    async with console(client) as told:
        await told.send_init_packet(NEW_INIT_PACKET)
        for start in range(0, len(wrong), PAGE):
            await told.ask(
                "0102" + min(PAGE, len(wrong) - start).to_bytes(4, "little").hex()
            )
            await told.send(bytes(wrong[start : start + PAGE]))
            answer = await told.ask("04")
    assert answer == "60040b0c"
    assert home.lock.version is None
    home.lock.cut_power(restore_after=1)
    await home.appears(BOOTLOADER_ADDRESS)
    await home.update(NEW_IMAGE, NEW_INIT_PACKET)
    await home.appears(ADDRESS)
    home.close()


# Firmware that is no good.


def _bad(behaviour: Behaviour) -> tuple[bytes, bytes]:
    image = make_image("1.1.0", len(NEW_IMAGE), 2, behaviour=behaviour)
    return image, make_init_packet(image, key=KEY, fw_version=2)


@virtual_time
async def test_firmware_that_is_no_good_stays() -> None:
    """This bootloader takes nothing back."""
    home = Home()
    await home.enter_bootloader()
    await home.update(*_bad(Behaviour.JAMS_BOLT))
    await home.appears(ADDRESS)
    assert home.lock.bolt is Bolt.JAMMED
    home.lock.cut_power(restore_after=1)
    await home.appears(ADDRESS)
    assert (home.lock.version, home.lock.bolt) == ("1.1.0", Bolt.JAMMED)
    home.close()


@virtual_time
async def test_firmware_that_never_starts_is_the_end() -> None:
    """Without a button for the bootloader there is no way in."""
    home = Home()
    await home.enter_bootloader()
    await home.update(*_bad(Behaviour.NEVER_STARTS))
    with pytest.raises(TimeoutError):
        await home.appears(ADDRESS, timeout=10 * WATCHDOG)
    home.close()


@virtual_time
async def test_firmware_without_a_way_into_the_bootloader() -> None:
    """It shows no service for it."""
    home = Home()
    await home.enter_bootloader()
    await home.update(*_bad(Behaviour.CANNOT_BE_UPDATED))
    await home.appears(ADDRESS)
    client = await home.connect()
    assert client.services.get_characteristic(Buttonless.UNBONDED.uuid) is None
    home.close()
