"""The house around one lock, as its installation asks for it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
import logging
from typing import override

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_LOCK, SERVICE_UNLOCK

from ..adapters.entities import read_surroundings
from ..adapters.storage import unsaved_for_now
from ..core.installation.ports import House
from ..core.model import LockIdentity, Release
from ..core.preflight.base import Check
from ..core.preflight.situation import Surroundings
from ..locks.lock import ManagedLock
from ..planning.planner import InstallRequest, next_errand
from ..snapshots.snapshots import LockSnapshots
from .services import InstallServices

_LOGGER = logging.getLogger(__name__)


class LockHouse(House):
    """Answers for one installation on one lock."""

    def __init__(
        self,
        services: InstallServices,
        lock: ManagedLock,
        release: Release | None,
        *,
        unattended: bool,
        window_end: datetime | None,
        errand: InstallRequest | None = None,
    ) -> None:
        """Take the lock, when the quiet hours end that it runs in, and what it is for."""
        self._services = services
        self._hass = services.hass
        self._lock = lock
        self._release = release
        self._unattended = unattended
        self._window_end = window_end
        self._errand = errand

    @override
    async def checks(
        self, identity: LockIdentity, *, stranded: bool
    ) -> Sequence[Check]:
        """Ask all rules, with what the lock has told; see ``House``."""
        assert self._release is not None
        if not stranded:
            # A door that does not open waits for nobody's word.
            errand = self._errand or next_errand(self._lock)
            await self._lock.kind.async_recheck(errand.source)
        # What counts for it must be on disk; what is not becomes a blocker.
        with unsaved_for_now(f"What was decided about {self._lock.name}"):
            await self._services.store.async_saved()
        return self._services.planner.checks(
            self._lock,
            self._release,
            unattended=self._unattended,
            identity=identity,
            stranded=stranded,
            window_end=self._window_end,
            errand=self._errand,
        )

    @override
    def surroundings(self) -> Surroundings:
        """Return what other integrations know now."""
        links = self._lock.links
        return read_surroundings(
            self._hass,
            lock_entity=links.lock_entity,
            battery_entity=links.battery_entity,
            door_entity=links.door_entity,
        )

    @override
    async def move_bolt(self, locked: bool) -> None:
        """Lock or unlock; raises what the linked integration raises."""
        await self._hass.services.async_call(
            LOCK_DOMAIN,
            SERVICE_LOCK if locked else SERVICE_UNLOCK,
            {ATTR_ENTITY_ID: self._lock.links.lock_entity},
            blocking=True,
        )

    @override
    async def remember_settings(self, attempt: str) -> None:
        """Keep how the lock is set; without that it is installed all the same."""
        await self._with_snapshots(LockSnapshots.async_remember, attempt)

    @override
    async def compare_settings(self, attempt: str) -> None:
        """Look in the background what is different, as soon as the lock has settled."""
        await self._with_snapshots(LockSnapshots.async_compare, attempt)

    async def _with_snapshots(
        self, do: Callable[[LockSnapshots, str], Awaitable[None]], attempt: str
    ) -> None:
        lock = self._lock
        try:
            await do(self._services.snapshots.of(lock), attempt)
        except Exception:
            # A mistake of ours is no reason to leave a lock where it happened.
            _LOGGER.exception("%s: its settings were not looked at", lock.name)
