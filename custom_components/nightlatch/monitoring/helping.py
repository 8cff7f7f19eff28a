"""Looking live at a lock with which something is wrong; what it means says ``core``."""

import asyncio
import logging

from homeassistant.exceptions import HomeAssistantError

from ..core.errors import NightlatchError
from ..core.installation.support_case import CaseFacts, CasePart
from ..core.preflight.rehearsal import Rehearsal
from ..install.remedies import Remedies
from ..install.ways_back import ways_back
from ..locks.lock import ManagedLock
from ..planning.planner import Planner
from ..vault.store import HouseholdVault
from .rehearsing import Rehearsing

_LOGGER = logging.getLogger(__name__)

# Seconds for feed or integration to say what is new.
_NEWS_WITHIN = 60.0


class Helping:
    """Looks at a lock, part by part. Nothing is written to it."""

    def __init__(
        self,
        planner: Planner,
        rehearsing: Rehearsing,
        remedies: Remedies,
        vault: HouseholdVault,
    ) -> None:
        """Take whoever knows a part of it."""
        self._planner = planner
        self._rehearsing = rehearsing
        self._remedies = remedies
        self._vault = vault

    async def async_look(self, lock: ManagedLock, part: CasePart) -> None:
        """Find out what a part is about, where something has to be asked for it."""
        if part is CasePart.CONNECTIVITY:
            lock.rehearsal = None
            try:
                await self._rehearsing.async_try(lock)
            except HomeAssistantError as err:
                # An installation runs, and is not disturbed.
                _LOGGER.debug("The way to %s was not tried: %s", lock.name, err)
        elif part is CasePart.COMPATIBILITY:
            try:
                async with asyncio.timeout(_NEWS_WITHIN):
                    await lock.kind.async_check()
            except (NightlatchError, TimeoutError) as err:
                # The rules say so, of what is known.
                _LOGGER.debug("Nothing new of %s: %s", lock.name, err)

    def facts(self, lock: ManagedLock) -> CaseFacts:
        """Return what is known now, with what the lock has said when it was tried last."""
        rehearsal: Rehearsal | None = lock.rehearsal
        identity = rehearsal.identity if rehearsal else None
        source = lock.kind.source_error
        return CaseFacts(
            by_hand=lock.kind.by_hand,
            running=lock.progress is not None
            or lock.kind.updated_elsewhere
            or rehearsal is None,
            source=source.reason if source else None,
            other_model=identity is not None
            and identity.model != lock.record.identity.model,
            error=rehearsal.error.reason if rehearsal and rehearsal.error else None,
            in_bootloader=lock.in_bootloader,
            can_recover=bool(self._remedies.of(lock)),
            can_go_back=bool(ways_back(lock, self._vault)),
            checks=self._planner.checks_of_case(lock, identity),
            outcome=lock.record.outcome,
        )
