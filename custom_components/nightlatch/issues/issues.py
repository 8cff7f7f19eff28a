"""Issues for Home Assistant's repairs: what a person must do, and only that.

Each is gone as soon as it is done.
"""

from collections.abc import Iterable, Iterator

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore, told_problem
from ..const import DOMAIN
from ..coordinator import FeedCoordinator
from ..core.errors import FeedProblem, NightlatchError, SourceProblem
from ..core.guard.conduct import Conduct
from ..core.guard.offer import NoOffer
from ..core.installation.recovery import what_left_it
from ..core.model import OutcomeKind
from ..core.schedule.plan import Plan, Waiting
from ..faults import Faults
from ..household_settings import HouseholdSettings
from ..install.recovery import Recovering
from ..install.remedies import Remedies
from ..issue import Issue
from ..locks.lock import ManagedLock
from ..locks.registry import Changes, LockRegistry
from ..markup import listed, neutral_all, together
from ..members import Members
from ..monitoring.door_use import DoorUseWatch
from ..monitoring.health import needs_hand
from ..monitoring.letting_go import LettingGo
from ..planning.planner import Planner
from ..snapshots.snapshots import Snapshots
from ..texts.maker import told_of_maker
from ..translation import or_not_known, told_now
from ..turns import Turns
from ..vault.store import HouseholdVault
from ..vault.upkeep import VaultUpkeep
from .conditions import issues_of_conditions
from .door_use import issue_of_door_use, issue_of_own_hours
from .held_nights import held_too_often
from .keepers import issues_of_keepers, unheard
from .recovery_steps import recovery_steps
from .silence import issues_of_silence
from .support import issues_of_support
from .vault import issues_of_vault

_URGENT = {
    "unsaved",
    "unsaved_lock",
    "needs_hand",
    "stranded",
    "in_bootloader",
    "in_bootloader_by_hand",
}
_UNWANTED = {
    Waiting.HALTED,
    Waiting.NOTHING_OFFERED,
    Waiting.PINNED,
    Waiting.SKIPPED,
}


@callback
def async_delete_issues(hass: HomeAssistant) -> None:
    """Delete all issues: there is no household any more."""
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def _end_of(issue_id: str) -> str:
    """Return what tells whose an issue is: the id of a lock, if it is about one."""
    return issue_id.rpartition("_")[2]


class Issues:
    """Keeps Home Assistant's repairs in step with how the locks and feeds are."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        feeds: Members[FeedCoordinator],
        locks: LockRegistry,
        faults: Faults,
        store: HouseholdStore,
        settings: HouseholdSettings,
        audit: AuditFile,
        vault: HouseholdVault,
        upkeep: VaultUpkeep,
        planner: Planner,
        snapshots: Snapshots,
        letting_go: LettingGo,
        recovering: Recovering,
        remedies: Remedies,
        door_use: DoorUseWatch,
    ) -> None:
        """Take everybody who may have something for a person to do."""
        self._hass = hass
        self._feeds = feeds
        self._locks = locks
        self._faults = faults
        self._store = store
        self._settings = settings
        self._audit = audit
        self._vault = vault
        self._upkeep = upkeep
        self._planner = planner
        self._snapshots = snapshots
        self._letting_go = letting_go
        self._recovering = recovering
        self._remedies = remedies
        self._door_use = door_use
        self._turns = Turns(hass, self._sync_locks)
        self._there: dict[str, set[str]] = {}
        """The ids of the issues that are there, by how they end: a lock's id.

        Looked up with the household, not for each lock: a house has many."""

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Follow what changes from now on; return what ends that."""
        self.async_sync()
        return self._locks.async_subscribe(self._changed)

    @callback
    def _changed(self, changes: Changes) -> None:
        with self._faults.apart("repairs"):
            if changes.household:
                self.async_sync()
            else:
                self._note(changes.locks)

    @callback
    def async_sync(self) -> None:
        """Look at everything: at the household now, at the locks a few in each turn."""
        self.async_sync_household()
        self._note(self._locks)

    @callback
    def _note(self, lock_ids: Iterable[str]) -> None:
        for lock_id in lock_ids:
            self._turns.async_note(lock_id)

    @callback
    def async_sync_lock(self, lock: ManagedLock) -> None:
        """Look at one lock now."""
        self._sync_locks((lock.subentry_id,))

    @callback
    def _sync_locks(self, lock_ids: tuple[str, ...]) -> None:
        with self._faults.apart("repairs"):
            wanted: dict[str, Issue] = {}
            gone = set[str]()
            for lock_id in lock_ids:
                if (lock := self._locks.get(lock_id)) is None:
                    # It is gone, or the household is; what it left, that sees to.
                    continue
                of_lock = self._there.get(lock_id, set())
                gone |= of_lock - self._collect(lock, of_lock, wanted)
            self._put(wanted, gone)

    @callback
    def async_sync_household(self) -> None:
        """Look at what is about no lock, and take away what is about one that is gone."""
        if self._locks.is_closing:
            # They are let go of, not gone: what somebody has ignored stays so.
            return
        self._there = self._issues_there()
        of_no_lock = (ids for end, ids in self._there.items() if end not in self._locks)
        self._put(
            dict(self._of_household()),
            set[str]().union(*of_no_lock)
            - unheard(self._feeds.values(), self._locks.values()),
        )

    def _issues_there(self) -> dict[str, set[str]]:
        """Return the ids of the issues that are there, by how they end: a lock's id."""
        there: dict[str, set[str]] = {}
        for (domain, issue_id), issue in ir.async_get(self._hass).issues.items():
            # One that is not active is only the memory that somebody has ignored it.
            if domain == DOMAIN and issue.active:
                there.setdefault(_end_of(issue_id), set()).add(issue_id)
        return there

    def _collect(
        self, lock: ManagedLock, there: set[str], wanted: dict[str, Issue]
    ) -> set[str]:
        """Add what a person must do about a lock; return what stays as it was."""
        kept = there
        with self._faults.apart("repairs", lock):
            # What is found before a fault is told all the same.
            for found in self._of_lock(lock):
                wanted[f"{found.key}_{lock.subentry_id}"] = found
            kept = set()
        if (fault := self._faults.of(lock)) is not None:
            wanted[f"lock_fault_{lock.subentry_id}"] = Issue(
                key="lock_fault", placeholders={"lock": lock.name, "fault": fault}
            )
        # What nobody can say of a lock right now stays as it was.
        return kept

    def _of_household(self) -> Iterator[tuple[str, Issue]]:
        if (fault := self._faults.of(None)) is not None:
            yield "part_fault", Issue(key="part_fault", placeholders={"fault": fault})
        for feed in self._feeds.values():
            if feed.trouble is FeedProblem.FIRMWARE_KEY_CHANGED:
                yield (
                    f"firmware_key_changed_{feed.subentry_id}",
                    Issue(
                        key="firmware_key_changed", placeholders={"feed": feed.title}
                    ),
                )
            if feed.error and feed.trouble is FeedProblem.SIGNED_BY_CHANGED:
                yield (
                    f"signed_by_changed_{feed.subentry_id}",
                    Issue(
                        key="signed_by_changed",
                        placeholders={"feed": feed.title, **feed.error.details},
                    ),
                )
            if feed.error and feed.trouble is FeedProblem.CLOCK_WENT_BACK:
                # One for all feeds, for there is one clock.
                yield (
                    "clock_went_back",
                    Issue(
                        key="clock_went_back",
                        placeholders=dict(feed.error.details),
                        data={"trusted_time": True},
                    ),
                )
        yield from issues_of_keepers(self._feeds.values(), self._locks.values())
        if (problem := self._store.problem) is not None:
            yield (
                "unsaved",
                Issue(key="unsaved", placeholders={"problem": told_problem(problem)}),
            )
        if (suggested := issue_of_door_use(self._hass, self._door_use)) is not None:
            yield suggested.key, suggested
        for found in issues_of_conditions(self._hass, self._settings):
            yield found.key, found
        for found in issues_of_vault(
            self._hass, self._vault, self._upkeep, self._audit, self._locks
        ):
            yield found.key, found

    @callback
    def _put(self, wanted: dict[str, Issue], there: set[str]) -> None:
        """Create what is wanted, and delete of what is there what is not."""
        for issue_id in there - wanted.keys():
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            self._there.get(_end_of(issue_id), set()).discard(issue_id)
        for issue_id, found in wanted.items():
            self._there.setdefault(_end_of(issue_id), set()).add(issue_id)
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                data=found.data,
                is_fixable=found.data is not None,
                severity=(
                    ir.IssueSeverity.ERROR
                    if found.key in _URGENT
                    else ir.IssueSeverity.WARNING
                ),
                translation_key=found.key,
                translation_placeholders=neutral_all(found.placeholders),
            )

    def _of_lock(self, lock: ManagedLock) -> Iterator[Issue]:
        """Return what a person must do about a lock."""
        if lock.unsaved is not None and self._store.problem is None:
            yield Issue(
                key="unsaved_lock",
                placeholders={"lock": lock.name, "problem": lock.unsaved},
            )
        # Also meanwhile: one that somebody has ignored would come back otherwise.
        yield from issues_of_support(lock)
        if (suggested := issue_of_own_hours(lock, self._door_use)) is not None:
            yield suggested
        if (let_go := self._letting_go.of(lock)) is not None:
            elsewhere = {
                "let_go_gone": let_go.elsewhere.gone,
                "let_go_stays": let_go.elsewhere.stays,
            }
            yield Issue(
                key="let_go",
                placeholders={
                    "lock": lock.name,
                    "until": f"{dt_util.as_local(let_go.until):%H:%M}",
                    "elsewhere": together(
                        told_now(self._hass, key, others=", ".join(others))
                        for key, others in elsewhere.items()
                        if others
                    ),
                },
            )
        if lock.progress is not None or lock.is_cut_off:
            return
        if lock.in_bootloader:
            # Before anything is asked that may be at fault itself.
            yield self._stranded(lock)
        # Asked once: both are computed anew each time.
        error, plan = lock.kind.source_error, self._planner.plan(lock)
        if not lock.in_bootloader:
            yield from self._of_source(lock, error, plan)
        if lock.release is not None and plan.waiting is Waiting.APPROVAL:
            version = lock.release.version.text
            yield Issue(
                key="approval_waits",
                placeholders={"lock": lock.name, "version": version},
                data={"approval_of": lock.subentry_id, "version": version},
            )
        if (settings := self._snapshots.of(lock).issue) is not None:
            yield settings
        if (why := lock.kind.left_at_source) is not None:
            yield _left_at_source(lock, why)
        if (entity := lock.kind.guardable_by) is not None:
            yield Issue(
                key="guardable", placeholders={"lock": lock.name, "entity": entity}
            )
        if lock.kind.bridge_forgets:
            yield Issue(key="bridge_forgets", placeholders={"lock": lock.name})
        if error is None and not lock.kind.by_hand:
            yield from issues_of_silence(lock)
        if (held := held_too_often(lock, self._planner)) is not None:
            yield held
        for aftercare in lock.record.to_do:
            yield Issue(
                key=aftercare,
                placeholders={"lock": lock.name},
                data={"lock_id": lock.subentry_id, "aftercare": aftercare},
            )

    def _of_source(
        self, lock: ManagedLock, error: NightlatchError | None, plan: Plan
    ) -> Iterator[Issue]:
        """Return what a person must do about a lock that runs, or what it comes by."""
        if (successor := lock.kind.successor) is not None:
            yield Issue(
                key="source_succeeded",
                placeholders={
                    "lock": lock.name,
                    "entity": lock.kind.anchor or "",
                    "successor": successor[1],
                },
                data={"succeeded": lock.subentry_id, "successor": successor[1]},
            )
        elif (found := self._issue_of(lock, error, plan)) is not None:
            key, placeholders = found
            yield Issue(
                key=key,
                placeholders={"lock": lock.name, **placeholders},
                data=(
                    {"replaced": lock.subentry_id, "now": placeholders["now"]}
                    if key == SourceProblem.OTHER_DEVICE
                    else None
                ),
            )

    def _stranded(self, lock: ManagedLock) -> Issue:
        """Return what a person must do about a lock that waits in its bootloader."""
        outcome = lock.record.outcome
        remedies = self._remedies.of(lock)
        ours = what_left_it(lock.record) is not None
        placeholders = {
            "lock": lock.name,
            "message": (outcome.message if ours and outcome else None) or "",
            "steps": recovery_steps(lock, self._vault, self._remedies),
        }
        if not remedies:
            if ours:
                return Issue(key="needs_hand", placeholders=placeholders)
            # What is in a closed vault nobody knows; the steps say so.
            is_open = self._vault.problem is None
            missing = told_now(self._hass, "nothing_to_send") if is_open else ""
            return Issue(
                key="in_bootloader_by_hand",
                placeholders={**placeholders, "missing": missing},
            )
        if ours:
            placeholders["tries"] = self._tries(lock)
        return Issue(
            key="stranded" if ours else "in_bootloader",
            placeholders={**placeholders, "version": remedies[0].release.version.text},
            data={"stranded": lock.subentry_id},
        )

    def _tries(self, lock: ManagedLock) -> str:
        """Return how often it was tried to bring a lock out, and when it is tried next."""
        outcome, due = lock.record.outcome, self._recovering.next_try(lock)
        if outcome is None or not outcome.is_fruitless or due is None:
            return told_now(lock.hass, "recovery_begins", lock=lock.name)
        return told_now(
            lock.hass,
            "recovery_tried",
            lock=lock.name,
            tries=str(outcome.tries),
            time=f"{due.astimezone(dt_util.get_default_time_zone()):%H:%M}",
        )

    def _issue_of(
        self, lock: ManagedLock, error: NightlatchError | None, plan: Plan
    ) -> tuple[str, dict[str, str]] | None:
        """Return what a person must do about a lock, if anything."""
        outcome = lock.record.outcome
        if (
            outcome is not None
            and outcome.kind is OutcomeKind.NEEDS_HAND
            and needs_hand(lock)
        ):
            return "needs_hand", {
                "message": outcome.message or "",
                "steps": recovery_steps(lock, self._vault, self._remedies),
            }
        if error is not None:
            return str(error.reason), error.details
        if (trouble := lock.kind.trouble) is not None:
            return trouble, {}
        if (conduct := lock.kind.misconduct) is not None:
            return (
                "source_repeats" if conduct is Conduct.REPEATS else "source_stuck"
            ), {}
        waits = lock.kind.by_hand and plan.waiting not in _UNWANTED
        if waits and lock.release is not None:
            return "update_by_hand", {
                "version": lock.release.version.text,
                "steps": listed(told_of_maker(lock)),
            }
        if plan.waiting is Waiting.VENDOR:
            return "contact_vendor", {
                "version": or_not_known(
                    lock.hass, lock.release.version.text if lock.release else None
                ),
                "message": (outcome.message if outcome else None) or "",
            }
        return None


def _left_at_source(lock: ManagedLock, why: NoOffer) -> Issue:
    """Return what a person must decide: whether to install what is not offered here."""
    reading = lock.kind.source()
    return Issue(
        key="left_at_source",
        placeholders={
            "lock": lock.name,
            "version": or_not_known(lock.hass, reading.offered if reading else None),
            "why": told_now(
                lock.hass,
                f"left_at_source_{why}",
                installed=lock.record.identity.firmware_version,
            ),
        },
    )
