"""Which release a lock should get."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .model import LockIdentity, Model, Purpose, Release
from .records.trust import LockFloor
from .versions import Version, VersionError, VersionScheme, is_same_version


class PassedOver(StrEnum):
    """Why a release is not for a lock, or not now."""

    OTHER_MODEL = "other_model"
    HARDWARE_UNKNOWN = "hardware_unknown"
    """The lock does not say its hardware revision."""
    OTHER_HARDWARE = "other_hardware"
    NOT_COMPARABLE = "not_comparable"
    """What the lock runs is no version of the model's scheme, or has no order with it."""
    NOT_NEWER = "not_newer"
    BELOW_FLOOR = "below_floor"
    """Older, by version, security version or firmware counter, than what ran before."""
    BELOW_SECURITY_FLOOR = "below_security_floor"
    """A person wants it back, but what ran since closes a hole that it has."""
    REFUSED_BY_LOCK = "refused_by_lock"
    """The lock itself takes no firmware with a lower counter than what it has run."""
    NEEDS_NEWER_FIRST = "needs_newer_first"
    """The lock must first get an intermediate release."""
    SUPERSEDED = "superseded"
    """A newer release is chosen."""
    STAGED = "staged"
    """Its vendor does not let it out to this lock yet; an older one is chosen."""
    HALTED = "halted"
    """Its vendor has halted it; another one is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was chosen, and what was not."""

    release: Release | None
    passed_over: tuple[tuple[Release, PassedOver], ...]


def select(
    releases: Iterable[Release],
    identity: LockIdentity,
    model: Model,
    floor: LockFloor | None,
    is_let_out: Callable[[Release], bool] = lambda _: True,
) -> Selection:
    """Choose the newest release that the lock can get directly; never an older one.

    Where the newest needs an intermediate release first, that one is chosen. A version
    that does not compare means no update, for a guess could be a downgrade. Releases that
    are halted, or not let out to the lock yet, come after all others: who waits for them
    must not go without the one before.
    """

    def precedence(release: Release) -> tuple[Any, ...]:
        return release.halted is None, is_let_out(release), release.version.rank

    chosen: Release | None = None
    passed_over: list[tuple[Release, PassedOver]] = []
    for release in releases:
        reason = (
            reason_against(release, identity, model.version_scheme, floor)
            if release.model == model.model
            else PassedOver.OTHER_MODEL
        )
        if reason is not None:
            passed_over.append((release, reason))
        elif chosen is None or precedence(release) > precedence(chosen):
            if chosen is not None:
                passed_over.append((chosen, _why_not(chosen, release)))
            chosen = release
        else:
            passed_over.append((release, _why_not(release, chosen)))
    return Selection(release=chosen, passed_over=tuple(passed_over))


def _why_not(release: Release, chosen: Release) -> PassedOver:
    """Return why another release is chosen."""
    if release.version.rank <= chosen.version.rank:
        return PassedOver.SUPERSEDED
    return PassedOver.HALTED if release.halted is not None else PassedOver.STAGED


def reason_against(
    release: Release,
    identity: LockIdentity,
    scheme: VersionScheme,
    floor: LockFloor | None,
    purpose: Purpose = Purpose.UPDATE,
) -> PassedOver | None:
    """Return why a lock must not get a release, or ``None`` where nothing speaks against.

    ``scheme`` is how the firmware of the lock's model is numbered. An update goes
    upwards only; a rollback and a recovery may bring back what ran before.
    """
    if release.model != identity.model:
        return PassedOver.OTHER_MODEL
    # What somebody else installs, somebody else chooses for the hardware.
    if release.payload is not None and not is_for_hardware(release, identity):
        return (
            PassedOver.HARDWARE_UNKNOWN
            if identity.hardware_revision is None
            else PassedOver.OTHER_HARDWARE
        )
    if purpose is not Purpose.UPDATE:
        return _against_return(release, identity, floor, purpose)
    if release.version.numbers_label(identity.firmware_version):
        below = floor is not None and _below(floor, release)
        return PassedOver.BELOW_FLOOR if below else None
    try:
        installed = Version.parse(scheme, identity.firmware_version)
        if release.version <= installed:
            return PassedOver.NOT_NEWER
        minimum = release.minimum_installed_version
        needs_step = minimum is not None and installed < minimum
    except VersionError:
        return PassedOver.NOT_COMPARABLE
    if floor is not None and _below(floor, release):
        return PassedOver.BELOW_FLOOR
    if needs_step:
        return PassedOver.NEEDS_NEWER_FIRST
    return None


def is_for_hardware(release: Release, identity: LockIdentity) -> bool:
    """Return whether a release is for a lock's hardware.

    Of a lock that does not tell its revision nobody knows that, unless the vendor says
    that the locks of this model tell none. One that tells it is held to it all the same.
    """
    if identity.hardware_revision is None:
        return not release.traits.tells_hardware
    return identity.hardware_revision in release.hardware_revisions


def _against_return(
    release: Release,
    identity: LockIdentity,
    floor: LockFloor | None,
    purpose: Purpose,
) -> PassedOver | None:
    """Return why a lock must not get back what ran before."""
    if purpose is Purpose.ROLLBACK and is_same_version(
        release.version.text, identity.firmware_version
    ):
        return PassedOver.NOT_NEWER
    if floor is None:
        return None
    if is_refused_by_lock(release, floor.firmware_version):
        return PassedOver.REFUSED_BY_LOCK
    if release.security_version >= floor.security_version:
        return None
    if purpose is Purpose.RECOVERY and is_same_version(
        release.version.text, identity.firmware_version
    ):
        # Somebody has wanted that version back; a door that opens sinks no lower.
        return None
    return PassedOver.BELOW_SECURITY_FLOOR


def is_refused_by_lock(release: Release, ran: int) -> bool:
    """Return whether a lock that has run firmware with a counter refuses a release.

    Nordic's bootloader takes an application only if its ``fw_version`` is not lower
    than that of the one it has activated (nRF5 SDK 17.1, nrf_dfu_ver_validation.c).
    MCUboot with rollback protection does so with the security counter (MCUboot,
    docs/design.md, downgrade prevention).
    """
    return release.payload is not None and release.payload.firmware_version < ran


def _below(floor: LockFloor, release: Release) -> bool:
    # A keeper cannot say what its maker has made of it, and must go upwards all the same.
    if release.keeper is None and release.security_version < floor.security_version:
        return True
    if (
        release.payload is not None
        and release.payload.firmware_version < floor.firmware_version
    ):
        return True
    # Versions from before the vendor changed the scheme do not compare; the two
    # counters, which know no scheme, hold alone then.
    try:
        return release.version < floor.version
    except VersionError:
        return False
