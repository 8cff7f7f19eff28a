"""A file as the loop uses it: one thing at a time, never by halves, with a deadline."""

import asyncio
from collections.abc import Callable, Coroutine
import errno
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

DEADLINE: Final = 20.0
"""Seconds that one thing may take; a disk that has gone may never answer."""


class NoAnswerError(TimeoutError):
    """The disk did not answer; what was begun may still come to its end."""

    def __init__(self) -> None:
        """Say for how long it was waited for."""
        super().__init__(errno.ETIMEDOUT, f"no answer within {DEADLINE:.0f} s")


class _Turn:
    """Whose turn it is with one file."""

    def __init__(self) -> None:
        self.taken = asyncio.Lock()
        self.overdue = False


# By path: after a reload somebody else uses the same file, and must wait for what was
# begun before.
_TURNS: WeakValueDictionary[Path, _Turn] = WeakValueDictionary()


class DiskFile:
    """One file, or one folder; everybody with the same path takes turns."""

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is read or written yet."""
        self.path = path
        self._turn = _TURNS.setdefault(path, _Turn())

    async def use[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something with the file, in the order of the calls; raise what it raises.

        A thread that writes cannot be stopped. So whoever waits may be cancelled, but goes
        on only when what was begun has ended; and what comes next waits for it too.
        Raises ``NoAnswerError``; a disk that hangs holds one thread and no more.
        """
        turn = self._turn
        if turn.overdue:
            raise NoAnswerError
        try:
            async with asyncio.timeout(DEADLINE):
                await turn.taken.acquire()
        except TimeoutError:
            raise NoAnswerError from None

        def ended(job: asyncio.Task[T]) -> None:
            turn.overdue = False
            turn.taken.release()
            if not job.cancelled():
                # Seen, also where nobody waits any more.
                job.exception()

        job = asyncio.create_task(work())
        job.add_done_callback(ended)
        try:
            await asyncio.wait((job,), timeout=DEADLINE)
        except asyncio.CancelledError:
            await asyncio.wait((job,), timeout=DEADLINE)
            turn.overdue = not job.done()
            raise
        if not job.done():
            turn.overdue = True
            raise NoAnswerError
        return job.result()

    async def in_thread[T](self, work: Callable[[], T]) -> T:
        """Do something that blocks, as ``use`` does."""
        return await self.use(lambda: asyncio.to_thread(work))
