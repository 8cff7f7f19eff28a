"""What a person reads before installing a release."""

from collections.abc import Callable

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.advisories.published import PublishedAdvisory
from ..core.feeds.public_index import https_url
from ..core.model import Advisory, OutcomeKind, Purpose, Release, Severity
from ..locks.lock import ManagedLock
from ..markup import Composed, listed, neutral, one_after_another, quoted
from ..planning.planner import Planner
from ..translation import HOURS_OF_A_JUDGEMENT, async_labels, async_sentence
from .duration import async_takes
from .keeper import told_keepers_word, told_of_keeper
from .maker import told_of_maker
from .standing import async_standing

# Percent-encoded an address is the same one.
_ENDS_A_LINK = {ord(char): f"%{ord(char):02X}" for char in "<>()[]\\`*\"'|"}
_NO_GOOD = {OutcomeKind.FAILED, OutcomeKind.NEEDS_HAND, OutcomeKind.ROLLED_BACK}


async def async_release_notes(
    hass: HomeAssistant, lock: ManagedLock, release: Release, planner: Planner
) -> str:
    """Return how it stands, what the release means, and below it the vendor's notes.

    Ours come first, and theirs are fenced off, whatever they contain. What went wrong
    with it the last time comes before all else.
    """
    label = await async_labels(hass)
    facts: list[tuple[str, str]] = []
    severity = _severity(lock, release)
    if severity is not Severity.NONE:
        facts.append(("severity", label("severity", severity)))
    if closes := _closes(lock, release):
        facts.append(("advisories", Composed(", ".join(closes))))
    if release.disrupts:
        names = (label("disruption", each) for each in release.disrupts)
        facts.append(("disrupts", ", ".join(names)))
    if release.support_end is not None:
        facts.append(("support_end", release.support_end.isoformat()))
    facts.append(("evidence", label("evidence", release.evidence)))
    lines = [
        Composed(f"{label('release_fact', fact)}: {neutral(value)}")
        for fact, value in facts
    ]
    if release.keeper is not None:
        # In place of a word that stands for vendors' evidence too.
        lines[-1] = told_of_keeper(hass, release)
        if severity is not Severity.NONE or closes:
            lines.append(told_keepers_word(hass, release))
    if (build := lock.kind.build) is not None:
        number = lock.record.identity.firmware_version
        runs = {"lock": lock.name, "build": build, "number": number}
        lines.append(await async_sentence(hass, "runs_build", runs))
    if not lock.kind.by_hand:
        expected = planner.expected(lock, release)
        lines.append(await async_takes(hass, expected))
    if release.payload is not None:
        risk = planner.risk(lock, release)
        way_back = f"risk_way_back_{risk.way_back}"
        lines.append(await async_sentence(hass, way_back, {}))
        if risk.no_battery is not None:
            lines.append(await async_sentence(hass, f"risk_{risk.no_battery}", {}))
    told: list[str] = [*await async_standing(hass, lock, release, planner)]
    told.append(listed(lines))
    if (choice := lock.decisions.choice) is not None:
        going_back = choice.purpose is Purpose.ROLLBACK
        told.insert(
            0, label("release_fact", "is_rollback" if going_back else "is_chosen")
        )
    if (ended := await _async_ended(hass, lock, label)) is not None:
        told.insert(0, ended)
    if (last_time := _last_time(lock, release)) is not None:
        before = label("release_fact", "last_time")
        told.insert(0, Composed(f"{before}: {neutral(last_time)}"))
    told.append(listed(told_of_maker(lock)))
    if lock.kind.hold is not None:
        told.append(label("release_fact", "hold_is_no_lock"))
    if release.release_notes.strip():
        heading = (
            label("release_fact", "vendor_says")
            if release.keeper is None
            else await async_sentence(hass, "keeper_says", {"keeper": release.keeper})
        )
        told.append(quoted(release.release_notes, heading))
    return one_after_another(told)


async def _async_ended(
    hass: HomeAssistant, lock: ManagedLock, label: Callable[[str, str], str]
) -> Composed | None:
    """Return whose judgement of the moment counts no longer, if there was any."""
    approval = lock.decisions.approval
    if approval is None or lock.decided.approved_by is None:
        return None
    ended = approval.ended_at(dt_util.utcnow())
    if not ended:
        return None
    names = ", ".join(label("override", each) for each in sorted(ended))
    return await async_sentence(
        hass,
        "overrides_ended",
        {
            "lock": lock.name,
            "user": approval.user_name,
            "overrides": names,
            "hours": HOURS_OF_A_JUDGEMENT,
        },
    )


def _last_time(lock: ManagedLock, release: Release) -> str | None:
    """Return what came of the last try to install a release here, if it was no good."""
    for outcome in lock.record.own_history:
        if outcome.sha256 == release.key:
            return outcome.message if outcome.kind in _NO_GOOD else None
    return None


def _severity(lock: ManagedLock, release: Release) -> Severity:
    """Return how bad what a release closes is, as far as anybody has measured it."""
    measured = [release.severity]
    if release is lock.release:
        closed = lock.assessment.closed_by_offer
        measured += [each.severity for each in closed if each.severity is not None]
    return max(measured, key=list(Severity).index)


def _closes(lock: ManagedLock, release: Release) -> list[str]:
    """Return what a release closes: as it says itself, and as others do."""
    told: dict[str, Advisory | PublishedAdvisory] = {}
    if release is lock.release:
        told |= {each.id: each for each in lock.assessment.closed_by_offer}
    told |= {each.id: each for each in release.advisories}
    return [_linked(told[each]) for each in sorted(told)]


def _linked(advisory: Advisory | PublishedAdvisory) -> str:
    """Return an advisory, as a link where its address is one.

    What could end a link in the middle of its address is written otherwise there.
    """
    shown = neutral(advisory.id)
    url = https_url(advisory.url) if advisory.url else None
    return shown if url is None else f"[{shown}](<{url.translate(_ENDS_A_LINK)}>)"
