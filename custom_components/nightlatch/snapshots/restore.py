"""Setting a lock back to how it was: one setting after the other, each one proven."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
import logging
from typing import Protocol

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from ..adapters.setting_back import NotSetError, async_set_back
from ..core.records.settable import WhyNot
from ..core.records.snapshot import Reading, Setting
from ..core.schedule.queue import Queue
from ..core.vendor_facts import VendorFacts
from ..lock_view import LockView


class RestoredLock(LockView, Protocol):
    """A lock whose settings are set back."""

    @property
    def facts(self) -> VendorFacts:
        """What its maker says of it."""

    def error(self, key: str, **placeholders: str) -> HomeAssistantError:
        """Return an error that a person is shown."""


_LOGGER = logging.getLogger(__name__)

# Seconds, for everything together.
RESTORE_WITHIN = 900.0
# Seconds. For others who ask locks something to be done with it.
_TURN_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSet:
    """A setting that was not set back."""

    setting: Setting
    why_not: WhyNot
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of setting a lock back."""

    done: tuple[Setting, ...] = ()
    not_set: tuple[NotSet, ...] = ()


@callback
def check_free(lock: RestoredLock, queue: Queue) -> None:
    """Raise what people are told where an installation runs, or waits for its turn."""
    if lock.progress is not None or queue.running is not None:
        raise lock.error("settings_busy")


async def async_restore(
    lock: RestoredLock,
    queue: Queue,
    wanted: Sequence[Setting],
    read: Callable[[], Reading],
) -> Restored:
    """Set a lock back as far as that can be done; return what came of it.

    It holds the radio meanwhile, so that no installation begins in between; one that
    waits for this lock ends it. Raises what people are told where one runs.
    """
    check_free(lock, queue)
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(_TURN_TIMEOUT):
                await stack.enter_async_context(queue.short_use())
        except TimeoutError:
            raise lock.error("settings_busy") from None
        return await _async_set_all(lock, wanted, read)


async def _async_set_all(
    lock: RestoredLock, wanted: Sequence[Setting], read: Callable[[], Reading]
) -> Restored:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RESTORE_WITHIN
    done: list[Setting] = []
    not_set: list[NotSet] = []
    for each in wanted:
        if lock.progress is not None or loop.time() >= deadline:
            not_set.append(NotSet(setting=each, why_not=WhyNot.INTERRUPTED))
            continue
        if done and each.fixed is None:
            await asyncio.sleep(lock.facts.command_pause)
        try:
            await async_set_back(lock.hass, each, read)
        except NotSetError as err:
            _LOGGER.debug("%s: %s was not set back: %s", lock.name, each.key, err)
            not_set.append(NotSet(setting=each, why_not=err.why_not, detail=err.detail))
        else:
            done.append(each)
    # One setting may change another.
    now = read()
    lost = [
        each
        for each in done
        if (seen := now.find(each.key)) is None or not each.is_same(seen)
    ]
    return Restored(
        done=tuple(each for each in done if each not in lost),
        not_set=(
            *not_set,
            *(NotSet(setting=each, why_not=WhyNot.NOT_CONFIRMED) for each in lost),
        ),
    )
