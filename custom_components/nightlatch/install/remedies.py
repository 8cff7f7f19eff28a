"""What a lock in its bootloader may be brought out with."""

from collections.abc import Iterator
from itertools import chain

from ..core.installation.recovery import Remedy, what_left_it
from ..core.model import Purpose, Release, Source
from ..core.records.kept_release import KeptRelease
from ..core.select import reason_against
from ..core.versions import is_same_version
from ..locks.lock import ManagedLock
from ..vault.store import HouseholdVault


class Remedies:
    """Looks through feed and vault."""

    def __init__(self, vault: HouseholdVault) -> None:
        """Take the vault; a lock has its feed."""
        self._vault = vault

    def of(self, lock: ManagedLock) -> list[Remedy]:
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
        vault = self._vault
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
