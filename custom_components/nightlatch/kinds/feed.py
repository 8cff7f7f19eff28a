"""What a vendor's feed says of one lock."""

from typing import Protocol

from ..coordinator import FeedCoordinator
from ..core.feeds.base import FeedContent
from ..core.model import Model, Release
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


def feed_state(lock: FedLock, release: Release) -> FeedState:
    """Return what was heard of the feed last."""
    feed, content = lock.feed, lock.content
    return FeedState(
        checked_at=content.checked_at if content else None,
        expires_at=content.expires_at if content else None,
        trouble=feed.trouble if feed else None,
        offers_release=content is not None
        and any(each.artifact == release.artifact for each in content.releases),
        key_pinned=feed is not None and bool(feed.firmware_keys),
    )
