"""Letting go of a lock for a while, so that its maker's app reaches it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.bluetooth import HomeAssistantRadio
from ..adapters.letting_go import async_load_again, async_unload_holders
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
    others: dict[str, str]
    """Who has let go too, by the id of their entry."""
    stays: tuple[str, ...]
    """Who could not be made to."""
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
        self._let_go: dict[str, LetGo] = {}

    def of(self, lock: ManagedLock) -> LetGo | None:
        """Return how a lock was let go of; None where it is not."""
        return self._let_go.get(lock.subentry_id)

    async def async_let_go(self, lock: ManagedLock, user_id: str | None) -> None:
        """Let go of it now; raise ``HomeAssistantError`` during an installation."""
        address = lock.kind.bluetooth_address
        if lock.progress is not None or address is None:
            raise lock.error("installation_running")
        before = self._let_go.pop(lock.subentry_id, None)
        if before is not None:
            before.end()
        until = dt_util.utcnow() + FOR
        # First of all: nothing is begun from here on.
        lock.let_go_until = until
        for each in (address, bootloader_address(address)):
            self._radio.keep_away(each, until)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN), self._queue.short_use():
                pass
        others, stays = await async_unload_holders(self._hass, address)

        @callback
        def over(_: datetime) -> None:
            self._entry.async_create_background_task(
                self._hass, self._async_end(lock), f"end of letting go of {lock.name}"
            )

        self._let_go[lock.subentry_id] = LetGo(
            until=until,
            others={**(before.others if before else {}), **others},
            stays=stays,
            end=async_call_later(self._hass, FOR, over),
        )
        await self._audit.async_append("let_go", lock=lock.subentry_id, user=user_id)
        lock.async_changed()
        self._changed()

    async def _async_end(self, lock: ManagedLock) -> None:
        if (ended := self._let_go.pop(lock.subentry_id, None)) is None:
            return
        ended.end()
        lock.let_go_until = None
        await async_load_again(self._hass, tuple(ended.others))
        lock.async_changed()
        self._changed()

    async def async_close(self) -> None:
        """Give back at once what was let go of."""
        left, self._let_go = dict(self._let_go), {}
        for each in left.values():
            each.end()
            if self._hass.is_stopping:
                continue
            await async_load_again(self._hass, tuple(each.others))
