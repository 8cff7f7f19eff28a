"""What the maker of a lock says of its updates, in words, each with its source."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from ..core.vendor_facts import Caution, Fact, VendorFacts
from ..lock_view import LockView
from ..markup import Composed
from ..translation import filled, label_now


class _Kind(Protocol):
    @property
    def by_hand(self) -> bool:
        """Whether only a person can bring firmware to it."""


class MadeLock(LockView, Protocol):
    """A lock of whose maker something may be known."""

    @property
    def facts(self) -> VendorFacts:
        """What its maker says of updates."""

    @property
    def kind(self) -> _Kind:
        """What differs between the kinds."""


def told_of_maker(lock: MadeLock) -> Iterator[Composed]:
    """Return a sentence for each thing that a person should know beforehand."""
    facts = lock.facts
    if lock.kind.by_hand:
        if not facts.steps:
            yield _label(lock, "step_unknown")
        yield from (_sourced(lock, each) for each in facts.steps)
    if facts.minimum_battery is not None:
        yield filled(
            _label(lock, "minimum_battery"), {"battery": facts.minimum_battery}
        )
    told = (*facts.cautions, *facts.demands, *facts.aftercare)
    yield from (_sourced(lock, each) for each in told)


def told_of_recovery(lock: MadeLock) -> Iterator[Composed]:
    """Return a sentence for each thing that helps where the lock does not work."""
    yield from (_sourced(lock, each) for each in lock.facts.recovery)


def told_of_no_updates(lock: MadeLock) -> Iterator[Composed]:
    """Return who says that it takes no updates."""
    yield _sourced(lock, Caution.NO_UPDATES)


def _sourced(lock: MadeLock, told: StrEnum) -> Composed:
    sources = ", ".join(map(_source, lock.facts.sources(told)))
    return Composed(f"{_label(lock, told)} ({sources})")


def _source(fact: Fact) -> str:
    name = fact.source.partition(":")[0]
    shown = f"[{name}]({fact.url})" if fact.url else name
    return f"{shown}, {fact.checked.isoformat()}"


def _label(lock: MadeLock, option: str) -> Composed:
    return label_now(lock.hass, "maker", option)
