"""What people are told, and when: quiet by default, at once where it matters.

Once an evening what the night will bring, once a morning what it has brought, and at
once what somebody has to see to. Nothing is called done before it is proven.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..adapters.notify import Button, Messenger, Notice
from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..core.model import Purpose, Release
from ..core.preflight.base import Check, worth_telling
from ..core.schedule.plan import Plan, is_approved
from ..core.schedule.policy import ApprovalNeed, Mode
from ..core.schedule.queue import Queue
from ..events import ENDINGS, Happening
from ..faults import Faults
from ..following import ending_all
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import Changes, LockRegistry
from ..planning.planner import Planner
from ..texts.duration import async_takes
from ..texts.standing import told_moment
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
# Of the same concern a newer notice takes the place of an older one. What somebody has to
# see to is not replaced by how the next installation goes, and what waits for a yes by
# neither. Everything else is a concern of its own.
_ASKED = "asked"
_COURSE = {
    Happening.STARTED,
    Happening.OVERRUNS,
    Happening.HELD,
    Happening.CANCELLED,
    Happening.INSTALLED,
}
_AT_THE_DOOR = {
    Happening.FAILED,
    Happening.ROLLED_BACK,
    Happening.MANUAL_STEP_NEEDED,
    Happening.BOOTLOADER_FOUND,
}
# Local time in which the digest may come: it is for the breakfast table.
DIGEST_FROM = time(8)
DIGEST_UNTIL = time(22)
_ENDS = {*ENDINGS.values(), Happening.INSTALLED_ELSEWHERE} - {Happening.HELD}


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


def _is_answered(lock: ManagedLock, release: Release) -> bool:
    """Return whether nobody need say any more what becomes of a release."""
    return (
        lock.progress is not None
        or lock.release is None
        or lock.release.key != release.key
        or lock.skips == release.version.text
        or lock.decisions.chosen_time(release.key) is not None
        or is_approved(lock.decisions, release)
    )


def _concern(happening: Happening, details: Mapping[str, str]) -> str | None:
    """Return what a notice is about, beside its lock; None: how its update goes."""
    if happening in _AT_THE_DOOR or _is_recovery(details):
        return "door"
    return None if happening in _COURSE else happening


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
        self._asked: set[str] = set()
        """The locks on which somebody has pressed a button, until that has ended."""
        self._open: dict[str, Release] = {}
        """Of which release people were asked, by lock, until somebody has answered."""

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen to what happens; return what ends that."""
        return ending_all(
            self._locks.async_on_happening(self._happened),
            self._locks.async_subscribe(self._changed),
        )

    @callback
    def _changed(self, changes: Changes) -> None:
        """Take away on all phones what one person has answered, wherever that was."""
        for lock_id in self._open.keys() & changes.locks:
            lock = self._locks.get(lock_id)
            if lock is None or _is_answered(lock, self._open[lock_id]):
                del self._open[lock_id]
                self._entry.async_create_background_task(
                    self._hass,
                    self._messenger.async_clear(
                        f"nightlatch-{lock_id}-{_ASKED}", self._settings.people.phones
                    ),
                    f"answered request of {lock_id}",
                )

    async def async_announce(
        self, planned: Sequence[tuple[ManagedLock, Plan]]
    ) -> Sequence[tuple[ManagedLock, Plan]]:
        """Tell of each lock what will be installed on it until tomorrow.

        Return of which people could be told. A phone that does not answer is waited for
        once, not once for each lock: the night must not go by meanwhile.
        """
        told: list[tuple[ManagedLock, Plan]] = []

        async def tell(
            lock: ManagedLock, plan: Plan, before: ManagedLock | None
        ) -> None:
            with self._faults.apart("evening_notice", lock):
                await self._async_announce_one(lock, plan, before)
                told.append((lock, plan))

        before = [None, *(lock for lock, _ in planned)]
        await asyncio.gather(
            *(
                tell(lock, plan, other)
                for (lock, plan), other in zip(planned, before, strict=False)
            )
        )
        return [each for each in planned if each in told]

    async def _async_announce_one(
        self, lock: ManagedLock, plan: Plan, before: ManagedLock | None
    ) -> None:
        """Tell of one lock; ``before`` is the one whose turn comes first."""
        told: dict[str, str] = {} if before is None else {"other": before.name}
        lines = [
            await self._sentence(
                "notice_planned" if before is None else "notice_planned_after",
                lock=lock.name,
                version=or_not_known(
                    self._hass, plan.release.version.text if plan.release else None
                ),
                time=self._clock(plan.starts_at),
                takes=await async_takes(self._hass, plan.expected),
                **told,
            )
        ]
        held: tuple[Check, ...] = ()
        with self._faults.apart("preflight", lock):
            held = worth_telling(self._planner.checks_of_offer(lock, unattended=True))
        lines += [
            await self._sentence(
                "notice_before_that",
                reason=await self._sentence(
                    check.reason, lock=lock.name, **check.placeholders
                ),
            )
            for check in held
        ]
        lines.append(await self._sentence("notice_skip_elsewhere"))
        await self._async_send(
            "\n".join(lines),
            lock=lock,
            buttons=await self._buttons(lock, Verb.POSTPONE, Verb.SKIP),
        )

    async def async_tell_digest(self, now: datetime) -> None:
        """Tell in one notice what has come together, when people are up."""
        policy, zone = self._settings.policy, self._settings.zone
        told, held = self._store.digest, self._store.digest_held
        waiting = [text for lock_id, text in held.items() if self._waits(lock_id)]
        lines = [*told, *waiting]
        local = now.astimezone(zone).time()
        if (
            not (told or held)
            or not DIGEST_FROM <= local < DIGEST_UNTIL
            or self._queue.running is not None
            or policy.quiet_hours.window_at(now, zone) is not None
        ):
            return
        if lines:
            shown = list(lines)
            if (checkpoint := await self._checkpoint()) is not None:
                shown.append(
                    await self._sentence("notice_audit_log", checkpoint=checkpoint)
                )
            await self._async_send("\n".join(shown), tag="digest")
        # Told twice after a cut is better than not at all.
        await self._async_keep_digest(
            self._store.digest[len(told) :],
            {
                lock_id: text
                for lock_id, text in self._store.digest_held.items()
                if held.get(lock_id) != text
            },
        )

    def _waits(self, lock_id: str) -> bool:
        """Return whether a lock still has something to wait for."""
        lock = self._locks.get(lock_id)
        return lock is not None and lock.release is not None

    @callback
    def async_asked(self, lock: ManagedLock) -> None:
        """Note that somebody has pressed a button, and wants to hear the end."""
        self._asked.add(lock.subentry_id)

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
        at_once = urgent = _is_urgent(happening, details)
        at_once |= self._settings.people.everything
        is_end = happening in _ENDS
        if happening in {*_ENDS, Happening.HELD}:
            at_once |= lock.subentry_id in self._asked
            if is_end:
                self._asked.discard(lock.subentry_id)
        held = dict(self._store.digest_held)
        if is_end and held.pop(lock.subentry_id, None) is not None:
            # It waits no longer.
            await self._async_keep_digest(self._store.digest, held)
        if not (
            urgent
            or happening in TOLD_IN_THE_DIGEST
            or (happening is Happening.STARTED and at_once)
        ):
            return
        key = f"notice_{happening}"
        if happening is Happening.INSTALLED and _is_recovery(details):
            key = "notice_recovered"
        text = await self._sentence(key, lock=lock.name, **details)
        if at_once:
            await self._async_send(
                text, lock=lock, about=_concern(happening, details), urgent=urgent
            )
        elif happening is Happening.HELD:
            await self._async_keep_digest(
                self._store.digest, {**self._store.digest_held, lock.subentry_id: text}
            )
        elif text not in (digest := self._store.digest):
            await self._async_keep_digest((*digest, text))

    async def _async_ask(self, lock: ManagedLock, details: dict[str, str]) -> None:
        """Tell once that a release waits for somebody to say yes.

        Also where else that can be said: not everybody who is told gets buttons.
        """
        need = lock.policy.approval
        key, verbs = "notice_waits", [Verb.INSTALL, Verb.TONIGHT, Verb.SKIP]
        if need is not ApprovalNeed.NONE:
            key, verbs = "notice_waits_for_approval", [Verb.APPROVE, Verb.SKIP]
        text = await self._sentence(key, lock=lock.name, **details)
        if (release := lock.release) is None:
            return
        self._open[lock.subentry_id] = release
        await self._async_send(
            text,
            lock=lock,
            about=_ASKED,
            buttons=await self._buttons(
                lock,
                *verbs,
                asks_for_code=need is ApprovalNeed.SECOND_FACTOR,
            ),
        )

    async def async_tell_later(self, key: str, **placeholders: str) -> None:
        """Tell in the morning's notice; nothing has to be done about it at once."""
        text = await self._sentence(key, **placeholders)
        await self._async_keep_digest((*self._store.digest, text))

    async def _async_keep_digest(
        self, digest: tuple[str, ...], held: Mapping[str, str] | None = None
    ) -> None:
        with unsaved_for_now("What is told in the morning"):
            await self._store.async_set_digest(digest, held)

    async def async_answer(self, text: str, lock: ManagedLock | None) -> None:
        """Tell what came of a button, and of which lock if it was about one."""
        await self._async_send(text, tag="answer", lock=lock)

    async def _async_send(
        self,
        message: str,
        *,
        lock: ManagedLock | None = None,
        tag: str | None = None,
        about: str | None = None,
        buttons: tuple[Button, ...] = (),
        urgent: bool = False,
    ) -> None:
        """Tell everybody; what is about one lock has its name first, and opens it.

        ``about`` tells what of a lock it is about, ``tag`` what is about no lock alone.
        """
        people = self._settings.people
        of_lock = lock.subentry_id if lock is not None else ""
        if about is not None:
            of_lock = f"{of_lock}-{about}"
        await self._messenger.async_send(
            Notice(
                title=(
                    await self._sentence("notice_title")
                    if lock is None
                    else await self._sentence("notice_title_of_lock", lock=lock.name)
                ),
                message=message,
                tag=f"nightlatch-{tag or of_lock}",
                buttons=buttons,
                urgent=urgent,
                opens=lock.update_entity_id if lock is not None else None,
            ),
            entities=people.notify,
            phones=people.phones,
        )

    async def _buttons(
        self, lock: ManagedLock, *verbs: Verb, asks_for_code: bool = False
    ) -> tuple[Button, ...]:
        return tuple(
            [
                Button(
                    action=action_id(verb, lock),
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
        return told_moment(self._hass, moment)
