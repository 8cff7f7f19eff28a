"""What is kept over a restart, in Home Assistant's own storage."""

from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from ..const import DOMAIN
from ..core.records.lock_record import LockRecord
from ..core.records.trust import Trust, TrustStore

_VERSION = 1


class HouseholdStore(TrustStore):
    """Trust and the records of the locks; written at once, atomically.

    It lies apart from the caches of the feeds, so that deleting those makes nothing
    acceptable that was not before.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare the store; ``async_load`` reads it."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.{entry_id}", private=True, atomic_writes=True
        )
        self._trust = Trust()
        self._locks: dict[str, LockRecord] = {}

    async def async_load(self, *, expected: bool) -> None:
        """Read what was kept; raise ``ValueError`` where it cannot be understood.

        Or where nothing is ``expected`` to be missing: Home Assistant puts a damaged
        file aside and goes on as if there had never been one.
        """
        try:
            data = await self._store.async_load()
            if data is not None:
                self._trust = Trust.from_dict(data["trust"])
                self._locks = {
                    subentry_id: LockRecord.from_dict(raw)
                    for subentry_id, raw in data["locks"].items()
                }
        except (AttributeError, HomeAssistantError, KeyError, TypeError) as err:
            raise ValueError(f"Not what Nightlatch keeps: {err!r}") from err
        if data is None:
            if expected:
                raise ValueError("What Nightlatch keeps is missing")
            await self._async_save()

    async def _async_save(self) -> None:
        await self._store.async_save(
            {
                "trust": self._trust.to_dict(),
                "locks": {key: record.to_dict() for key, record in self._locks.items()},
            }
        )

    @property
    @override
    def trust(self) -> Trust:
        """Return the floors; see ``TrustStore``."""
        return self._trust

    @override
    async def raise_to(self, trust: Trust) -> None:
        """Merge into the floors; see ``TrustStore``."""
        merged = self._trust.merged(trust)
        if merged != self._trust:
            self._trust = merged
            await self._async_save()

    def lock(self, subentry_id: str) -> LockRecord | None:
        """Return what is known of a lock."""
        return self._locks.get(subentry_id)

    async def async_set_lock(self, subentry_id: str, record: LockRecord) -> None:
        """Keep what is known of a lock."""
        self._locks[subentry_id] = record
        await self._async_save()

    async def async_remove_lock(self, subentry_id: str) -> None:
        """Forget a lock; its version floor is kept, for the same lock may come back."""
        self._locks.pop(subentry_id, None)
        await self._async_save()

    async def async_remove(self) -> None:
        """Delete everything that is kept."""
        await self._store.async_remove()
