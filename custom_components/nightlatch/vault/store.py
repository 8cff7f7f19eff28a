"""The vault of the household: opened with its key, put into, and taken from."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
import logging
from pathlib import Path
import shutil

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore
from ..adapters.vault_folder import FIRST, SECOND, first_folder, has_content
from ..core.errors import VaultError, VaultProblem
from ..core.records.audit_checkpoint import AuditKey
from ..core.records.kept_release import KeptRelease
from ..core.vault.kept import Binding, Kept
from ..core.vault.keys import HouseholdKey, KeySource
from ..core.vault.place import Place
from ..core.vault.vault import Vault
from ..faults import Faults
from ..locks.registry import LockRegistry
from ..settings import VaultSettings
from .anti_rollback import AntiRollback
from .contents import VaultContents
from .damage import VaultDamage
from .key import VaultKey

_LOGGER = logging.getLogger(__name__)

# Seconds that a start waits for the vault; a disk that takes longer goes on without it.
OPENING_PATIENCE = 2.0
# Seconds that somebody who needs what is kept waits for the vault after a start.
OPENED_TIMEOUT = 120.0
# Seconds that an end waits for a disk; what is under way there goes on by itself.
CLOSING_PATIENCE = 10.0
_MEGABYTE = 1_000_000


class HouseholdVault(VaultContents):
    """What is kept of firmware, for all locks of the household."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        store: HouseholdStore,
        audit: AuditFile,
        locks: LockRegistry,
        faults: Faults,
        settings: VaultSettings,
        on_restored: Callable[[], Awaitable[None]],
    ) -> None:
        """Prepare; ``async_start`` opens it.

        ``on_restored`` tells people that the storage was older than the vault knows.
        """
        super().__init__(locks, faults)
        self._hass = hass
        self._entry = entry
        self._audit = audit
        self._key = VaultKey(hass, entry.entry_id)
        self._folder = first_folder(hass, entry.entry_id)
        self._vault: Vault | None = None
        self._problem: VaultError | None = None
        self._settings = settings
        # One at a time: opening, unlocking, and changing the key or the places.
        self._turn = asyncio.Lock()
        self._tried = asyncio.Event()
        self.not_kept: VaultError | None = None
        """Why the last that should have been kept was not; None when it was."""
        self.ledger = AntiRollback(
            hass, entry, store, audit, locks=locks, on_restored=on_restored
        )
        self.damage = VaultDamage(store)

    # Its life.

    async def async_start(self) -> None:
        """Open it; a slow disk or share does not hold up the house."""
        opening = self._entry.async_create_background_task(
            self._hass, self.async_open(), "opening of the vault"
        )
        await asyncio.wait((opening,), timeout=OPENING_PATIENCE)

    async def async_opened(self) -> None:
        """Wait until it was tried to open, after a start."""
        try:
            async with asyncio.timeout(OPENED_TIMEOUT):
                await self._tried.wait()
        except TimeoutError:
            _LOGGER.warning("The vault took too long to open")

    async def async_open(self) -> None:
        """Open it, or look again what all places hold; what is wrong is told."""
        async with self._turn:
            try:
                if self._vault is not None:
                    await self._async_look_at(self._vault)
                else:
                    expected = await self._hass.async_add_executor_job(
                        has_content, self._folder
                    )
                    key = await self._key.async_load(expected=expected)
                    await self._async_open_with(key)
            except VaultError as err:
                self._refuse(err)
            self._tried.set()
        self.async_refresh()

    async def async_close(self) -> None:
        """Write down what must not sink, and let nobody use it any more."""
        async with self._turn:
            vault, self._vault = self._vault, None
            if vault is None:
                return
            try:
                async with asyncio.timeout(CLOSING_PATIENCE):
                    await self.ledger.async_write(vault)
                    await vault.close()
            except TimeoutError:
                _LOGGER.warning("A disk or share of the vault does not answer")

    @callback
    def async_configure(self, settings: VaultSettings) -> None:
        """Take over what the owner has set; it holds once it was opened again."""
        self._settings = settings

    async def async_reopen(self) -> None:
        """Open it as the owner has set."""
        async with self._turn:
            if self._key.key is not None:
                await self._async_open_with(self._key.key)
        self.async_refresh()

    async def _async_open_with(self, key: HouseholdKey, *, anew: bool = False) -> None:
        before, self._vault = self._vault, None
        if before is not None:
            await before.close()
        vault = Vault(
            key,
            list(self._places()),
            limit=self._settings.limit * _MEGABYTE,
            clock=dt_util.utcnow,
        )
        self._key.key, self._problem = key, None
        await self._audit.async_use_key(_audit_key(key), anew=anew)
        await self._async_look_at(vault)
        self._vault = vault

    async def _async_look_at(self, vault: Vault) -> None:
        """Read what all places hold, and take back what must not sink."""
        found = (await vault.open()).places
        await self.ledger.async_read(vault)
        await self.damage.async_take_over(vault, found)
        for name, place in found.items():
            if place.ledger is not None:
                await self._audit.async_append(
                    "vault_ledger_refused", place=name, reason=str(place.ledger.reason)
                )
            if place.merged:
                await self._audit.async_append(
                    "vault_copies_made", place=name, copies=place.merged
                )

    def _places(self) -> Iterator[Place]:
        yield Place(FIRST, self._folder, own=True)
        if (second := self._settings.second_place) is not None:
            yield Place(SECOND, second, own=False)

    # Its key.

    @property
    def source(self) -> KeySource | None:
        """Where the key comes from; None while nobody knows."""
        return self._key.source

    @property
    def key_file(self) -> Path | None:
        """The file that opens the wrapped key, where one does."""
        return self._key.key_file

    @property
    def is_locked(self) -> bool:
        """Whether nobody can read it now, for want of its key."""
        return self._key.key is None

    async def async_unlock(self, passphrase: str) -> None:
        """Open it with a passphrase; raise ``VaultError``."""
        async with self._turn:
            key = await self._key.async_unlock(passphrase)
            if key is None:
                return
            await self._async_open_with(key)
        await self._audit.async_append("vault_unlocked")
        self.async_refresh()

    async def async_set_source(
        self,
        source: KeySource,
        *,
        passphrase: str = "",
        key_file: Path | None = None,
        anew: bool = False,
    ) -> None:
        """Let the key come from somewhere else; raise ``VaultError``.

        ``anew`` begins with another key where the old one is lost: what was kept under
        that is deleted in the first place, and left alone in the second.
        """
        async with self._turn:
            key = self._key.key
            if key is None:
                if not anew:
                    raise self._closed_error()
                key = HouseholdKey.new()
            await self._key.async_put(
                key, source, passphrase=passphrase, key_file=key_file
            )
            if self._key.key is None:
                await self._hass.async_add_executor_job(_delete, self._folder)
                await self._async_establish(key, self._settings.second_place)
                await self._async_open_with(key, anew=True)
        await self._audit.async_append(
            "vault_key_source_changed", source=str(source), anew=anew
        )
        self.async_refresh()

    async def async_move_key_file(self, path: Path) -> bool:
        """Find the key file somewhere else; return whether it is the right one.

        Raises ``VaultError`` where that could not be kept.
        """
        async with self._turn:
            key = await self._key.async_move_key_file(path)
            if key is None:
                return False
            if self._key.key is None:
                await self._async_open_with(key)
        self.async_refresh()
        return True

    async def async_establish(self, second_place: Path) -> None:
        """Make a folder the second place, before it is set; raise ``VaultError``."""
        async with self._turn:
            if self._key.key is None:
                raise self._closed_error()
            await self._async_establish(self._key.key, second_place)

    async def _async_establish(self, key: HouseholdKey, folder: Path | None) -> None:
        if folder is not None:
            place = Place(SECOND, folder, own=False)
            await asyncio.to_thread(place.establish, key)

    # What is wrong.

    @property
    def problem(self) -> VaultError | None:
        """Why nothing can be had of it now; None while it is open."""
        return None if self._vault is not None else self._closed_error()

    def _closed_error(self) -> VaultError:
        return self._problem or VaultError(
            VaultProblem.NO_ANSWER,
            place=str(self._folder),
            seconds=round(OPENING_PATIENCE),
        )

    @property
    def refusal(self) -> VaultError | None:
        """Why it could not be opened; None as well before that was tried."""
        return self._problem

    @property
    def troubles(self) -> Mapping[str, VaultError]:
        """What is wrong with its places, by their names."""
        return self._vault.troubles if self._vault is not None else {}

    @callback
    def _refuse(self, err: VaultError) -> None:
        if self._problem is None or self._problem.reason is not err.reason:
            _LOGGER.warning("The vault cannot be opened: %s", err)
        self._problem = err

    # What it keeps.

    @property
    def settings(self) -> VaultSettings:
        """What the owner has set."""
        return self._settings

    @property
    def limit(self) -> int:
        """Bytes that may be kept in each place."""
        return self._settings.limit * _MEGABYTE

    async def async_get(self, sha256: str) -> bytes:
        """Return an artifact; raise ``VaultError``."""
        vault = self.open_vault()
        kept = self.kept.get(sha256)
        try:
            return await vault.get(sha256)
        except VaultError as err:
            # A copy that turned out to be damaged is none any more.
            if kept is not None:
                await self.damage.async_note_lost(vault, kept, err)
            self.async_refresh()
            raise

    async def async_keep(self, kept: KeptRelease, data: bytes) -> None:
        """Keep an artifact that was proven; raise ``VaultError``."""
        vault = self.open_vault()
        known = self.releases.get(kept.release.key)
        if known is not None:
            # Where it came from first is what counts.
            kept = replace(kept, source=known.source)
        if kept == known:
            return
        try:
            await vault.put(_as_kept(kept, len(data)), data)
        except VaultError as err:
            self.not_kept = err
            raise
        else:
            self.not_kept = None
            await self.damage.async_note_kept(vault)
        finally:
            self.async_refresh()

    async def async_drop_damaged(self) -> None:
        """Remove the copies that nothing could replace: a person has seen them.

        Raises ``VaultError``.
        """
        vault = self.open_vault()
        await vault.drop_damaged()
        await self.damage.async_set(vault, ())
        self.damage.unproven = ()
        self.async_refresh()

    async def async_write_ledger(self) -> None:
        """Write down what must not sink, if it has risen; raises nothing."""
        if self._vault is not None:
            await self.ledger.async_write(self._vault)

    def open_vault(self) -> Vault:
        """Return it, for what is done with it by itself; raise ``VaultError``."""
        if self._vault is None:
            raise self._closed_error()
        return self._vault

    @callback
    def async_refresh(self) -> None:
        """Look anew at what is kept, and tell whoever this is about."""
        self.async_take(self._vault.kept() if self._vault else ())
        self._locks.async_changed()


def _audit_key(key: HouseholdKey) -> AuditKey:
    """Return what the audit log is signed with: as safe as the household's key is."""
    return AuditKey(key.derive("audit signing"))


def _as_kept(kept: KeptRelease, size: int) -> Kept:
    release = kept.release
    return Kept(
        binding=Binding(
            vendor=release.vendor,
            model=release.model,
            version=release.version.text,
            sha256=release.key,
        ),
        size=size,
        kept_at=dt_util.utcnow(),
        about=kept.to_about(),
    )


async def async_delete_vault(hass: HomeAssistant, entry_id: str) -> None:
    """Delete everything in the first place, and the key; the second is left alone."""
    await hass.async_add_executor_job(_delete, first_folder(hass, entry_id))
    await VaultKey(hass, entry_id).async_remove()


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
