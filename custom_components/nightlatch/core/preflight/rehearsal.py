"""What came of trying the way to a lock, before a night that depends on it."""

from dataclasses import dataclass
from datetime import datetime

from ..errors import NightlatchError
from ..model import LockIdentity
from ..transports.way import Way
from .base import Check, Family, blockers

FAMILIES = frozenset({Family.RADIO, Family.POWER})
"""What the way to a lock is about."""
RULES = frozenset({"source"})
"""What else is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One try of the way to a lock. Nothing was written."""

    at: datetime
    error: NightlatchError | None = None
    """Why the lock has not answered; None where it has."""
    identity: LockIdentity | None = None
    """What the lock has said that it is."""
    way: Way | None = None
    """What was measured; None where only others speak with the lock."""
    checks: tuple[Check, ...] = ()
    """What the rules say of the way then."""

    @property
    def ready(self) -> bool:
        """Return whether an installation by night would have had its way."""
        return self.error is None and not blockers(self.checks)
