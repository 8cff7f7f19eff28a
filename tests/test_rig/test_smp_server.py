"""The SMP server, held against an independent implementation of the protocol."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import cbor2
import pytest
from smp import image_management as im, os_management as om
from smp.error import MGMT_ERR

from tests.rig.mcuboot_image import image_hash
from tests.rig.mcuboot_trailer import set_pending
from tests.rig.smp_server import (
    BUFFER_SIZE,
    RESET_DELAY,
    Group,
    ImageCommand,
    OsCommand,
    Rc,
    SmpFault,
)
from tests.rig.virtual_time import virtual_time

from .mcuboot import NEW, OLD, image_of
from .smp_desk import ATT, CHUNK, IMAGE, V1, Desk, chunk, raw

pytestmark = virtual_time

UPLOAD = (Group.IMAGE, ImageCommand.UPLOAD)
STATE = (Group.IMAGE, ImageCommand.STATE)
ECHO = (Group.OS, OsCommand.ECHO)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A server as it is usually built."""
    desk = Desk()
    yield desk
    desk.server.stop()


# The OS group.


async def test_it_echoes_and_tells_its_buffers(desk: Desk) -> None:
    """As the library understands it."""
    assert await desk.ask(om.EchoWriteRequest(d="hello")) == {"r": "hello"}
    fields = await desk.ask(om.MCUMgrParametersReadRequest())
    assert fields == {"buf_size": BUFFER_SIZE, "buf_count": 4}
    assert await desk.ask(om.BootloaderInformationReadRequest()) == {
        "bootloader": "MCUboot"
    }
    mode = await desk.ask(om.BootloaderInformationReadRequest(query="mode"))
    assert mode["mode"] == om.MCUbootMode.SWAP_WITHOUT_SCRATCH
    other = await desk.ask(om.BootloaderInformationReadRequest(query="colour"))
    assert other == {"rc": MGMT_ERR.EINVAL}


async def test_it_restarts_after_the_answer(desk: Desk) -> None:
    """So that the answer still arrives."""
    assert await desk.ask(om.ResetWriteRequest()) == {}
    assert desk.resets == [pytest.approx(RESET_DELAY, abs=0.02)]


@pytest.mark.parametrize(
    ("packet", "rc"),
    [
        (raw(0, 7, 0, {}), Rc.NOT_SUPPORTED),
        (raw(0, 0, 2, {}), Rc.NOT_SUPPORTED),
        (raw(2, 0, OsCommand.PARAMETERS, {}), Rc.NOT_SUPPORTED),
        (raw(0, 1, ImageCommand.UPLOAD, {}), Rc.NOT_SUPPORTED),
        (raw(2, 1, 3, {}), Rc.NOT_SUPPORTED),
        (raw(2, 0, 0, b"\xff"), Rc.INVALID),
        (raw(2, 0, 0, b"\x61\xff"), Rc.INVALID),
        (raw(2, 0, 0, [1]), Rc.INVALID),
        (raw(2, 1, ImageCommand.UPLOAD, {"off": 0, "data": "x"}), Rc.INVALID),
        (raw(2, 1, ImageCommand.UPLOAD, {"off": "0"}), Rc.INVALID),
        (raw(2, 1, ImageCommand.UPLOAD, {"off": -1}), Rc.INVALID),
        (raw(2, 1, ImageCommand.UPLOAD, {"off": 0, "len": 2**32}), Rc.INVALID),
        (raw(2, 1, ImageCommand.UPLOAD, {"off": 0, "upgrade": 1}), Rc.INVALID),
        (raw(2, 0, OsCommand.ECHO, {"d": 1}), Rc.INVALID),
        (raw(2, 1, ImageCommand.STATE, {"hash": "x"}), Rc.INVALID),
        (raw(2, 1, ImageCommand.ERASE, {"slot": "x"}), Rc.INVALID),
    ],
)
async def test_what_it_does_not_know_is_an_error(
    desk: Desk, packet: bytes, rc: Rc
) -> None:
    """With the code of all groups, whichever version is spoken."""
    desk.send(packet)
    ((_, fields),) = await desk.answers()
    assert fields == {"rc": rc}


async def test_a_server_may_know_less() -> None:
    """Neither parameters nor boot loader; and only the first version."""
    desk = Desk(tells_parameters=False, tells_bootloader=False, version_2=False)
    parameters = await desk.ask(om.MCUMgrParametersReadRequest())
    assert parameters == {"rc": MGMT_ERR.ENOTSUP}
    bootloader = await desk.ask(om.BootloaderInformationReadRequest())
    assert bootloader == {"rc": MGMT_ERR.ENOTSUP}
    assert await desk.ask(im.ImageStatesWriteRequest(hash=bytes(32))) == {
        "rc": MGMT_ERR.EUNKNOWN
    }


# Upload.


async def test_an_upload_fills_the_other_slot(desk: Desk) -> None:
    """The running image goes on meanwhile; the hash of all is compared at the end."""
    assert await desk.upload() == {"rc": 0, "off": len(IMAGE), "match": True}
    assert desk.board.holds(1, IMAGE)
    assert desk.board.holds(0, image_of(OLD))
    states = await desk.state()
    assert [(state.slot, state.version) for state in states] == [(0, OLD), (1, NEW)]
    assert states[1].hash == image_hash(IMAGE)
    assert (states[0].active, states[0].confirmed) == (True, True)
    assert not any((states[1].active, states[1].confirmed, states[1].pending))


async def test_the_whole_may_not_match(desk: Desk) -> None:
    """It is told, and kept nevertheless."""
    sha = bytes(32)
    await desk.ask(chunk(0, sha=sha))
    answer = await desk.upload(since=CHUNK)
    assert answer == {"rc": 0, "off": len(IMAGE), "match": False}


async def test_what_is_there_already_need_not_come_again(desk: Desk) -> None:
    """The first request is the last one then."""
    await desk.upload()
    writes = desk.board.flash.operations.count
    done = await desk.ask(chunk(0))
    assert done == {"rc": 0, "off": len(IMAGE), "match": True}
    assert desk.board.flash.operations.count == writes


async def test_a_server_may_compare_nothing() -> None:
    """And leave away what goes without saying."""
    desk = Desk(checks_upload=False, legacy_rc=False)
    assert await desk.upload() == {"off": len(IMAGE)}
    assert await desk.ask(chunk(0)) == {"off": CHUNK}
    assert await desk.ask(im.ImageEraseRequest()) == {}


async def test_a_wrong_offset_is_answered_with_the_right_one(desk: Desk) -> None:
    """And nothing is written."""
    assert await desk.ask(chunk(CHUNK)) == {"rc": 0, "off": 0}
    await desk.ask(chunk(0))
    for offset in (2 * CHUNK, CHUNK - 1, 5):
        assert await desk.ask(chunk(offset)) == {"rc": 0, "off": CHUNK}
    assert (await desk.upload(since=CHUNK))["match"]


async def test_an_upload_of_the_same_image_goes_on(desk: Desk) -> None:
    """Known by its hash; of another one it begins anew."""
    await desk.ask(chunk(0))
    await desk.ask(chunk(CHUNK))
    assert await desk.ask(chunk(0)) == {"rc": 0, "off": 2 * CHUNK}
    other = image_of("1.2.0")
    assert await desk.ask(chunk(0, other)) == {"rc": 0, "off": CHUNK}
    assert (await desk.upload(other, since=CHUNK))["match"]
    # Without a hash nothing can be known again.
    await desk.ask(chunk(0, sha=None))
    await desk.ask(chunk(CHUNK))
    assert await desk.ask(chunk(0, sha=None)) == {"rc": 0, "off": CHUNK}


async def test_a_restart_forgets_an_upload(desk: Desk) -> None:
    """What was in RAM is gone."""
    await desk.ask(chunk(0))
    assert desk.images.offset == CHUNK
    desk.server.stop()
    desk.server.start(desk)
    assert await desk.ask(chunk(CHUNK)) == {"rc": 0, "off": 0}
    assert (await desk.upload())["match"]


@pytest.mark.parametrize("at_once", [False, True])
async def test_erasing_takes_time(at_once: bool) -> None:
    """All of it in the first request, or a sector when it is reached."""
    desk = Desk(erases_at_once=at_once)
    times = []
    offset = 0
    while offset < len(IMAGE):
        before = asyncio.get_running_loop().time()
        desk.send(chunk(offset).BYTES)
        await desk.notified.wait()
        times.append(asyncio.get_running_loop().time() - before)
        ((_, fields),) = await desk.answers(0)
        offset = fields["off"]
    sector = 0.085
    slow = [round(time / sector - 0.1) for time in times]
    # Two sectors for the image, one for the trailer.
    assert slow == ([3, 0, 0, 0, 0, 0, 0] if at_once else [1, 0, 0, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("fields", "rc", "legacy"),
    [
        ({"off": None}, 20, 3),
        ({"data": b"short"}, 22, 3),
        ({"len": None}, 21, 3),
        ({"data": bytes(100)}, 23, 1),
        ({"sha": bytes(33)}, 24, 3),
        ({"len": 9 * 4096 + 1}, 30, 1),
        ({"upgrade": True, "data": image_of("0.9.0")[:100]}, 27, 6),
        ({"upgrade": True, "data": image_of(OLD)[:100]}, 27, 6),
    ],
)
async def test_an_upload_that_makes_no_sense_is_refused(
    desk: Desk, fields: dict[str, Any], rc: int, legacy: int
) -> None:
    """With the group's own code, or what the first version has for it."""
    good = {"off": 0, "data": IMAGE[:100], "len": len(IMAGE), "sha": bytes(32)}
    request = {k: v for k, v in {**good, **fields}.items() if v is not None}
    desk.send(raw(2, *UPLOAD, request))
    ((_, answer),) = await desk.answers()
    assert answer == {"err": {"group": 1, "rc": rc}}
    packet = bytearray(raw(2, *UPLOAD, request))
    packet[0] &= 7
    desk.send(bytes(packet))
    ((header, answer),) = await desk.answers()
    assert header.version == V1
    assert answer == {"rc": legacy}


async def test_more_than_was_announced_is_refused(desk: Desk) -> None:
    """And the upload is over."""
    await desk.ask(chunk(0, len=1500))
    answer = await desk.ask(chunk(CHUNK))
    assert answer == {"err": {"group": 1, "rc": 31}}
    assert await desk.ask(chunk(CHUNK)) == {"rc": 0, "off": 0}


@pytest.mark.parametrize("fields", [{5: 7}, {"data": b"x", 12: 1}, b"\xff", [1]])
async def test_what_is_no_map_from_names_does_not_end_an_upload(
    desk: Desk, fields: Any
) -> None:
    """As where a write got lost in its middle: the server goes on where it was."""
    await desk.ask(chunk(0))
    desk.send(raw(2, 1, ImageCommand.UPLOAD, fields))
    ((_, refused),) = await desk.answers()
    assert refused == {"rc": Rc.INVALID}
    assert (await desk.ask(chunk(CHUNK)))["off"] == 2 * CHUNK


async def test_a_refusal_ends_the_upload_that_was_under_way(desk: Desk) -> None:
    """Whoever goes on is told to begin."""
    await desk.ask(chunk(0))
    desk.send(raw(2, *UPLOAD, {"data": b"x"}))
    ((_, answer),) = await desk.answers()
    assert answer == {"err": {"group": 1, "rc": 20}}
    assert await desk.ask(chunk(CHUNK)) == {"rc": 0, "off": 0}


async def test_an_upgrade_may_be_asked_for(desk: Desk) -> None:
    """A higher version is one; without a running image nobody knows."""
    assert await desk.ask(chunk(0, upgrade=True)) == {"rc": 0, "off": CHUNK}
    desk.board.flash.primary.data[0] ^= 1
    answer = await desk.ask(chunk(0, image_of("1.3.0"), upgrade=True))
    assert answer == {"err": {"group": 1, "rc": 26}}


# State.


async def test_an_image_is_tried_and_kept(desk: Desk) -> None:
    """Through all states, as the library sees them."""
    await desk.upload()
    sha = image_hash(IMAGE)
    await desk.ask(im.ImageStatesWriteRequest(hash=sha))
    states = await desk.state()
    assert (states[1].pending, states[1].permanent) == (True, False)
    assert await desk.ask(im.ImageStatesWriteRequest(hash=sha)) != {}
    assert desk.board.runs() == NEW
    states = await desk.state()
    assert [state.version for state in states] == [NEW, OLD]
    assert (states[0].active, states[0].confirmed) == (True, False)
    assert (states[1].active, states[1].confirmed) == (False, True)
    # Nothing comes while the other slot is what the lock would go back to.
    assert await desk.ask(chunk(0, image_of("1.2.0"))) == {"err": {"group": 1, "rc": 9}}
    assert await desk.ask(im.ImageEraseRequest()) == {"err": {"group": 1, "rc": 9}}
    refused = await desk.ask(im.ImageStatesWriteRequest(hash=image_hash(image_of(OLD))))
    assert refused == {"err": {"group": 1, "rc": 28}}
    old = im.ImageStatesWriteRequest(hash=image_hash(image_of(OLD)), confirm=True)
    assert "images" in await desk.ask(old)
    await desk.ask(im.ImageStatesWriteRequest(confirm=True))
    states = await desk.state()
    assert (states[0].active, states[0].confirmed) == (True, True)
    assert desk.board.runs() == NEW
    await desk.ask(im.ImageStatesWriteRequest(hash=sha, confirm=True))
    assert desk.board.runs() == NEW
    assert await desk.ask(im.ImageEraseRequest()) == {"rc": 0}
    assert [state.slot for state in await desk.state()] == [0]


async def test_an_image_may_be_made_permanent_unseen(desk: Desk) -> None:
    """Nothing else can be chosen then before the restart."""
    await desk.upload()
    sha = image_hash(IMAGE)
    permanent = im.ImageStatesWriteRequest(hash=sha, confirm=True)
    for _ in range(2):
        assert "images" in await desk.ask(permanent)
    states = await desk.state()
    assert (states[1].pending, states[1].permanent) == (True, True)
    for request in (
        im.ImageStatesWriteRequest(hash=sha),
        im.ImageStatesWriteRequest(confirm=True),
    ):
        assert await desk.ask(request) == {"err": {"group": 1, "rc": 28}}
    assert desk.board.runs() == NEW


async def test_what_cannot_be_chosen_is_refused(desk: Desk) -> None:
    """No image, no hash, the running one for a trial, one that is pending already."""
    for sha, rc in ((bytes(32), 8), (bytes(31), 24), (b"", 24)):
        request = im.ImageStatesWriteRequest(hash=sha)
        assert await desk.ask(request) == {"err": {"group": 1, "rc": rc}}
    running = image_hash(image_of(OLD))
    request = im.ImageStatesWriteRequest(hash=running)
    assert await desk.ask(request) == {"err": {"group": 1, "rc": 33}}
    await desk.upload()
    await desk.ask(im.ImageStatesWriteRequest(hash=image_hash(IMAGE)))
    request = im.ImageStatesWriteRequest(hash=image_hash(IMAGE), confirm=True)
    assert await desk.ask(request) == {"err": {"group": 1, "rc": 28}}


async def test_a_damaged_trailer_costs_the_slot_its_image(desk: Desk) -> None:
    """As the boot loader's own function has it."""
    await desk.upload()
    desk.board.flash.secondary.data[-4:] = bytes(4)
    request = im.ImageStatesWriteRequest(hash=image_hash(IMAGE))
    assert await desk.ask(request) == {"err": {"group": 1, "rc": 23}}
    assert [state.slot for state in await desk.state()] == [0]


async def test_pending_without_an_image_can_be_erased(desk: Desk) -> None:
    """A slot with rubbish in it is nobody's."""
    desk.board.put(bytes(1000))
    set_pending(desk.board.flash, permanent=False)
    assert await desk.ask(im.ImageEraseRequest()) == {"rc": 0}
    assert await desk.ask(im.ImageEraseRequest(slot=0)) == {
        "err": {"group": 1, "rc": 9}
    }


async def test_an_image_without_a_hash_is_not_shown(desk: Desk) -> None:
    """It could not be named."""
    slot = desk.board.flash.secondary
    desk.board.put(IMAGE)
    at = IMAGE.index(image_hash(IMAGE)) - 4
    slot.data[at : at + 1] = b"\xa0"
    assert [state.slot for state in await desk.state()] == [0]


# Buffers.


async def test_requests_come_in_pieces_of_any_size(desk: Desk) -> None:
    """And an answer in as many notifications as it needs."""
    for size in (8, 20, ATT, 600):
        desk.send(om.EchoWriteRequest(d="x" * 500).BYTES, size=size)
        assert len(desk.pieces) == 0
        await asyncio.sleep(1)
        assert len(desk.pieces) == 3
        ((_, fields),) = await desk.answers()
        assert fields == {"r": "x" * 500}


@pytest.mark.parametrize(("size", "answered"), [(BUFFER_SIZE, 1), (BUFFER_SIZE + 1, 0)])
async def test_a_request_that_fits_into_no_buffer_is_dropped(
    desk: Desk, size: int, answered: int
) -> None:
    """Nobody hears of it."""
    empty = len(raw(2, *ECHO, {"d": ""}))
    packet = raw(2, *ECHO, {"d": "x" * (size - empty - 2)})
    assert len(packet) == size
    desk.send(packet)
    assert len(await desk.answers()) == answered
    assert bool(desk.server.counters.dropped_writes) == (not answered)


async def test_there_are_only_so_many_buffers(desk: Desk) -> None:
    """An answer needs one of its own, so three requests may be under way, not four."""
    for sequence in range(3):
        desk.send(raw(2, *ECHO, {"d": "x"}, sequence=sequence))
    assert [fields for _, fields in await desk.answers()] == [{"r": "x"}] * 3
    # The first is carried out, and two wait; there is no room for more.
    for sequence in range(6):
        desk.send(raw(2, *ECHO, {"d": "x"}, sequence=sequence))
    answers = await desk.answers()
    assert [header.sequence for header, _ in answers] == [0, 1, 2]
    assert desk.server.counters.dropped_writes == 3
    assert desk.server.counters.most_waiting == 3


async def test_an_answer_needs_a_buffer_too() -> None:
    """With a single one there is only room for an error."""
    desk = Desk(buffer_count=1)
    assert await desk.ask(om.EchoWriteRequest(d="x")) == {"rc": MGMT_ERR.ENOMEM}


async def test_requests_are_worked_off_one_after_the_other(desk: Desk) -> None:
    """In their order, each with its own time."""
    desk.server.processing_time = 1.0
    for sequence in range(3):
        desk.send(raw(2, *ECHO, {"d": "x"}, sequence=sequence))
    for sequence in range(3):
        ((header, _),) = await desk.answers(1.01)
        assert header.sequence == sequence


async def test_a_piece_that_is_lost_spoils_what_follows(desk: Desk) -> None:
    """The server counts bytes only; a length that does not come out ends it."""
    packet = raw(2, *ECHO, {"d": "x" * 600})
    desk.server.receive(packet[:ATT])
    desk.server.receive(packet[2 * ATT :])
    assert await desk.answers() == []
    # The next request's first piece makes up the first one's length.
    desk.send(raw(2, *ECHO, {"d": "y" * 600}))
    assert [fields for _, fields in await desk.answers()] == [{"rc": Rc.INVALID}]
    assert desk.server.counters.dropped_writes == 2
    desk.send(raw(2, *ECHO, {"d": "z"}))
    assert [fields for _, fields in await desk.answers()] == [{"r": "z"}]
    # What is left of a request is forgotten with the connection.
    desk.server.receive(packet[:ATT])
    desk.server.link_lost()
    desk.send(raw(2, *ECHO, {"d": "z"}))
    assert [fields for _, fields in await desk.answers()] == [{"r": "z"}]
    desk.server.receive(b"\x0a\0\0")
    desk.server.receive(b"")
    assert await desk.answers() == []


async def test_without_reassembly_a_write_is_a_request() -> None:
    """What is in two of them is none."""
    desk = Desk(reassembles=False)
    packet = raw(2, *ECHO, {"d": "x" * 300})
    desk.send(packet, size=ATT)
    desk.send(b"short")
    assert await desk.answers() == []
    desk.send(packet, size=len(packet))
    assert [fields for _, fields in await desk.answers()] == [{"r": "x" * 300}]


async def test_an_answer_is_no_request(desk: Desk) -> None:
    """It is not answered, or two servers would talk for ever."""
    desk.send(raw(1, *ECHO, {"r": "x"}))
    assert await desk.answers() == []
    assert await desk.ask(om.EchoWriteRequest(d="x")) == {"r": "x"}


# Faults.


async def test_faults_can_be_ordered(desk: Desk) -> None:
    """For the nth request of a kind, so many times."""
    desk.server.order(SmpFault.IGNORE, UPLOAD, nth=2)
    desk.server.order(SmpFault.LOSE, UPLOAD, nth=3)
    desk.server.order(SmpFault.ERROR, STATE, rc=Rc.BAD_STATE, times=2)
    assert (await desk.ask(chunk(0)))["off"] == CHUNK
    for offset, expected in ((CHUNK, CHUNK), (CHUNK, 2 * CHUNK)):
        desk.send(chunk(offset).BYTES)
        assert await desk.answers() == []
        assert desk.images.offset == expected
    for _ in range(2):
        assert await desk.ask(im.ImageStatesReadRequest()) == {"rc": Rc.BAD_STATE}
    assert "images" in await desk.ask(im.ImageStatesReadRequest())


async def test_answers_can_be_wrong(desk: Desk) -> None:
    """Under another number, or no CBOR."""
    desk.server.order(SmpFault.WRONG_SEQUENCE)
    desk.send(raw(2, *ECHO, {"d": "x"}, sequence=255))
    ((header, _),) = await desk.answers()
    assert header.sequence == 0
    desk.server.order(SmpFault.GARBLE)
    desk.send(raw(2, *ECHO, {"d": "x"}))
    with pytest.raises(cbor2.CBORDecodeError):
        await desk.answers()


async def test_a_server_may_be_slow_or_fall_silent(desk: Desk) -> None:
    """A restart makes it speak again."""
    desk.server.order(SmpFault.SLOW, delay=20)
    desk.send(raw(2, *ECHO, {"d": "x"}))
    assert await desk.answers(19) == []
    assert len(await desk.answers(2)) == 1
    desk.server.order(SmpFault.SILENCE)
    for _ in range(2):
        desk.send(raw(2, *ECHO, {"d": "x"}))
        assert await desk.answers() == []
    desk.server.stop()
    desk.server.start(desk)
    assert await desk.ask(om.EchoWriteRequest(d="x")) == {"r": "x"}


async def test_a_connection_may_end_instead_of_an_answer(desk: Desk) -> None:
    """The request is carried out."""
    desk.server.order(SmpFault.VANISH, UPLOAD)
    desk.send(chunk(0).BYTES)
    assert await desk.answers() == []
    assert desk.dropped == 1
    assert desk.images.offset == CHUNK
