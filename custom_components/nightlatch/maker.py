"""What the maker of a lock says of its updates, in words, each with its source."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from .core.vendor_facts import Fact
from .markup import Composed
from .messages import filled, label_now

if TYPE_CHECKING:
    from .locks import ManagedLock


def told_of_maker(lock: ManagedLock) -> Iterator[Composed]:
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


def told_of_recovery(lock: ManagedLock) -> Iterator[Composed]:
    """Return a sentence for each thing that helps where the lock does not work."""
    yield from (_sourced(lock, each) for each in lock.facts.recovery)


def _sourced(lock: ManagedLock, told: StrEnum) -> Composed:
    sources = ", ".join(map(_source, lock.facts.sources(told)))
    return Composed(f"{_label(lock, told)} ({sources})")


def _source(fact: Fact) -> str:
    name = fact.source.partition(":")[0]
    shown = f"[{name}]({fact.url})" if fact.url else name
    return f"{shown}, {fact.checked.isoformat()}"


def _label(lock: ManagedLock, option: str) -> Composed:
    return label_now(lock.hass, "maker", option)
