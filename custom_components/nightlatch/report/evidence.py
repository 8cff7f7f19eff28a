"""What is known of one lock, for its maker: how it stands, what was found, what was done.

As in the report no person stands in it, no serial number and no address.
"""

from typing import Any

from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import PEOPLE
from ..const import DOMAIN
from ..core.installation.support_case import next_action
from ..core.preflight.base import Check
from ..core.records.audit import MAX_ENTRIES
from ..core.records.outcome_record import OutcomeRecord
from ..locks.lock import ManagedLock
from ..markup import neutral
from ..monitoring.next_step import next_step
from ..runtime import Runtime
from .content import async_report_of

type Told = dict[str, Any]

# What people have written themselves, and by what they could be told apart.
_OF_PEOPLE = {*PEOPLE, "person", "words"}


async def async_evidence(
    hass: HomeAssistant, runtime: Runtime, lock: ManagedLock
) -> Told:
    """Return it; raise ``OSError`` where the audit log cannot be read."""
    integration = await async_get_integration(hass, DOMAIN)
    facts, rehearsal = runtime.helping.facts(lock), lock.rehearsal
    step = next_step(lock, runtime.planner.plan(lock))
    entries = await runtime.audit.log.async_entries(MAX_ENTRIES)
    return {
        "made_at": dt_util.utcnow().isoformat(),
        "nightlatch": str(integration.version),
        "home_assistant": __version__,
        "lock": await async_report_of(hass, runtime, lock, step),
        "tried_at": rehearsal.at.isoformat() if rehearsal else None,
        "error": facts.error,
        "next_action": next_action(facts),
        "checks": [_check(each) for each in facts.checks],
        "installations": [
            # At this door; the maker is asked about one lock.
            _installation(each)
            | {"on_this_lock": each.lock_number == lock.record.lock_number}
            for each in lock.record.history
        ],
        "audit_log": [
            {
                "number": entry.number,
                "at": entry.at.isoformat(),
                "event": entry.event,
                "details": {
                    name: value
                    for name, value in entry.details.items()
                    if name not in _OF_PEOPLE
                },
            }
            for entry in entries
            if entry.details.get("lock") == lock.subentry_id
        ],
        "checkpoint": await runtime.audit.async_checkpoint(),
    }


def _check(check: Check) -> Told:
    return {
        "family": check.family,
        "rule": check.rule,
        "verdict": check.verdict,
        "reason": check.reason,
        # An approval is measured by who has given it.
        "measured": None if check.rule == "approval" else _shown(check.measured),
        "limit": _shown(check.limit),
    }


def _installation(outcome: OutcomeRecord) -> Told:
    return {
        "outcome": outcome.kind,
        "purpose": outcome.purpose,
        "asked_by": outcome.origin,
        "started": outcome.started.isoformat(),
        "ended": outcome.ended.isoformat(),
        "seconds": outcome.seconds,
        "from": neutral(outcome.from_version),
        "to": neutral(outcome.to_version),
        "sha256": outcome.sha256,
        "touched": outcome.touched,
        "reason": outcome.reason,
        "door": outcome.door,
        "tries": outcome.tries,
    }


def _shown(value: str | None) -> str | None:
    return None if value is None else neutral(value)
