"""What somebody else has installed: noticed, looked at, kept and told."""

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from homeassistant.util import dt as dt_util

from .core.errors import InstallationError, NightlatchError
from .core.installation.confirmation import confirm_works
from .core.model import LockKind, Origin, OutcomeKind
from .core.records.outcome_record import OutcomeRecord
from .happenings import Happening
from .lock_house import LockHouse
from .messages import async_describe
from .situations import environment_of

if TYPE_CHECKING:
    from .locks import ManagedLock


async def async_note_elsewhere(lock: ManagedLock, before: str) -> None:
    """Keep and tell that somebody else has installed something, and how it is.

    It is looked at in the same way as after an installation of our own.
    """
    now = dt_util.utcnow()
    running = lock.record.identity.firmware_version
    house = LockHouse(lock.hass, lock, None, unattended=True, window_end=None)
    error: NightlatchError | None = None
    try:
        await confirm_works(house, replace(lock.policy, may_move_bolt=False), None)
    except InstallationError as err:
        error = err
    message = await async_describe(lock.hass, error, lock=lock.name) if error else None
    await lock.async_ended(
        OutcomeRecord(
            attempt=uuid4().hex,
            kind=OutcomeKind.NEEDS_HAND if error else OutcomeKind.SUCCEEDED,
            origin=Origin.EXTERNAL,
            started=now,
            ended=dt_util.utcnow(),
            seconds=0.0,
            from_version=before,
            to_version=running,
            reason=str(error.reason) if error else None,
            message=message,
            environment=environment_of(lock),
        )
    )
    lock.async_changed()
    # What only a person can do is what was asked for; of the others nobody was asked.
    by_hand = lock.kind.name is LockKind.WATCHED and error is None
    lock.async_tell(
        Happening.INSTALLED if by_hand else Happening.INSTALLED_ELSEWHERE,
        from_version=before,
        version=running,
        running_version=running,
        message=message or "",
    )
