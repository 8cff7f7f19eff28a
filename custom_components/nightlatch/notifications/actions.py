"""The buttons of notifications, as people press them on their phones."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..core.model import Release
from ..core.schedule.night import NOON, night_of
from ..core.schedule.quiet_hours import moment_of
from ..household_settings import HouseholdSettings
from ..install.approval import async_approve, check_approved, is_offered
from ..install.installer import Installations
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..planning.planner import Planner
from ..rights import Deed, async_check_right
from ..translation import async_sentence

_LOGGER = logging.getLogger(__name__)

# What the companion apps fire.
EVENT = "mobile_app_notification_action"
_PREFIX = "NIGHTLATCH"


class Verb(StrEnum):
    """What a button does."""

    POSTPONE = "postpone"
    SKIP = "skip"
    INSTALL = "install"
    TONIGHT = "tonight"
    APPROVE = "approve"


DEEDS: Final[Mapping[Verb, Deed]] = {
    Verb.POSTPONE: Deed.POSTPONE,
    Verb.SKIP: Deed.SKIP,
    Verb.INSTALL: Deed.INSTALL,
    Verb.TONIGHT: Deed.SCHEDULE,
    Verb.APPROVE: Deed.APPROVE,
}
"""What each button is in the table of rights."""


def action_id(verb: Verb, lock: ManagedLock) -> str:
    """Return what tells one button from all others.

    It is about the release that the lock should get now: a button must not decide about
    another one that came later, nor about another lock.
    """
    return f"{_PREFIX}_{verb.upper()}_{lock.subentry_id}_{_mark(lock.release)}"


def _mark(release: Release | None) -> str:
    return release.key[:8] if release else ""


@dataclass(frozen=True, slots=True)
class _Press:
    """One button that was pressed, for one lock."""

    lock: ManagedLock
    release: Release
    """What the button was about."""
    user_id: str | None
    reply: str | None


class PhoneActions:
    """Does what the buttons say."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        settings: HouseholdSettings,
        locks: LockRegistry,
        planner: Planner,
        installations: Installations,
        answer: Callable[[str, ManagedLock | None], Awaitable[None]],
        asked: Callable[[ManagedLock], None],
    ) -> None:
        """Prepare; ``async_start`` begins.

        ``answer`` tells what came of a button, ``asked`` is told of what lock somebody
        wants to hear the end.
        """
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._locks = locks
        self._planner = planner
        self._installations = installations
        self._answer = answer
        self._asked = asked
        self._does: dict[Verb, Callable[[_Press], Awaitable[str]]] = {
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
            self._entry.async_create_background_task(
                self._hass,
                self._async_do(
                    action, event.context.user_id, event.data.get("reply_text")
                ),
                f"button {action}",
            )

    async def _async_do(
        self, action: str, user_id: str | None, reply: str | None
    ) -> None:
        """Do it, and say what came of it."""
        meant = (
            (verb, lock)
            for verb in Verb
            for lock in tuple(self._locks.values())
            if _means(action, verb, lock)
        )
        found = next(meant, None)
        if found is None:
            await self._answer(await self._sentence("answer_stale"), None)
            return
        verb, lock = found
        answer = await self._async_do_for(action, verb, lock, user_id, reply)
        await self._answer(answer, lock)

    async def _async_do_for(
        self,
        action: str,
        verb: Verb,
        lock: ManagedLock,
        user_id: str | None,
        reply: str | None,
    ) -> str:
        """Do it for one lock; return what came of it."""
        try:
            await async_check_right(self._hass, DEEDS[verb], user_id, lock)
            release = lock.release
            if release is None or not _means(action, verb, lock):
                # It was about something else while the account was looked up.
                return await self._sentence("answer_stale")
            answer = await self._does[verb](_Press(lock, release, user_id, reply))
        except HomeAssistantError as err:
            return await self._sentence(
                str(err.translation_key), **(err.translation_placeholders or {})
            )
        except Exception:
            # A button is never pressed in silence.
            _LOGGER.exception("%s: the button failed", lock.name)
            return await self._sentence("answer_failed", lock=lock.name)
        return await self._sentence(answer, lock=lock.name)

    async def _async_postpone(self, press: _Press) -> str:
        await self._async_stop(press.lock)
        await press.lock.decided.async_postpone(self._after_this_night(press.lock))
        return "answer_postpone"

    def _after_this_night(self, lock: ManagedLock) -> datetime:
        """Return when the night is over in which the installation is planned.

        Pressing twice is the same as pressing once.
        """
        now, zone = dt_util.utcnow(), self._settings.zone
        plan = self._planner.plan(lock)
        until = lock.decisions.postponed_until
        if until is not None and until > now:
            return until
        night = night_of(plan.starts_at or now, zone)
        noon = moment_of(night + timedelta(days=1), NOON, zone)
        # Quiet hours may go across noon.
        return max(noon, plan.window_end or noon)

    async def _async_skip(self, press: _Press) -> str:
        await self._async_stop(press.lock)
        await press.lock.decided.async_skip(press.release.version.text)
        return "answer_skip"

    async def _async_install(self, press: _Press) -> str:
        """Begin as if the button of the update entity were pressed.

        It is not waited for: how it ends is told like every end.
        """
        _check_free(press)
        await press.lock.decided.async_schedule(dt_util.utcnow())
        self._asked(press.lock)
        return "answer_install"

    async def _async_tonight(self, press: _Press) -> str:
        _check_free(press)
        await press.lock.decided.async_schedule(self._next_fit(press))
        return "answer_tonight"

    async def _async_approve(self, press: _Press) -> str:
        """Approve, and say when; who may only approve leaves that to others."""
        lock, starts_at = press.lock, self._next_fit(press)
        await async_approve(
            self._hass, lock, press.release, press.user_id, code=press.reply
        )
        try:
            await async_check_right(self._hass, Deed.SCHEDULE, press.user_id, lock)
        except HomeAssistantError:
            return "answer_approve_only"
        if not is_offered(lock, press.release):
            raise lock.error("approval_outdated", version=press.release.version.text)
        await lock.decided.async_schedule(starts_at)
        return "answer_approve"

    def _next_fit(self, press: _Press) -> datetime:
        """Return when the installation fits into quiet hours next; raise if never."""
        lock = press.lock
        hours = lock.policy.quiet_hours or self._settings.policy.quiet_hours
        starts_at = hours.first_fit(
            dt_util.utcnow(),
            self._settings.zone,
            self._planner.expected(lock, press.release),
        )
        if starts_at is None:
            raise lock.error("no_quiet_hours")
        return starts_at

    async def _sentence(self, key: str, **placeholders: str) -> str:
        return await async_sentence(self._hass, key, placeholders)

    async def _async_stop(self, lock: ManagedLock) -> None:
        """Cancel what has begun already; raise where it is too late for that."""
        if lock.progress is not None:
            await self._installations.of(lock).async_cancel()


def _means(action: str, verb: Verb, lock: ManagedLock) -> bool:
    """Return whether a button was about a lock, and what it was about is still so."""
    return lock.release is not None and action == action_id(verb, lock)


def _check_free(press: _Press) -> None:
    """Raise where asking for an installation would lead to none."""
    lock = press.lock
    if lock.progress is not None:
        raise lock.error("installation_running")
    check_approved(lock, press.release)
