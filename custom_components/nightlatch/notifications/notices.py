"""What people are told, and when: quiet by default, at once where it matters.

Once an evening what the night will bring, once a morning what it has brought, and at
once what somebody has to see to. Nothing is called done before it is proven.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..adapters.notify import Button, Messenger, Notice
from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..core.model import Purpose
from ..core.moments import bounded
from ..core.preflight.base import Check, blockers
from ..core.schedule.plan import Plan
from ..core.schedule.policy import ApprovalNeed, Mode
from ..core.schedule.queue import Queue
from ..events import Happening
from ..faults import Faults
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..planning.planner import Planner
from ..translation import async_sentence, or_not_known
from .actions import Verb, action_id

TOLD_AT_ONCE = {
    Happening.FAILED,
    Happening.ROLLED_BACK,
    Happening.MANUAL_STEP_NEEDED,
    Happening.BOOTLOADER_FOUND,
    Happening.INSTALLED_ELSEWHERE,
    Happening.UNGUARDED,
    Happening.OVERRUNS,
}
TOLD_IN_THE_DIGEST = {
    Happening.INSTALLED,
    Happening.HELD,
    Happening.CANCELLED,
    Happening.BATTERY_DRAINING,
    Happening.SETTINGS_DIFFER,
}
# Local time in which the digest may come: it is for the breakfast table.
DIGEST_FROM = time(8)
DIGEST_UNTIL = time(22)
_TITLE = "notice_title"


def _is_recovery(details: Mapping[str, str]) -> bool:
    return details.get("purpose") == Purpose.RECOVERY


def _is_urgent(happening: Happening, details: Mapping[str, str]) -> bool:
    """Return whether people have to be told now."""
    if not _is_recovery(details):
        return happening in TOLD_AT_ONCE
    # They know that the door does not open. That it does again is news, that it still
    # does not only once.
    if happening is Happening.MANUAL_STEP_NEEDED:
        return details.get("tries") == "1"
    return happening in {*TOLD_AT_ONCE, Happening.INSTALLED}


class Notices:
    """Tells the people of the household."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        store: HouseholdStore,
        settings: HouseholdSettings,
        locks: LockRegistry,
        queue: Queue,
        planner: Planner,
        faults: Faults,
        checkpoint: Callable[[], Awaitable[str | None]],
    ) -> None:
        """Prepare; ``async_start`` begins.

        ``checkpoint`` tells where the audit log ends, for people to keep.
        """
        self._hass = hass
        self._entry = entry
        self._store = store
        self._settings = settings
        self._locks = locks
        self._queue = queue
        self._planner = planner
        self._faults = faults
        self._checkpoint = checkpoint
        self._messenger = Messenger(hass)

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen to what happens; return what ends that."""
        return self._locks.async_on_happening(self._happened)

    async def async_announce(self, planned: Sequence[tuple[ManagedLock, Plan]]) -> None:
        """Tell what will be installed until tomorrow, and what will not, and why."""
        if not planned:
            return
        lines = []
        for lock, plan in planned:
            held: tuple[Check, ...] = ()
            with self._faults.apart("preflight", lock):
                checks = self._planner.checks_of_offer(lock, unattended=True)
                held = tuple(blockers(checks))
            lines.append(
                await self._sentence(
                    "notice_planned",
                    lock=lock.name,
                    version=or_not_known(
                        self._hass, plan.release.version.text if plan.release else None
                    ),
                    time=self._clock(plan.starts_at),
                    minutes=str(-(-int(plan.expected.total_seconds()) // 60)),
                )
            )
            lines += [
                await self._sentence(
                    "notice_before_that",
                    lock=lock.name,
                    reason=await self._sentence(
                        check.reason, lock=lock.name, **check.placeholders
                    ),
                )
                for check in held
            ]
        target = planned[0][0] if len(planned) == 1 else None
        await self._async_send(
            "\n".join(lines),
            tag="evening",
            buttons=await self._buttons(target, Verb.POSTPONE, Verb.SKIP),
        )

    async def async_tell_digest(self, now: datetime) -> None:
        """Tell in one notice what has come together, when people are up."""
        policy, zone = self._settings.policy, self._settings.zone
        lines = self._store.digest
        local = now.astimezone(zone).time()
        if (
            not lines
            or not DIGEST_FROM <= local < DIGEST_UNTIL
            or self._queue.running is not None
            or policy.quiet_hours.window_at(now, zone) is not None
        ):
            return
        told_now = list(lines)
        if (checkpoint := await self._checkpoint()) is not None:
            told_now.append(
                await self._sentence("notice_audit_log", checkpoint=checkpoint)
            )
        # Told twice after a cut is better than not at all.
        await self._async_send("\n".join(told_now), tag="digest")
        told, now_there = len(lines), self._store.digest
        await self._async_keep_digest(now_there[told:])

    @callback
    def _happened(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        self._entry.async_create_background_task(
            self._hass,
            self._async_tell_apart(lock, happening, details),
            f"notice of {lock.name}",
        )

    async def _async_tell_apart(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        with self._faults.apart("notice", lock):
            await self._async_tell(lock, happening, details)

    async def _async_tell(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        if happening is Happening.UPDATE_AVAILABLE:
            if lock.kind.by_hand:
                # There is no button for what only a person can do at the door.
                return
            if (
                lock.policy.mode is Mode.ASK
                or lock.policy.approval is not ApprovalNeed.NONE
            ):
                await self._async_ask(lock, details)
            return
        told_at_once = _is_urgent(happening, details)
        if not (
            told_at_once
            or happening in TOLD_IN_THE_DIGEST
            or (happening is Happening.STARTED and self._settings.people.everything)
        ):
            return
        key = f"notice_{happening}"
        if happening is Happening.INSTALLED and _is_recovery(details):
            key = "notice_recovered"
        text = await self._sentence(key, lock=lock.name, **details)
        if told_at_once or self._settings.people.everything:
            await self._async_send(text, tag=lock.subentry_id, urgent=told_at_once)
        elif text not in (digest := self._store.digest):
            await self._async_keep_digest((*digest, text))

    async def _async_ask(self, lock: ManagedLock, details: dict[str, str]) -> None:
        """Tell once that a release waits for somebody to say yes."""
        need = lock.policy.approval
        verbs = [Verb.INSTALL, Verb.TONIGHT, Verb.SKIP]
        if need is not ApprovalNeed.NONE:
            verbs = [Verb.APPROVE, Verb.SKIP]
        await self._async_send(
            await self._sentence("notice_waits", lock=lock.name, **details),
            tag=lock.subentry_id,
            buttons=await self._buttons(
                lock,
                *verbs,
                asks_for_code=need is ApprovalNeed.SECOND_FACTOR,
            ),
        )

    async def async_tell_later(self, key: str) -> None:
        """Tell in the morning's notice; nothing has to be done about it."""
        text = await self._sentence(key)
        await self._async_keep_digest((*self._store.digest, text))

    async def _async_keep_digest(self, digest: tuple[str, ...]) -> None:
        with unsaved_for_now("What is told in the morning"):
            await self._store.async_set_digest(digest)

    async def async_answer(self, text: str) -> None:
        """Tell what came of a button."""
        await self._async_send(text, tag="answer")

    async def _async_send(
        self,
        message: str,
        *,
        tag: str,
        buttons: tuple[Button, ...] = (),
        urgent: bool = False,
    ) -> None:
        people = self._settings.people
        await self._messenger.async_send(
            Notice(
                title=await self._sentence(_TITLE),
                message=message,
                tag=f"nightlatch-{tag}",
                buttons=buttons,
                urgent=urgent,
            ),
            entities=people.notify,
            phones=people.phones,
        )

    async def _buttons(
        self, target: ManagedLock | None, *verbs: Verb, asks_for_code: bool = False
    ) -> tuple[Button, ...]:
        return tuple(
            [
                Button(
                    action=action_id(verb, target),
                    title=await self._sentence(f"button_{verb}"),
                    asks_for_text=asks_for_code and verb is Verb.APPROVE,
                )
                for verb in verbs
            ]
        )

    async def _sentence(self, key: str, **placeholders: str) -> str:
        return await async_sentence(self._hass, key, placeholders)

    def _clock(self, moment: datetime | None) -> str:
        """Return a time of the day as it is on the wall."""
        if moment is None:
            return or_not_known(self._hass, None)
        local = bounded(moment).astimezone(self._settings.zone)
        today = dt_util.utcnow().astimezone(self._settings.zone).date()
        return f"{local:%H:%M}" if local.date() == today else f"{local:%a %H:%M}"
