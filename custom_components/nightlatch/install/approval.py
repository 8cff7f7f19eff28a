"""Approvals: which person agrees to an installation, and how that is proven.

The second factor is Home Assistant's own: the one-time codes that the person has set up
in the own profile. A code counts once, wrong ones are counted, and what has no person
behind it, an automation or a system account, cannot approve anything.
"""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import TYPE_CHECKING

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.model import Release
from ..core.records.decisions import Approval, Override
from ..core.schedule.plan import is_approved
from ..core.schedule.policy import ApprovalNeed
from ..rights import Deed, async_person

if TYPE_CHECKING:
    from ..locks.lock import ManagedLock

APPROVABLE = frozenset(Override) - {Override.SECURITY_FLOOR}
"""What an approval may override; a known hole takes more than a tick."""

_MODULE = "totp"
# Home Assistant's module also takes a code in other writings: full-width digits, those of
# other scripts, digits with blanks between. Each would be another code to what remembers
# which were used.
_CODE = re.compile(r"[0-9]{6}")
_MOST_FAILURES = 5
_FAILURE_SPAN = timedelta(minutes=15)
# RFC 6238 with the defaults of Home Assistant: a code is valid for 30 s, and one step
# before and after it. So long a code that was used must not be taken again.
_CODE_LIFE = timedelta(seconds=30 * 3)


@dataclass(slots=True)
class _Attempts:
    """What one user has tried lately."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: deque[datetime] = field(
        default_factory=lambda: deque(maxlen=_MOST_FAILURES)
    )
    used: dict[str, datetime] = field(default_factory=dict)


_ATTEMPTS: HassKey[defaultdict[str, _Attempts]] = HassKey(f"{DOMAIN}_attempts")


def release_named(lock: ManagedLock, version: str) -> Release:
    """Return the release that a lock should get, if it is the one that somebody means.

    Who approves has seen a version somewhere, and another may be on offer since. Raises
    ``HomeAssistantError``.
    """
    if (release := lock.release) is None:
        raise lock.error("nothing_to_approve")
    if version.strip() != release.version.text:
        raise lock.error(
            "approval_other_version",
            version=version.strip(),
            offered=release.version.text,
        )
    return release


def is_offered(lock: ManagedLock, release: Release) -> bool:
    """Return whether this very release is what a lock should get."""
    offered = lock.release
    return offered is not None and (offered.version.text, offered.key) == (
        release.version.text,
        release.key,
    )


def check_approved(lock: ManagedLock, release: Release) -> None:
    """Raise ``HomeAssistantError`` where a person has to approve a release first."""
    if lock.policy.approval is ApprovalNeed.NONE or is_approved(
        lock.decisions, release
    ):
        return
    key = "halt_not_known" if release.was_halted else "approval_missing"
    raise lock.error(key, version=release.version.text)


async def async_approve(
    hass: HomeAssistant,
    lock: ManagedLock,
    release: Release,
    user_id: str | None,
    *,
    code: str | None = None,
    overrides: frozenset[Override] = frozenset(),
) -> None:
    """Let a person approve a release that the person has seen, and the lock should get.

    A code is always checked where one is given. That something is halted is judged by
    who has been told so, and by nobody beforehand. Raises ``HomeAssistantError``.
    """
    if release.was_halted and Override.HALT not in overrides:
        raise lock.error("halt_not_known", version=release.version.text)
    deed = Deed.OVERRIDE if overrides else Deed.APPROVE
    user = await async_person(hass, deed, user_id, lock)
    second_factor = await async_check_code(
        hass,
        lock,
        user,
        code,
        needed=lock.policy.approval is ApprovalNeed.SECOND_FACTOR,
    )
    # Once more, now that nothing is waited for any more.
    if not is_offered(lock, release):
        raise lock.error("approval_outdated", version=release.version.text)
    if not release.was_halted:
        overrides -= {Override.HALT}
    await lock.decided.async_approve(
        approval_of(user, release, second_factor=second_factor, overrides=overrides)
    )


async def async_check_sender(
    hass: HomeAssistant, lock: ManagedLock, user_id: str | None, code: str | None
) -> None:
    """Check who lets firmware be sent that nobody has approved beforehand.

    Where a lock takes a second factor, that takes one. Raises ``HomeAssistantError``.
    """
    if lock.policy.approval is ApprovalNeed.SECOND_FACTOR:
        user = await async_person(hass, Deed.APPROVE, user_id, lock)
        await async_check_code(hass, lock, user, code, needed=True)


def approval_of(
    user: User,
    release: Release,
    *,
    second_factor: bool,
    overrides: frozenset[Override] = frozenset(),
    words: str = "",
) -> Approval:
    """Return a person's consent to one installation of a release."""
    return Approval(
        version=release.version.text,
        sha256=release.key,
        user_id=user.id,
        user_name=user.name or user.id,
        at=dt_util.utcnow(),
        second_factor=second_factor,
        overrides=overrides,
        words=words,
    )


async def async_check_code(
    hass: HomeAssistant,
    lock: ManagedLock,
    user: User,
    code: str | None,
    *,
    needed: bool,
) -> bool:
    """Check a one-time code of a user, where one is given; return whether one was.

    One that was right is used up, whatever it was for. What is no code by its form can
    be none that was guessed, so it is refused without being counted: a slip of the thumb
    locks nobody out. Raises ``HomeAssistantError``.
    """
    code = (code or "").strip()
    if not code:
        if needed:
            raise lock.error("code_missing")
        return False
    module = hass.auth.get_auth_mfa_module(_MODULE)
    if module is None or not await module.async_is_user_setup(user.id):
        raise lock.error("code_not_set_up", user=user.name or user.id)
    if _CODE.fullmatch(code) is None:
        raise lock.error("code_malformed")
    attempts = hass.data.setdefault(_ATTEMPTS, defaultdict(_Attempts))[user.id]
    # One at a time: two that arrive together must not both use the same code.
    async with attempts.turn:
        now = dt_util.utcnow()
        _check_rate(lock, attempts, now)
        attempts.used = {
            used: at for used, at in attempts.used.items() if now - at < _CODE_LIFE
        }
        if code in attempts.used:
            attempts.failures.append(now)
            raise lock.error("code_used")
        if not await module.async_validate(user.id, {"code": code}):
            attempts.failures.append(now)
            raise lock.error("code_wrong")
        attempts.failures.clear()
        attempts.used[code] = now
    return True


def _check_rate(lock: ManagedLock, attempts: _Attempts, now: datetime) -> None:
    failures = attempts.failures
    if failures and failures[-1] > now:
        # By a clock that was ahead: nobody has to wait for years.
        attempts.failures = failures = deque(
            (min(each, now) for each in failures), maxlen=_MOST_FAILURES
        )
    if len(failures) == _MOST_FAILURES and now - failures[0] < _FAILURE_SPAN:
        wait = failures[0] + _FAILURE_SPAN - now
        raise lock.error(
            "code_too_often", minutes=str(-(-int(wait.total_seconds()) // 60))
        )
