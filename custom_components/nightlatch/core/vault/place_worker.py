"""One place, as the loop uses it: in a thread, one thing at a time, with a deadline."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..errors import VaultError, VaultProblem
from .blob_store import BlobStore
from .kept import Kept
from .keys import HouseholdKey
from .ledger import Ledger
from .place import Place

DEADLINE: Final = 60.0
"""Seconds that one step in a place may take; a share that has gone may never answer."""

# Of the place, and not of one copy in it.
_OF_THE_PLACE = {
    VaultProblem.NOT_THERE,
    VaultProblem.SAME_PLACE,
    VaultProblem.NO_ANSWER,
    VaultProblem.FULL,
    VaultProblem.UNREADABLE,
    VaultProblem.UNWRITABLE,
}
# What a newer version can read, or whoever has the right to.
_MAY_BE_WHOLE = _OF_THE_PLACE | {VaultProblem.TOO_NEW}


class PlaceWorker:
    """Does what is to be done in one place, and knows what is wrong with it."""

    def __init__(self, place: Place, key: HouseholdKey) -> None:
        """Prepare; nothing is known of the place before ``scan``."""
        self.blobs = BlobStore(place, key)
        self.name = place.name
        self.trouble: VaultError | None = None
        self.there = False
        """Whether the last look found the place."""
        self._barred: VaultError | None = None
        self._under_way: asyncio.Task[object] | None = None
        self._overdue = False

    def has(self, kept: Kept) -> bool:
        """Return whether it has a copy that is whole, as far as known, and not older."""
        copy = self.blobs.copies.get(self.blobs.name_of(kept.binding))
        return copy is not None and copy.kept.kept_at >= kept.kept_at

    def bar(self, error: VaultError) -> None:
        """Use the place no more until it is looked at again."""
        self._barred = error
        self._lost(error)

    async def scan(self) -> dict[str, Kept]:
        """Look at all that is there; return what is told of artifacts.

        Never raises for a place that cannot be used: that is its trouble.
        """
        self._barred = None
        try:
            told = await self._run(self.blobs.scan)
        except VaultError as err:
            self._lost(err)
            return {}
        self.trouble = None
        self.there = True
        return told

    async def read(self, kept: Kept, *, stray: bool = False) -> bytes:
        """Return an artifact; raise ``VaultError``."""
        try:
            return await self._run(self.blobs.read, kept, stray=stray)
        except VaultError as err:
            # The copy itself, where something is wrong with it, is no longer listed.
            if not stray and self.blobs.name_of(kept.binding) in self.blobs.copies:
                self._in_trouble(err)
            raise

    async def write(self, kept: Kept, data: bytes) -> None:
        """Keep an artifact; raise ``VaultError``."""
        await self._change(self.blobs.write, kept, data)

    async def remove(self, name: str) -> None:
        """Remove a copy; raise ``VaultError``."""
        await self._change(self.blobs.remove, name)

    async def drop(self, name: str) -> bool:
        """Remove a damaged copy, if it is still that; return whether it was removed."""
        with suppress(VaultError):
            problem = await self._run(self.blobs.look_again, name)
            if problem is not None and problem.reason not in _MAY_BE_WHOLE:
                await self.remove(name)
                return True
        return False

    async def read_ledger(self) -> Ledger | None:
        """Return what was written down here, as far as anything is known of it."""
        try:
            return await self._run(self.blobs.read_ledger)
        except VaultError as err:
            self._in_trouble(err)
            return self.blobs.ledger

    async def write_ledger(self, ledger: Ledger) -> None:
        """Write down; raise ``VaultError``."""
        await self._change(self.blobs.write_ledger, ledger)

    async def rest(self) -> None:
        """Wait for what is under way, within its deadline."""
        if self._under_way is not None and not self._overdue:
            await asyncio.wait([self._under_way], timeout=DEADLINE)

    async def _change[**P, T](
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._run(work, *args, **kwargs)
        except VaultError as err:
            if err.reason in _OF_THE_PLACE:
                self._in_trouble(err)
            raise

    def _in_trouble(self, error: VaultError) -> None:
        if error.reason is VaultProblem.NOT_THERE:
            self._lost(error)
        self.trouble = error

    def _lost(self, error: VaultError) -> None:
        """Take the place for one of which nothing is known."""
        self.trouble = error
        self.there = False
        self.blobs.forget()

    async def _run[**P, T](
        self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do something in a thread.

        Whoever waits may be cancelled; what was begun goes on to its end, and whatever
        comes next in this place waits for it. So nothing is ever done by halves, and a
        place that hangs holds one thread and no more.
        """
        if self._barred is not None:
            raise self._barred
        await self.rest()
        if self._under_way is not None and not self._under_way.done():
            self._overdue = True
            raise self._no_answer()
        self._overdue = False
        task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
        task.add_done_callback(_ended)
        self._under_way = task
        await asyncio.wait([task], timeout=DEADLINE)
        if not task.done():
            self._overdue = True
            raise self._no_answer()
        return task.result()

    def _no_answer(self) -> VaultError:
        return VaultError(
            VaultProblem.NO_ANSWER, place=self.blobs.path, seconds=round(DEADLINE)
        )


def _ended(task: asyncio.Task[object]) -> None:
    """Take note of how it ended, also where nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
