"""What a person does at the door, when a lock does not work after an installation.

What its vendor, or the keeper of its feed, says comes first: out of the signed feed, then
out of the facts with their sources. The usual steps come after it, by what kind of lock
it is and what is wrong.
"""

from collections.abc import Iterator
from enum import StrEnum

from ..adapters.holders import reached_by
from ..core.errors import TransportProblem
from ..core.installation.confirmation import BOLT_PROBLEMS
from ..core.installation.recovery import what_left_it
from ..core.model import Transport
from ..install.remedies import Remedies
from ..install.ways_back import ways_back
from ..locks.lock import ManagedLock
from ..markup import Composed, listed, quoted
from ..texts.maker import told_of_recovery
from ..translation import filled, label_now, told_now
from ..vault.store import HouseholdVault

_SILENT = {TransportProblem.HELD_SINCE_RESTART, TransportProblem.DID_NOT_COME_BACK}


class RecoveryStep(StrEnum):
    """Something that usually helps."""

    KEY = "use_a_key"
    VENDOR_SAYS = "vendor_says"
    BATTERIES = "batteries_out"
    GOES_BACK = "batteries_out_goes_back"
    """MCUboot runs what was not confirmed once only."""
    PROXY = "bring_proxy_nearer"
    """Then it is helped by itself."""
    PROXY_AND_SAY_SO = "bring_proxy_nearer_and_say_so"
    """Nobody of us has sent it there, so a person has to say that it may be helped."""
    VAULT = "open_vault"
    """What it could be sent may be in there."""
    FILE = "give_it_a_file"
    """Nothing is kept or offered that it could be sent."""
    LET_GO_ELSEWHERE = "let_go_elsewhere"
    """Another integration holds the lock's only connection."""
    MOVE_BY_HAND = "move_bolt_by_hand"
    WAY_BACK = "way_back"
    LOOK_ELSEWHERE = "look_elsewhere"
    VENDOR = "ask_vendor"


def recovery_steps(
    lock: ManagedLock, vault: HouseholdVault, remedies: Remedies
) -> Composed:
    """Return what to do, as Markdown; the vendor's own words first."""
    told: list[Composed] = []
    if lock.model is not None and lock.model.recovery.strip():
        told.append(quoted(lock.model.recovery, _who_says(lock)))
    steps = [*told_of_recovery(lock), *_usual(lock, vault, remedies)]
    told.append(listed(steps))
    return Composed("\n\n".join(told))


def _who_says(lock: ManagedLock) -> Composed:
    """Return the heading of what the feed says."""
    keeper = lock.content.keeper if lock.content is not None else None
    if keeper is None:
        return _label(lock, RecoveryStep.VENDOR_SAYS)
    return told_now(lock.hass, "keeper_says", keeper=keeper)


def _usual(
    lock: ManagedLock, vault: HouseholdVault, remedies: Remedies
) -> Iterator[Composed]:
    """Return the steps for what is wrong with this lock."""
    outcome = lock.record.outcome
    if (
        not lock.in_bootloader
        and outcome is not None
        and (outcome.door is not None or outcome.reason in BOLT_PROBLEMS)
    ):
        yield _label(lock, RecoveryStep.MOVE_BY_HAND)
        back, entity_id = ways_back(lock, vault), lock.update_entity_id
        if outcome.door is None and back and entity_id is not None:
            yield filled(
                _label(lock, RecoveryStep.WAY_BACK),
                {
                    "version": back[0].release.version.text,
                    "entity": entity_id,
                },
            )
    elif (holder := _holder(lock)) is not None:
        step = _label(lock, RecoveryStep.LET_GO_ELSEWHERE)
        yield filled(step, {"integration": holder})
        yield _label(lock, RecoveryStep.LOOK_ELSEWHERE)
    else:
        yield _label(lock, RecoveryStep.KEY)
        yield from (
            _label(lock, step) for step in _for_a_silent_lock(lock, vault, remedies)
        )
    yield _label(lock, RecoveryStep.VENDOR)


def _holder(lock: ManagedLock) -> str | None:
    """Return which integration reaches a lock that does not answer to us."""
    outcome = lock.record.outcome
    if lock.in_bootloader or outcome is None or outcome.reason not in _SILENT:
        return None
    return reached_by(lock.hass, lock.kind.key, lock.links.lock_entity)


def _for_a_silent_lock(
    lock: ManagedLock, vault: HouseholdVault, remedies: Remedies
) -> Iterator[RecoveryStep]:
    if not lock.kind.sends_firmware:
        yield RecoveryStep.BATTERIES
        yield RecoveryStep.LOOK_ELSEWHERE
        return
    if not lock.in_bootloader and _runs_on_trial(lock, vault):
        yield RecoveryStep.GOES_BACK
        return
    yield RecoveryStep.BATTERIES
    if remedies.of(lock):
        is_ours = what_left_it(lock.record) is not None
        yield RecoveryStep.PROXY if is_ours else RecoveryStep.PROXY_AND_SAY_SO
    elif lock.in_bootloader:
        yield RecoveryStep.FILE if vault.problem is None else RecoveryStep.VAULT


def _runs_on_trial(lock: ManagedLock, vault: HouseholdVault) -> bool:
    """Return whether what was installed last goes back unless it is confirmed."""
    outcome = lock.record.outcome
    if outcome is None or outcome.sha256 is None:
        return False
    kept = vault.release(outcome.sha256)
    known = [kept.release] if kept else lock.kind.on_offer()
    return any(
        release.key == outcome.sha256
        and release.transport is Transport.SMP
        and not release.traits.confirms_itself
        for release in known
    )


def _label(lock: ManagedLock, step: RecoveryStep) -> Composed:
    return label_now(lock.hass, "recovery", step)
