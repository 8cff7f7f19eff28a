"""The repair for a release that the same rule has held for nights on end."""

from collections.abc import Iterable, Mapping

from homeassistant.util import dt as dt_util

from ..core.preflight.base import PASSING, Reason, blockers
from ..core.records.held_record import HeldRule
from ..core.schedule.night import night_of
from ..issue import Issue
from ..locks.lock import ManagedLock
from ..markup import listed
from ..planning.planner import Planner
from ..translation import told_now

_PASSING = {str(reason) for reason in PASSING}
_RULES = {str(reason) for reason in Reason}


def held_too_often(lock: ManagedLock, planner: Planner) -> Issue | None:
    """Return what a person must do so that a release is installed; None for nothing.

    Only as long as it would be installed by itself, is the release that was held, and
    what has held it does so still, as far as that can be said before the night.
    """
    held, release = lock.record.held, lock.release
    if (
        held is None
        or release is None
        or not held.is_of(release.key, lock.record.identity.firmware_version)
        or planner.plan(lock).starts_at is None
        or lock.decisions.chosen_time(release.key) is not None
    ):
        return None
    tonight = night_of(dt_util.utcnow(), dt_util.get_default_time_zone())
    rules = held.too_often(tonight)
    if rules and not rules.keys() <= _PASSING:
        checks = planner.checks_of_offer(lock, unattended=True)
        rules = _still({str(check.reason) for check in blockers(checks)}, rules)
    if not rules:
        return None
    return Issue(
        key="held_nights",
        placeholders={
            "lock": lock.name,
            "version": release.version.text,
            "nights": str(max(rule.nights for rule in rules.values())),
            "why": listed(_told(lock, rules)),
        },
    )


def _still(blocking: set[str], rules: Mapping[str, HeldRule]) -> Mapping[str, HeldRule]:
    """Return what holds it still; what comes and goes is left to the night.

    So is what is no rule: a lock that did not answer when its turn had come.
    """
    return {
        reason: rule
        for reason, rule in rules.items()
        if reason in _PASSING or reason not in _RULES or reason in blocking
    }


def _told(lock: ManagedLock, rules: Mapping[str, HeldRule]) -> Iterable[str]:
    names = {"lock": lock.name, "feed": lock.feed_title}
    for reason, rule in sorted(rules.items()):
        yield told_now(lock.hass, reason, **{**rule.details, **names})
