"""Whoever answers at a lock's address, or at its bootloader's: what comes of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
import struct
import tracemalloc
from typing import Any
from zlib import crc32

from bleak.exc import BleakError
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.base import GattClient
from custom_components.nightlatch.core.transports.device_information import (
    READ_TIMEOUT,
    read_identity,
)
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from custom_components.nightlatch.core.transports.nordic_link import (
    answers_as_bootloader,
)
from custom_components.nightlatch.core.transports.nordic_protocol import (
    BUTTONLESS_BONDED,
    BUTTONLESS_EXPERIMENTAL,
    BUTTONLESS_UNBONDED,
    BootloaderError,
    NordicOperation,
    ObjectType,
    as_receipt,
    check_buttonless,
    check_result,
    parse_selection,
    split_response,
)
from tests.attacks.table import Tried
from tests.core.doorway import (
    ADDRESS,
    BOOTLOADER_ADDRESS,
    NAME,
    OLD,
    artifact,
    doorway,
    until,
)
from tests.rig.gatt import CCCD, Characteristic, Descriptor, Property, Service, uuid16
from tests.rig.link import ATT_HEADER
from tests.rig.lock import Mode
from tests.rig.lock_services import (
    BATTERY_LEVEL,
    CONTROL_POINT,
    DEVICE_INFORMATION,
    DFU_SERVICE,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    PACKET,
    SERIAL_NUMBER,
    Buttonless,
)
from tests.rig.radio import RigClient
from tests.rig.scene import make_firmware

from .hostile import (
    LONG,
    CarelessRadio,
    Meeting,
    Mouth,
    Move,
    Script,
    Stranger,
    Way,
    ends,
    link_model,
    longest_transfer,
    nothing_is_left,
    patience,
    run,
    scripts,
    tries,
    vanish,
)

pytestmark = patience

WANTED = artifact()
IMAGE, INIT = WANTED.firmware, WANTED.init_packet
LIMIT = longest_transfer(len(IMAGE))
# Besides what it reads it connects, which takes the rig's radio up to this.
READING = READ_TIMEOUT + 90

numbers = st.sampled_from(
    [0, 1, 3, 4, 512, 4095, 4096, 4097, len(IMAGE), len(IMAGE) + 1, 2**31, 2**32 - 1]
) | st.integers(0, 2**32 - 1)


def right_crc(offset: int, data: bytes) -> int:
    """Return the checksum of as much of the data as there is; who has heard it knows it."""
    return crc32(data[:offset])


@st.composite
def states(draw: st.DrawFn) -> bytes:
    """Return an offset and a checksum, which may be right."""
    offset = draw(numbers | st.integers(0, len(IMAGE)))
    crc = draw(
        st.sampled_from([right_crc(offset, IMAGE), right_crc(offset, INIT), 0])
        | numbers
    )
    return struct.pack("<II", offset, crc)


said = st.one_of(
    st.binary(max_size=30),
    st.builds(
        lambda code, result, rest: bytes((0x60, code, result)) + rest,
        st.sampled_from(list(NordicOperation)) | st.integers(0, 255),
        st.sampled_from([1, 1, 1, 8, 0x0B]) | st.integers(0, 255),
        st.binary(max_size=14),
    ),
    st.builds(
        lambda size, state: b"\x60\x06\x01" + struct.pack("<I", size) + state,
        numbers,
        states(),
    ),
    st.builds(lambda state: b"\x60\x03\x01" + state, states()),
    st.builds(lambda code: bytes((0x20, 1, code)), st.integers(0, 255)),
)
mtus = st.none() | st.sampled_from([0, 1, 3, 6, 22, 23, 65535]) | st.integers(0, 65535)


@dataclass
class Tally:
    """What came of the peers that were tried."""

    results: Counter[str] = field(default_factory=Counter)

    def add(self, raised: BaseException | None) -> None:
        """Count one."""
        self.results[str(getattr(raised, "reason", "an update"))] += 1

    def tell(self, attack: Tried, name: str, result: str) -> None:
        """Add a line to the table."""
        count = self.results.total()
        attack(name, count, f"{result}; {len(self.results)} outcomes, all known")


@dataclass
class Witness:
    """Is told what a transfer does, and looks whether it may."""

    may_touch: Callable[[], bool]
    touched: int = 0
    activated: int = 0
    progress: float = 0.0

    def note(self, percent: float) -> None:
        """Take note of progress, which never falls."""
        assert self.progress <= percent <= 100
        self.progress = percent

    async def about_to_touch(self) -> None:
        """Take note that something is begun with."""
        assert self.may_touch()
        self.touched += 1

    async def about_to_activate(self) -> None:
        """Take note that what was sent is to count."""
        assert self.touched
        self.activated += 1

    async def transfer(self, radio: CarelessRadio, *, asked: bool) -> Any:
        """Send the firmware; return what was raised."""
        transport = NordicDfuTransport(radio, ADDRESS, NAME, asked=asked)
        raised = await ends(
            transport.transfer(
                WANTED, self.note, self.about_to_activate, self.about_to_touch
            ),
            LIMIT,
        )
        assert self.touched <= 1
        if raised is None:
            assert self.touched
        nothing_is_left(radio)
        return raised


# A lock whose answers somebody alters on their way.


async def meet_altered_lock(
    script: Script, mtu: int | None, *, asked: bool, bonded: bool
) -> Any:
    """Send firmware to a lock that does not say what it means; return what was raised."""
    radio = CarelessRadio(mtu)
    buttonless = Buttonless.BONDED if bonded else Buttonless.UNBONDED
    async with doorway(radio=radio, model=link_model(), buttonless=buttonless) as door:
        lock, bootloader = door.lock, door.bootloader
        notify, uuid = lock._notify, ""

        def say(data: bytes) -> None:
            notify(uuid, data[: door.link.mtu - ATT_HEADER])

        def answer(of: str, data: bytes) -> None:
            nonlocal uuid
            uuid = of
            mouth.answer(data)

        mouth = Mouth(
            script, say, door.link.cut, partial(vanish, door.link), radio.say_late
        )
        lock._notify = answer  # type: ignore[assignment, method-assign]
        if not asked:
            lock._jump()
            await until(lambda: lock.mode is Mode.BOOTLOADER)
        witness = Witness(lambda: asked or bootloader.counters.requests > 0)
        raised = await witness.transfer(radio, asked=asked)
        assert lock.flash.application in (make_firmware(OLD), IMAGE)
        if not witness.touched:
            assert not bootloader.counters.command_objects
        if bootloader.running and bootloader.accepted:
            assert witness.activated
        for data in (b"\x60\x06\x01", b""):
            radio.say_late(data)
        mouth.behave()
        radio.believe()
        await door.rest()
        nothing_is_left(radio)
        if lock.flash.application == IMAGE:
            assert witness.activated
            door.assert_updated()
        else:
            door.assert_as_before()
            await door.assert_second_transfer_succeeds()
        return raised


def test_a_lock_whose_answers_are_altered_keeps_its_firmware_or_gets_the_new(
    attack: Tried,
) -> None:
    """Nothing else; and afterwards it is updated as any other."""
    tally = Tally()

    @tries(40, 350)
    @given(scripts(said), mtus, st.booleans(), st.booleans())
    def meet(script: Script, mtu: int | None, asked: bool, bonded: bool) -> None:
        tally.add(run(meet_altered_lock(script, mtu, asked=asked, bonded=bonded)))

    meet()
    tally.tell(attack, "locks whose answers are altered", "old firmware or the new")


# Somebody else's board in the lock's place.

UUIDS = [
    MODEL,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    SERIAL_NUMBER,
    BATTERY_LEVEL,
    CONTROL_POINT,
    PACKET,
    BUTTONLESS_UNBONDED,
    BUTTONLESS_BONDED,
    BUTTONLESS_EXPERIMENTAL,
]
USUAL = {
    CONTROL_POINT: Property.WRITE | Property.NOTIFY,
    PACKET: Property.WRITE_WITHOUT_RESPONSE,
    BUTTONLESS_UNBONDED: Property.WRITE | Property.INDICATE,
    BUTTONLESS_BONDED: Property.WRITE | Property.INDICATE,
}


def table_of(properties: dict[str, Property]) -> tuple[Service, ...]:
    """Return a service with these characteristics."""
    return (
        Service(
            uuid=DFU_SERVICE,
            handle=1,
            characteristics=tuple(
                Characteristic(
                    uuid=uuid,
                    handle=2 + 3 * nth,
                    properties=each,
                    descriptors=(Descriptor(uuid=uuid16(CCCD), handle=3 + 3 * nth),),
                )
                for nth, (uuid, each) in enumerate(properties.items())
            ),
        ),
    )


@st.composite
def tables(draw: st.DrawFn, uuids: Sequence[str]) -> tuple[Service, ...]:
    """Return services with these characteristics, or fewer, or more than one of a kind."""
    chosen = draw(
        st.one_of(
            st.just(list(uuids)),
            st.lists(st.sampled_from(UUIDS), max_size=12),
            st.lists(st.sampled_from(UUIDS), max_size=3).map(
                lambda more: [*uuids, *more]
            ),
        )
    )
    properties = st.integers(0, 63).map(Property)
    characteristics = []
    for nth, uuid in enumerate(chosen):
        usual = USUAL.get(uuid, Property.READ)
        handle = 2 + 3 * nth
        cccd = Descriptor(uuid=uuid16(CCCD), handle=handle + 1)
        characteristics.append(
            Characteristic(
                uuid=uuid,
                handle=handle,
                properties=draw(st.just(usual) | properties),
                descriptors=() if draw(st.integers(0, 9)) == 9 else (cccd,),
            )
        )
    half = draw(st.integers(0, len(characteristics)))
    return (
        Service(
            uuid=DFU_SERVICE, handle=1, characteristics=tuple(characteristics[:half])
        ),
        Service(
            uuid=DEVICE_INFORMATION,
            handle=1000,
            characteristics=tuple(characteristics[half:]),
        ),
    )


texts = st.one_of(
    st.none(),
    st.binary(max_size=512),
    st.text(max_size=80).map(lambda text: text.encode(errors="replace")),
    st.sampled_from([b"KL-1", b"1.0.0", b"\x5a", b"", b"\0", b"A" * 512]),
)


@dataclass
class Mimic:
    """Answers as a bootloader does, and lies about what it has."""

    sizes: Sequence[int]
    lies: Sequence[bytes | None]
    """Offsets and checksums in place of what it has; None is the truth."""
    turn: int = 0
    every: int = 0
    packets: int = 0
    kind: int = 1
    held: dict[int, bytes] = field(default_factory=lambda: {1: b"", 2: b""})
    selected: bool = False
    """Whether anybody has asked it what it has."""

    def state(self) -> bytes:
        """Return what it says that it has."""
        self.turn += 1
        lie = self.lies[self.turn % len(self.lies)] if self.lies else None
        held = self.held[self.kind]
        return lie or struct.pack("<II", len(held), crc32(held))

    def answer(self, uuid: str, data: bytes) -> bytes | None:
        """Return what it would say to a write."""
        if uuid == PACKET:
            self.held[self.kind] += data
            self.packets += 1
            if self.every and not self.packets % self.every:
                return b"\x60\x03\x01" + self.state()
            return None
        if uuid != CONTROL_POINT:
            return b"\x20\x01\x01"
        said = bytes((0x60, data[0], 1))
        match data[0]:
            case NordicOperation.SELECT:
                self.selected = True
                self.kind = data[1]
                size = self.sizes[self.turn % len(self.sizes)]
                return said + struct.pack("<I", size) + self.state()
            case NordicOperation.CREATE:
                self.kind = data[1]
            case NordicOperation.SET_RECEIPT:
                self.every = int.from_bytes(data[1:], "little")
                self.packets = 0
        return said


mimics = st.builds(
    Mimic,
    st.lists(st.just(4096) | numbers, min_size=1, max_size=4),
    st.lists(st.none() | states(), max_size=6),
)
APPLICATION = [MODEL, FIRMWARE_REVISION, HARDWARE_REVISION, BATTERY_LEVEL]
strangers = st.fixed_dictionaries(
    {
        "values": st.lists(texts, max_size=6),
        "script": scripts(said),
        "meetings": st.lists(st.sampled_from(Meeting), max_size=30),
        "pairs": st.booleans(),
    }
)


async def meet_strangers(
    first: tuple[tuple[Service, ...], dict[str, Any]],
    second: tuple[tuple[Service, ...], dict[str, Any]],
    mimic: Mimic,
    mtu: int | None,
    *,
    asked: bool,
) -> Any:
    """Have boards at both addresses of a lock; return what a transfer raised."""
    radio = CarelessRadio(mtu)
    there = [
        Stranger(
            address,
            services=services,
            uuids=(DFU_SERVICE,),
            answers=mimic.answer,
            **options,
        )
        for address, (services, options) in (
            (ADDRESS, first),
            (BOOTLOADER_ADDRESS, second),
        )
    ]
    for stranger in there:
        stranger.radio = radio
        radio.add(stranger, link_model())
    raised = await ends(read_identity(radio, ADDRESS, NAME), READING)
    nothing_is_left(radio)
    await ends(answers_as_bootloader(radio, BOOTLOADER_ADDRESS, NAME), READING)
    nothing_is_left(radio)

    def offers(stranger: Stranger) -> bool:
        """Return whether it has, once, what sends a lock to its bootloader."""
        uuids = [
            each.uuid
            for service in stranger.services
            for each in service.characteristics
        ]
        return 1 in (uuids.count(BUTTONLESS_BONDED), uuids.count(BUTTONLESS_UNBONDED))

    witness = Witness(lambda: mimic.selected or (asked and offers(there[0])))
    raised = await witness.transfer(radio, asked=asked)
    for stranger in there:
        stranger.mouth.behave()
        stranger.show(on=False)
    radio.say_late(b"\xff" * 20)
    radio.forget_peers()
    async with doorway(radio=radio) as door:
        await door.assert_second_transfer_succeeds()
    return raised


def test_whoever_answers_in_the_place_of_a_lock_stops_nothing(attack: Tried) -> None:
    """It ends in time and in words, and the lock itself is updated when it is back."""
    tally = Tally()
    bootloader = [CONTROL_POINT, PACKET]
    application = [*APPLICATION, BUTTONLESS_UNBONDED]

    @tries(40, 350)
    @given(
        st.tuples(
            tables(application)
            | tables(bootloader)
            | tables([*APPLICATION, BUTTONLESS_BONDED]),
            strangers,
        ),
        st.tuples(tables(bootloader), strangers),
        mimics,
        mtus,
        st.booleans(),
    )
    def meet(
        first: tuple[tuple[Service, ...], dict[str, Any]],
        second: tuple[tuple[Service, ...], dict[str, Any]],
        mimic: Mimic,
        mtu: int | None,
        asked: bool,
    ) -> None:
        tally.add(run(meet_strangers(first, second, mimic, mtu, asked=asked)))

    meet()
    tally.tell(
        attack, "boards in the place of a lock", "told in words, no lock in the way"
    )


def test_a_bootloader_that_agrees_to_everything_is_begun_with_and_never_trusted(
    attack: Tried,
) -> None:
    """It lies about sizes, offsets and checksums, and about nothing else."""
    tally = Tally()
    honest = Script((), Move(Way.HONEST))
    usual = {"values": [], "script": honest, "meetings": (), "pairs": True}
    table = table_of(USUAL)

    @tries(30, 250)
    @given(mimics, st.booleans())
    def meet(mimic: Mimic, asked: bool) -> None:
        tally.add(
            run(
                meet_strangers((table, usual), (table, usual), mimic, None, asked=asked)
            )
        )

    meet()
    tally.tell(attack, "bootloaders that lie about what they have", "none is trusted")


@pytest.mark.parametrize("uuid", UUIDS)
def test_a_characteristic_that_is_there_twice_is_told_in_words(uuid: str) -> None:
    """Which of them is meant nobody can say, so it counts for none."""
    script = Script((), Move(Way.HONEST))
    usual = {"values": [b"x"], "script": script, "meetings": (), "pairs": True}
    once = table_of({each: USUAL.get(each, Property.READ) for each in UUIDS})
    again = table_of({uuid: USUAL.get(uuid, Property.READ)})[0].characteristics[0]
    again = Characteristic(
        uuid=uuid, handle=2000, properties=again.properties, descriptors=()
    )
    table = (*once, Service(uuid=uuid16(0x1234), handle=1999, characteristics=(again,)))
    for asked in (True, False):
        mimic = Mimic([4096], [])
        run(meet_strangers((table, usual), (table, usual), mimic, None, asked=asked))


@pytest.mark.parametrize("at", ["identity", "bootloader", "transfer", "recovery"])
def test_a_link_that_is_gone_with_its_services_is_a_lost_link(
    monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Some stacks drop them with the link, and say so when they are asked for."""

    def gone(_: GattClient) -> None:
        raise BleakError("Service Discovery has not been performed yet")

    async def meet() -> None:
        async with doorway(radio=CarelessRadio()) as door:
            radio = door.radio
            assert isinstance(radio, CarelessRadio)
            monkeypatch.setattr(RigClient, "services", property(gone))
            if at == "identity":
                raised = await ends(read_identity(radio, ADDRESS, NAME), READING)
            elif at == "bootloader":
                assert not await answers_as_bootloader(radio, ADDRESS, NAME)
                raised = TransportError(TransportProblem.LINK_LOST)
            else:
                if at == "recovery":
                    door.lock._jump()
                    await until(lambda: door.lock.mode is Mode.BOOTLOADER)
                witness = Witness(lambda: False)
                raised = await witness.transfer(radio, asked=at == "transfer")
            assert raised is not None
            assert raised.reason is TransportProblem.LINK_LOST
            monkeypatch.undo()
            nothing_is_left(radio)
            await door.rest()
            await door.assert_second_transfer_succeeds()

    run(meet())


@pytest.mark.parametrize("mtu", [*range(24), 100, 65535])
def test_whatever_mtu_is_told_the_lock_gets_its_firmware(mtu: int) -> None:
    """One that cannot be is not believed; one that is too large loses packets."""

    async def meet() -> None:
        radio = CarelessRadio(mtu)
        async with doorway(radio=radio, model=link_model()) as door:
            assert await Witness(lambda: True).transfer(radio, asked=True) is None
            await asyncio.sleep(5)
            door.assert_updated()

    run(meet())


def test_endless_chatter_is_not_kept(attack: Tried) -> None:
    """A thousand times what a lock may say, while nobody has the time to listen."""
    flood = 20_000
    kept: list[int] = []

    async def meet() -> None:
        radio = CarelessRadio()
        async with doorway(radio=radio) as door:

            async def while_it_is_written_down() -> None:
                tracemalloc.start()
                for nth in range(flood):
                    radio.say_late(nth.to_bytes(244, "little"))
                kept.append(tracemalloc.get_traced_memory()[0])
                tracemalloc.stop()

            transport = NordicDfuTransport(radio, ADDRESS, NAME)
            await transport.transfer(WANTED, lambda _: None, while_it_is_written_down)
            await asyncio.sleep(5)
            door.assert_updated()

    run(meet())
    assert kept[0] < 200_000
    attack("unasked notifications while nobody listens", flood, "64 are kept")


# The messages themselves.

PARSERS: list[Callable[[bytes], object]] = [
    split_response,
    as_receipt,
    check_buttonless,
    parse_selection,
    lambda data: check_result(NordicOperation.SELECT, split_response(data)[1]),
    lambda data: parse_selection(
        check_result(NordicOperation.SELECT, split_response(data)[1])
    ),
    lambda data: check_result(NordicOperation.EXECUTE, split_response(data)[1]),
]


def test_any_bytes_are_an_answer_or_garbled(attack: Tried) -> None:
    """And every other byte at every place of an answer."""
    count = 0

    def parse(data: bytes) -> None:
        nonlocal count
        count += 1
        told: dict[str, str] = {}
        for parser in PARSERS:
            try:
                parser(data)
            except TransportError as err:
                told.update(err.details)
            except BootloaderError as err:
                told.update(err.as_transport_error(ObjectType.COMMAND).details)
        assert told.keys() <= {"answer", "operation", "code"}
        assert max(map(len, told.values()), default=0) <= 40

    @tries(60, 1_500)
    @given(said | st.binary(max_size=512))
    def one(data: bytes) -> None:
        for end in range(len(data) + 1):
            parse(data[:end])
        for place in range(min(len(data), 16)):
            for bit in range(8):
                altered = data[place] ^ 1 << bit
                parse(data[:place] + bytes((altered,)) + data[place + 1 :])

    one()
    for first in range(256):
        for second in range(0, 256, 1 if LONG else 16):
            parse(bytes((0x60, first, second)))
            parse(bytes((first, second, 1)))
    attack("answers of bootloaders, byte by byte", count, "read, or called garbled")
