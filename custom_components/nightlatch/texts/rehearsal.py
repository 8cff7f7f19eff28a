"""What came of trying the way to a lock, in words."""

from collections.abc import Iterable, Iterator
from typing import Final

from homeassistant.core import HomeAssistant

from ..core.preflight.base import Check, Verdict
from ..core.preflight.rehearsal import Rehearsal
from ..core.transports.way import QUESTIONS, Way
from ..lock_view import LockView
from ..markup import Composed
from ..translation import async_describe, async_told_check, decimal_now, told_now

# What is told of a rule also where it has nothing to object to.
_VALUES: Final = {
    "signal": "way_signal",
    "slot": "way_slot",
    "battery": "way_battery",
}
# What was heard last says nothing of a lock that is not reached now.
_OF_THE_AIR: Final = {"signal", "slot"}


async def async_told_rehearsal(
    hass: HomeAssistant, lock: LockView, rehearsal: Rehearsal
) -> list[Composed]:
    """Return a sentence for each thing that was found; what matters most comes first."""
    told: list[Composed] = []
    if rehearsal.error is not None:
        told.append(await async_describe(hass, rehearsal.error, lock=lock.name))
    elif rehearsal.ready:
        told.append(told_now(hass, "way_ready", lock=lock.name))
    told += await _async_objections(hass, lock, rehearsal.checks)
    if rehearsal.way is not None:
        told += _measured(hass, rehearsal.way)
    told += _values(
        hass,
        (
            check
            for check in rehearsal.checks
            if rehearsal.error is None or check.rule not in _OF_THE_AIR
        ),
    )
    return told


async def async_told_checks(
    hass: HomeAssistant, lock: LockView, checks: Iterable[Check]
) -> list[Composed]:
    """Return a sentence for each check that objects, and what others have measured."""
    known = tuple(checks)
    return [*await _async_objections(hass, lock, known), *_values(hass, known)]


async def _async_objections(
    hass: HomeAssistant, lock: LockView, checks: Iterable[Check]
) -> list[Composed]:
    return [
        await async_told_check(hass, check, {"lock": lock.name})
        for check in checks
        if check.verdict is not Verdict.PASS
    ]


def _values(hass: HomeAssistant, checks: Iterable[Check]) -> list[Composed]:
    return [
        told_now(hass, _VALUES[check.rule], measured=check.measured)
        for check in checks
        if check.verdict is Verdict.PASS
        and check.measured is not None
        and check.rule in _VALUES
        # A battery that has no level is told of by no number.
        and (check.rule != "battery" or check.limit is not None)
    ]


def _measured(hass: HomeAssistant, way: Way) -> Iterator[Composed]:
    if way.loses:
        yield told_now(hass, "way_loses")
    if way.carries_little:
        yield told_now(hass, "way_carries_little", bytes=str(way.packet))
    seconds = decimal_now(hass, way.reached_after)
    if way.way is None:
        yield told_now(hass, "way_reached", seconds=seconds)
    else:
        yield told_now(hass, "way_reached_over", way=way.way, seconds=seconds)
    yield told_now(
        hass,
        "way_answers",
        asked=str(QUESTIONS),
        answered=str(len(way.answers)),
        usual=_milliseconds(way.usual),
        slowest=_milliseconds(way.slowest),
    )
    if not way.carries_little:
        yield told_now(hass, "way_carries", bytes=str(way.packet))
    if way.paired_with is not None:
        yield told_now(hass, "way_paired", paired=way.paired_with)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f}"
