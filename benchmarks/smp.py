"""How long an image takes to an MCUboot lock over SMP, against the usual library.

    .venv/bin/python -m benchmarks.smp

It runs on virtual time over the rig's link model (tests/rig/link.py): packets leave in
order, at most k unacknowledged writes a connection interval; a notification takes one.
The server (tests/rig/smp_server.py) has b buffers of some bytes, carries out one request
after the other, each in 4 ms besides what the flash takes, and drops in silence what it
has no room for. So the figures are exact, and the same on every machine.

*baseline* is what the usual library does: it fills the server's buffer where the server
tells it, else the MTU, and waits for each answer before it sends the next request; an
answer that does not come ends it.
*least* is what the protocol allows on such a link: full requests, the link never idle,
and the last answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
import hashlib
from math import ceil
from statistics import mean
import sys
from typing import Any

from cbor2 import dumps

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import PayloadFormat
from custom_components.nightlatch.core.transports.base import Counters
from custom_components.nightlatch.core.transports.smp_link import SmpLink
from custom_components.nightlatch.core.transports.smp_protocol import (
    HEADER_SIZE,
    UPLOAD,
    SmpError,
    parse_offset,
    read_answer,
)
from custom_components.nightlatch.core.transports.smp_upload import Upload
from tests.rig.dfu_package import generate_key
from tests.rig.faults import Fault, Traffic
from tests.rig.image import make_image
from tests.rig.link import Link, LinkModel
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_flash import McubootFlash
from tests.rig.mcuboot_image import image_hash, make_mcuboot_image
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.radio import RigRadio
from tests.rig.smp_images import SmpImages
from tests.rig.smp_server import SmpServer
from tests.rig.virtual_time import run_virtual

from .shape import Found, Row, Table, main

ADDRESS = "C0:11:22:33:44:66"
NAME = "lock"
SIZE = 250_000
"""Bytes of the whole image."""
REQUESTS = 103
"""What it takes at a buffer of 2,475 bytes; 1,140 with one write of 244 bytes each."""
MOST = {0.015: 0.65, 0.045: 0.55}
"""Of the baseline's time where the flash takes its own, by the link's interval."""
KEY = generate_key()
IMAGE = make_mcuboot_image(
    make_image("1.1.0", SIZE - 700, seed=2), key=KEY, version="1.1.0"
).ljust(SIZE, b"\xff")
ARTIFACT = VerifiedArtifact.seal(
    firmware=IMAGE,
    key_fingerprint="",
    format=PayloadFormat.MCUBOOT,
    image_hash=image_hash(IMAGE),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One link and one server, and what happens between them."""

    name: str
    buffer: int | None = 2475
    """None for a server that tells nothing and puts nothing together."""
    buffers: int = 4
    flash: bool = False
    """Whether the flash takes its time: 85 ms for each 4 KiB, and 10 µs for each byte."""
    loss: float = 0.0
    mtu: int = 247
    interval: float = 0.015
    packets_per_interval: int = 4
    cut_at_packet: int | None = None
    seeds: int = 1
    """Losses are chance: the mean over so many of them is shown."""


CASES = (
    Case(name="15 ms, k=4, buffers 4 x 2475"),
    Case(name="15 ms, k=4, one write each", buffer=None),
    Case(name="15 ms, k=4, buffers 4 x 384", buffer=384),
    Case(name="15 ms, k=4, buffers 4 x 1024", buffer=1024),
    Case(name="15 ms, k=4, buffers 2 x 2475", buffers=2),
    Case(name="15 ms, k=4, buffers 4 x 2475, MTU 498", mtu=498),
    Case(name="15 ms, k=4, buffers 4 x 2475, MTU 23", mtu=23),
    Case(name="7.5 ms, k=6, buffers 4 x 2475", interval=0.0075, packets_per_interval=6),
    Case(name="15 ms, k=4, buffers 4 x 2475, flash", flash=True),
    Case(name="45 ms, k=4, buffers 4 x 2475, flash", flash=True, interval=0.045),
    Case(name="45 ms, k=4, buffers 4 x 2475", interval=0.045),
    Case(name="15 ms, k=4, one write each, flash", buffer=None, flash=True),
    Case(name="15 ms, k=4, buffers 4 x 2475, cut", cut_at_packet=500),
    Case(name="15 ms, k=4, buffers 4 x 2475, 0.1 % loss", loss=0.001, seeds=8),
    Case(name="15 ms, k=4, buffers 4 x 2475, 1 % loss", loss=0.01, seeds=8),
    Case(name="15 ms, k=4, one write each, 1 % loss", buffer=None, loss=0.01, seeds=8),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What an upload took."""

    seconds: float
    requests: float
    packets: float
    bytes_again: float


class Bench:
    """A lock in reach of a radio."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        """Build the lock and switch it on."""
        self.case = case
        old = make_mcuboot_image(
            make_image("1.0.0", 4096, seed=1), key=KEY, version="1.0.0"
        )
        flash = McubootFlash(old)
        images = SmpImages(flash)
        if not case.flash:
            write = images.write

            def at_once(command: int, fields: Mapping[str, Any]) -> tuple[Any, float]:
                return write(command, fields)[0], 0.0

            images.write = at_once  # type: ignore[method-assign]
        tells = case.buffer is not None
        self.server = SmpServer(
            images,
            buffer_size=case.buffer or 2475,
            buffer_count=case.buffers,
            reassembles=tells,
            tells_parameters=tells,
        )
        self.lock = VirtualMcubootLock(
            ADDRESS,
            McubootBootloader(flash, public_key=KEY.public_key()),
            server=self.server,
        )
        self.lock.restore_power()
        self.radio = RigRadio()
        self.link: Link = self.radio.add(
            self.lock,
            LinkModel(
                connection_interval=case.interval,
                packets_per_interval=case.packets_per_interval,
                mtu=case.mtu,
                loss=case.loss,
                honours_fast_interval=False,
            ),
            seed=seed,
        )
        if case.cut_at_packet is not None:
            self.link.order(Traffic.PACKET, Fault.CUT_AFTER, nth=case.cut_at_packet)

    async def ours(self) -> Figures:
        """Send as Nightlatch does, over as many connections as it takes."""
        upload = Upload(ARTIFACT, lambda _: None)
        return await self._timed(upload.run, lambda: upload.bytes_sent_again)

    async def baseline(self) -> Figures:
        """Send as the usual library does."""
        return await self._timed(self._stop_and_wait, lambda: 0)

    async def _timed(
        self, run: Callable[[SmpLink], Awaitable[None]], again: Callable[[], int]
    ) -> Figures:
        """Time something from the moment that the first connection stands."""
        await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        counters = Counters()
        started: float | None = None
        while True:
            try:
                async with SmpLink.open(self.radio, ADDRESS, NAME, counters) as link:
                    started = started or loop.time()
                    await run(link)
                    break
            except TransportError:
                if counters.connections == 50:
                    raise
                await asyncio.sleep(1)
        assert self.lock.flash.secondary.read(0, SIZE) == IMAGE
        return Figures(
            seconds=loop.time() - started,
            requests=self.server.counters.uploads,
            packets=counters.packets,
            bytes_again=again(),
        )

    async def _stop_and_wait(self, link: SmpLink) -> None:
        parameters = await link.parameters()
        limit = parameters.buffer_size if parameters else link.max_packet
        offset = 0
        while offset < SIZE:
            body: dict[str, Any] = {"off": offset}
            if not offset:
                body |= {"image": 0, "len": SIZE, "sha": hashlib.sha256(IMAGE).digest()}
            room = limit - HEADER_SIZE - len(dumps({**body, "data": b""}))
            room -= 1 if room <= 256 else 2
            body["data"] = IMAGE[offset : offset + room]
            sequence, _ = await link.send(UPLOAD, body)
            answer = await link.receive(UPLOAD, 2.5 if offset else 40.0, {sequence})
            if answer is None:
                raise BaselineFailedError
            offset = parse_offset(read_answer(UPLOAD, answer.payload), SIZE)


class BaselineFailedError(Exception):
    """The usual library gives up."""


def least(case: Case) -> Figures:
    """Return what the protocol cannot do without."""
    packet = case.mtu - 3
    limit = case.buffer or packet
    # The rest of a request: header, the two keys, an offset of five bytes, a length.
    room = limit - HEADER_SIZE - 16 - (2 if limit > 256 else 1)
    requests = ceil(SIZE / room)
    packets = requests * ceil(limit / packet)
    intervals = ceil(packets / case.packets_per_interval) + 1
    return Figures(
        seconds=intervals * case.interval,
        requests=requests,
        packets=packets,
        bytes_again=0,
    )


def _mean(case: Case, run: Callable[[Bench], Awaitable[Figures]]) -> Figures | None:
    """Return the mean over the case's seeds, or None if one of them fails."""
    tries = [run_virtual(_try(case, seed, run)) for seed in range(case.seeds)]
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
    case: Case, seed: int, run: Callable[[Bench], Awaitable[Figures]]
) -> Figures | None:
    bench = Bench(case, seed)
    try:
        return await run(bench)
    except BaselineFailedError, SmpError, TransportError:
        return None
    finally:
        bench.radio.close()
        bench.lock.cut_power()


def measure(case: Case) -> tuple[Figures | None, Figures | None, Figures]:
    """Return our figures, the baseline's on the same link, and the least."""
    baseline = None if case.cut_at_packet else _mean(case, Bench.baseline)
    return _mean(case, Bench.ours), baseline, least(case)


def _row(
    case: Case, ours: Figures | None, baseline: Figures | None, minimum: Figures
) -> Row:
    return Row(
        name=case.name,
        figures={
            "seconds": ours.seconds if ours else None,
            "requests": ours.requests if ours else None,
            "packets": ours.packets if ours else None,
            "bytes again": ours.bytes_again if ours else None,
            "theirs": baseline.requests if baseline else None,
            "least": minimum.seconds,
        },
        baseline=baseline.seconds if baseline else None,
    )


def run(short: bool) -> Found:
    """Measure all cases; for a quick look chance once."""
    results = {
        case.name: measure(replace(case, seeds=1) if short else case) for case in CASES
    }
    _, one_at_a_time, _ = results[CASES[1].name]
    missed = []
    for case in CASES:
        ours, baseline, _ = results[case.name]
        if not short or case.seeds == 1:
            missed += _missed(case, ours, baseline, one_at_a_time)
    rows = [_row(case, *results[case.name]) for case in CASES]
    table = Table(
        name=f"SMP, {SIZE} bytes; theirs: requests", of="the usual library", rows=rows
    )
    return Found(tables=[table], missed=missed)


def _missed(
    case: Case,
    ours: Figures | None,
    baseline: Figures | None,
    one_at_a_time: Figures | None,
) -> list[str]:
    """Return which promises the figures of a case break."""
    if ours is None:
        return [f"{case.name}: fails"]
    missed = []
    if baseline is not None and ours.seconds > 1.01 * baseline.seconds:
        missed.append(f"{case.name}: slower than the baseline")
    most = MOST.get(case.interval) if case.flash and case.buffer else None
    if baseline and most and ours.seconds > most * baseline.seconds:
        missed.append(f"{case.name}: more than {most} of the baseline's time")
    if case == CASES[0]:
        if ours.requests > REQUESTS:
            missed.append(f"{case.name}: more than {REQUESTS} requests")
        if one_at_a_time and ours.seconds > 0.15 * one_at_a_time.seconds:
            missed.append(f"{case.name}: more than 0.15 of one write at a time")
    if case.cut_at_packet is not None and ours.bytes_again > 4 * 2475:
        missed.append(f"{case.name}: more than what was under way was sent again")
    return missed


if __name__ == "__main__":
    sys.exit(main(__doc__, run))
