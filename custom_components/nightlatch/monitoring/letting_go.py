"""Letting go of a lock for a while, so that its maker's app reaches it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
    address: str
    elsewhere: Elsewhere
    end: CALLBACK_TYPE = field(default=lambda: None, compare=False)


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
        # Of nobody: what others were made to let go of is given back, also when whoever
        # has pressed is cancelled.
        task = self._hass.async_create_task(
            self._async_in_turn(lock, user_id), f"let go of {lock.name}"
        )
        await asyncio.shield(task)

    async def _async_in_turn(self, lock: ManagedLock, user_id: str | None) -> None:
        async with self._turns[lock.subentry_id]:
            await self._async_let_go(lock, user_id)

    async def _async_let_go(self, lock: ManagedLock, user_id: str | None) -> None:
        address = lock.kind.bluetooth_address
        if address is None:
            raise lock.error("let_go_no_bluetooth")
        if lock.progress is not None or lock.is_cut_off:
            raise lock.error("installation_running")
        if (before := self._let_go.get(lock.subentry_id)) is not None:
            # It is not over before it is known what comes of this.
            before.end()
        # First of all: nothing is begun from here on.
        lock.let_go_until = until = shifted(dt_util.utcnow(), FOR)
        self._keep_away(address, away=True)
        try:
            await self._async_wait_for_ours(lock)
        except BaseException:
            if before is not None and self.of(lock) is before:
                left = before.until - dt_util.utcnow()
                self._keep(lock, before, min(max(left, timedelta()), FOR))
            else:
                self._take_again(lock, address)
            raise
        elsewhere = before.elsewhere if before is not None else Elsewhere()
        elsewhere = await async_unload_holders(self._hass, address, elsewhere)
        if self._closed or lock.is_closed:
            # Nobody would do it later.
            self._take_again(lock, address)
            async_load_again(self._hass, elsewhere.unloaded)
            return
        let_go = LetGo(until=until, address=address, elsewhere=elsewhere)
        self._keep(lock, let_go, FOR)
        await self._audit.async_append("let_go", lock=lock.subentry_id, user=user_id)
        lock.async_changed()
        self._changed()

    @callback
    def _keep(self, lock: ManagedLock, let_go: LetGo, left: timedelta) -> None:
        """Let it be over in a while."""

        @callback
        def over(_: datetime) -> None:
            self.async_end(lock)

        lock.let_go_until = let_go.until
        self._let_go[lock.subentry_id] = replace(
            let_go, end=async_call_later(self._hass, left, over)
        )

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
        self._take_again(lock, ended.address)
        async_load_again(self._hass, ended.elsewhere.unloaded)
        if not lock.is_closed:
            lock.async_changed()
            self._changed()

    def _take_again(self, lock: ManagedLock, address: str) -> None:
        lock.let_go_until = None
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
