"""Trying an image, keeping it, and going back: what a lock with MCUboot is told."""

import asyncio
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from custom_components.nightlatch.core.errors import (
    FirmwareError,
    FirmwareProblem,
    TransportError,
    TransportProblem,
)
from custom_components.nightlatch.core.firmware.mcuboot import read_image
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.transports.smp import SmpTransport
from tests.rig.faults import Fault, Traffic
from tests.rig.gatt import AttError, AttRefusal
from tests.rig.image import Behaviour
from tests.rig.lock_body import Mode
from tests.rig.mcuboot_image import make_mcuboot_image
from tests.rig.mcuboot_trailer import set_pending
from tests.rig.smp_messages import (
    Group,
    ImageCommand,
    OsCommand,
    Rc,
    SmpRefusal,
    SmpRequest,
)
from tests.rig.smp_server import SmpFault
from tests.rig.virtual_time import virtual_time

from ..doorway import until
from ..trial_doorway import (
    NAME,
    NEW,
    OLD,
    OTHER,
    TrialDoorway,
    artifact,
    artifact_of,
    image,
    radio_link,
    told,
    trial_doorway,
)

pytestmark = virtual_time

STATE = (Group.IMAGE, ImageCommand.STATE)
RESET = (Group.OS, OsCommand.RESET)


async def on_trial(door: TrialDoorway) -> SmpTransport:
    """Bring the lock to where it tries the new firmware."""
    await door.transfer()
    await door.assert_on_trial()
    return door.transport


async def problem(what: Any) -> TransportError:
    """Return what something fails with; it must."""
    with pytest.raises(TransportError) as failed:
        await what
    return failed.value


# Keeping.


async def test_what_is_confirmed_stays() -> None:
    """Over restarts."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        await transport.confirm(artifact())
        running = await transport.running()
        assert (running.version, running.confirmed) == (NEW, True)
        for _ in range(2):
            door.lock.reset()
            await door.restarted()
            assert door.runs == told(NEW)
        door.assert_nothing_left()


async def test_confirming_twice_does_no_harm() -> None:
    """The first answer may have got lost."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        for _ in range(3):
            await transport.confirm(artifact())
        assert (await transport.running()).confirmed


async def test_only_what_runs_is_confirmed() -> None:
    """A lock that has gone back would keep, untried, what waits in its other slot."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        door.lock.reset()
        await door.restarted()
        assert door.runs == told(OLD)
        error = await problem(transport.confirm(artifact()))
        assert error.reason is TransportProblem.REVERTED
        await door.assert_as_before()


async def test_a_lock_that_goes_back_just_then_keeps_nothing() -> None:
    """Between the look at it and the word to keep it."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        old = read_image(image(OLD)).hash.value
        told: list[Any] = []

        def after_a_restart(fields: Any) -> Any:
            told.append(fields)
            slot = {"slot": 0, "version": OLD, "hash": old}
            return {"images": [{**slot, "active": True, "confirmed": True}]}, 0.0

        door.images._set_state = after_a_restart  # type: ignore[method-assign]
        error = await problem(transport.confirm(artifact()))
        assert error.reason is TransportProblem.REVERTED
        assert told == [{"confirm": True}]


async def test_a_lock_that_does_not_do_as_told_is_noticed() -> None:
    """It says yes, and stays as it was."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        door.images._set_state = lambda fields: (door.images._state(), 0.0)  # type: ignore[method-assign]
        error = await problem(transport.confirm(artifact()))
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "confirm", "code": "unconfirmed"}


@pytest.mark.parametrize("fault", [SmpFault.IGNORE, SmpFault.LOSE, SmpFault.VANISH])
@pytest.mark.parametrize("nth", [1, 2])
async def test_confirming_survives_losses(nth: int, fault: SmpFault) -> None:
    """It is looked whether it was done."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        door.server.order(fault, STATE, nth=nth)
        await transport.confirm(artifact())
        assert (await transport.running()).confirmed
        door.assert_nothing_left()


async def test_a_refusal_to_confirm_is_told() -> None:
    """With its code."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        door.server.order(SmpFault.ERROR, STATE, nth=2, rc=Rc.BAD_STATE)
        error = await problem(transport.confirm(artifact()))
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "write_state", "code": "6"}


# Going back.


async def test_a_lock_goes_back_when_told() -> None:
    """To the very firmware that it had."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        await transport.take_back(artifact())
        await door.assert_as_before()
        door.assert_nothing_left()


async def test_going_back_twice_does_no_harm() -> None:
    """A second restart would have brought nothing new either, but need not be."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        await transport.take_back(artifact())
        await door.restarted()
        boots = door.lock.bootloader.counters.boots
        await transport.take_back(artifact())
        await asyncio.sleep(20)
        assert door.lock.bootloader.counters.boots == boots
        assert door.runs == told(OLD)


async def test_what_was_confirmed_is_not_taken_back() -> None:
    """The boot loader would start it again, and a restart is not for nothing."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        await transport.confirm(artifact())
        boots = door.lock.bootloader.counters.boots
        error = await problem(transport.take_back(artifact()))
        assert error.reason is TransportProblem.ALREADY_KEPT
        assert error.details == {"version": NEW}
        await asyncio.sleep(20)
        assert door.lock.bootloader.counters.boots == boots


@pytest.mark.parametrize("fault", [SmpFault.IGNORE, SmpFault.LOSE, SmpFault.VANISH])
async def test_going_back_survives_losses(fault: SmpFault) -> None:
    """It restarts once, and not a second time with its old firmware."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        boots = door.lock.bootloader.counters.boots
        door.server.order(fault, RESET)
        await transport.take_back(artifact())
        await door.assert_as_before()
        assert door.lock.bootloader.counters.boots == boots + 2


async def test_a_lock_that_is_away_while_it_goes_back_is_not_waited_for() -> None:
    """Whoever asked looks for it."""
    async with trial_doorway(model=radio_link(), lock={"kind": True}) as door:
        transport = await on_trial(door)
        door.server.order(SmpFault.LOSE, RESET)
        door.link.order(Traffic.CONNECTION, Fault.LOSE, nth=2, times=4)
        await transport.take_back(artifact())
        await door.assert_as_before()


async def test_a_lock_that_is_not_there_cannot_go_back() -> None:
    """Nothing was told to it."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        door.lock.cut_power()
        error = await problem(transport.take_back(artifact()))
        assert error.reason is TransportProblem.CONNECTION_FAILED


@pytest.mark.parametrize("behaviour", [Behaviour.CRASHES, Behaviour.NEVER_STARTS])
async def test_firmware_that_does_not_run_is_gone_by_itself(
    behaviour: Behaviour,
) -> None:
    """The boot loader goes back at the next start."""
    wanted = artifact(behaviour=behaviour)
    async with trial_doorway(model=radio_link()) as door:
        await door.transfer(wanted)
        await asyncio.sleep(60)
        assert not await door.transport.is_pending(wanted)
        await door.assert_as_before()


# What a lock is at already.


async def test_what_runs_is_not_brought_again() -> None:
    """Whether it is confirmed or not; it says so by being done at once."""
    async with trial_doorway(model=radio_link()) as door:
        transport = await on_trial(door)
        for _ in range(2):
            activations = door.activations
            boots = door.lock.bootloader.counters.boots
            report = await door.transfer()
            assert door.progress == [100]
            assert report.bytes_sent < 50
            assert door.activations == activations
            assert door.lock.bootloader.counters.boots == boots
            await transport.confirm(artifact())


async def test_what_waits_is_known() -> None:
    """It was told to be tried, and the restart never came."""
    async with trial_doorway(model=radio_link()) as door:
        assert not await door.transport.is_pending(artifact())
        door.server.order(SmpFault.ERROR, RESET, times=99, rc=Rc.BAD_STATE)
        error = await door.fails()
        assert error.reason is TransportProblem.RESTART_REFUSED
        assert error.details == {"code": "6"}
        assert await door.transport.is_pending(artifact())
        assert not await door.transport.is_pending(artifact(OTHER))
        door.behave()
        sent = len(door.sizes)
        await door.transfer()
        assert len(door.sizes) == sent
        await door.assert_on_trial()
        assert not await door.transport.is_pending(artifact())


async def test_a_lock_that_tries_other_firmware_is_left_alone() -> None:
    """What it would go back to must not be overwritten."""
    async with trial_doorway(model=radio_link()) as door:
        await on_trial(door)
        sizes = list(door.sizes)
        error = await door.fails(artifact(OTHER))
        assert error.reason is TransportProblem.OTHER_UPDATE
        assert error.details == {"version": NEW}
        assert door.sizes == sizes
        assert door.runs == told(NEW)


async def test_a_lock_that_will_try_other_firmware_is_left_alone() -> None:
    """Somebody else has brought it."""
    async with trial_doorway(model=radio_link()) as door:
        stage(door, image(OTHER))
        error = await door.fails()
        assert error.reason is TransportProblem.OTHER_UPDATE
        assert error.details == {"version": OTHER}
        assert door.sizes == []


async def test_firmware_that_would_be_kept_untried_is_left_alone() -> None:
    """Even if it is the right one: nobody could go back any more."""
    async with trial_doorway(model=radio_link()) as door:
        stage(door, image(NEW), permanent=True)
        error = await door.fails()
        assert error.reason is TransportProblem.OTHER_UPDATE
        assert error.details == {"version": NEW}
        assert door.activations == 0


def stage(door: TrialDoorway, data: bytes, *, permanent: bool = False) -> None:
    """Put an image into the second slot, as if somebody had brought it."""
    flash = door.images.flash
    flash.secondary.data[: len(data)] = data
    set_pending(flash, permanent=permanent)


# Locks that cannot go back.


def tell(door: TrialDoorway, told: dict[str, Any] | None) -> None:
    """Let the boot loader tell what it was built for, or nothing."""
    answer = door.server._os

    def os(request: SmpRequest, fields: Mapping[str, Any]) -> Any:
        if request.command == OsCommand.BOOTLOADER:
            if told is None:
                raise SmpRefusal(Rc.NOT_SUPPORTED)
            return told
        return answer(request, fields)

    door.server._os = os  # type: ignore[method-assign]


def try_nothing(door: TrialDoorway) -> None:
    """Let the server not know how to try an image, as where images run in place."""
    write = door.images.write

    def refuse(command: int, fields: Any) -> Any:
        if command == ImageCommand.STATE:
            raise SmpRefusal(Rc.NOT_SUPPORTED)
        return write(command, fields)

    door.images.write = refuse  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (0, "single_application"),
        (2, "overwrite"),
        (4, "direct_xip"),
        (5, "direct_xip_with_revert"),
        (6, "ram_load"),
        (7, "firmware_loader"),
        (99, "99"),
    ],
)
async def test_a_lock_that_cannot_go_back_gets_nothing(mode: int, name: str) -> None:
    """Not one byte is sent."""
    async with trial_doorway(model=radio_link()) as door:
        tell(door, {"mode": mode})
        error = await door.fails()
        assert error.reason is TransportProblem.CANNOT_TRY
        assert error.details == {"mode": name}
        assert door.sizes == []
        assert door.lock.flash.operations.count == 0
        await door.assert_as_before()


@pytest.mark.parametrize("mode", [1, 3, 9])
async def test_a_lock_that_swaps_can_go_back(mode: int) -> None:
    """In whichever way."""
    async with trial_doorway(model=radio_link()) as door:
        tell(door, {"mode": mode, "no-downgrade": True})
        await on_trial(door)


@pytest.mark.parametrize("fields", [None, {}, {"mode": -1}, {"mode": "swap"}])
async def test_a_lock_that_does_not_tell_is_tried_with_nothing(
    fields: dict[str, Any] | None,
) -> None:
    """To try an image that it does not have changes nothing, but shows the way."""
    async with trial_doorway(model=radio_link()) as door:
        tell(door, fields)
        await on_trial(door)
    async with trial_doorway(model=radio_link()) as door:
        tell(door, fields)
        try_nothing(door)
        error = await door.fails()
        assert error.reason is TransportProblem.CANNOT_TRY
        assert error.details == {"mode": "unknown"}
        assert door.sizes == []


async def test_a_lock_that_has_the_image_and_cannot_try_it() -> None:
    """It is not told to restart."""
    async with trial_doorway(model=radio_link()) as door:
        slot = door.images.flash.secondary
        slot.data[: len(image(NEW))] = image(NEW)
        tell(door, None)
        try_nothing(door)
        error = await door.fails()
        assert error.reason is TransportProblem.CANNOT_TRY
        assert door.activations == 0


# Trying.


async def test_being_told_twice_to_try_does_no_harm() -> None:
    """The answer got lost, and the second one says that it is so already."""
    async with trial_doorway(model=radio_link()) as door:
        set_state = door.images._set_state

        def refuse_again(fields: Any) -> Any:
            done = set_state(fields)
            door.server.order(SmpFault.ERROR, STATE, nth=1, rc=Rc.BAD_STATE)
            return done

        door.images._set_state = refuse_again  # type: ignore[method-assign]
        door.server.order(SmpFault.LOSE, STATE, nth=4)
        await door.transfer()
        await door.assert_on_trial()


async def test_a_refusal_to_try_is_told() -> None:
    """With its code."""
    async with trial_doorway(model=radio_link()) as door:
        # After a look, a trial of what is not there, and another look.
        door.server.order(SmpFault.ERROR, STATE, nth=4, rc=Rc.BAD_STATE)
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "write_state", "code": "6"}


async def test_a_lock_that_does_not_try_as_told_is_noticed() -> None:
    """It says yes, and stays as it was."""
    async with trial_doorway(model=radio_link()) as door:
        door.images._set_state = lambda fields: (door.images._state(), 0.0)  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED
        assert error.details == {"operation": "write_state", "code": "not pending"}
        assert door.activations == 0


async def test_an_image_that_the_boot_loader_does_not_take_is_noticed() -> None:
    """When the link broke at the restart, and the lock is back so soon."""
    stranger = ec.derive_private_key(0x6261_6421, ec.SECP256R1())
    wanted = artifact_of(make_mcuboot_image(bytes(4000), key=stranger, version=NEW))
    async with trial_doorway(model=radio_link(), lock={"kind": True}) as door:
        door.server.order(SmpFault.LOSE, RESET)
        error = await door.fails(wanted)
        assert error.reason is TransportProblem.REVERTED
        assert door.activations == 1
        await door.assert_as_before()


@pytest.mark.parametrize("fault", [SmpFault.IGNORE, SmpFault.VANISH])
async def test_a_reset_that_gets_lost_is_told_again(fault: SmpFault) -> None:
    """And whoever waits hears of it each time that it may happen."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(fault, RESET)
        await door.transfer()
        await door.assert_on_trial()


async def test_a_lock_that_says_yes_and_does_not_restart() -> None:
    """It is told so, several times."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.reset = lambda: None  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.NO_ANSWER
        assert error.details == {"step": "reset"}
        assert door.activations > 1
        assert door.runs == told(OLD)


async def test_a_lock_that_swaps_for_long_is_not_waited_for() -> None:
    """What it runs then the caller finds out."""
    async with trial_doorway(model=radio_link(), lock={"kind": True}) as door:
        door.server.order(SmpFault.LOSE, RESET)
        door.link.order(Traffic.CONNECTION, Fault.LOSE, nth=2, times=4)
        report = await door.transfer()
        assert report.reconnects == 0
        await door.assert_on_trial()


async def test_the_verified_bytes_are_the_ones_that_are_sent() -> None:
    """Checked at the door of the transport."""
    good = artifact()
    changed = VerifiedArtifact(
        init_packet=b"",
        firmware=good.firmware[:-1] + b"\0",
        digest=good.digest,
        key_fingerprint="",
        format=good.format,
        image_hash=good.image_hash,
    )
    async with trial_doorway(model=radio_link()) as door:
        with pytest.raises(FirmwareError) as refused:
            await door.transfer(changed)
        assert refused.value.reason is FirmwareProblem.CHANGED_AFTER_VERIFYING
        assert door.link.counters.connects == 0


# Who answers.


@pytest.mark.parametrize("waits", [True, False])
async def test_a_lock_that_serves_late_says_whether_it_waits(waits: bool) -> None:
    """It is asked because it may just have restarted."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.server_start = 60.0
        door.lock.reset()
        await until(lambda: door.lock.mode is Mode.APPLICATION)
        if waits:
            stage(door, image(NEW))
        assert not door.lock.serves
        assert await door.transport.waits_for_restart() is waits


async def test_a_lock_without_a_server_is_not_updatable() -> None:
    """Its services show."""
    old = image(OLD, behaviour=Behaviour.CANNOT_BE_UPDATED)
    async with trial_doorway(model=radio_link(), old=old) as door:
        error = await door.fails()
        assert error.reason is TransportProblem.NOT_UPDATABLE


async def test_a_server_that_wants_a_bond_gets_one() -> None:
    """At the first subscription."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True
        await on_trial(door)
        assert door.lock.bonded


async def test_a_bond_that_fails_is_told() -> None:
    """Nothing is sent then."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True
        door.lock.refuses_pairing = True
        error = await door.fails()
        assert error.reason is TransportProblem.PAIRING_REFUSED
        assert door.sizes == []


async def test_a_link_that_breaks_while_bonding_is_no_refusal() -> None:
    """It is tried again."""
    async with trial_doorway(model=radio_link()) as door:
        door.lock.needs_bond = True
        pair = door.lock.pair

        def break_once() -> bool:
            door.lock.pair = pair  # type: ignore[method-assign]
            door.link.cut()
            return False

        door.lock.pair = break_once  # type: ignore[method-assign]
        report = await door.transfer()
        assert report.reconnects == 1
        await door.assert_on_trial()


async def test_other_errors_of_the_subscription_are_no_want_of_a_bond() -> None:
    """They are what they are."""
    async with trial_doorway(model=radio_link()) as door:

        def refuse(*_: object, **__: object) -> None:
            raise AttRefusal(AttError.WRITE_NOT_PERMITTED)

        door.lock._write_cccd = refuse  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.LINK_LOST


async def test_a_lock_that_is_not_there_is_not_found() -> None:
    """Nothing is waited for any longer than the radio does."""
    async with trial_doorway(model=radio_link()) as door:
        transport = SmpTransport(door.radio, "C0:00:00:00:00:01", NAME)
        error = await problem(transport.transfer(artifact(), lambda _: None))
        assert error.reason is TransportProblem.NOT_FOUND
        assert (await problem(transport.running())).reason is TransportProblem.NOT_FOUND


async def test_a_lock_that_tells_nothing_sensible_is_given_up() -> None:
    """After some attempts."""
    async with trial_doorway(model=radio_link()) as door:
        door.images._state = lambda: {"images": []}  # type: ignore[method-assign]
        error = await problem(door.transport.running())
        assert error.reason is TransportProblem.GARBLED_ANSWER
        assert door.link.counters.connects == 3
        error = await door.fails()
        assert error.reason is TransportProblem.GARBLED_ANSWER
        assert door.lock.mode is Mode.APPLICATION


@pytest.mark.parametrize("tells_mtu", [True, False])
async def test_a_write_is_as_large_as_the_link_even_if_its_mtu_is_not_known(
    tells_mtu: bool,
) -> None:
    """BlueZ and a proxy with a cache say 23; the characteristic knows better."""
    async with trial_doorway(model=radio_link()) as door:
        door.radio.tells_mtu = tells_mtu
        await door.transfer()
        counters = door.link.counters
        assert counters.packet_bytes / counters.packets > 100
