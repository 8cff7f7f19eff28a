"""Letting go of a lock for a while, so that its maker's app reaches it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.bluetooth import HomeAssistantRadio
from ..adapters.letting_go import Elsewhere, async_load_again, async_unload_holders
from ..core.moments import shifted
from ..core.schedule.queue import Queue
from ..core.transports.nordic_protocol import bootloader_address
from ..locks.lock import ManagedLock

FOR: Final = timedelta(minutes=10)
# Seconds for a connection of ours that is there to end.
_ENDS_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """One lock that was let go of."""

    until: datetime
    elsewhere: Elsewhere
    end: CALLBACK_TYPE


class LettingGo:
    """Lets go of locks, each for a while."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        radio: HomeAssistantRadio,
        queue: Queue,
        audit: AuditFile,
        changed: Callable[[], None],
    ) -> None:
        """Take what connects."""
        self._hass = hass
        self._entry = entry
        self._radio = radio
        self._queue = queue
        self._audit = audit
        self._changed = changed
        self._closed = False
        self._let_go: dict[str, LetGo] = {}
        # One press after the other, of each lock.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, lock: ManagedLock) -> LetGo | None:
        """Return how a lock was let go of; None where it is not."""
        return self._let_go.get(lock.subentry_id)

    async def async_let_go(self, lock: ManagedLock, user_id: str | None) -> None:
        """Let go of it now, for all of the time; raise ``HomeAssistantError``.

        During an installation it stays with us, and where a connection of ours does not
        end.
        """
        async with self._turns[lock.subentry_id]:
            await self._async_let_go(lock, user_id)

    async def _async_let_go(self, lock: ManagedLock, user_id: str | None) -> None:
        address = lock.kind.bluetooth_address
        if address is None:
            raise lock.error("let_go_no_bluetooth")
        if lock.progress is not None:
            raise lock.error("installation_running")
        before = self._let_go.get(lock.subentry_id)
        # First of all: nothing is begun from here on.
        lock.let_go_until = until = shifted(dt_util.utcnow(), FOR)
        self._keep_away(address, away=True)
        try:
            await self._async_wait_for_ours(lock)
        except BaseException:
            if before is not None:
                lock.let_go_until = before.until
            else:
                self._take_again(lock)
            raise
        elsewhere = before.elsewhere if before is not None else Elsewhere()
        elsewhere = await async_unload_holders(self._hass, address, elsewhere)
        if before is not None:
            before.end()
        if self._closed or lock.is_closed:
            # Nobody would do it later.
            async_load_again(self._hass, elsewhere.unloaded)
            return

        @callback
        def over(_: datetime) -> None:
            self.async_end(lock)

        self._let_go[lock.subentry_id] = LetGo(
            until=until,
            elsewhere=elsewhere,
            end=async_call_later(self._hass, FOR, over),
        )
        await self._audit.async_append("let_go", lock=lock.subentry_id, user=user_id)
        lock.async_changed()
        self._changed()

    async def _async_wait_for_ours(self, lock: ManagedLock) -> None:
        """Wait until nothing of ours is connected to a lock."""
        if (running := self._queue.running) is not None and (
            running.key != lock.subentry_id
        ):
            # There is one connection of ours at most, and that is to another lock.
            return
        try:
            async with asyncio.timeout(_ENDS_WITHIN), self._queue.short_use():
                pass
        except TimeoutError as err:
            raise lock.error("let_go_busy") from err

    @callback
    def async_end(self, lock: ManagedLock) -> None:
        """Take a lock again, and have others take it; nothing where it was not let go."""
        if (ended := self._let_go.pop(lock.subentry_id, None)) is None:
            return
        ended.end()
        self._take_again(lock)
        async_load_again(self._hass, ended.elsewhere.unloaded)
        if not lock.is_closed:
            lock.async_changed()
            self._changed()

    def _take_again(self, lock: ManagedLock) -> None:
        lock.let_go_until = None
        if (address := lock.kind.bluetooth_address) is not None:
            self._keep_away(address, away=False)

    def _keep_away(self, address: str, *, away: bool) -> None:
        for each in (address, bootloader_address(address)):
            self._radio.keep_away(each, away=away)

    @callback
    def async_close(self) -> None:
        """Give back at once what was let go of."""
        self._closed = True
        left, self._let_go = dict(self._let_go), {}
        for each in left.values():
            each.end()
            if not self._hass.is_stopping:
                async_load_again(self._hass, each.elsewhere.unloaded)
