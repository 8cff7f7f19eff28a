"""A feed for a million homes: what its host serves, and how far a bad release gets.

    PYTHONPATH=tools/vendor_feed .venv/bin/python -m benchmarks.rollout

The sizes are those of a repository that the vendors' tool makes here, asked by the code of
a household, request by request. What a household does at which hour comes from the code of
the house where that says it: how often it asks, when it tells the vendor how it ended, and
which locks are in a stage. The rest is said below, and in docs/scale.md.

In the simulation each home has one lock, which updates itself in the fixed quiet hours, as
fast as anybody's does: no soak, no failed connection. One lock in a hundred does not come
well through the release.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import hashlib
import heapq
from pathlib import Path
from random import Random
import sys
import tempfile
from typing import override

import aiohttp
from aiohttp import web

from custom_components.nightlatch.const import FEED_INTERVAL, FEED_JITTER
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.records.trust import Trust, TrustStore
from nightlatch_feed import content
from nightlatch_feed.keys import KeyStore
from nightlatch_feed.repository import Repository, computer_clock
from tests.rig.scene import MODELS, VENDOR, make_release
from tests.rig.vendor import Vendor

from .shape import Found, Row, Table, main

HOMES = 1_000_000
RELEASES = 10
"""In the feed whose sizes are measured."""
A_DAY = timedelta(days=1)

BAD = 0.01
"""Of the locks that get the release."""
STAGES = (1, 5, 20, 100)
"""Percent."""
NIGHTS_BETWEEN = 2
"""Before the next stage, if nothing speaks against it."""
NOTICE_HOUR, QUIET_FROM, QUIET_UNTIL = 20.0, 26.0, 29.0
"""After midnight of the day; what was not heard by the notice waits for the next one."""
REPORT_WITHIN = 20.0
"""Hours from noon in which a household draws when it reports."""
FEWEST, TOLERATED = 5, 0.005
"""A vendor halts at so many bad ends, if they are more than that share of all."""
REACTION = 1.0
"""Hours until the halt is signed and served."""
UNHEARD = 72.0
"""Hours after the first nights until a vendor without reports hears it from customers."""


# What the host serves.


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one visit of one home costs the host; bodies only."""

    requests: int
    bytes: int


class _Household(TrustStore):
    def __init__(self) -> None:
        self._trust = Trust()

    @property
    @override
    def trust(self) -> Trust:
        return self._trust

    @override
    async def raise_to(self, trust: Trust) -> None:
        self._trust = self._trust.merged(trust)


async def measure(folder: Path) -> dict[str, Cost]:
    """Return what visits cost, of a feed that the tool makes."""
    served: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        path = folder / "feed" / request.match_info["path"]
        data = await asyncio.to_thread(path.read_bytes) if path.is_file() else b""
        served.append(len(data))
        return web.Response(body=data, status=200 if data else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    maker = Vendor(name=VENDOR, models=MODELS)
    keys = KeyStore([folder / "keys"], lambda _: "four words of your own")
    repository = Repository(folder, keys, computer_clock)
    await asyncio.to_thread(_found, folder, repository, maker)
    costs: dict[str, Cost] = {}
    async with aiohttp.ClientSession() as session:
        root = await asyncio.to_thread(
            (folder / "feed" / "metadata" / "1.root.json").read_bytes
        )
        feed = TufFeed(
            feed_id=hashlib.sha256(root).hexdigest(),
            url=f"http://127.0.0.1:{runner.addresses[0][1]}/",
            root=root,
            pinned_keys=None,
            cache=folder / "cache",
            session=session,
            clock=lambda: datetime.now(UTC),
            trust=_Household(),
            allow_loopback_http=True,
        )

        async def visit(name: str) -> None:
            served.clear()
            await feed.check()
            costs[name] = Cost(requests=len(served), bytes=sum(served))

        await visit("first check")
        await visit("nothing is new")
        await asyncio.to_thread(repository.publish)
        await visit("renewed by machine")
        path = repository.descriptor["releases"][-1]
        await asyncio.to_thread(content.halt, repository, path, "It drains batteries.")
        await asyncio.to_thread(repository.publish)
        await visit("a stage or a halt")
        release = (await feed.check()).releases[0]
        served.clear()
        await feed.fetch(release)
        costs["an installation"] = Cost(requests=len(served), bytes=sum(served))
    await runner.cleanup()
    return costs


def _found(folder: Path, repository: Repository, maker: Vendor) -> None:
    key = folder / "firmware.pem"
    key.write_text(maker.firmware_key_pem)
    content.found(repository, VENDOR, [key])
    content.add_model(
        repository,
        {"model": "KL-1", "name": "Kestrel One", "version_scheme": "dotted"},
    )
    for number in range(RELEASES):
        version = f"1.{number}.0"
        file = folder / f"{version}.zip"
        file.write_bytes(make_release(maker, version))
        content.add_release(
            repository, file, content.Said(version=version, hardware=("B",))
        )
    repository.publish()


def visits_a_day() -> float:
    """Return how often a home asks by itself."""
    return A_DAY / FEED_INTERVAL


def peaks(waves: int = 4, minutes: int = 10, seed: int = 1) -> list[float]:
    """Return the most visits a second in each wave after all homes came back at once.

    As after a power cut of a whole country: within ``minutes``. Each home has drawn once
    by how much it asks more or less often than every twelve hours.
    """
    random, jitter = Random(seed), FEED_JITTER.total_seconds()
    sample = HOMES // 10
    homes = [
        (
            random.uniform(0, minutes * 60),
            FEED_INTERVAL.total_seconds() + random.uniform(-jitter, jitter),
        )
        for _ in range(sample)
    ]
    found = []
    for wave in range(waves):
        counts: dict[int, int] = {}
        for start, interval in homes:
            minute = int((start + wave * interval) // 60)
            counts[minute] = counts.get(minute, 0) + 1
        found.append(max(counts.values()) * (HOMES / sample) / 60)
    return found


# How far a bad release gets.


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far it got."""

    got: int
    """Locks that have it."""
    bad: int
    """Those that did not come well through it."""
    hours: float
    """From the first installation to the halt."""


def let_out(stages: Sequence[int], reporting: float, seed: int = 1) -> Reach:
    """Return how far a bad release gets until it is halted.

    ``reporting`` is the share of the homes that tell how it ended.
    """
    random = Random(seed)
    left = list(range(HOMES))
    random.shuffle(left)
    # What happens, in its order: a lock ends, or a vendor reads of it.
    events: list[tuple[float, int, bool]] = []
    end, read = 0, 1
    done = 0
    for number, percent in enumerate(stages):
        widened = 12.0 + 24 * NIGHTS_BETWEEN * number
        upto = HOMES * percent // 100
        for _ in range(done, upto):
            ends = _ends_at(
                widened + random.uniform(0, FEED_INTERVAL.seconds / 3600), random
            )
            bad = random.random() < BAD
            events.append((ends, end, bad))
            if random.random() < reporting:
                night = ends // 24 * 24 - 12
                drawn = night + random.uniform(0, REPORT_WITHIN)
                events.append((max(ends, drawn), read, bad))
        done = upto
    heapq.heapify(events)
    began = events[0][0]
    halted = float("inf") if reporting else began + UNHEARD
    got = bad_ends = told = told_bad = 0
    while events:
        at, what, bad = heapq.heappop(events)
        if at >= halted:
            break
        if what == end:
            got += 1
            bad_ends += bad
            continue
        told += 1
        told_bad += bad
        if told_bad >= FEWEST and told_bad > TOLERATED * told:
            halted = min(halted, at + REACTION)
    return Reach(got=got, bad=bad_ends, hours=halted - began)


def _ends_at(heard: float, random: Random) -> float:
    """Return when a lock ends whose home has heard of its release at an hour."""
    day = heard // 24
    if heard - day * 24 > NOTICE_HOUR:
        day += 1
    return day * 24 + random.uniform(QUIET_FROM, QUIET_UNTIL)


def run(short: bool) -> Found:
    """Measure and simulate all; for a quick look one share of homes that report."""
    with tempfile.TemporaryDirectory() as folder:
        costs = asyncio.run(measure(Path(folder)))
    first = costs["first check"]
    visits = [
        Row(
            name=name,
            figures={"bytes": cost.bytes, "requests": cost.requests},
            baseline=first.bytes,
        )
        for name, cost in costs.items()
    ]
    usual = costs["renewed by machine"]
    a_day = HOMES * visits_a_day()
    day = Row(
        name=f"{HOMES:,} homes",
        figures={
            "gigabytes": a_day * usual.bytes / 1e9,
            "visits": a_day,
            "requests": a_day * usual.requests,
            "requests/s": a_day * usual.requests / A_DAY.total_seconds(),
        },
        baseline=a_day * first.bytes / 1e9,
    )
    found = peaks()
    waves = [
        Row(
            name=f"wave {number}",
            figures={"visits/s": round(each)},
            baseline=round(found[0]),
        )
        for number, each in enumerate(found, start=1)
    ]
    reaches = []
    for reporting in (0.1,) if short else (0.5, 0.1, 0.01, 0.0):
        at_once = let_out((100,), reporting)
        staged = f"{'/'.join(map(str, STAGES))} %", let_out(STAGES, reporting)
        for name, reach in (("all at once", at_once), staged):
            reaches.append(
                Row(
                    name=f"{name}, {reporting:.0%} report",
                    figures={
                        "locks": reach.got,
                        "bad": reach.bad,
                        "hours": reach.hours,
                    },
                    baseline=at_once.got,
                )
            )
    anew = "all of it, as at the first check"
    return Found(
        tables=[
            Table(name="What a visit costs the host", of=anew, rows=visits),
            Table(name="A day", of=anew, rows=[day]),
            Table(name="After a power cut", of="the first wave", rows=waves),
            Table(name="How far a bad release gets", of="all at once", rows=reaches),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(__doc__, run))
