"""Asking locks what they run, and taking over what others say of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
import logging

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from ..const import IDENTITY_INTERVAL
from ..core.errors import NightlatchError
from ..core.model import LockIdentity
from ..core.versions import is_other_version
from ..faults import Faults
from ..install.external import async_note_elsewhere
from ..install.installer import Installations
from ..install.services import InstallServices
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..translation import async_as_home_assistant_error
from ..turns import Turns

_LOGGER = logging.getLogger(__name__)

# What another integration says anew is kept when it differs, and now and then.
_LOOK_AGAIN = timedelta(hours=1)


class Reader:
    """Asks the locks of the household what they run."""

    def __init__(
        self,
        services: InstallServices,
        installations: Installations,
        locks: LockRegistry,
        faults: Faults,
    ) -> None:
        """Take what ends an installation that only the lock can end."""
        self._services = services
        self._hass = services.hass
        self._installations = installations
        self._locks = locks
        self._faults = faults
        self._looks = Turns(self._hass, self._begin_looks)

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Ask every lock once a day from now on; return what ends that."""
        return async_track_time_interval(self._hass, self._read_all, IDENTITY_INTERVAL)

    @callback
    def _read_all(self, _: datetime) -> None:
        for lock in tuple(self._locks.values()):
            self._services.entry.async_create_background_task(
                self._hass, self.async_read_apart(lock), f"reading of {lock.name}"
            )

    @callback
    def async_watch(self, lock: ManagedLock) -> CALLBACK_TYPE:
        """Notice by itself when something about it changes; return what ends that."""
        return lock.kind.watch(
            partial(self.async_look, lock), partial(self.async_read_apart, lock)
        )

    async def async_read_apart(self, lock: ManagedLock) -> None:
        """Ask a lock what it runs; one that does not answer is asked another time."""
        with self._faults.apart("reading", lock):
            try:
                await self.async_read(lock)
            except NightlatchError as err:
                _LOGGER.debug("%s did not say what it runs: %s", lock.name, err)

    async def async_read(self, lock: ManagedLock) -> None:
        """Ask a lock what it runs; raise ``NightlatchError``.

        One that is being installed to is left alone.
        """
        if lock.progress is not None:
            return
        identity = await lock.kind.async_ask()
        lock.record = lock.record.read_as(identity.firmware_form)
        before = lock.record.identity.firmware_version
        unsettled = lock.record.unsettled
        if unsettled is not None and not await _still_waits(lock, identity):
            self._services.entry.async_create_background_task(
                self._hass,
                self._installations.of(lock).async_settle(unsettled),
                f"end of the installation on {lock.name}",
            )
            return
        await lock.async_learn(identity)
        if is_other_version(before, identity.firmware_version):
            self._services.entry.async_create_background_task(
                self._hass,
                async_note_elsewhere(self._services, lock, before),
                f"look at what was installed on {lock.name}",
            )

    @callback
    def async_look(self, lock: ManagedLock) -> None:
        """Take over what another integration has said of a lock by itself.

        Some say something about all their locks at once: a broker goes, a hub is back.
        """
        self._looks.async_note(lock)

    @callback
    def _begin_looks(self, locks: tuple[ManagedLock, ...]) -> None:
        for lock in locks:
            if not lock.is_closed:
                self._services.entry.async_create_background_task(
                    self._hass, self._async_look(lock), f"look at {lock.name}"
                )

    async def _async_look(self, lock: ManagedLock) -> None:
        if lock.is_closed or lock.progress is not None:
            return
        try:
            identity = await lock.kind.async_ask()
        except NightlatchError as err:
            _LOGGER.debug("%s did not say what it runs: %s", lock.name, err)
            lock.async_select()
            return
        # It says something with every percent; the disk need not hear of all that.
        known = replace(lock.record.identity, battery=None)
        if identity != known or _is_old(lock):
            await self.async_read_apart(lock)
        else:
            lock.async_select()

    async def async_check_now(self, lock: ManagedLock) -> None:
        """Ask for news because a person wants to know; tell what went wrong."""
        await lock.kind.async_check()
        try:
            await self.async_read(lock)
        except NightlatchError as err:
            raise await async_as_home_assistant_error(
                self._hass, err, lock=lock.name
            ) from err
        feed = lock.feed
        if feed is not None and feed.error is not None:
            raise await async_as_home_assistant_error(
                self._hass, feed.error, lock=lock.name, feed=feed.title
            )


async def _still_waits(lock: ManagedLock, identity: LockIdentity) -> bool:
    """Return whether a lock has not restarted yet that new firmware waits in.

    To settle it now would restart it, at whatever time of the day.
    """
    outcome = lock.record.outcome
    if (
        outcome is None
        or not outcome.waits_for_restart
        or identity.firmware_version != lock.record.identity.firmware_version
    ):
        return False
    try:
        return await lock.kind.async_waits_for_restart()
    except NightlatchError as err:
        _LOGGER.debug("%s did not say whether it waits: %s", lock.name, err)
        return True


def _is_old(lock: ManagedLock) -> bool:
    outcome, read_at = lock.record.outcome, lock.record.read_at
    return dt_util.utcnow() - read_at > _LOOK_AGAIN or (
        outcome is not None and outcome.ended >= read_at
    )
