"""Back to what a lock ran before: a person's act, with a one-time code.

Only what ran on this very lock, and lies in the vault since; never by itself, and never
below the security floor unless its owner says in words that the old holes are known.
"""

from collections.abc import Sequence

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..core.model import Origin, Purpose, Source
from ..core.preflight.base import Check, PreflightError, Reason, blockers
from ..core.preflight.rules import override_for
from ..core.records.decisions import Choice, Override
from ..core.records.kept_release import KeptRelease
from ..core.records.trust import LockFloor
from ..core.select import PassedOver
from ..core.versions import is_same_version
from ..locks.lock import ManagedLock
from ..planning.planner import InstallRequest, Planner
from ..rights import Deed, async_person
from ..translation import async_as_home_assistant_error
from ..vault.store import HouseholdVault
from .approval import approval_of, async_check_code
from .installer import Installations
from .ways_back import against, kept_before

FEWEST_WORDS = 10
"""Characters. Less is no sentence that anybody has thought about."""
MOST_WORDS = 500
"""Characters."""
_NEEDS_CHOICE = {"installation_interrupted", "installation_running"}
_ERRAND = InstallRequest(purpose=Purpose.ROLLBACK, source=Source.VAULT)


class Rollback:
    """Brings locks back to what they ran before."""

    def __init__(
        self,
        hass: HomeAssistant,
        vault: HouseholdVault,
        planner: Planner,
        installations: Installations,
    ) -> None:
        """Take what is kept, what judges it, and what installs it."""
        self._hass = hass
        self._vault = vault
        self._planner = planner
        self._installations = installations

    async def async_rollback(
        self,
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
        user = await async_person(self._hass, Deed.ROLL_BACK, user_id, lock)
        basis = _basis(lock)
        if lock.progress is not None:
            raise lock.error("installation_running")
        kept = await self._async_find(lock, version)
        needed = _needing_words(lock, kept)
        words = words.strip()
        if needed and words and len(words) < FEWEST_WORDS:
            raise lock.error("rollback_words_too_few", fewest=str(FEWEST_WORDS))
        accepted = needed if words else frozenset[Override]()
        if accepted:
            await async_person(self._hass, Deed.OPEN_HOLE, user_id, lock)
        await self._async_check(lock, kept, accepted=accepted)
        # Last of all: a code that was right is used up.
        await async_check_code(self._hass, lock, user, code, needed=True)
        self._check_still(lock, kept, basis)
        await lock.decided.async_choose(
            kept.release,
            Source.VAULT,
            Purpose.ROLLBACK,
            approval_of(
                user,
                kept.release,
                second_factor=True,
                overrides=accepted,
                words=words,
            ),
        )
        await self._async_install(lock, kept)

    def _check_still(
        self,
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
        if _basis(lock) != basis or kept not in kept_before(lock, self._vault):
            raise lock.error("rollback_outdated", version=kept.release.version.text)

    async def _async_find(self, lock: ManagedLock, version: str | None) -> KeptRelease:
        """Return what is kept of a version that ran here."""
        if not lock.kind.sends_firmware:
            raise lock.error("rollback_not_ours")
        ran, runs = lock.record.ran, lock.record.identity.firmware_version
        if version is None:
            if not ran:
                raise lock.error("rollback_nothing_before", version=runs)
            version = ran[-1]
        if is_same_version(version, runs):
            raise lock.error("rollback_runs_already", version=version)
        if not any(is_same_version(version, each) for each in ran):
            raise lock.error(
                "rollback_never_ran", version=version, versions=", ".join(ran) or "-"
            )
        if (problem := self._vault.problem) is not None:
            raise await async_as_home_assistant_error(
                self._hass, problem, lock=lock.name
            )
        before = kept_before(lock, self._vault)
        for kept in before:
            if is_same_version(kept.release.version.text, version):
                return kept
        raise lock.error(
            "rollback_not_kept", version=version, versions=_versions(before) or "-"
        )

    async def _async_check(
        self, lock: ManagedLock, kept: KeptRelease, *, accepted: frozenset[Override]
    ) -> None:
        """Ask all rules that can be asked without the lock; raise what stands against it.

        ``accepted`` is what the owner has said the words for.
        """
        release = kept.release
        checks = self._planner.checks(lock, release, unattended=False, errand=_ERRAND)
        held = [check for check in blockers(checks) if not _settled(check, accepted)]
        if held:
            raise await async_as_home_assistant_error(
                self._hass, PreflightError(held), lock=lock.name
            )

    async def _async_install(self, lock: ManagedLock, kept: KeptRelease) -> None:
        """Install what was chosen; whatever comes of it, it is chosen no longer."""
        choice = lock.decisions.choice
        if choice is None or choice.sha256 != kept.release.key:
            # Somebody has given it up, or chosen something else, while it was written down.
            raise lock.error("rollback_outdated", version=kept.release.version.text)
        try:
            await self._installations.of(lock).async_install(Origin.PERSON)
        except HomeAssistantError as err:
            # What was only cut off goes on after the next start; what somebody else has
            # begun with this choice needs it.
            if (
                err.translation_key not in _NEEDS_CHOICE
                and lock.decisions.choice == choice
            ):
                await lock.decided.async_drop_choice()
            raise


def _basis(lock: ManagedLock) -> tuple[Choice | None, str, LockFloor | None]:
    """Return what the person and the rules have gone by."""
    return lock.decisions.choice, lock.record.identity.firmware_version, lock.floor


def _versions(kept: Sequence[KeptRelease]) -> str:
    return ", ".join(each.release.version.text for each in kept)


def _needing_words(lock: ManagedLock, kept: KeptRelease) -> frozenset[Override]:
    """Return what stands against going back that an owner may accept, in words."""
    below = against(lock, kept) is PassedOver.BELOW_SECURITY_FLOOR
    halted = lock.as_told(kept.release).was_halted
    return frozenset(
        override
        for override, stands in (
            (Override.SECURITY_FLOOR, below),
            (Override.HALT, halted),
        )
        if stands
    )


def _settled(check: Check, accepted: frozenset[Override]) -> bool:
    """Return whether the approval that comes next settles it."""
    return check.reason is Reason.NOT_APPROVED or override_for(check) in accepted
