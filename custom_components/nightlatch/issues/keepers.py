"""A repair where a maker publishes itself what locks get from a keeper until now."""

from collections.abc import Iterable, Iterator

from ..coordinator import FeedCoordinator
from ..issue import Issue
from ..locks.lock import ManagedLock

_KEY = "maker_publishes"


def issues_of_keepers(
    feeds: Iterable[FeedCoordinator], locks: Iterable[ManagedLock]
) -> Iterator[tuple[str, Issue]]:
    """Return which feeds are a maker's own for locks that follow a keeper, by its id."""
    kept = _kept(locks)
    if not kept:
        return
    for feed in feeds:
        if feed.keeper is not None or feed.data is None:
            continue
        models = {model.model for model in feed.data.models}
        follow = [
            lock
            for lock in kept
            if lock.record.identity.model in models
            # Two makers may have a model of the same name.
            and lock.content is not None
            and lock.content.vendor == feed.data.vendor
        ]
        if follow:
            keepers = {lock.feed.keeper or "" for lock in follow if lock.feed}
            yield (
                _id_of(feed),
                Issue(
                    key=_KEY,
                    placeholders={
                        "feed": feed.title,
                        "maker": feed.data.vendor,
                        "keeper": ", ".join(sorted(keepers)),
                        "locks": ", ".join(sorted(lock.name for lock in follow)),
                    },
                ),
            )


def unheard(feeds: Iterable[FeedCoordinator], locks: Iterable[ManagedLock]) -> set[str]:
    """Return the ids of those of which nobody can say yet whether they are so.

    After a reload: one that somebody has ignored would come back otherwise.
    """
    keeper_unheard = any(lock.content is None for lock in _kept(locks))
    return {_id_of(feed) for feed in feeds if keeper_unheard or feed.data is None}


def _kept(locks: Iterable[ManagedLock]) -> list[ManagedLock]:
    """Return the locks that follow a keeper."""
    return [lock for lock in locks if lock.feed is not None and lock.feed.keeper]


def _id_of(feed: FeedCoordinator) -> str:
    return f"{_KEY}_{feed.subentry_id}"
