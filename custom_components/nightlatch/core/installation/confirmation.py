"""Proof that a lock works: not only that it runs what it should.

Locks whose integration finds them again only after a while, and those that refuse a
second command within half a minute, are usual; so everything is asked several times,
with pauses. Nothing here reloads, restarts or actuates anything, but for the one test
that the owner may allow.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import logging

from ..errors import InstallationError, InstallationProblem
from ..phrase import Phrase
from ..preflight.situation import Bolt, Door, Surroundings
from ..schedule.policy import LockPolicy
from .ports import House

_LOGGER = logging.getLogger(__name__)

PAUSE = 20.0
"""Seconds between two looks."""
LOOKS = 3
"""So often in a row all must be well: at first another integration may still tell what
was before the lock restarted."""
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
    house: House,
    policy: LockPolicy,
    bolt_before: Bolt | None,
    *,
    command_pause: float = 0.0,
) -> None:
    """Check that the lock is at work again, as it was before.

    ``command_pause`` is how long the lock needs between two commands, in seconds.

    Raises ``InstallationError``: LOCK_UNAVAILABLE, BOLT_JAMMED, BOLT_ELSEWHERE or
    BOLT_DID_NOT_MOVE. A lock that nothing is linked to passes: nobody can ask it.
    """
    bolt = await _check_bolt(house, bolt_before)
    if (
        bolt is not None
        and policy.may_move_bolt
        and house.surroundings().door is Door.CLOSED
    ):
        await _try_bolt(house, bolt, command_pause)


async def door_problem(
    house: House, bolt_before: Bolt | None
) -> InstallationError | None:
    """Return what is wrong with the bolt, wherever an installation has ended.

    Nothing is moved: who is not updated is not tried either.
    """
    try:
        await _check_bolt(house, bolt_before)
    except InstallationError as err:
        return err
    return None


async def _check_bolt(house: House, bolt_before: Bolt | None) -> Bolt | None:
    """Return where the bolt is, or raise; None where nothing is linked."""
    if house.surroundings().bolt is None:
        return None
    wanted = {bolt_before} if bolt_before in RESTING else RESTING
    bolt = await _settle(
        house, lambda seen: seen.bolt in wanted, WELL_TIMEOUT, looks=LOOKS
    )
    if bolt not in RESTING:
        raise InstallationError(
            InstallationProblem.BOLT_JAMMED
            if bolt is Bolt.JAMMED
            else InstallationProblem.LOCK_UNAVAILABLE
        )
    if bolt_before in RESTING and bolt is not bolt_before:
        raise InstallationError(
            InstallationProblem.BOLT_ELSEWHERE,
            before=Phrase(bolt_before),
            now=Phrase(bolt),
        )
    return bolt


async def _settle(
    house: House,
    wanted: Callable[[Surroundings], bool],
    timeout: float,
    looks: int = 1,
) -> Bolt | None:
    """Look until it is as wanted so often in a row; return where the bolt is.

    Gives up at the first look after ``timeout``, in seconds, that is not as wanted.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    well = 0
    while True:
        seen = house.surroundings()
        well = well + 1 if wanted(seen) else 0
        if well == looks or (not well and loop.time() >= deadline):
            return seen.bolt
        await asyncio.sleep(min(PAUSE, timeout / 4))


async def _try_bolt(house: House, bolt: Bolt, command_pause: float) -> None:
    """Move the bolt there and back."""
    await asyncio.sleep(command_pause)
    try:
        await _move(house, Bolt.UNLOCKED if bolt is Bolt.LOCKED else Bolt.LOCKED)
    except InstallationError:
        # It may move yet: nobody must find the door otherwise than they left it.
        with suppress(InstallationError):
            await _move_back(house, bolt)
        raise
    await asyncio.sleep(command_pause)
    await _move_back(house, bolt)


async def _move_back(house: House, bolt: Bolt) -> None:
    """Move the bolt to where it was, unless it would hit the frame."""
    seen = house.surroundings()
    if bolt is Bolt.LOCKED and seen.door is not Door.CLOSED:
        raise InstallationError(
            InstallationProblem.BOLT_ELSEWHERE,
            before=Phrase(bolt),
            now=Phrase(seen.bolt or Bolt.UNKNOWN),
        )
    await _move(house, bolt)


async def _move(house: House, wanted: Bolt) -> None:
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
            wanted=Phrase(wanted),
            now=Phrase(seen or Bolt.UNKNOWN),
        )


def _is_at(wanted: Bolt) -> Callable[[Surroundings], bool]:
    return lambda seen: seen.bolt is wanted
