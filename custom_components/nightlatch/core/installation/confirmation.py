"""Proof that a lock works: not only that it runs what it should.

Locks whose integration finds them again only after a while, and those that refuse a
second command within half a minute, are usual; so everything is asked several times,
with pauses. Nothing here reloads, restarts or actuates anything, but for the one test
that the owner may allow.
"""

import asyncio
from collections.abc import Callable
import logging

from ..errors import InstallationError, InstallationProblem
from ..preflight.situation import Bolt, Door, Surroundings
from ..schedule.policy import LockPolicy
from .ports import House

_LOGGER = logging.getLogger(__name__)

PAUSE = 20.0
"""Seconds between two looks."""
WELL_TIMEOUT = 120.0
"""Seconds for another integration to find the lock again."""
MOVE_TIMEOUT = 45.0
BOLT_PROBLEMS = frozenset(
    {
        InstallationProblem.LOCK_UNAVAILABLE,
        InstallationProblem.BOLT_JAMMED,
        InstallationProblem.BOLT_ELSEWHERE,
        InstallationProblem.BOLT_DID_NOT_MOVE,
    }
)
"""Why a lock that runs what it should does not work."""
RESTING = {Bolt.LOCKED, Bolt.UNLOCKED}


async def confirm_works(
    house: House, policy: LockPolicy, bolt_before: Bolt | None
) -> None:
    """Check that the lock is at work again, as it was before.

    Raises ``InstallationError``: LOCK_UNAVAILABLE, BOLT_JAMMED, BOLT_ELSEWHERE or
    BOLT_DID_NOT_MOVE. A lock that nothing is linked to passes: nobody can ask it.
    """
    if house.surroundings().bolt is None:
        return
    bolt = await _settle(house, lambda seen: seen.bolt in RESTING, WELL_TIMEOUT)
    if bolt not in RESTING:
        raise InstallationError(
            InstallationProblem.BOLT_JAMMED
            if bolt is Bolt.JAMMED
            else InstallationProblem.LOCK_UNAVAILABLE
        )
    if bolt_before in RESTING and bolt is not bolt_before:
        raise InstallationError(
            InstallationProblem.BOLT_ELSEWHERE, before=bolt_before, now=bolt
        )
    if policy.may_move_bolt and house.surroundings().door is Door.CLOSED:
        await _try_bolt(house, bolt)


async def _settle(
    house: House, wanted: Callable[[Surroundings], bool], timeout: float
) -> Bolt | None:
    """Look until it is as wanted, or the time is over; return where the bolt is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        seen = house.surroundings()
        if wanted(seen) or loop.time() >= deadline:
            return seen.bolt
        await asyncio.sleep(min(PAUSE, timeout / 4))


async def _try_bolt(house: House, bolt: Bolt) -> None:
    """Move the bolt there and back."""
    other = Bolt.UNLOCKED if bolt is Bolt.LOCKED else Bolt.LOCKED
    for wanted in (other, bolt):
        try:
            async with asyncio.timeout(MOVE_TIMEOUT):
                await house.move_bolt(wanted is Bolt.LOCKED)
        except Exception as err:  # noqa: BLE001
            # Whatever the other integration raises, the bolt itself tells the truth.
            _LOGGER.debug("Moving the bolt to %s: %r", wanted, err)
        seen = await _settle(house, _is_at(wanted), MOVE_TIMEOUT)
        if seen is not wanted:
            raise InstallationError(
                InstallationProblem.BOLT_DID_NOT_MOVE,
                wanted=wanted,
                now=seen or Bolt.UNKNOWN,
            )


def _is_at(wanted: Bolt) -> Callable[[Surroundings], bool]:
    return lambda seen: seen.bolt is wanted
