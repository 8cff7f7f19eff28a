"""Proof after an installation: the lock is back, and runs what it should."""

import asyncio
import logging

from ..errors import TransportError, TransportProblem
from ..model import LockIdentity
from ..transports.base import Radio, hear
from ..transports.device_information import read_identity
from ..transports.nordic_dfu import APPLICATION_TIMEOUT, is_bootloader_of
from ..transports.sending import OUT_OF_REACH
from ..versions import Version

_LOGGER = logging.getLogger(__name__)

# Copying an image between banks takes seconds, a motor lock's self test may take half a
# minute; what is not back after this needs a person.
RETURN_TIMEOUT = 150.0
# Time for one advertisement, also from a lock that saves power.
_ADVERTISEMENT_TIMEOUT = 15.0
_PAUSE = 2.0

_SILENT = {TransportProblem.NOT_FOUND, TransportProblem.DID_NOT_COME_BACK}


def silence(err: TransportError, reached_by: str | None) -> TransportError:
    """Return why a lock is not reached, given who reaches it all the same.

    ``reached_by`` is the name of another integration, to which the lock answers.
    """
    if reached_by is None or err.reason not in _SILENT:
        return err
    return TransportError(
        TransportProblem.HELD_ELSEWHERE
        if err.reason is TransportProblem.NOT_FOUND
        else TransportProblem.HELD_SINCE_RESTART,
        integration=reached_by,
    )


async def await_return(radio: Radio, address: str, name: str) -> LockIdentity:
    """Wait until the lock's application answers, and return what it says of itself.

    One that is not heard may have been connected to before it was, by whoever always
    is; it is asked all the same, as long as the radio knows it.

    Raises ``TransportError``: IN_BOOTLOADER when it stays in its bootloader,
    DID_NOT_COME_BACK when it is not heard of, or what reading it failed with last.
    """
    last: TransportError | None = None
    try:
        async with asyncio.timeout(RETURN_TIMEOUT):
            while True:
                heard = await hear(
                    radio, lambda seen: seen.address == address, _ADVERTISEMENT_TIMEOUT
                )
                try:
                    return await read_identity(
                        radio, address, name, fresh_services=True
                    )
                except TransportError as err:
                    _LOGGER.debug("%s: not back yet: %s", name, err)
                    # Not heard, and not reached either: that is silence.
                    last = err if heard or err.reason not in OUT_OF_REACH else None
                    await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    if await hear(
        radio, lambda seen: is_bootloader_of(address, seen), _ADVERTISEMENT_TIMEOUT
    ):
        raise TransportError(TransportProblem.IN_BOOTLOADER)
    raise last or TransportError(TransportProblem.DID_NOT_COME_BACK)


async def find_out(radio: Radio, address: str, name: str) -> LockIdentity | None:
    """Return what a lock says that it runs, after nobody has looked for a while.

    None where it waits in its bootloader: it is that of a lock which does not run its
    application. Raises ``TransportError`` where it does not answer at all.
    """
    heard = await hear(
        radio,
        lambda seen: seen.address == address or is_bootloader_of(address, seen),
        RETURN_TIMEOUT,
    )
    bootloader = heard is not None and heard.address != address
    if bootloader and not await hear(
        radio, lambda seen: seen.address == address, APPLICATION_TIMEOUT
    ):
        return None
    try:
        return await read_identity(radio, address, name, fresh_services=True)
    except TransportError as err:
        if err.reason is TransportProblem.IN_BOOTLOADER or bootloader:
            return None
        raise


def check_version(identity: LockIdentity, wanted: Version) -> None:
    """Check that the lock runs the version that was installed.

    Raises ``TransportError`` with OTHER_VERSION.
    """
    if not wanted.is_told_by(identity.firmware_version):
        raise TransportError(
            TransportProblem.OTHER_VERSION,
            running=identity.firmware_version,
            wanted=wanted.text,
        )
