"""Bonds, as locks ask for them: over proxies and adapters, with and without a passkey."""

from collections.abc import Callable

from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.bonding import wants_bond
from custom_components.nightlatch.core.transports.device_information import (
    read_identity,
)
from custom_components.nightlatch.core.transports.smp import SmpTransport
from tests.rig.lock_services import Buttonless
from tests.rig.radio import RigRadio, Stack
from tests.rig.virtual_time import virtual_time

from ..doorway import ADDRESS, NAME, OLD, doorway
from ..trial_doorway import ADDRESS as MCUBOOT_ADDRESS, NEW, radio_link, trial_doorway

pytestmark = virtual_time

STACKS = pytest.mark.parametrize("stack", list(Stack), ids=lambda stack: stack.value)
REFUSALS = pytest.mark.parametrize(
    ("refuse", "reason"),
    [
        ("refuses_pairing", TransportProblem.PAIRING_REFUSED),
        ("needs_passkey", TransportProblem.NEEDS_PASSKEY),
    ],
)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (BleakError("GATT Error address=C0:05 handle=15 error=5 description=x"), True),
        (BleakError("GATT Error address=C0:05 handle=5 error=15 description=x"), True),
        (BleakError("GATT Error address=C0:05 handle=5 error=12 description=x"), True),
        (
            BleakError("GATT Error address=C0:05 handle=5 error=133 description=x"),
            False,
        ),
        (BleakError("GATT Error address=C0:05 handle=5 error=3 description=x"), False),
        (BleakError("GATT Error address=C0:05 handle=5 error=-1 description=x"), False),
        (BleakError("Not connected"), False),
        (BleakError(), False),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]), True),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Notify acquired"]), False),
        (BleakDBusError("org.bluez.Error.Failed", ["Not paired"]), False),
        (BleakDBusError("org.bluez.Error.NotPermitted", []), False),
        (BleakGATTProtocolError(5), True),
        (BleakGATTProtocolError(8), True),
        (BleakGATTProtocolError(15), True),
        (BleakGATTProtocolError(3), False),
    ],
    ids=repr,
)
async def test_a_wanted_bond_is_read_out_of_every_stacks_errors(
    error: BleakError, wanted: bool
) -> None:
    """By the code, wherever it stands; a handle or an address is none."""
    assert wants_bond(error) is wanted


@STACKS
async def test_a_lock_that_tells_nothing_to_strangers_is_paired_with(
    stack: Stack,
) -> None:
    """And then it tells what it is."""
    async with doorway() as door:
        door.radio.stack = stack
        door.lock.reads_need_bond = True
        identity = await read_identity(door.radio, ADDRESS, NAME)
        assert identity.firmware_version == OLD
        assert door.lock.bonds == {door.radio.name}
        door.assert_nothing_left()


@STACKS
async def test_a_server_for_images_that_wants_a_bond_gets_one(stack: Stack) -> None:
    """At the first subscription, and once for all connections."""
    async with trial_doorway(model=radio_link()) as door:
        door.radio.stack = stack
        door.lock.needs_bond = True
        await door.transfer()
        await door.assert_on_trial()
        assert door.lock.bonds == {door.radio.name}


@STACKS
async def test_a_bonded_bootloader_is_reached_over_every_stack(stack: Stack) -> None:
    """The application asks for the bond, and its bootloader knows it."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        door.radio.stack = stack
        await door.assert_second_transfer_succeeds()
        assert door.lock.bonds == {door.radio.name}


@STACKS
@REFUSALS
async def test_a_refused_bond_is_told_with_whom_it_was_refused(
    stack: Stack, refuse: str, reason: TransportProblem
) -> None:
    """Nothing is sent, and nothing is tried again: it would be refused again."""
    async with trial_doorway(model=radio_link()) as door:
        door.radio.stack = stack
        door.lock.needs_bond = True
        setattr(door.lock, refuse, True)
        error = await door.fails()
        assert error.reason is reason
        assert error.details == {"way": door.radio.name}
        assert door.link.counters.connects == 1
        assert door.sizes == []


@REFUSALS
async def test_a_lock_that_cannot_be_read_without_a_bond_says_so(
    refuse: str, reason: TransportProblem
) -> None:
    """In place of a link that was lost."""
    async with doorway() as door:
        door.lock.reads_need_bond = True
        setattr(door.lock, refuse, True)
        with pytest.raises(TransportError) as failed:
            await read_identity(door.radio, ADDRESS, NAME)
        assert failed.value.reason is reason


@REFUSALS
async def test_a_bootloader_for_bonded_centrals_only_is_not_entered_without(
    refuse: str, reason: TransportProblem
) -> None:
    """The lock stays in its application."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        setattr(door.lock, refuse, True)
        assert (await door.fails()).reason is reason
        door.assert_as_before()
        door.assert_nothing_left()


async def test_where_nobody_knows_who_asked_nobody_is_named() -> None:
    """It still is a refused bond, and no lost link."""
    async with trial_doorway(model=radio_link()) as door:
        door.radio.tells_way = False
        door.lock.needs_bond = door.lock.refuses_pairing = True
        error = await door.fails()
        assert (error.reason, error.details) == (TransportProblem.NOT_BONDED, {})


@pytest.mark.parametrize("code", [78, 79, 80])
async def test_a_pairing_that_fails_for_want_of_a_passkey_is_told_so(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ESP-IDF has codes for it."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True

        async def pair(_: object) -> None:
            raise BleakError(f"Pairing failed due to error: {code}")

        monkeypatch.setattr("tests.rig.radio.RigClient.pair", pair)
        assert (await door.fails()).reason is TransportProblem.NEEDS_PASSKEY


@pytest.mark.parametrize("error", [BleakError, NotImplementedError])
async def test_a_proxy_too_old_to_pair_is_named(
    error: Callable[[str], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ESPHome pairs since 2024.3."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True

        async def pair(_: object) -> None:
            raise error("Pairing is not available")

        monkeypatch.setattr("tests.rig.radio.RigClient.pair", pair)
        assert (await door.fails()).reason is TransportProblem.PAIRING_REFUSED


async def test_a_bond_belongs_to_one_proxy() -> None:
    """Over the other one the lock asks for another."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True
        await door.transfer()
        await door.restarted()
        other = RigRadio(name="attic-proxy")
        other.add(door.lock)
        door.lock.refuses_pairing = True
        with pytest.raises(TransportError) as failed:
            await SmpTransport(other, MCUBOOT_ADDRESS, NAME).running()
        assert failed.value.details == {"way": "attic-proxy"}
        # Where it is known which one the lock is paired with, that one is named.
        other.bonds = door.radio.bonds
        with pytest.raises(TransportError) as failed:
            await SmpTransport(other, MCUBOOT_ADDRESS, NAME).running()
        assert failed.value.reason is TransportProblem.PAIRED_ELSEWHERE
        assert failed.value.details == {
            "way": "attic-proxy",
            "paired": door.radio.name,
        }
        # The one that has the bond needs nobody's leave.
        assert (await door.transport.running()).version == NEW
