"""Bringing locks out of their bootloader, by day and by night.

A lock that an installation of ours has left there is a door that does not open: it is
helped at once, and again and again. One that somebody else has sent there is not touched
before a person says so.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
import logging
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .core.installation.recovery import (
    Remedy,
    Tries,
    in_order,
    is_fault_of_firmware,
    what_left_it,
)
from .core.model import Origin, Purpose, Release, Source
from .core.records.kept_release import KeptRelease
from .core.select import reason_against
from .core.versions import is_same_version

if TYPE_CHECKING:
    from .household import Household
    from .locks import ManagedLock

_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stranded:
    """What was tried on one lock since it was left in its bootloader."""

    tries: Tries = field(default_factory=Tries)
    faults: Counter[str] = field(default_factory=Counter)
    """How often which firmware has failed for a reason of its own, by its key."""
    busy: bool = False


class Recovering:
    """Helps the stranded locks of the household, one at a time."""

    def __init__(self, household: Household) -> None:
        """Prepare; ``async_start`` begins."""
        self._household = household
        self._stranded: dict[str, _Stranded] = {}
        self._started = False

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Help from now on; return what ends that."""
        self._started = True
        self.async_look()
        unsubscribe = self._household.async_subscribe(self.async_look)

        @callback
        def stop() -> None:
            self._started = False
            unsubscribe()

        return stop

    @callback
    def async_look(self) -> None:
        """Help every lock whose turn it is."""
        if not self._started:
            return
        for lock in tuple(self._household.locks.values()):
            with self._household.faults.apart("recovery", lock):
                self._look(lock)

    @callback
    def _look(self, lock: ManagedLock) -> None:
        left = what_left_it(lock.record)
        if left is None and not lock.in_bootloader:
            self._stranded.pop(lock.subentry_id, None)
        elif left is not None and lock.in_bootloader:
            due = self.next_try(lock)
            if due is None or due <= dt_util.utcnow():
                self._begin(lock, Origin.SCHEDULE)

    def is_ours(self, lock: ManagedLock) -> bool:
        """Return whether an installation of ours has left it where it does not work."""
        return what_left_it(lock.record) is not None

    def next_try(self, lock: ManagedLock) -> datetime | None:
        """Return when a stranded lock is helped next; None for at once."""
        stranded = self._stranded.get(lock.subentry_id)
        return stranded.tries.due(dt_util.utcnow()) if stranded else None

    @callback
    def async_help_now(self, lock: ManagedLock) -> bool:
        """Help a lock because a person says so; return whether there is anything to do.

        From then on it is helped as if we had sent it to its bootloader.
        """
        if not lock.in_bootloader or not self.remedies(lock):
            return False
        self._begin(lock, Origin.PERSON)
        return True

    @callback
    def _begin(self, lock: ManagedLock, origin: Origin) -> None:
        stranded = self._stranded.get(lock.subentry_id)
        if stranded is None:
            stranded = self._stranded[lock.subentry_id] = _Stranded(
                faults=_known_faults(lock)
            )
        if stranded.busy or not self.remedies(lock):
            return
        stranded.busy = True
        self._household.async_create_task(
            self._async_help(lock, stranded, origin), f"recovery of {lock.name}"
        )

    async def _async_help(
        self, lock: ManagedLock, stranded: _Stranded, origin: Origin
    ) -> None:
        """Try what there is until the lock is out, or its radio is to blame."""
        tried = False
        try:
            await lock.installer.async_idle()
            for remedy in in_order(self.remedies(lock), stranded.faults):
                if lock.progress is not None or not lock.in_bootloader:
                    # Somebody else helps it, or it has helped itself.
                    break
                tried = True
                reason = await _async_try(lock, remedy, origin)
                if not is_fault_of_firmware(reason):
                    break
                stranded.faults[remedy.release.key] += 1
        finally:
            stranded.busy = False
        if tried:
            stranded.tries = stranded.tries.ended(dt_util.utcnow())
        # What is shown of it says when the next try is.
        lock.async_changed()

    def remedies(self, lock: ManagedLock) -> list[Remedy]:
        """Return what a lock in its bootloader may be brought out with.

        The release that it was being brought to goes on where it was, unless its vendor
        has taken it back meanwhile; what it ran before comes after it.
        """
        found: dict[str, Remedy] = {}
        for remedy in self._candidates(lock):
            release = remedy.release
            if release.key not in found and (
                reason_against(
                    release,
                    lock.record.identity,
                    release.version.scheme,
                    lock.floor,
                    Purpose.RECOVERY,
                )
                is None
            ):
                found[release.key] = remedy
        return list(found.values())

    def _candidates(self, lock: ManagedLock) -> Iterator[Remedy]:
        vault = self._household.vault
        left = what_left_it(lock.record)
        offered = [each for each in lock.kind.on_offer() if each.payload is not None]
        ran = chain(
            _kept(vault.running(lock)),
            (
                _of_feed(each)
                for each in offered
                if is_same_version(
                    each.version.text, lock.record.identity.firmware_version
                )
            ),
        )
        if left is None or left.sha256 is None:
            yield from ran
            return
        still_offered = [each for each in offered if each.key == left.sha256]
        sent = chain(
            _kept(vault.release(left.sha256)),
            (_of_feed(each) for each in still_offered),
        )
        taken_back = lock.content is not None and not still_offered
        # What its vendor no longer wants on any lock is better than none at all.
        yield from chain(ran, sent) if taken_back else chain(sent, ran)


def _kept(kept: KeptRelease | None) -> Iterator[Remedy]:
    if kept is not None and kept.can_be_sent:
        yield Remedy(release=kept.release, source=Source.VAULT)


def _of_feed(release: Release) -> Remedy:
    return Remedy(release=release, source=Source.FEED)


async def _async_try(lock: ManagedLock, remedy: Remedy, origin: Origin) -> str | None:
    """Try one remedy; return why it was in vain, or nothing."""
    try:
        await lock.installer.async_recover(remedy.release, remedy.source, origin)
    except HomeAssistantError as err:
        # Everybody concerned has been told by the installation itself.
        _LOGGER.debug("%s: %s", lock.name, err)
        return err.translation_key
    return None


def _known_faults(lock: ManagedLock) -> Counter[str]:
    """Return what is on record of firmware that a stranded lock has refused."""
    faults: Counter[str] = Counter()
    left = what_left_it(lock.record)
    for outcome in {left, lock.record.outcome} if left else ():
        if outcome is not None and outcome.sha256 is not None:
            faults[outcome.sha256] += is_fault_of_firmware(outcome.reason)
    return faults
