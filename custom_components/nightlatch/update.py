"""The update entity of a lock."""

from typing import Any, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityFeature,
)
from homeassistant.components.update.const import ATTR_SKIPPED_VERSION
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_state_change_event

from .adapters.storage import unsaved_for_now
from .core.model import Evidence, Origin
from .entity import LockEntity, async_add_lock_entities
from .locks.lock import ManagedLock
from .markup import neutral, summed_up
from .rights import Deed
from .runtime import NightlatchConfigEntry, Runtime
from .texts.release_notes import async_release_notes

# The household has a queue of its own; the platform's would make a second press wait
# in silence instead of saying that an installation runs.
PARALLEL_UPDATES = 0
# Characters that Home Assistant keeps of a summary.
_SUMMARY = 255


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the update entity of every lock."""
    await async_add_lock_entities(
        entry,
        async_add_entities,
        lambda runtime, lock: [NightlatchUpdate(runtime, lock)],
    )


class NightlatchUpdate(LockEntity, UpdateEntity):
    """The firmware of a lock."""

    _attr_device_class = UpdateDeviceClass.FIRMWARE

    def __init__(self, runtime: Runtime, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(runtime, lock, "firmware")
        self._attr_translation_key = lock.kind.firmware_key
        self._shown_skip: str | None = None
        """What is skipped here only because a person has skipped it at its source."""

    @property
    @override
    def supported_features(self) -> UpdateEntityFeature:
        """Return what it can do; what only a person can do has no button."""
        if self._lock.kind.by_hand:
            return UpdateEntityFeature.RELEASE_NOTES
        return (
            UpdateEntityFeature.INSTALL
            | UpdateEntityFeature.PROGRESS
            | UpdateEntityFeature.RELEASE_NOTES
        )

    @property
    @override
    def extra_state_attributes(self) -> dict[str, str]:
        """Return what proves where the release comes from, and who wants it if not all."""
        release, choice = self._lock.release, self._lock.decisions.choice
        evidence = release.evidence if release else Evidence.NOTHING_KNOWN
        return {
            "kind": self._lock.kind.name,
            **({"evidence": evidence} if release else {}),
            **(
                {"keeper": neutral(release.keeper)}
                if release and release.keeper
                else {}
            ),
            **(
                {"purpose": choice.purpose, "source": choice.source}
                if release and choice
                else {}
            ),
        }

    @property
    @override
    def title(self) -> str | None:
        """Return what the firmware is for."""
        if (model := self._lock.model) is not None:
            return model.name
        return self._lock.record.identity.told_model

    @property
    @override
    def installed_version(self) -> str:
        """Return what the lock says it runs."""
        return self._lock.record.identity.firmware_version

    @property
    @override
    def latest_version(self) -> str | None:
        """Return the release that the lock should get; what it runs if there is none.

        None as long as the feed has never been heard, or does not know the model.
        """
        if self._lock.release is not None:
            return self._lock.release.version.text
        return self.installed_version if self._lock.kind.knows_latest else None

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Return whether there is a release that was chosen, by a scheme or a person.

        Home Assistant's own comparison guesses where it does not know a scheme, and
        calls what it cannot compare an update. A person may want an older one back.
        """
        release, decisions = self._lock.release, self._lock.decisions
        return (
            release is not None
            and latest_version == release.version.text
            and (decisions.pinned is None or decisions.choice is not None)
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the lock, and what people skip."""
        await super().async_added_to_hass()
        self.runtime.locks.async_has_entities(self._lock.subentry_id)
        self.async_on_remove(
            self._lock.async_subscribe_progress(self.async_write_ha_state)
        )
        self.async_on_remove(
            async_track_state_change_event(
                self.hass, self.entity_id, self._state_changed
            )
        )
        if (skips := self._skipped_here) not in {None, self._lock.decisions.skipped}:
            self._shown_skip = skips if skips == self._lock.skips else None
        await self._async_skip_again()

    @property
    def _skipped_here(self) -> str | None:
        return (self.state_attributes or {}).get(ATTR_SKIPPED_VERSION)

    @callback
    @override
    def _lock_changed(self) -> None:
        super()._lock_changed()
        self.hass.async_create_task(
            self._async_skip_again(), f"skip of {self.entity_id}"
        )

    async def _async_skip_again(self) -> None:
        """Skip what somebody has skipped before, unless somebody wants it now.

        Home Assistant keeps that in this entity's state only, and forgets it whenever
        another release, or none, was offered in between.
        """
        decisions, wanted = self._lock.decisions, self._lock.skips
        skips = self._skipped_here
        if decisions.choice is not None:
            if skips is not None:
                await self.async_clear_skipped()
        elif skips is None:
            if (
                wanted is not None
                and wanted == self.latest_version != self.installed_version
            ):
                self._shown_skip = None if wanted == decisions.skipped else wanted
                await self.async_skip()
        elif skips == self._shown_skip != wanted:
            # Lifted at its source.
            await self.async_clear_skipped()

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Keep that somebody has skipped the release, or no longer does."""
        before, after = event.data["old_state"], event.data["new_state"]
        if before is None or after is None:
            return
        was, skipped = (
            state.attributes.get(ATTR_SKIPPED_VERSION) for state in (before, after)
        )
        if was == skipped or (skipped is not None and skipped == self._shown_skip):
            return
        self._shown_skip = None
        # Home Assistant itself forgets it of what seems installed.
        if skipped is not None or (
            was == self.latest_version != self.installed_version
        ):
            self.hass.async_create_task(
                self._async_note_skip(skipped), f"skip of {self.entity_id}"
            )

    async def _async_note_skip(self, skipped: str | None) -> None:
        with unsaved_for_now(f"What is skipped on {self._lock.name}"):
            await self._lock.async_note_skip(skipped)

    @property
    @override
    def release_summary(self) -> str | None:
        """Return the first lines of the release notes."""
        if (release := self._lock.release) is None:
            return None
        return summed_up(release.release_notes, _SUMMARY) or None

    @property
    @override
    def release_url(self) -> str | None:
        """Return where the vendor tells more."""
        return self._lock.release.release_url if self._lock.release else None

    @override
    async def async_release_notes(self) -> str | None:
        """Return what the release changes, and what it asks of the lock."""
        if (release := self._lock.release) is None:
            return None
        return await async_release_notes(
            self.hass, self._lock, release, self.runtime.planner
        )

    @property
    @override
    def in_progress(self) -> bool:
        """Return whether an installation runs or waits for its turn."""
        return self._lock.progress is not None

    @property
    @override
    def update_percentage(self) -> int | None:
        """Return how far the installation is."""
        return self._lock.progress.percentage if self._lock.progress else None

    @override
    async def async_install(
        self, version: str | None, backup: bool, **kwargs: Any
    ) -> None:
        """Install the release."""
        user = await self.async_check_right(Deed.INSTALL, self._lock)
        await self.runtime.installations.of(self._lock).async_install(
            Origin.AUTOMATION if user is None else Origin.PERSON
        )

    async def async_update(self) -> None:
        """Ask for news, when a person asks for updates."""
        await self._lock.kind.async_news()
