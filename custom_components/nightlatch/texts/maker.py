"""What the maker of a lock says of its updates, in words, each with its source."""

from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class MakerSentence:
    """A sentence, and who says so."""

    text: Composed
    sources: tuple[Fact, ...] = ()


def said_by_maker(lock: MadeLock) -> Iterator[MakerSentence]:
    """Return a sentence for each thing that a person should know beforehand."""
    facts = lock.facts
    if lock.kind.by_hand:
        if not facts.steps:
            yield MakerSentence(_label(lock, "step_unknown"))
        yield from (_said(lock, each) for each in facts.steps)
    if facts.minimum_battery is not None:
        yield MakerSentence(
            filled(_label(lock, "minimum_battery"), {"battery": facts.minimum_battery})
        )
    told = (*facts.cautions, *facts.demands, *facts.aftercare)
    yield from (_said(lock, each) for each in told)


def told_of_maker(lock: MadeLock) -> Iterator[Composed]:
    """Return the same, each sentence with its sources."""
    return map(_sourced, said_by_maker(lock))


def told_of_recovery(lock: MadeLock) -> Iterator[Composed]:
    """Return a sentence for each thing that helps where the lock does not work."""
    yield from (_sourced(_said(lock, each)) for each in lock.facts.recovery)


def told_of_no_updates(lock: MadeLock) -> Iterator[Composed]:
    """Return who says that it takes no updates."""
    yield _sourced(_said(lock, Caution.NO_UPDATES))


def source_name(fact: Fact) -> str:
    """Return what a source is called, in short."""
    return fact.source.partition(":")[0]


def _said(lock: MadeLock, told: StrEnum) -> MakerSentence:
    return MakerSentence(_label(lock, told), lock.facts.sources(told))


def _sourced(said: MakerSentence) -> Composed:
    if not said.sources:
        return said.text
    sources = ", ".join(map(_source, said.sources))
    return Composed(f"{said.text} ({sources})")


def _source(fact: Fact) -> str:
    name = source_name(fact)
    shown = f"[{name}]({fact.url})" if fact.url else name
    return f"{shown}, {fact.checked.isoformat()}"


def _label(lock: MadeLock, option: str) -> Composed:
    return label_now(lock.hass, "maker", option)
