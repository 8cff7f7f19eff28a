"""Trying the way to a lock by day, so that no night finds out that there is none."""

import asyncio

from homeassistant.util import dt as dt_util

from ..core.errors import NightlatchError, TransportError, TransportProblem
from ..core.model import LockIdentity
from ..core.preflight.rehearsal import Rehearsal
from ..core.schedule.queue import Queue
from ..core.transports.way import Way
from ..locks.lock import ManagedLock
from ..planning.planner import Planner

# Seconds: for the connection with its retries, and for what is asked then.
_WITHIN = 180.0


class Rehearsing:
    """Tries the way to locks. Nothing is written to any of them."""

    def __init__(self, planner: Planner, queue: Queue) -> None:
        """Take who asks the rules, and who has the radio."""
        self._planner = planner
        self._queue = queue

    async def async_try(self, lock: ManagedLock) -> Rehearsal:
        """Try it, and keep what came of it; a lock that is silent raises nothing."""
        if lock.progress is not None or self._queue.running is not None:
            raise lock.error("installation_running")
        identity: LockIdentity | None = None
        way: Way | None = None
        error: NightlatchError | None = None
        try:
            async with asyncio.timeout(_WITHIN):
                identity, way = await lock.kind.async_try_way()
        except NightlatchError as err:
            error = err
        except TimeoutError:
            error = TransportError(TransportProblem.NO_ANSWER, step="try_way")
        rehearsal = lock.rehearsal = Rehearsal(
            at=dt_util.utcnow(),
            error=error,
            identity=identity,
            way=way,
            checks=self._planner.checks_of_way(lock, identity),
        )
        return rehearsal
