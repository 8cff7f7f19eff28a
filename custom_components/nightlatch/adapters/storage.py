"""What is kept over a restart, in Home Assistant's own storage."""

from datetime import date, datetime
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from ..const import DOMAIN
from ..core.guard.hold import HoldRecord
from ..core.records.decisions import Decisions
from ..core.records.lock_record import LockRecord
from ..core.records.stored import as_text, as_time, as_whole, optional
from ..core.records.trust import Trust, TrustStore

_VERSION = 1
_MINOR_VERSION = 4


class _Store(Store[dict[str, Any]]):
    """The file, with what earlier versions of Nightlatch have written into it."""

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what earlier versions did not know; raise for a later major one."""
        if old_major_version > _VERSION:
            raise NotImplementedError
        if old_minor_version < 2:
            old_data = _with_history(old_data)
        return {
            "holds": {},
            "generation": 0,
            "vault_tested": None,
            "vault_suspects": [],
            **old_data,
        }


def _with_history(old_data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of the first version with what the second one has added."""
    for record in old_data["locks"].values():
        outcome = record.pop("outcome")
        record["batteries"] = []
        record["history"] = [] if outcome is None else [_completed(outcome)]
    return {**old_data, "decisions": {}, "announced_night": None, "digest": []}


def _completed(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome as the first version kept it, with what is kept now."""
    return {
        **outcome,
        "attempt": f"before-{outcome['ended']}",
        "origin": "person",
        "started": outcome["ended"],
        "sha256": None,
        "touched": outcome["kind"] != "cancelled",
        "reason": None,
        "approval": None,
        "environment": "",
    }


class HouseholdStore(TrustStore):
    """Trust, and what is known and decided of the locks; written at once, atomically.

    It lies apart from the caches of the feeds, so that deleting those makes nothing
    acceptable that was not before.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare the store; ``async_load`` reads it."""
        self._store = _Store(
            hass,
            _VERSION,
            f"{DOMAIN}.{entry_id}",
            private=True,
            atomic_writes=True,
            minor_version=_MINOR_VERSION,
        )
        self._trust = Trust()
        self._locks: dict[str, LockRecord] = {}
        self._decisions: dict[str, Decisions] = {}
        self._holds: dict[str, HoldRecord] = {}
        self.generation = 0
        """Rises with the floors; one that is lower than the vault's is out of a backup."""
        self.vault_tested: datetime | None = None
        """When all copies in the vault were tested last; aware, UTC."""
        self.vault_suspects: tuple[str, ...] = ()
        """The digests of artifacts of which no good copy was left then."""
        self.announced_night: date | None = None
        """The last night of which people were told."""
        self.digest: tuple[str, ...] = ()
        """What people will be told in the morning."""

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
                self._decisions = {
                    subentry_id: Decisions.from_dict(raw)
                    for subentry_id, raw in data["decisions"].items()
                }
                self._holds = {
                    subentry_id: HoldRecord.from_dict(raw)
                    for subentry_id, raw in data["holds"].items()
                }
                self.generation = as_whole(data["generation"])
                self.vault_tested = optional(as_time, data["vault_tested"])
                self.vault_suspects = tuple(map(as_text, data["vault_suspects"]))
                night = data["announced_night"]
                self.announced_night = date.fromisoformat(night) if night else None
                self.digest = tuple(map(str, data["digest"]))
        except (
            AttributeError,
            HomeAssistantError,
            KeyError,
            NotImplementedError,
            TypeError,
        ) as err:
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
                "decisions": {
                    key: decisions.to_dict()
                    for key, decisions in self._decisions.items()
                },
                "holds": {key: hold.to_dict() for key, hold in self._holds.items()},
                "generation": self.generation,
                "vault_tested": (
                    self.vault_tested.isoformat() if self.vault_tested else None
                ),
                "vault_suspects": list(self.vault_suspects),
                "announced_night": (
                    self.announced_night.isoformat() if self.announced_night else None
                ),
                "digest": list(self.digest),
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
            self.generation += 1
            await self._async_save()

    async def async_take_back(self, trust: Trust, generation: int) -> bool:
        """Merge floors that were written elsewhere; return whether they were higher.

        Then what is kept here was older than it should be. It goes on above both.
        """
        merged = self._trust.merged(trust)
        if merged == self._trust and generation <= self.generation:
            return False
        self._trust = merged
        self.generation = max(self.generation, generation) + 1
        await self._async_save()
        return True

    async def async_set_vault_tested(self, at: datetime) -> None:
        """Keep when all copies in the vault were tested."""
        self.vault_tested = at
        await self._async_save()

    async def async_set_vault_suspects(self, suspects: tuple[str, ...]) -> None:
        """Keep of which artifacts no good copy is left: a start does not read them."""
        if suspects != self.vault_suspects:
            self.vault_suspects = suspects
            await self._async_save()

    def lock(self, subentry_id: str) -> LockRecord | None:
        """Return what is known of a lock."""
        return self._locks.get(subentry_id)

    async def async_set_lock(self, subentry_id: str, record: LockRecord) -> None:
        """Keep what is known of a lock."""
        self._locks[subentry_id] = record
        await self._async_save()

    def decisions(self, subentry_id: str) -> Decisions:
        """Return what people have decided about a lock."""
        return self._decisions.get(subentry_id, Decisions())

    async def async_set_decisions(self, subentry_id: str, decisions: Decisions) -> None:
        """Keep what people have decided about a lock."""
        self._decisions[subentry_id] = decisions
        await self._async_save()

    def hold(self, subentry_id: str) -> HoldRecord:
        """Return what is known of our hold on a lock's source."""
        return self._holds.get(subentry_id, HoldRecord())

    async def async_set_hold(self, subentry_id: str, hold: HoldRecord) -> None:
        """Keep what is known of our hold on a lock's source."""
        self._holds[subentry_id] = hold
        await self._async_save()

    async def async_set_announced(self, night: date) -> None:
        """Keep that people were told of a night."""
        self.announced_night = night
        await self._async_save()

    async def async_set_digest(self, digest: tuple[str, ...]) -> None:
        """Keep what people will be told in the morning."""
        self.digest = digest
        await self._async_save()

    async def async_remove_lock(self, subentry_id: str) -> None:
        """Forget a lock; its version floor is kept, for the same lock may come back."""
        self._locks.pop(subentry_id, None)
        self._decisions.pop(subentry_id, None)
        self._holds.pop(subentry_id, None)
        await self._async_save()

    async def async_remove(self) -> None:
        """Delete everything that is kept."""
        await self._store.async_remove()
