"""An artifact for a person who installs it by USB: a link, its digest, and the steps."""

from datetime import timedelta
from typing import Any

import probatio

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from ..core.errors import NightlatchError
from ..core.model import Release
from ..core.records.kept_release import KeptRelease
from ..entity import LockEntity
from ..locks.lock import ManagedLock
from ..markup import neutral
from ..runtime import Runtime
from ..texts.maker import told_of_maker
from ..translation import async_as_home_assistant_error, async_sentence
from ..vault.fetching import VaultFetching
from .download import file_name_of, path_of
from .registration import async_register_lock_action

ATTR_VERSION = "version"

_VALID = timedelta(minutes=15)


@callback
def async_setup_export(hass: HomeAssistant) -> None:
    """Register the action."""
    async_register_lock_action(
        hass,
        "export_firmware",
        _async_export,
        {probatio.Optional(ATTR_VERSION): cv.string},
        SupportsResponse.ONLY,
    )


async def _async_export(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
    hass, lock = entity.hass, entity.managed_lock
    try:
        release = await _async_kept(entity.runtime, lock, call.data.get(ATTR_VERSION))
    except NightlatchError as err:
        feed = lock.feed_title
        raise await async_as_home_assistant_error(
            hass, err, lock=lock.name, feed=feed
        ) from err
    assert release.artifact is not None, "it is kept"
    path = path_of(release.key)
    answer: dict[str, Any] = {
        "version": release.version.text,
        "file_name": file_name_of(release),
        "size": release.artifact.length,
        "sha256": release.key,
        "evidence": release.evidence,
        "keeper": neutral(release.keeper) if release.keeper else None,
        "url": path,
        "valid_until": None,
        "steps": await _async_steps(hass, lock, release),
    }
    if call.context.user_id is not None:
        # Whoever asks has a session, whose rights the link has. Without one it would be
        # nobody's, and open to nobody.
        answer["url"] = async_sign_path(hass, path, _VALID)
        answer["valid_until"] = (dt_util.utcnow() + _VALID).isoformat()
    return answer


async def _async_kept(
    runtime: Runtime, lock: ManagedLock, version: str | None
) -> Release:
    """Return a release of the lock whose artifact is in the vault by then.

    What the lock should get next, where no version is named; else what it runs. Raises
    ``NightlatchError``, or ``HomeAssistantError`` where nobody has it.
    """
    vault, identity = runtime.vault, lock.record.identity
    if (problem := vault.problem) is not None:
        raise problem
    if version is None and lock.release is not None:
        wanted: Release | None = lock.release
        version = lock.release.version.text
    else:
        version = version or identity.firmware_version
        wanted = _offered(lock, version)
    if wanted is None:
        kept = vault.find(vendor=None, model=identity.model, version=version)
    elif (kept := vault.release(wanted.key)) is None:
        kept = await _async_fetch(runtime.fetching, lock, wanted)
    if kept is None:
        raise lock.error("firmware_not_to_be_had", version=version)
    return kept.release


def _offered(lock: ManagedLock, version: str) -> Release | None:
    """Return the lock's release of a version, as its feed has it."""
    identity = lock.record.identity
    return next(
        (
            release
            for release in lock.kind.on_offer()
            if release.version.text == version
            and release.model == identity.model
            and identity.hardware_revision in (None, *release.hardware_revisions)
        ),
        None,
    )


async def _async_fetch(
    fetching: VaultFetching, lock: ManagedLock, wanted: Release
) -> KeptRelease | None:
    """Bring a release from the feed into the vault; raise ``NightlatchError``."""
    feed, content = lock.feed, lock.content
    releases = content.releases if content else ()
    release = next((each for each in releases if each.key == wanted.key), None)
    if feed is None or release is None:
        return None
    return await fetching.async_fetch(feed, release)


async def _async_steps(
    hass: HomeAssistant, lock: ManagedLock, release: Release
) -> list[str]:
    """Return what a person has to do, one after the other."""
    names = {"lock": lock.name, "version": release.version.text, "sha256": release.key}

    async def told(*keys: str) -> list[str]:
        return [await async_sentence(hass, key, names) for key in keys]

    if lock.kind.by_hand and lock.facts.steps:
        steps: list[str] = list(told_of_maker(lock))
    else:
        steps = await told("usb_connect", "usb_install")
    return [*await told("usb_compare"), *steps, *await told("usb_check")]
