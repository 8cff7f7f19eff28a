"""What somebody else has installed: noticed, looked at, kept and told."""

from dataclasses import replace
from uuid import uuid4

from homeassistant.util import dt as dt_util

from ..adapters.storage import unsaved_for_now
from ..core.errors import NightlatchError
from ..core.installation.aftercare import fell_back
from ..core.installation.confirmation import door_problem
from ..core.model import Origin, OutcomeKind
from ..core.records.outcome_record import OutcomeRecord
from ..core.versions import is_told_as
from ..events import ENDINGS, Happening
from ..locks.lock import ManagedLock
from ..planning.planner import environment_of
from ..translation import async_describe_end
from .conclusion import async_keep_end
from .environment import LockHouse
from .services import InstallServices


def _ours(lock: ManagedLock, running: str) -> OutcomeRecord | None:
    """Return the installation of ours after which the lock was silent for too long.

    It runs by now what that was to bring.
    """
    outcome = lock.record.outcome
    if (
        outcome is None
        or outcome.kind is not OutcomeKind.NEEDS_HAND
        or outcome.origin is Origin.EXTERNAL
        or not outcome.touched
        or not is_told_as(outcome.to_version, running)
    ):
        return None
    return outcome


async def async_note_elsewhere(
    services: InstallServices, lock: ManagedLock, before: str
) -> None:
    """Keep and tell that other firmware runs, and how it is.

    Somebody else has installed it, or it is what we have, only late. It is looked at in
    the same way as after every installation.
    """
    started = dt_util.utcnow()
    running = lock.record.identity.firmware_version
    ours = _ours(lock, running)
    house = LockHouse(services, lock, None, unattended=True, window_end=None)
    door = await door_problem(house, None)
    undone, fallen_back = lock.record.outcome, None
    # Of who can be reached by everybody near nobody knows that it was the lock itself.
    if undone is not None and lock.kind.source() is not None and not lock.kind.by_hand:
        fallen_back = fell_back(undone, before, running, dt_util.utcnow())
    error: NightlatchError | None = fallen_back or door
    ended = OutcomeRecord(
        attempt=uuid4().hex,
        kind=OutcomeKind.NEEDS_HAND if error else OutcomeKind.SUCCEEDED,
        origin=Origin.EXTERNAL,
        started=started,
        ended=dt_util.utcnow(),
        seconds=0.0,
        from_version=before,
        to_version=running,
        reason=str(error.reason) if error else None,
        message=(
            await async_describe_end(
                lock.hass, error, door if fallen_back else None, lock=lock.name
            )
            if error
            else None
        ),
        environment=environment_of(lock),
    )
    if ours is not None:
        ended = replace(
            ours,
            kind=ended.kind,
            ended=ended.ended,
            reason=ended.reason,
            door=None,
            message=ended.message,
        )
    if undone is not None and fallen_back:
        ended = replace(
            undone,
            kind=OutcomeKind.NEEDS_HAND if door else OutcomeKind.ROLLED_BACK,
            ended=ended.ended,
            touched=True,
            environment=ended.environment,
            reason=ended.reason,
            door=str(door.reason) if door else None,
            message=ended.message,
        )
    with unsaved_for_now(f"What was installed on {lock.name}"):
        await async_keep_end(services, lock, ended)
    lock.async_changed()
    last = lock.record.outcome
    if last is not None and last.tries > 1:
        # A lock that claims to run something else each time is told of once.
        return
    lock.async_tell(
        _happening(lock, ended),
        from_version=before,
        version=running,
        running_version=running,
        message=ended.message or "",
        purpose=str(ended.purpose),
    )


def _happening(lock: ManagedLock, ended: OutcomeRecord) -> Happening:
    if ended.origin is not Origin.EXTERNAL:
        return ENDINGS[ended.kind]
    # What only a person can do is what was asked for; of the others nobody was asked.
    by_hand = lock.kind.by_hand and ended.reason is None
    return Happening.INSTALLED if by_hand else Happening.INSTALLED_ELSEWHERE
