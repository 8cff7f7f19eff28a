"""All rules of preflight: everything is asked, so that everything is shown at once."""

from collections.abc import Callable
from dataclasses import replace

from ..records.decisions import Override
from ..schedule.plan import is_approved
from .application import check_application
from .base import Check, Family, Reason, Verdict
from .bolt import check_bolt
from .door import check_door
from .house import (
    check_entry_doors,
    check_house,
    check_one_at_a_time,
    check_source,
    check_storage,
)
from .identity import check_identity
from .path import (
    check_approval,
    check_security_floor,
    check_soak,
    check_stage,
    check_version,
    check_wanted,
)
from .power import check_battery, check_trend
from .radio import (
    check_connection,
    check_let_go,
    check_pairing,
    check_signal,
    check_slot,
)
from .situation import Situation
from .time import check_fit
from .trust import (
    check_feed,
    check_halted,
    check_index,
    check_keeper,
    check_offered,
    check_proofs,
)
from .way_in import check_presence, check_way_in

RULES: tuple[Callable[[Situation], Check], ...] = (
    check_identity,
    check_application,
    check_version,
    check_security_floor,
    check_wanted,
    check_soak,
    check_stage,
    check_approval,
    check_battery,
    check_trend,
    check_bolt,
    check_door,
    check_way_in,
    check_presence,
    check_signal,
    check_slot,
    check_pairing,
    check_let_go,
    check_connection,
    check_house,
    check_storage,
    check_one_at_a_time,
    check_entry_doors,
    check_source,
    check_fit,
    check_feed,
    check_offered,
    check_halted,
    check_proofs,
    check_keeper,
    check_index,
)

# Where the owner may judge better; by rule.
_OVERRIDABLE = {
    "battery": Override.BATTERY,
    "door": Override.DOOR,
    "way_in": Override.WAY_IN,
    "soak": Override.SOAK,
    "security_floor": Override.SECURITY_FLOOR,
}
_OVERRIDABLE_REASONS = {Reason.HALTED_BY_GONE_FEED: Override.HALT}
# A lock that was left in its bootloader is a door that does not open. What these ask for
# protects a lock that works; holding this one back protects nobody.
_NOT_FOR_A_STRANDED_LOCK = {
    Family.POWER,
    Family.LOCK,
    Family.DOOR,
    Family.WAY_IN,
    Family.TIME,
}
_NOT_FOR_A_STRANDED_LOCK_RULES = {
    "approval",
    "wanted",
    "soak",
    "stage",
    # It was begun before: half of it in a lock is worse than all of it.
    "halted",
    "signal",
    "slot",
    "pairing",
    "connection",
    "entry_doors",
    "storage",
}
# A backup takes its time; Home Assistant that stops has to be waited for all the same.
_NOT_FOR_A_STRANDED_LOCK_REASONS = {Reason.BACKUP_RUNNING}


def run_checks(situation: Situation) -> tuple[Check, ...]:
    """Ask every rule; each gives exactly one check, in a fixed order."""
    return tuple(_judged(rule(situation), situation) for rule in RULES)


def override_for(check: Check) -> Override | None:
    """Return what the owner may override it with; None where nobody may."""
    return _OVERRIDABLE_REASONS.get(check.reason, _OVERRIDABLE.get(check.rule))


def _judged(check: Check, situation: Situation) -> Check:
    """Return a check after the owner's overrides, and for a stranded lock."""
    if check.verdict is not Verdict.BLOCKER:
        return check
    if situation.stranded and (
        check.family in _NOT_FOR_A_STRANDED_LOCK
        or check.rule in _NOT_FOR_A_STRANDED_LOCK_RULES
        or check.reason in _NOT_FOR_A_STRANDED_LOCK_REASONS
    ):
        return check.softened()
    approval, override = situation.decisions.approval, override_for(check)
    if approval is None or not is_approved(situation.decisions, situation.release):
        return check
    if override in approval.overrides_at(situation.now):
        return replace(check.softened(), overridden_by=approval.user_name)
    if override in approval.overrides:
        return replace(check, override_ended=approval.user_name)
    return check
