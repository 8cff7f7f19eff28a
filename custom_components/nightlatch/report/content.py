"""What stands in the report: each value is that of the service that has it.

No person stands in it, no serial number and no address: it is made to be given away.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..core.model import Evidence
from ..core.vendor_facts import Fact
from ..core.versions import is_same_version
from ..locks.lock import ManagedLock
from ..markup import neutral
from ..monitoring.next_step import (
    NextStep,
    next_step,
    standing,
    starts_at,
    told_standing,
    told_step,
)
from ..monitoring.obstacles import async_obstacles
from ..monitoring.proof import (
    evidence_of,
    has_way_back,
    keeper_of,
    told_evidence,
    told_way_back,
)
from ..monitoring.weekly import needs_of
from ..runtime import Runtime
from ..texts.maker import said_by_maker, source_name
from ..texts.security import told_advisories
from ..translation import label_now

type Told = dict[str, Any]


async def async_report(hass: HomeAssistant, runtime: Runtime) -> Told:
    """Return how all locks stand now."""
    integration = await async_get_integration(hass, DOMAIN)
    locks: list[Told] = []
    steps: dict[str, NextStep] = {}
    left_out: list[str] = []
    for lock in tuple(runtime.locks.values()):
        with runtime.faults.apart("report", lock):
            step = next_step(lock, runtime.planner.plan(lock))
            locks.append(await async_report_of(hass, runtime, lock, step))
            steps[lock.subentry_id] = step
            continue
        # Whoever reads it must not take what is missing for what is well.
        left_out.append(neutral(lock.name))
    locks.sort(key=lambda each: (not each["needs"], each["name"].casefold()))
    weekly = runtime.store.weekly
    return {
        "household": neutral(hass.config.location_name),
        "made_at": dt_util.utcnow().isoformat(),
        "nightlatch": str(integration.version),
        "summary": told_standing(hass, standing(steps)),
        "in_need": sum(bool(each["needs"]) for each in locks),
        "not_known": sum(each["security"] == "unknown_security" for each in locks),
        "verified": sum(
            each["evidence"] == Evidence.SIGNATURE_VERIFIED for each in locks
        ),
        "with_way_back": sum(each["has_way_back"] for each in locks),
        "assessed": None
        if weekly is None
        else {"at": weekly.at.isoformat(), "in_need": weekly.in_need},
        "checkpoint": await runtime.audit.async_checkpoint(),
        "locks": locks,
        "left_out": left_out,
    }


async def async_report_of(
    hass: HomeAssistant, runtime: Runtime, lock: ManagedLock, step: NextStep
) -> Told:
    """Return how one lock stands now."""
    planner, identity = runtime.planner, lock.record.identity
    plan = planner.plan(lock)
    starts, security = starts_at(plan), lock.security
    evidence, outcome = evidence_of(lock), lock.record.outcome
    needs = sorted(needs_of(lock, step).needs)
    return {
        "name": neutral(lock.name),
        "kind": lock.kind.name,
        "maker": _shown(identity.manufacturer),
        "model": neutral(lock.model_name),
        "hardware": _shown(identity.hardware_revision),
        "installed": _shown(identity.firmware_version),
        "released": _day(_released(lock)),
        "running_since": lock.record.running_since.isoformat(),
        "read_at": lock.record.read_at.isoformat(),
        "offered": _shown(plan.release.version.text) if plan.release else None,
        "security": security,
        "security_text": label_now(hass, "report", security),
        "advisories": [
            {
                **each,
                "severity_text": label_now(hass, "severity", each["severity"])
                if each["severity"]
                else None,
                "match_text": label_now(hass, "report", each["match"]),
            }
            for each in told_advisories(lock)
        ],
        "support_end": _day(lock.support_end),
        "needs": [
            {"need": need, "text": label_now(hass, "need", need)} for need in needs
        ],
        "next_step": step,
        "next_step_text": told_step(hass, step, plan),
        "starts_at": starts.isoformat() if starts else None,
        "obstacles": await async_obstacles(hass, planner, lock, plan, step),
        "evidence": evidence,
        "evidence_text": told_evidence(lock),
        "keeper": _shown(keeper_of(lock)),
        "has_way_back": has_way_back(lock, planner, runtime.vault),
        "way_back_text": told_way_back(lock, planner, runtime.vault),
        "last_installation": None
        if outcome is None
        else {
            "version": neutral(outcome.to_version),
            "at": outcome.ended.isoformat(),
            "outcome": outcome.kind,
            "text": label_now(hass, "outcome", outcome.kind),
        },
        "maker_says": [
            {"text": said.text, "sources": list(_sources(said.sources))}
            for said in said_by_maker(lock)
        ],
        "ask": list(whom_to_ask(lock)),
    }


def whom_to_ask(lock: ManagedLock) -> Iterable[Told]:
    """Return where its maker can be asked: as it says itself, else as others say."""
    if lock.model is not None and lock.model.support_url is not None:
        yield {"url": lock.model.support_url, "source": neutral(lock.feed_title)}
        return
    for fact in lock.facts.contacts:
        yield {"url": fact.contact, "source": _source(fact)}


def _sources(facts: Iterable[Fact]) -> Iterable[str]:
    return map(_source, facts)


def _source(fact: Fact) -> str:
    return f"{source_name(fact)}, {fact.checked.isoformat()}"


def _released(lock: ManagedLock) -> date | None:
    """Return when what it runs was released, as far as its feed says."""
    identity = lock.record.identity
    told = (
        release.released
        for release in lock.kind.on_offer()
        if release.model == identity.model
        and is_same_version(release.version.text, identity.firmware_version)
    )
    return next(told, None)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _shown(value: str | None) -> str | None:
    return neutral(value) if value else None
