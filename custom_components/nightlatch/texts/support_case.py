"""What was found wrong with a lock, in words, part by part."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from homeassistant.core import HomeAssistant

from ..core.errors import NightlatchError
from ..core.installation.support_case import (
    CaseFacts,
    CasePart,
    next_action,
    told_under,
)
from ..core.model import LockIdentity
from ..core.preflight.rehearsal import Rehearsal
from ..lock_view import LockView
from ..markup import Composed, neutral, together
from ..translation import async_describe, filled, label_now, or_not_known, told_now
from .rehearsal import async_told_checks, async_told_rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a lock has brought."""

    facts: CaseFacts
    identity: LockIdentity
    rehearsal: Rehearsal | None
    source: NightlatchError | None


async def async_told_part(
    hass: HomeAssistant, lock: LockView, part: CasePart, looked: Looked
) -> Composed:
    """Return what was found of one part; that it is in order where nothing was."""
    told = [each async for each in _async_sentences(hass, lock, part, looked)]
    said = together(told or [told_now(hass, "help_in_order")])
    return Composed(f"**{told_part(hass, part)}:** {said}")


def told_failed(hass: HomeAssistant, part: CasePart) -> Composed:
    """Return that a part could not be looked at, and that this is a fault of ours."""
    return Composed(f"**{told_part(hass, part)}:** {told_now(hass, 'help_failed')}")


def told_part(hass: HomeAssistant, part: CasePart) -> Composed:
    """Return what a part is called."""
    return label_now(hass, "help", part)


def told_action(hass: HomeAssistant, facts: CaseFacts, lock: LockView) -> Composed:
    """Return what to do next."""
    return filled(label_now(hass, "help", next_action(facts)), {"lock": lock.name})


async def _async_sentences(
    hass: HomeAssistant, lock: LockView, part: CasePart, looked: Looked
) -> AsyncIterator[Composed]:
    facts, rehearsal = looked.facts, looked.rehearsal
    if part is CasePart.IDENTIFY:
        identity = looked.identity
        yield told_now(
            hass,
            "help_known",
            lock=lock.name,
            model=or_not_known(hass, identity.told_model),
            version=or_not_known(hass, identity.firmware_version),
        )
        if looked.source is not None:
            yield await async_describe(hass, looked.source, lock=lock.name)
    elif part is CasePart.CONNECTIVITY and rehearsal is None:
        yield told_now(hass, "installation_running", lock=lock.name)
    elif part is CasePart.CONNECTIVITY and rehearsal is not None:
        tried = replace(rehearsal, checks=told_under(part, rehearsal.checks))
        for each in await async_told_rehearsal(hass, lock, tried):
            yield each
    elif part is CasePart.UPDATE and facts.in_bootloader:
        yield told_now(hass, "panel_in_bootloader")
    else:
        ended = facts.stands_badly if part is CasePart.UPDATE else None
        if ended is not None and ended.message is not None:
            yield Composed(neutral(ended.message))
        checks = told_under(part, facts.checks)
        for each in await async_told_checks(hass, lock, checks):
            yield each
