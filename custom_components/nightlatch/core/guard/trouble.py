"""What keeps a source from doing its part, where it is not as it was when it was added.

People disable entities, remove them, switch on updates by themselves, and integrations
take abilities away. A lock that is looked after through such a source is not looked
after any more, and nothing else tells of it.
"""

from datetime import datetime

from ..errors import SourceError, SourceProblem
from ..model import LockIdentity
from ..records.silence import is_long
from .source import SourceReading
from .stranger import told_as


def source_error(
    entity: str,
    now: datetime,
    *,
    registered: bool,
    enabled: bool,
    silent_since: datetime | None,
    reading: SourceReading | None = None,
    known: LockIdentity | None = None,
    stranger: LockIdentity | None = None,
) -> SourceError | None:
    """Return what a person has to put right at a source; None where nothing is.

    ``reading`` is what it says, where it is to install; ``stranger`` is the lock behind
    it, where that is not the one that is ``known``.
    """
    problem = _standing(registered=registered, enabled=enabled)
    if problem is None and known is not None and stranger is not None:
        return SourceError(
            SourceProblem.OTHER_DEVICE,
            entity=entity,
            was=told_as(known),
            now=told_as(stranger),
        )
    if problem is None and reading is not None and reading.available:
        problem = _ability(reading)
    if problem is None and is_long(silent_since, now):
        problem = SourceProblem.AWAY
    return None if problem is None else SourceError(problem, entity=entity)


def _standing(*, registered: bool, enabled: bool) -> SourceProblem | None:
    if not registered:
        return SourceProblem.GONE
    return None if enabled else SourceProblem.DISABLED


def _ability(reading: SourceReading) -> SourceProblem | None:
    if reading.installs_by_itself:
        return SourceProblem.BY_ITSELF
    return None if reading.can_install else SourceProblem.CANNOT_INSTALL
