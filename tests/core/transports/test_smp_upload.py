"""Bringing images to locks with MCUboot: how many requests, how large, and where from."""

import asyncio
from math import inf
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import TransportProblem
from custom_components.nightlatch.core.transports import sending
from tests.rig.faults import Fault, Traffic
from tests.rig.lock_body import Mode
from tests.rig.smp_messages import Group, ImageCommand, Rc
from tests.rig.smp_server import SmpFault
from tests.rig.virtual_time import virtual_time

from ..doorway import until
from ..trial_doorway import (
    BUFFER,
    NEW,
    SIZE,
    TrialDoorway,
    artifact,
    artifact_of,
    image,
    radio_link,
    trial_doorway,
)

pytestmark = virtual_time

UPLOAD = (Group.IMAGE, ImageCommand.UPLOAD)
LARGE = 250_000
"""Bytes of a whole image, header and signature included."""


def large_image() -> bytes:
    """Return an image of exactly so many bytes; erased flash fills it up."""
    return image(NEW, LARGE - 700).ljust(LARGE, b"\xff")


async def test_the_lock_runs_the_image_on_trial() -> None:
    """And works all the while until it restarts."""
    async with trial_doorway(model=radio_link()) as door:
        report = await door.transfer()
        await door.assert_on_trial()
        assert door.activations == 1
        assert door.progress[-1] == 100
        assert report.reconnects == 0
        assert report.bytes_sent_again == 0
        assert report.packets == door.link.counters.packets - 1  # asked what it runs


async def test_requests_fill_the_buffers_of_the_server() -> None:
    """103 of them for 250,000 bytes, several under way, never more than it has room for."""
    wanted = artifact_of(large_image())
    async with trial_doorway(model=radio_link()) as door:
        await door.transfer(wanted)
        assert len(door.sizes) == 103
        assert set(door.sizes[:-1]) <= {BUFFER, BUFFER - 1}
        assert door.server.counters.most_waiting == 3
        assert door.server.counters.dropped_writes == 0


async def test_a_server_that_tells_nothing_gets_as_many_as_the_usual_library_sends() -> (
    None
):
    """One write each, one at a time: 1,140 for 250,000 bytes."""
    wanted = artifact_of(large_image())
    async with trial_doorway(
        model=radio_link(), tells_parameters=False, reassembles=False
    ) as door:
        await door.transfer(wanted)
        assert len(door.sizes) <= 1140
        assert max(door.sizes) <= 244
        assert door.server.counters.most_waiting == 1


@pytest.mark.parametrize("buffer", [128, 150, 256, 384, 1024, 2475, 10_000])
@pytest.mark.parametrize("count", [2, 3, 4, 8, 20])
@pytest.mark.parametrize("mtu", [23, 247, 517])
async def test_any_buffers_will_do(buffer: int, count: int, mtu: int) -> None:
    """Nothing is dropped for want of room, nor refused."""
    async with trial_doorway(
        model=radio_link(mtu=mtu), buffer_size=buffer, buffer_count=count
    ) as door:
        report = await door.transfer()
        assert report.reconnects == 0
        assert report.bytes_sent_again == 0
        assert max(door.sizes) <= buffer
        assert door.server.counters.most_waiting <= max(1, count - 1)
        assert door.server.counters.dropped_writes == 0
        await door.assert_on_trial()


@pytest.mark.parametrize("version_2", [False, True])
@pytest.mark.parametrize("legacy_rc", [False, True])
@pytest.mark.parametrize("erases_at_once", [False, True])
@pytest.mark.parametrize("checks_upload", [False, True])
async def test_servers_are_built_in_many_ways(
    version_2: bool, legacy_rc: bool, erases_at_once: bool, checks_upload: bool
) -> None:
    """All of them take an image."""
    options = {
        "legacy_rc": legacy_rc,
        "erases_at_once": erases_at_once,
        "checks_upload": checks_upload,
    }
    async with trial_doorway(
        model=radio_link(), images=options, version_2=version_2
    ) as door:
        report = await door.transfer()
        assert report.reconnects == 0
        await door.assert_on_trial()
        await door.transport.confirm(artifact())
        assert (await door.transport.running()).confirmed


async def test_a_server_that_only_says_that_it_puts_requests_together() -> None:
    """It gets such as one write holds, once that is learned."""
    async with trial_doorway(model=radio_link(), reassembles=False) as door:
        report = await door.transfer()
        assert report.reconnects <= 2
        assert report.seconds < 60
        await door.assert_on_trial()


async def test_a_lock_that_erases_for_long_is_waited_for() -> None:
    """The first request may take half a minute."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(SmpFault.SLOW, UPLOAD, delay=30)
        report = await door.transfer()
        # Nor does it answer any other question meanwhile.
        assert report.reconnects <= 2
        assert report.bytes_sent_again < 200
        await door.assert_on_trial()


# Where it goes on.


async def test_an_upload_goes_on_where_the_server_is() -> None:
    """Also for another attempt, hours later."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(SmpFault.VANISH, UPLOAD, nth=5)
        door.link.order(Traffic.CONNECTION, Fault.LOSE, nth=2, times=4)
        error = await door.fails()
        assert error.reason is TransportProblem.CONNECTION_FAILED
        there = door.images.offset
        assert there > 4 * BUFFER
        sent = len(door.sizes)
        await asyncio.sleep(7200)
        door.behave()
        report = await door.transfer()
        assert report.bytes_sent < SIZE + 2000 - there + BUFFER
        assert len(door.sizes) - sent == 1 + -(-(SIZE + 700 - there) // 2449)
        assert door.progress[0] == pytest.approx(100 * there / len(image(NEW)))
        await door.assert_on_trial()


async def test_an_image_that_is_there_is_not_sent_again() -> None:
    """It is tried at once."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(
            SmpFault.ERROR, (Group.IMAGE, ImageCommand.STATE), nth=3, rc=6
        )
        assert (await door.fails()).reason is TransportProblem.REJECTED
        assert door.activations == 0
        sent = len(door.sizes)
        report = await door.transfer()
        # One request, by which the server compares what is there.
        assert len(door.sizes) == sent + 1
        assert report.bytes_sent < 500
        assert door.progress[0] == 100
        await door.assert_on_trial()


async def test_an_image_that_only_seems_to_be_there_is_sent_again() -> None:
    """The power went while its end was written: its hash stands there already."""
    async with trial_doorway(model=radio_link()) as door:
        slot = door.images.flash.secondary
        slot.data[: len(image(NEW)) - 10] = image(NEW)[:-10]
        assert len(door.images._state()["images"]) == 2
        await door.transfer()
        assert len(door.sizes) > 5
        await door.assert_on_trial()


@pytest.mark.parametrize("checks_upload", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 20])
@pytest.mark.parametrize(
    "fault",
    [SmpFault.IGNORE, SmpFault.LOSE, SmpFault.ERROR, SmpFault.WRONG_SEQUENCE],
)
async def test_an_image_that_only_seems_to_be_there_is_sent_over_a_bad_link_too(
    fault: SmpFault, nth: int, checks_upload: bool
) -> None:
    """What was there before says nothing of what has arrived now."""
    async with trial_doorway(
        model=radio_link(), buffer_size=244, images={"checks_upload": checks_upload}
    ) as door:
        slot = door.images.flash.secondary
        slot.data[: len(image(NEW)) - 10] = image(NEW)[:-10]
        door.server.order(fault, UPLOAD, nth=nth, times=6)
        await door.transfer()
        assert len(door.sizes) > 90
        await door.assert_on_trial()


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER])
async def test_the_last_answer_may_get_lost(fault: Fault) -> None:
    """The server has forgotten the upload by then, and must not be begun with again."""
    async with trial_doorway(model=radio_link()) as door:
        answers: list[int] = []
        done = door.images._complete

        def complete(*, matches: bool) -> dict[str, Any]:
            if not answers:
                door.link.order(Traffic.NOTIFICATION, fault)
            answers.append(len(door.sizes))
            return done(matches=matches)

        door.images._complete = complete  # type: ignore[method-assign]
        report = await door.transfer()
        assert len(door.sizes) <= answers[0] + 1
        assert report.bytes_sent_again < 200
        await door.assert_on_trial()


@pytest.mark.parametrize("parameters", [False, True])
async def test_the_last_answer_may_get_lost_of_small_requests_too(
    parameters: bool,
) -> None:
    """There the connection stays."""
    async with trial_doorway(
        model=radio_link(), tells_parameters=parameters, buffer_size=244
    ) as door:
        done = door.images._complete
        answers: list[bool] = []

        def complete(*, matches: bool) -> dict[str, Any]:
            if not answers:
                door.link.order(Traffic.NOTIFICATION, Fault.LOSE)
            answers.append(matches)
            return done(matches=matches)

        door.images._complete = complete  # type: ignore[method-assign]
        report = await door.transfer()
        assert report.reconnects == 0
        # One request, by which the server compares what is there.
        assert report.bytes_sent_again < 244
        await door.assert_on_trial()


async def test_a_server_that_has_lost_the_upload_gets_it_anew() -> None:
    """The battery was taken out in its middle."""
    async with trial_doorway(model=radio_link()) as door:
        transfer = asyncio.ensure_future(door.transfer())
        await until(lambda: door.images.offset > SIZE // 2)
        door.lock.cut_power(restore_after=20)
        report = await transfer
        assert report.reconnects >= 1
        assert report.bytes_sent_again >= SIZE // 2
        await door.assert_on_trial()


async def test_a_server_may_forget_the_upload_without_a_word() -> None:
    """The connection stays, and the offset is nought again."""
    async with trial_doorway(model=radio_link()) as door:
        transfer = asyncio.ensure_future(door.transfer())
        await until(lambda: door.images.offset > SIZE // 2)
        door.images.start()
        await transfer
        await door.assert_on_trial()


@pytest.mark.parametrize("block", [4, 8, 64])
@pytest.mark.parametrize("buffer", [244, BUFFER])
async def test_a_flash_that_takes_whole_blocks_is_learned_about(
    block: int, buffer: int
) -> None:
    """Older servers take less than they were sent."""
    async with trial_doorway(model=radio_link(), buffer_size=buffer) as door:
        take = door.images._take

        def partly(data: bytes) -> float:
            end = door.images._offset + len(data)
            if end < door.images._size:
                data = data[: len(data) - end % block]
            return take(data)

        door.images._take = partly  # type: ignore[method-assign]
        report = await door.transfer()
        assert report.reconnects == 0
        # What was under way when it was learned.
        assert report.bytes_sent_again < 4 * buffer
        await door.assert_on_trial()


@pytest.mark.parametrize("buffer", [244, BUFFER])
@pytest.mark.parametrize("answered", [0, 5, 700, 10_000, 20_300, 10**9, -1])
async def test_a_server_that_answers_with_odd_offsets_is_given_up(
    answered: int, buffer: int
) -> None:
    """Whatever it says; in the end the image is looked for in its slot."""
    async with trial_doorway(model=radio_link(), buffer_size=buffer) as door:
        door.images._answer = lambda: {"off": answered}  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason in {
            TransportProblem.LOSSY_LINK,
            TransportProblem.NO_ANSWER,
            TransportProblem.GARBLED_ANSWER,
            TransportProblem.REJECTED_HASH,
        }
        assert door.activations == 0
        await door.assert_as_before()


async def test_what_did_not_arrive_as_it_was_sent_is_not_tried() -> None:
    """The server has hashed it."""
    async with trial_doorway(model=radio_link()) as door:
        take = door.images._take
        door.images._take = lambda data: take(bytes(len(data)))  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED_HASH
        assert error.details["code"] == "match"
        assert door.activations == 0
        await door.assert_as_before()


async def test_what_is_not_in_the_slot_afterwards_is_not_tried() -> None:
    """Even if the server says that all is well."""
    async with trial_doorway(
        model=radio_link(), images={"checks_upload": False}
    ) as door:
        take = door.images._take
        door.images._take = lambda data: take(bytes(len(data)))  # type: ignore[method-assign]
        error = await door.fails()
        assert error.reason is TransportProblem.REJECTED_HASH
        assert error.details["code"] == "hash"
        await door.assert_as_before()


# What the server refuses.


@pytest.mark.parametrize(
    ("rc", "problem"),
    [
        (Rc.BAD_STATE, TransportProblem.REJECTED),
        (Rc.NOT_SUPPORTED, TransportProblem.REJECTED),
        (11, TransportProblem.NOT_BONDED),
        (7, TransportProblem.REJECTED),
    ],
)
@pytest.mark.parametrize("nth", [1, 4])
async def test_a_refusal_is_told_as_one(
    nth: int, rc: int, problem: TransportProblem
) -> None:
    """At once."""
    async with trial_doorway(model=radio_link()) as door:
        door.server.order(SmpFault.ERROR, UPLOAD, nth=nth, rc=rc)
        error = await door.fails()
        assert error.reason is problem
        assert error.details["code"] == str(int(rc))
        await door.assert_as_before()


@pytest.mark.parametrize("rc", [Rc.UNKNOWN, Rc.NO_MEMORY, Rc.INVALID, Rc.CORRUPT, 10])
@pytest.mark.parametrize("buffer", [244, BUFFER])
@pytest.mark.parametrize("nth", [1, 2, 5])
async def test_what_may_pass_is_tried_again(nth: int, buffer: int, rc: int) -> None:
    """It goes on where the server is."""
    async with trial_doorway(model=radio_link(), buffer_size=buffer) as door:
        door.server.order(SmpFault.ERROR, UPLOAD, nth=nth, rc=rc)
        await door.transfer()
        await door.assert_on_trial()


@pytest.mark.parametrize(
    ("rc", "problem"),
    [
        (Rc.UNKNOWN, TransportProblem.REJECTED),
        (Rc.NO_MEMORY, TransportProblem.REJECTED_SPACE),
    ],
)
async def test_what_does_not_pass_is_told(rc: Rc, problem: TransportProblem) -> None:
    """With the code, after some attempts."""
    async with trial_doorway(model=radio_link(), buffer_size=244) as door:
        door.server.order(SmpFault.ERROR, UPLOAD, times=10_000, rc=rc)
        error = await door.fails()
        assert error.reason is problem
        assert error.details == {"operation": "upload", "code": str(int(rc))}
        assert len(door.sizes) < 20
        await door.assert_as_before()


async def test_an_image_that_does_not_fit_is_refused_at_once() -> None:
    """By the server's own code, in words."""
    wanted = artifact(size=480_000)
    images = {"tells_slots": False, "checks_room": True}
    async with trial_doorway(model=radio_link(), images=images) as door:
        error = await door.fails(wanted)
        assert error.reason is TransportProblem.REJECTED_SPACE
        assert error.details["code"] == "1/30"
        assert len(door.sizes) == 1
        await door.assert_as_before()


# Ends.


@pytest.mark.parametrize("after", [0.1, 0.5, 1.0, 1.3])
async def test_it_can_be_cancelled_at_any_time(after: float) -> None:
    """The lock works as before, and another attempt goes on."""
    async with trial_doorway(model=radio_link()) as door:
        transfer = asyncio.ensure_future(door.transfer())
        await asyncio.sleep(after)
        transfer.cancel()
        await asyncio.wait((transfer,))
        assert transfer.cancelled()
        assert door.lock.mode is Mode.APPLICATION
        door.assert_nothing_left()
        await door.transfer()
        await door.assert_on_trial()


async def test_an_endless_transfer_is_given_up() -> None:
    """Nobody waits for a lock for ever."""
    model = radio_link(connection_interval=1.0, packets_per_interval=1, mtu=23)
    async with trial_doorway(model=model) as door:
        error = await door.fails()
        assert error.reason is TransportProblem.TOO_SLOW
        assert error.details == {"minutes": "8"}
        await door.assert_as_before()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
async def test_time_is_not_up_while_the_lock_restarts(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """It was told to, so it is not too late any more."""
    loop = asyncio.get_running_loop()
    async with trial_doorway(model=radio_link()) as door:
        began = loop.time()
        await door.transfer()
        told, ended = door.activated_at - began, loop.time() - began
    monkeypatch.setattr(sending, "SLOWEST_RATE", inf)
    monkeypatch.setattr(sending, "SETTLING_TIME", told + share * (ended - told))
    async with trial_doorway(model=radio_link()) as door:
        await door.transfer()
        await door.assert_on_trial()
    monkeypatch.setattr(sending, "SETTLING_TIME", 0.9 * told)
    async with trial_doorway(model=radio_link()) as door:
        assert (await door.fails()).reason is TransportProblem.TOO_SLOW
        await door.assert_as_before()


async def check_interval(door: TrialDoorway, *, fast: bool) -> None:
    """Check which connection interval the last connection had."""
    assert (door.link.interval < 0.015) is fast


async def test_the_connection_is_fast_for_the_transfer_only() -> None:
    """Questions do not need it, and it costs the lock's battery."""
    async with trial_doorway(model=radio_link(honours_fast_interval=True)) as door:
        transfer = asyncio.ensure_future(door.transfer())
        await until(lambda: door.images.offset > 0)
        await check_interval(door, fast=True)
        await transfer
        await door.assert_on_trial()
        await check_interval(door, fast=False)
