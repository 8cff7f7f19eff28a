"""What a vendor's feed says of one lock."""

from collections.abc import Iterable
from typing import Protocol

from ..coordinator import FeedCoordinator
from ..core.feeds.base import FeedContent
from ..core.keeper import as_believed, is_of_other_signer, keys_for
from ..core.model import FirmwareKey, Model, Release
from ..core.preflight.situation import FeedState
from ..core.records.lock_record import LockRecord


class FedLock(Protocol):
    """A lock that may have a feed."""

    @property
    def record(self) -> LockRecord:
        """What is kept of it."""

    @property
    def feed(self) -> FeedCoordinator | None:
        """Its feed, if it has one."""

    @property
    def content(self) -> FeedContent | None:
        """What its feed said last."""


def model_of(lock: FedLock) -> Model | None:
    """Return the lock's model as its feed describes it."""
    content = lock.content
    if content is None:
        return None
    return next(
        (
            model
            for model in content.models
            if model.model == lock.record.identity.model
        ),
        None,
    )


def keys_of(lock: FedLock) -> tuple[FirmwareKey, ...]:
    """Return the firmware keys that the owner has approved with the lock's feed."""
    return lock.feed.firmware_keys if lock.feed is not None else ()


def offered(lock: FedLock, signer: FirmwareKey | None) -> Iterable[Release]:
    """Return what its feed offers, with what a lock that runs a signer's knows of it."""
    keys = keys_of(lock)
    return (
        as_believed(release, signer, keys)
        for release in (lock.content.releases if lock.content else ())
    )


def keys_of_release(
    lock: FedLock, release: Release, signer: FirmwareKey | None
) -> tuple[FirmwareKey, ...]:
    """Return the keys of which one must have signed a release of the lock's feed."""
    return keys_for(release, signer, keys_of(lock))


def feed_state(
    lock: FedLock, release: Release, signer: FirmwareKey | None = None
) -> FeedState:
    """Return what was heard of the feed last; for a lock that runs a signer's."""
    feed, content = lock.feed, lock.content
    return FeedState(
        checked_at=content.checked_at if content else None,
        expires_at=content.expires_at if content else None,
        trouble=feed.trouble if feed else None,
        offers_release=content is not None
        and any(each.artifact == release.artifact for each in content.releases),
        key_pinned=bool(keys_of(lock)),
        other_signer=is_of_other_signer(release, signer, keys_of(lock)),
    )
