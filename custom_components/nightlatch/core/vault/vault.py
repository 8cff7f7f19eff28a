"""The vault: artifacts, encrypted, in one or two places that hold the same."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
import hashlib
from typing import Any

from ..errors import NightlatchError, VaultError, VaultProblem
from .catalogue import Catalogue
from .kept import Binding, Kept
from .keys import HouseholdKey
from .ledger import Ledger
from .place import Place
from .place_worker import PlaceWorker
from .reports import (
    Damage,
    OpenReport,
    PlaceReport,
    Replaced,
    Replacement,
    TestReport,
    Unproven,
)


class Vault:
    """Keeps artifacts; what one place lacks or has damaged comes from the other.

    The first place is the one that counts: what could not be written there was not
    kept. Trouble with the others is told by ``troubles``.
    """

    def __init__(
        self,
        key: HouseholdKey,
        places: Sequence[Place],
        *,
        limit: int,
        clock: Callable[[], datetime],
    ) -> None:
        """Prepare; ``open`` reads what is there.

        There is one place at least, else ``ValueError`` is raised. ``limit`` is in
        bytes, for each place; ``clock`` gives aware times, UTC.
        """
        if not places:
            raise ValueError("A vault has a place")
        self.limit = limit
        """Bytes that the files of one place may have; what is wanted may have more."""
        self._clock = clock
        self._workers = tuple(PlaceWorker(place, key) for place in places)
        self._catalogue = Catalogue(self._workers)
        # Held for each step, not for a whole test: a door may wait for ``get``.
        self._lock = asyncio.Lock()

    @property
    def size(self) -> int:
        """Return how many bytes the files of the fullest place have."""
        return max(
            sum(copy.length for copy in worker.blobs.copies.values())
            for worker in self._workers
        )

    @property
    def troubles(self) -> Mapping[str, VaultError]:
        """What is wrong with places now, by their names."""
        return {
            worker.name: worker.trouble
            for worker in self._workers
            if worker.trouble is not None
        }

    # What is there.

    def kept(self) -> tuple[Kept, ...]:
        """Return all of which there is a copy not known to be damaged, oldest first."""
        return tuple(
            sorted(self._catalogue.whole().values(), key=lambda each: each.kept_at)
        )

    def find(
        self,
        *,
        vendor: str | None = None,
        model: str,
        version: str,
        sha256: str | None = None,
    ) -> Kept | None:
        """Return what is kept of a version, the newest where there are several.

        Of any vendor where none is named.
        """
        found = [
            kept
            for kept in self.kept()
            if (kept.binding.model, kept.binding.version) == (model, version)
            and vendor in {None, kept.binding.vendor}
            and sha256 in {None, kept.binding.sha256}
        ]
        return found[-1] if found else None

    def by_digest(self, sha256: str) -> Kept | None:
        """Return what is kept under the digest of an artifact."""
        found = [kept for kept in self.kept() if kept.binding.sha256 == sha256]
        return found[-1] if found else None

    # Opening and testing.

    async def open(self) -> OpenReport:
        """Read what all places hold, and bring each up to what the others have.

        Never raises for a place that cannot be used: the report says so. May be called
        again, as when a place is back.
        """
        report, _ = await self._open()
        return report

    async def test(
        self,
        prove: Callable[[Kept, bytes], None],
        refetch: Callable[[Kept], Awaitable[bytes | None]],
    ) -> TestReport:
        """Open again, then read and prove every copy in every place.

        ``prove`` is called in a thread and raises ``NightlatchError`` where the
        artifact's own proof does not hold. A copy that is damaged or missing is
        replaced from another place, else by what ``refetch`` gets; it returns ``None``
        or raises ``NightlatchError`` where there is nothing to get.
        """
        opened, replaced = await self._open()
        sound = 0
        lost: list[Damage] = []
        unproven: list[Unproven] = []
        for name, kept in self._catalogue.in_order(self._catalogue.known):
            async with self._lock:
                whole, data = await self._read_all(name, kept)
                again = [] if data is None else await self._mend(kept, data)
            source = Replacement.COPY
            if data is None and (data := await _refetched(refetch, kept)) is not None:
                async with self._lock:
                    # It may have been dropped meanwhile.
                    again = (
                        await self._mend(kept, data)
                        if name in self._catalogue.known
                        else []
                    )
                source = Replacement.FEED
            sound += whole + len(again)
            replaced += [
                Replaced(place=worker.name, kept=kept, source=source)
                for worker in again
            ]
            if data is None:
                lost += self._missing(name, kept)
                continue
            try:
                await asyncio.to_thread(prove, kept, data)
            except NightlatchError as err:
                unproven.append(Unproven(kept=kept, error=err))
        return TestReport(
            at=opened.at,
            places=opened.places,
            sound=sound,
            replaced=tuple(replaced),
            damaged=(*self._catalogue.damaged(self._workers), *lost),
            unproven=tuple(unproven),
        )

    async def _open(self) -> tuple[OpenReport, list[Replaced]]:
        at = self._clock()
        async with self._lock:
            await self._scan()
        found = {
            worker.name: (
                len(worker.blobs.copies),
                tuple(self._catalogue.damaged([worker])),
            )
            for worker in self._workers
        }
        merged = await self._merge()
        latest = max(map(_counter, self._workers))
        places = {
            worker.name: PlaceReport(
                error=worker.trouble,
                blobs=found[worker.name][0],
                damaged=found[worker.name][1],
                merged=sum(each.place == worker.name for each in merged),
                foreign=worker.blobs.foreign,
                behind=worker.there and _counter(worker) < latest,
                ledger=worker.blobs.ledger_problem,
            )
            for worker in self._workers
        }
        return OpenReport(at=at, places=places), merged

    async def _scan(self) -> None:
        told = await asyncio.gather(*(worker.scan() for worker in self._workers))
        seen: dict[tuple[int, int], PlaceWorker] = {}
        for worker, names in zip(self._workers, told, strict=True):
            identity = worker.blobs.identity
            if identity is not None and identity in seen:
                worker.bar(
                    VaultError(
                        VaultProblem.SAME_PLACE,
                        place=worker.blobs.path,
                        other=seen[identity].blobs.path,
                    )
                )
                continue
            if identity is not None:
                seen[identity] = worker
            self._catalogue.told(names)

    async def _merge(self) -> list[Replaced]:
        """Bring every place up to what the others have."""
        merged = []
        for name, _ in self._catalogue.in_order(self._catalogue.whole()):
            async with self._lock:
                kept = self._catalogue.whole().get(name)
                if kept is None or not self._catalogue.lacking(kept):
                    continue
                data, _ = await self._obtain(kept)
                if data is None:
                    continue
                merged += [
                    Replaced(place=worker.name, kept=kept, source=Replacement.COPY)
                    for worker in await self._mend(kept, data)
                ]
        return merged

    # Keeping and giving.

    async def put(self, kept: Kept, data: bytes) -> None:
        """Keep an artifact in all places; return when it is on disk.

        Raises ``VaultError`` where the first place could not take it (nothing has
        changed then), and DAMAGED where the bytes are not those that are bound.
        """
        first, *others = self._workers
        async with self._lock:
            await self._write(first, kept, data)
            for worker in others:
                # What is wrong with them stays in ``troubles``.
                with suppress(VaultError):
                    await self._write(worker, kept, data)

    async def get(self, sha256: str) -> bytes:
        """Return an artifact whose every byte was checked.

        A damaged copy is replaced on the way. Raises ``VaultError``: NOT_KEPT, or what
        is wrong with the first of the copies where none is whole.
        """
        async with self._lock:
            kept = self._catalogue.known_as(sha256)
            if kept is None:
                raise VaultError(VaultProblem.NOT_KEPT, artifact=sha256)
            data, problems = await self._obtain(kept)
            if data is None:
                raise next(
                    iter(problems), VaultError(VaultProblem.NOT_KEPT, artifact=sha256)
                )
            await self._mend(kept, data)
            return data

    async def prune(self, wanted: Mapping[str, int]) -> tuple[Kept, ...]:
        """Drop what nobody wants, the oldest first, until the limit is kept.

        ``wanted`` gives the rank of an artifact by its digest, 0 for the most wanted;
        none of these is dropped, and the most wanted are copied first to a place that
        lacks them. Returns what was dropped.
        """
        dropped = []
        async with self._lock:
            self._catalogue.wanted = dict(wanted)
            for name, kept in self._catalogue.unwanted():
                if self.size <= self.limit:
                    break
                if await self._remove(name):
                    dropped.append(kept)
        return tuple(dropped)

    async def drop_damaged(self) -> int:
        """Remove the copies that nothing could replace; return how many.

        For when a person has been told of them. Each is looked at once more; what a
        newer version of Nightlatch has written, or what may not be read, is left alone.
        """
        removed = 0
        async with self._lock:
            there = self._catalogue.whole()
            for worker in self._workers:
                for name in worker.blobs.damaged:
                    if name in there or worker.blobs.strays_to(name):
                        continue
                    if await worker.drop(name):
                        self._catalogue.removed(name)
                        removed += 1
        return removed

    # The ledger.

    async def write_ledger(self, ledger: Mapping[str, Any]) -> None:
        """Write down, in every place, what must not sink when a backup is restored.

        Raises ``VaultError`` where the first place could not take it; the others are
        written all the same.
        """
        async with self._lock:
            there = await self._ledgers()
            counter = max((each.counter for each in there), default=0) + 1
            new = Ledger(counter=counter, at=self._clock(), content=ledger)
            results = await asyncio.gather(
                *(worker.write_ledger(new) for worker in self._workers),
                return_exceptions=True,
            )
        for worker, result in zip(self._workers, results, strict=True):
            if isinstance(result, BaseException) and (
                worker is self._workers[0] or not isinstance(result, VaultError)
            ):
                raise result

    async def read_ledgers(self) -> tuple[Mapping[str, Any], ...]:
        """Return what was written down, of every place that has it; the newest first."""
        async with self._lock:
            there = await self._ledgers()
        there.sort(key=lambda each: each.counter, reverse=True)
        return tuple(each.content for each in there)

    async def close(self) -> None:
        """Wait for what is still being written, within its deadline."""
        await asyncio.gather(*(worker.rest() for worker in self._workers))

    # Steps; the lock is held.

    async def _obtain(self, kept: Kept) -> tuple[bytes | None, list[VaultError]]:
        """Return an artifact from wherever it is whole, else what is wrong everywhere."""
        problems: list[VaultError] = []
        for name, each in self._catalogue.same_bytes(kept):
            for worker in self._workers:
                if name in worker.blobs.copies:
                    try:
                        return await worker.read(each), []
                    except VaultError as err:
                        problems.append(err)
                elif name in worker.blobs.damaged:
                    problems.append(worker.blobs.damaged[name])
            for worker in self._workers:
                if name in worker.blobs.strays:
                    with suppress(VaultError):
                        return await worker.read(each, stray=True), []
        return None, problems

    async def _read_all(self, name: str, kept: Kept) -> tuple[int, bytes | None]:
        """Read every copy; return how many are whole, and the artifact if one is."""
        whole, data = 0, None
        for worker in self._workers:
            if name in worker.blobs.copies:
                with suppress(VaultError):
                    data = await worker.read(kept)
                    whole += 1
        if data is None:
            # What strays under another name, or is kept as something else too.
            data, _ = await self._obtain(kept)
        return whole, data

    async def _mend(self, kept: Kept, data: bytes) -> list[PlaceWorker]:
        """Write a copy wherever there is none that is whole; return where."""
        mended = []
        for worker in self._catalogue.lacking(kept):
            with suppress(VaultError):
                await self._write(worker, kept, data)
                mended.append(worker)
        return mended

    async def _write(self, worker: PlaceWorker, kept: Kept, data: bytes) -> None:
        await worker.write(kept, data)
        self._catalogue.known[worker.blobs.name_of(kept.binding)] = kept
        if worker.there and all(map(worker.has, self._catalogue.whole().values())):
            worker.trouble = None

    async def _remove(self, name: str) -> bool:
        """Remove all copies; return whether none is left in any place that is there."""
        removed = 0
        for worker in self._workers:
            if worker.blobs.mentions(name):
                with suppress(VaultError):
                    await worker.remove(name)
                    removed += 1
        return self._catalogue.removed(name) and removed > 0

    async def _ledgers(self) -> list[Ledger]:
        found = await asyncio.gather(
            *(worker.read_ledger() for worker in self._workers)
        )
        return [each for each in found if each is not None]

    def _missing(self, name: str, kept: Kept) -> list[Damage]:
        """Tell, once, that an artifact is gone from all places, with no trace."""
        if self.troubles or any(name in each.blobs.damaged for each in self._workers):
            return []
        del self._catalogue.known[name]
        return [
            Damage(
                place=self._workers[0].name,
                name=name,
                kept=kept,
                error=VaultError(VaultProblem.NOT_KEPT, artifact=kept.binding.label),
            )
        ]


async def _refetched(
    refetch: Callable[[Kept], Awaitable[bytes | None]], kept: Kept
) -> bytes | None:
    """Return what was fetched anew, if it is the very same."""
    try:
        data = await refetch(kept)
    except NightlatchError:
        return None
    if data is None or not await asyncio.to_thread(_is, data, kept.binding):
        return None
    return data


def _is(data: bytes, binding: Binding) -> bool:
    return hashlib.sha256(data).hexdigest() == binding.sha256


def _counter(worker: PlaceWorker) -> int:
    return worker.blobs.ledger.counter if worker.blobs.ledger is not None else 0
