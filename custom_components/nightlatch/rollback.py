"""Back to what a lock ran before: a person's act, with a one-time code.

Only what ran on this very lock, and lies in the vault since; never by itself, and never
below the security floor unless its owner says in words that the old holes are known.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .approval import approval_of, async_check_code
from .core.model import Origin, Purpose, Source
from .core.preflight.base import Check, PreflightError, Reason, blockers
from .core.records.decisions import Choice, Override
from .core.records.kept_release import KeptRelease
from .core.records.trust import LockFloor
from .core.select import PassedOver, reason_against
from .messages import async_as_home_assistant_error
from .rights import Deed, async_person
from .situations import Errand, checks_of

if TYPE_CHECKING:
    from .locks import ManagedLock

FEWEST_WORDS = 10
"""Characters. Less is no sentence that anybody has thought about."""
MOST_WORDS = 500
"""Characters."""
_NEEDS_CHOICE = {"installation_interrupted", "installation_running"}
_ERRAND = Errand(purpose=Purpose.ROLLBACK, source=Source.VAULT)


def ways_back(lock: ManagedLock) -> tuple[KeptRelease, ...]:
    """Return what a lock ran before, is kept, and is taken back by it; newest first."""
    return tuple(
        kept
        for kept in _kept_before(lock)
        if _against(lock, kept) in {None, PassedOver.BELOW_SECURITY_FLOOR}
    )


def _kept_before(lock: ManagedLock) -> tuple[KeptRelease, ...]:
    vault = lock.household.vault
    if not lock.kind.sends_firmware or vault.problem is not None:
        return ()
    return tuple(kept for kept in vault.ran_before(lock) if kept.can_be_sent)


def _against(lock: ManagedLock, kept: KeptRelease) -> PassedOver | None:
    return reason_against(
        kept.release,
        lock.record.identity,
        kept.release.version.scheme,
        lock.floor,
        Purpose.ROLLBACK,
    )


async def async_rollback(
    hass: HomeAssistant,
    lock: ManagedLock,
    user_id: str | None,
    *,
    version: str | None,
    code: str | None,
    words: str,
) -> None:
    """Bring a lock back to a version that it ran before; return when that is proven.

    ``version`` is what ran before what runs now, where none is given. ``words`` say that
    the owner knows of the holes which are open again; they are needed below the security
    floor only. Nothing is asked of the lock before the person and all rules are. Raises
    ``HomeAssistantError``; then the lock's own release is on offer again.
    """
    user = await async_person(hass, Deed.ROLL_BACK, user_id, lock)
    basis = _basis(lock)
    if lock.progress is not None:
        raise lock.error("installation_running")
    kept = await _async_find(hass, lock, version)
    below = _against(lock, kept) is PassedOver.BELOW_SECURITY_FLOOR
    words = words.strip()
    if below and words and len(words) < FEWEST_WORDS:
        raise lock.error("rollback_words_too_few", fewest=str(FEWEST_WORDS))
    accepted = below and bool(words)
    if accepted:
        await async_person(hass, Deed.OPEN_HOLE, user_id, lock)
    await _async_check(hass, lock, kept, accepted=accepted)
    # Last of all: a code that was right is used up.
    await async_check_code(hass, lock, user, code, needed=True)
    _check_still(lock, kept, basis)
    await lock.async_choose(
        kept.release,
        Source.VAULT,
        Purpose.ROLLBACK,
        approval_of(
            user,
            kept.release,
            second_factor=True,
            overrides=frozenset({Override.SECURITY_FLOOR} if accepted else ()),
            words=words,
        ),
    )
    await _async_install(lock, kept)


def _basis(lock: ManagedLock) -> tuple[Choice | None, str, LockFloor | None]:
    """Return what the person and the rules have gone by."""
    return lock.decisions.choice, lock.record.identity.firmware_version, lock.floor


def _check_still(
    lock: ManagedLock,
    kept: KeptRelease,
    basis: tuple[Choice | None, str, LockFloor | None],
) -> None:
    """Raise where it is not as it was when the rules were asked.

    The code is checked in a thread, which takes its time: meanwhile an installation may
    have begun or ended, and somebody else may have chosen something.
    """
    if lock.progress is not None:
        raise lock.error("installation_running")
    if _basis(lock) != basis or kept not in _kept_before(lock):
        raise lock.error("rollback_outdated", version=kept.release.version.text)


async def _async_find(
    hass: HomeAssistant, lock: ManagedLock, version: str | None
) -> KeptRelease:
    """Return what is kept of a version that ran here."""
    if not lock.kind.sends_firmware:
        raise lock.error("rollback_not_ours")
    ran, runs = lock.record.ran, lock.record.identity.firmware_version
    if version is None:
        if not ran:
            raise lock.error("rollback_nothing_before", version=runs)
        version = ran[-1]
    if version == runs:
        raise lock.error("rollback_runs_already", version=version)
    if version not in ran:
        raise lock.error(
            "rollback_never_ran", version=version, versions=", ".join(ran) or "-"
        )
    vault = lock.household.vault
    if vault.problem is not None:
        raise await async_as_home_assistant_error(hass, vault.problem, lock=lock.name)
    before = _kept_before(lock)
    for kept in before:
        if kept.release.version.text == version:
            return kept
    raise lock.error(
        "rollback_not_kept", version=version, versions=_versions(before) or "-"
    )


def _versions(kept: Sequence[KeptRelease]) -> str:
    return ", ".join(each.release.version.text for each in kept)


async def _async_check(
    hass: HomeAssistant, lock: ManagedLock, kept: KeptRelease, *, accepted: bool
) -> None:
    """Ask all rules that can be asked without the lock; raise what stands against it.

    ``accepted`` tells that the owner has said the words.
    """
    release = kept.release
    checks = checks_of(lock, release, unattended=False, errand=_ERRAND)
    held = [check for check in blockers(checks) if not _settled(check, accepted)]
    if held:
        raise await async_as_home_assistant_error(
            hass, PreflightError(held), lock=lock.name
        )


def _settled(check: Check, accepted: bool) -> bool:
    """Return whether the approval that comes next settles it."""
    return check.reason is Reason.NOT_APPROVED or (
        accepted and check.reason is Reason.BELOW_SECURITY_FLOOR
    )


async def _async_install(lock: ManagedLock, kept: KeptRelease) -> None:
    """Install what was chosen; whatever comes of it, it is chosen no longer."""
    choice = lock.decisions.choice
    if choice is None or choice.sha256 != kept.release.key:
        # Somebody has given it up, or chosen something else, while it was written down.
        raise lock.error("rollback_outdated", version=kept.release.version.text)
    try:
        await lock.async_install(origin=Origin.PERSON)
    except HomeAssistantError as err:
        # What was only cut off goes on after the next start; what somebody else has
        # begun with this choice needs it.
        if err.translation_key not in _NEEDS_CHOICE and lock.decisions.choice == choice:
            await lock.async_drop_choice()
        raise
