"""The buttons of notifications, as people press them on their phones."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
import logging
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .approval import async_approve
from .core.schedule.night import NOON, night_of
from .core.schedule.quiet_hours import moment_of
from .messages import async_sentence
from .situations import expected_of

if TYPE_CHECKING:
    from .household import Household
    from .locks import ManagedLock

_LOGGER = logging.getLogger(__name__)

# What the companion apps fire.
EVENT = "mobile_app_notification_action"
_PREFIX = "NIGHTLATCH"
ALL = "ALL"


class Verb(StrEnum):
    """What a button does."""

    POSTPONE = "postpone"
    SKIP = "skip"
    INSTALL = "install"
    TONIGHT = "tonight"
    APPROVE = "approve"


def action_id(verb: Verb, target: str) -> str:
    """Return what tells one button from all others."""
    return f"{_PREFIX}_{verb.upper()}_{target}"


class PhoneActions:
    """Does what the buttons say."""

    def __init__(self, hass: HomeAssistant, household: Household) -> None:
        """Prepare; ``async_start`` begins."""
        self._hass = hass
        self._household = household
        self._does: dict[
            Verb, Callable[[ManagedLock, str | None, str | None], Awaitable[None]]
        ] = {
            Verb.POSTPONE: self._async_postpone,
            Verb.SKIP: self._async_skip,
            Verb.INSTALL: self._async_install,
            Verb.TONIGHT: self._async_tonight,
            Verb.APPROVE: self._async_approve,
        }

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen from now on; return what ends that."""
        return self._hass.bus.async_listen(EVENT, self._pressed)

    @callback
    def _pressed(self, event: Event) -> None:
        action = str(event.data.get("action", ""))
        if action.startswith(f"{_PREFIX}_"):
            self._household.async_create_task(
                self._async_do(
                    action, event.context.user_id, event.data.get("reply_text")
                ),
                f"button {action}",
            )

    async def _async_do(
        self, action: str, user_id: str | None, reply: str | None
    ) -> None:
        """Do it, and say what came of it: a button is never pressed in silence."""
        _, verb, target = action.split("_", 2)
        locks = [
            lock
            for lock in self._household.locks.values()
            if target in {lock.subentry_id, ALL}
            and lock.release is not None
            and (target != ALL or lock.plan.starts_at is not None)
        ]
        answers = [] if locks else [await self._sentence("answer_stale")]
        for lock in locks:
            try:
                await self._does[Verb(verb.lower())](lock, user_id, reply)
            except HomeAssistantError as err:
                answers.append(
                    await self._sentence(
                        str(err.translation_key),
                        **(err.translation_placeholders or {}),
                    )
                )
            else:
                answers.append(
                    await self._sentence(f"answer_{verb.lower()}", lock=lock.name)
                )
        await self._household.notices.async_answer("\n".join(answers))

    async def _async_postpone(
        self, lock: ManagedLock, user_id: str | None, reply: str | None
    ) -> None:
        zone = self._household.zone
        tomorrow = night_of(dt_util.utcnow(), zone) + timedelta(days=1)
        await lock.async_postpone(moment_of(tomorrow, NOON, zone))

    async def _async_skip(
        self, lock: ManagedLock, user_id: str | None, reply: str | None
    ) -> None:
        assert lock.release is not None
        await lock.async_skip(lock.release.version.text)

    async def _async_install(
        self, lock: ManagedLock, user_id: str | None, reply: str | None
    ) -> None:
        """Begin as if the button of the update entity were pressed.

        It is not waited for: how it ends is told like every end.
        """
        await lock.async_schedule(dt_util.utcnow())

    async def _async_tonight(
        self, lock: ManagedLock, user_id: str | None, reply: str | None
    ) -> None:
        assert lock.release is not None
        hours = lock.policy.quiet_hours or self._household.policy.quiet_hours
        starts_at = hours.first_fit(
            dt_util.utcnow(), self._household.zone, expected_of(lock, lock.release)
        )
        if starts_at is None:
            raise lock.error("no_quiet_hours")
        await lock.async_schedule(starts_at)

    async def _async_approve(
        self, lock: ManagedLock, user_id: str | None, reply: str | None
    ) -> None:
        await async_approve(self._hass, lock, user_id, code=reply)
        await self._async_tonight(lock, user_id, reply)

    async def _sentence(self, key: str, **placeholders: str) -> str:
        return await async_sentence(self._hass, key, placeholders)
