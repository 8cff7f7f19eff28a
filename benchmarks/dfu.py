"""How long a Nordic DFU transfer takes, against the usual libraries and the protocol.

    .venv/bin/python -m benchmarks.dfu

It runs on virtual time over the rig's link model (tests/rig/link.py): packets leave in
order, at most k unacknowledged writes a connection interval; an acknowledged operation
takes an interval of its own and its answer the next; a notification takes one; the
lock's receive buffers hold r packets, are emptied when it answers, and drop in silence
what is too much. With *flash* they are emptied as the flash writes (41 µs a word, or 338 in
a slow one, 85 ms to erase a page, which may stall the link). So the figures are exact, and
the same on every machine.

*baseline* is what the usual libraries do: receipts off, SELECT, then CREATE, packets,
CHECKSUM and EXECUTE for each object, five attempts an object.
*waiting* is what we do where a lock is known to want each receipt waited for.
*least* is what the protocol allows on such a link: CREATE and EXECUTE for each object,
a receipt for each, on its way beside EXECUTE but for the last, no SELECT, nothing lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from math import ceil
from statistics import mean
import struct
import sys
from zlib import crc32

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import Manner
from custom_components.nightlatch.core.transports.base import Counters
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from custom_components.nightlatch.core.transports.nordic_link import (
    EXECUTE_TIMEOUT,
    BootloaderLink,
)
from custom_components.nightlatch.core.transports.nordic_pace import Pace
from custom_components.nightlatch.core.transports.nordic_protocol import (
    BootloaderError,
    NordicOperation,
    ObjectType,
    bootloader_address,
    create,
    execute,
    parse_selection,
    select,
    set_receipt,
)
from custom_components.nightlatch.core.transports.nordic_sender import Sender
from tests.rig.bootloader import Flash, Generation, SecureDfuBootloader
from tests.rig.dfu_package import generate_key, make_init_packet
from tests.rig.faults import Fault, Traffic
from tests.rig.image import make_image
from tests.rig.link import Link, LinkModel
from tests.rig.lock import VirtualLock
from tests.rig.radio import RigRadio
from tests.rig.virtual_time import run_virtual

from .shape import Found, Row, Table, main

ADDRESS = "C0:11:22:33:44:55"
INTERVAL = 0.015
PACKETS_PER_INTERVAL = 4
MTU = 247
OBJECT = 4096
INIT_PACKET = 142
SIZES = (98_032, 256 * 1024)
KEY = generate_key()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One link, and what happens on it."""

    name: str
    buffers: int = 17
    loss: float = 0.0
    mtu: int = MTU
    interval: float = INTERVAL
    packets_per_interval: int = PACKETS_PER_INTERVAL
    cut_at_packet: int | None = None
    word_time: float | None = None
    """Seconds that the flash takes for a word; None for one that is always done."""
    stalls: bool = False
    """Whether the radio rests while a page is erased."""
    way_there: float = 0.0
    """Seconds to the radio, each way."""
    one_notification: bool = False
    generation: Generation = Generation.SDK_15
    most: float = 1.0
    """What part of the baseline's time it may take at most."""
    most_of_waiting: float = 1.0
    """And of the time that it takes with waiting for each receipt."""
    seeds: int = 1
    """Losses are chance: the mean over so many of them is shown."""


R8 = Case(name="15 ms, k=4, r=8", buffers=8)
CASES = (
    Case(name="15 ms, k=4, r=17", most=0.84),
    Case(name="15 ms, k=4, r=17, 10 ms each way", way_there=0.01, most=0.82),
    Case(name="30 ms, k=2, r=17", interval=0.03, packets_per_interval=2, most=0.88),
    Case(
        name="15 ms, k=4, r=17, flash, stalls",
        word_time=41e-6,
        stalls=True,
        one_notification=True,
        most=0.89,
    ),
    Case(
        name="15 ms, k=4, r=17, flash, stalls, 1 % loss",
        word_time=41e-6,
        stalls=True,
        one_notification=True,
        loss=0.01,
        seeds=8,
    ),
    Case(name="15 ms, k=4, r=17, flash", word_time=41e-6),
    Case(
        name="15 ms, k=4, r=17, slow flash",
        word_time=338e-6,
        most=1.03,
        most_of_waiting=1.03,
    ),
    Case(
        name="15 ms, k=4, r=17, slow flash, stalls",
        word_time=338e-6,
        stalls=True,
        most=1.03,
        most_of_waiting=1.03,
    ),
    Case(
        name="15 ms, k=4, r=17, flash, stalls, SDK 12",
        word_time=41e-6,
        stalls=True,
        generation=Generation.SDK_12,
        most=0.89,
    ),
    Case(
        name="15 ms, k=4, r=17, flash, stalls, SDK 14",
        word_time=41e-6,
        stalls=True,
        generation=Generation.SDK_14,
        most=0.89,
    ),
    Case(
        name="15 ms, k=4, r=17, flash, SDK 14, 1 % loss",
        word_time=41e-6,
        stalls=True,
        loss=0.01,
        seeds=8,
        generation=Generation.SDK_14,
    ),
    R8,
    Case(name="15 ms, k=4, r=17, 1 % loss", loss=0.01, seeds=8),
    Case(name="15 ms, k=4, r=8, 1 % loss", buffers=8, loss=0.01, seeds=8),
    Case(name="15 ms, k=4, r=17, cut", cut_at_packet=200),
    Case(name="15 ms, k=4, MTU 23", mtu=23),
    Case(name="7.5 ms, k=6, r=17", interval=0.0075, packets_per_interval=6),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a transfer took."""

    seconds: float
    packets: float
    control_writes: float
    bytes_again: float


class Bench:
    """A lock in reach of a radio, and an artifact for it."""

    def __init__(self, case: Case, size: int, seed: int = 0) -> None:
        """Build the lock and switch it on."""
        self.case = case
        # Without an application the lock waits in its bootloader.
        old = make_image("1.0.0", 4096, seed=1) if case.cut_at_packet else b""
        image = make_image("1.1.0", size, seed=2)
        self.artifact = VerifiedArtifact.seal(
            init_packet=make_init_packet(image, key=KEY, fw_version=2),
            firmware=image,
            key_fingerprint="",
        )
        self.bootloader = SecureDfuBootloader(
            Flash(application=bytearray(old), application_version=1),
            public_key=KEY.public_key(),
            generation=case.generation,
        )
        self.bootloader.hold_buffers(case.buffers)
        if case.word_time is not None:
            self.bootloader.receive_buffers.worst = False
            self.bootloader.flash.word_time = case.word_time
        self.bootloader.erase_stalls_link = case.stalls
        self.lock = VirtualLock(ADDRESS, self.bootloader)
        self.lock.restore_power()
        self.radio = RigRadio()
        self.link: Link = self.radio.add(
            self.lock,
            LinkModel(
                connection_interval=case.interval,
                packets_per_interval=case.packets_per_interval,
                mtu=case.mtu,
                loss=case.loss,
                way_there=case.way_there,
                one_notification=case.one_notification,
                honours_fast_interval=False,
            ),
            seed=seed,
        )

    async def in_bootloader(
        self, run: Callable[[BootloaderLink], Awaitable[None]]
    ) -> tuple[float, Counters]:
        """Time something over a link to the bootloader, once that stands."""
        await asyncio.sleep(1)
        counters = Counters()
        address = bootloader_address(ADDRESS)
        loop = asyncio.get_running_loop()
        async with BootloaderLink.open(self.radio, address, "lock", counters) as link:
            started = loop.time()
            await run(link)
            return loop.time() - started, counters

    async def ours(self) -> Figures:
        """Send as Nightlatch does."""
        if self.case.cut_at_packet is not None:
            return await self._ours_with_a_cut(self.case.cut_at_packet)
        return await self._sent(Pace())

    async def waiting(self) -> Figures:
        """Send as Nightlatch does to a lock of which it knows no better."""
        return await self._sent(Pace(Manner.WAITING))

    async def _sent(self, pace: Pace) -> Figures:
        sender = Sender(self.artifact, lambda _: None, pace=pace)
        seconds, counters = await self.in_bootloader(sender.run)
        return Figures(
            seconds=seconds,
            packets=counters.packets,
            control_writes=counters.control_writes,
            bytes_again=sender.bytes_sent_again,
        )

    async def _ours_with_a_cut(self, packet: int) -> Figures:
        """Send by the whole transport, which finds the lock again."""
        self.link.order(Traffic.PACKET, Fault.CUT_AFTER, nth=packet)
        transport = NordicDfuTransport(self.radio, ADDRESS, "lock")
        await asyncio.sleep(1)
        report = await transport.transfer(self.artifact, lambda _: None)
        return Figures(
            seconds=report.seconds,
            packets=report.packets,
            control_writes=report.control_writes,
            bytes_again=report.bytes_sent_again,
        )

    async def baseline(self) -> Figures:
        """Send as the usual libraries do."""
        baseline = Baseline(self.artifact)
        seconds, counters = await self.in_bootloader(baseline.run)
        return Figures(
            seconds=seconds,
            packets=counters.packets,
            control_writes=counters.control_writes,
            bytes_again=counters.packet_bytes
            - len(self.artifact.init_packet)
            - len(self.artifact.firmware),
        )


class BaselineFailedError(Exception):
    """The usual sequence gives up."""


class Baseline:
    """The usual sequence."""

    attempts = 5

    def __init__(self, artifact: VerifiedArtifact) -> None:
        """Take what to send."""
        self.artifact = artifact

    async def run(self, link: BootloaderLink) -> None:
        """Send it; raise ``BaselineFailedError``."""
        await link.request(set_receipt(0))
        await link.request(select(ObjectType.COMMAND))
        await self._object(link, ObjectType.COMMAND, self.artifact.init_packet, 0)
        payload = await link.request(select(ObjectType.DATA))
        size = parse_selection(payload).max_size
        image = self.artifact.firmware
        for start in range(0, len(image), size):
            await self._object(link, ObjectType.DATA, image[: start + size], start)

    async def _object(
        self, link: BootloaderLink, kind: ObjectType, data: bytes, start: int
    ) -> None:
        """Send ``data`` from ``start`` on as one object."""
        for _ in range(self.attempts):
            await link.request(create(kind, len(data) - start))
            for at in range(start, len(data), link.max_packet):
                await link.send_packet(data[at : at + link.max_packet])
            checksum = await link.request(bytes((NordicOperation.CHECKSUM,)))
            if struct.unpack("<II", checksum) == (len(data), crc32(data)):
                await link.request(execute(), timeout=EXECUTE_TIMEOUT)
                return
        raise BaselineFailedError


def least(case: Case, size: int) -> Figures:
    """Return what the protocol cannot do without."""
    packet = min(case.mtu - 3, 244) // 4 * 4
    objects = [min(OBJECT, size - at) for at in range(0, size, OBJECT)]
    bursts = [ceil(INIT_PACKET / packet)]
    bursts += [ceil(length / packet) for length in objects]
    control_writes = 2 + 2 * len(objects)
    # The operations and their answers, the packets, the receipt of the last object.
    intervals = 2 * control_writes + 1
    intervals += sum(ceil(burst / case.packets_per_interval) for burst in bursts)
    return Figures(
        seconds=intervals * case.interval,
        packets=sum(bursts),
        control_writes=control_writes,
        bytes_again=0,
    )


def _mean(
    case: Case, size: int, run: Callable[[Bench], Awaitable[Figures]]
) -> Figures | None:
    """Return the mean over the case's seeds, or None if one of them fails."""
    tries = [run_virtual(_try(case, size, s, run)) for s in range(case.seeds)]
    done = [figures for figures in tries if figures is not None]
    if len(done) < len(tries):
        return None
    return Figures(
        **{
            field.name: mean(getattr(figures, field.name) for figures in done)
            for field in fields(Figures)
        }
    )


async def _try(
    case: Case, size: int, seed: int, run: Callable[[Bench], Awaitable[Figures]]
) -> Figures | None:
    try:
        return await run(Bench(case, size, seed))
    except BaselineFailedError, BootloaderError, TransportError:
        return None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured of a case; None where it fails, or makes no sense."""

    ours: Figures | None
    waiting: Figures | None = None
    baseline: Figures | None = None
    least: Figures


def measure(case: Case, size: int) -> Result:
    """Return what everybody takes on the same link."""
    ours, minimum = _mean(case, size, Bench.ours), least(case, size)
    if case.cut_at_packet:
        return Result(ours=ours, least=minimum)
    return Result(
        ours=ours,
        waiting=_mean(case, size, Bench.waiting),
        baseline=_mean(case, size, Bench.baseline),
        least=minimum,
    )


def _columns(figures: Figures | None) -> dict[str, float | None]:
    if figures is None:
        return {"seconds": None}
    return {
        "seconds": figures.seconds,
        "packets": figures.packets,
        "control writes": figures.control_writes,
        "bytes again": figures.bytes_again,
    }


def _row(case: Case, result: Result) -> Row:
    others = {
        "waiting": result.waiting,
        "least": result.least,
    }
    return Row(
        name=case.name,
        figures={
            **_columns(result.ours),
            **{name: each.seconds if each else None for name, each in others.items()},
        },
        baseline=result.baseline.seconds if result.baseline else None,
    )


def run(short: bool) -> Found:
    """Measure all cases; for a quick look one size, and chance once."""
    tables, missed = [], []
    for size in SIZES[:1] if short else SIZES:
        usual: Figures | None = None
        rows = []
        for case in CASES:
            tried = replace(case, seeds=1) if short else case
            result = measure(tried, size)
            usual = usual or result.baseline
            rows.append(_row(case, result))
            if not short or case.seeds == 1:
                missed += _missed(f"{size} bytes, {case.name}", case, result, usual)
        tables.append(
            Table(name=f"Secure DFU, {size} bytes", of="the usual libraries", rows=rows)
        )
    return Found(tables=tables, missed=missed)


def _missed(where: str, case: Case, result: Result, usual: Figures | None) -> list[str]:
    """Return which promises the figures of a case break."""
    ours = result.ours
    if ours is None:
        return [f"{where}: fails"]
    missed = []
    if result.baseline and ours.seconds > case.most * result.baseline.seconds:
        missed.append(f"{where}: more than {case.most} of the baseline's time")
    if result.waiting and ours.seconds > case.most_of_waiting * result.waiting.seconds:
        missed.append(f"{where}: more than {case.most_of_waiting} of waiting's time")
    if usual and case == R8 and ours.seconds > 1.25 * usual.seconds:
        missed.append(f"{where}: more than 1.25 of the baseline's time with r=17")
    if case.cut_at_packet is not None and ours.bytes_again > OBJECT:
        missed.append(f"{where}: more than one object was sent again")
    return missed


if __name__ == "__main__":
    sys.exit(main(__doc__, run))
