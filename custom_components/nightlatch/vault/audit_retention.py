"""How long the audit log is kept, as the owner has set."""

from datetime import datetime, timedelta

from ..adapters.audit_file import AuditFile
from ..adapters.believed_clock import BelievedClock
from ..core.moments import bounded, is_over, is_set, shifted
from ..household_settings import HouseholdSettings

# Between two looks; each reads the whole log.
_INTERVAL = timedelta(days=1)
# The longest one: nothing goes before it may.
_MONTH = timedelta(days=31)


class AuditRetention:
    """Lets the oldest entries go, behind a signed checkpoint."""

    def __init__(
        self, audit: AuditFile, settings: HouseholdSettings, clock: BelievedClock
    ) -> None:
        """Take the log."""
        self._audit = audit
        self._clock = clock
        self._settings = settings
        self._looked: datetime | None = None

    async def async_look(self, now: datetime) -> None:
        """Let go what is due, once a day, once the household's key is known."""
        if (
            self._audit.key is None
            or not is_set(now)
            or (self._looked is not None and not is_over(self._looked, _INTERVAL, now))
        ):
            return
        self._looked = now
        months, believed = self._settings.audit_months, self._clock.believed(now)
        before = None
        if months and believed is not None:
            # A clock that was ahead for days may be right by now.
            before = shifted(min(believed, bounded(now)), -months * _MONTH)
        await self._audit.async_shorten(before)
