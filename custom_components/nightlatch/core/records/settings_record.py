"""What is kept of how one lock was set, over restarts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .settable import WhyNot
from .snapshot import (
    SETTING_LIMIT,
    Change,
    Difference,
    Occasion,
    Reading,
    Snapshot,
    compare,
)
from .stored import as_text, optional

SNAPSHOT_LIMIT = 10
"""Of one lock; the oldest goes first."""
DETAIL_LIMIT = 200
_RESTORE_LIMIT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRecord:
    """The snapshots of a lock, and what nobody has said yet what to do about."""

    snapshots: tuple[Snapshot, ...] = ()
    """Oldest first."""
    pending: str | None = None
    """The snapshot that the lock has to be compared with, once it has settled."""
    differences: tuple[Difference, ...] = ()
    """What is not as it was, until a person restores or keeps it."""

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot | None:
        """Return one of the snapshots; the newest where none is named."""
        return next(
            (
                each
                for each in reversed(self.snapshots)
                if snapshot_id is None or each.id == snapshot_id
            ),
            None,
        )

    def taken_before(self, attempt: str) -> Snapshot | None:
        """Return the snapshot that was taken before an installation."""
        return next((each for each in self.snapshots if each.attempt == attempt), None)

    @property
    def to_compare(self) -> Snapshot | None:
        """Return the snapshot that the lock has to be compared with."""
        return self.snapshot(self.pending) if self.pending else None

    def remembering(self, snapshot: Snapshot) -> SettingsRecord:
        """Return the record with one more snapshot."""
        snapshots = [*self.snapshots, snapshot.filled_from(self.snapshot())]
        # Trying to restore again and again must not push out what is to be restored.
        restores = [each for each in snapshots if each.occasion is Occasion.RESTORE]
        for oldest in restores[:-_RESTORE_LIMIT]:
            snapshots.remove(oldest)
        return replace(self, snapshots=tuple(snapshots[-SNAPSHOT_LIMIT:]))

    def comparing(self, attempt: str) -> SettingsRecord:
        """Return the record of a lock that has to be compared after an installation."""
        snapshot = self.taken_before(attempt)
        return self if snapshot is None else replace(self, pending=snapshot.id)

    def compared(self, now: Reading, *, settled: bool = True) -> SettingsRecord:
        """Return the record after the lock was looked at.

        Where it had not ``settled``, only what has another value counts: the rest may
        come back yet. What was different before stays so: nobody has agreed to it.
        """
        if (snapshot := self.to_compare) is None:
            return replace(self, pending=None)
        still = {each.before.key: each for each in self.looked_at(now).differences}
        settled_since = {each.before.key for each in self.differences} - still.keys()
        found = {
            each.before.key: each
            for each in compare(snapshot.settings, now)
            if (settled or each.change is Change.CHANGED)
            and each.before.key not in settled_since
        }
        return replace(
            self,
            snapshots=tuple(
                replace(each, compared=settled) if each.id == snapshot.id else each
                for each in self.snapshots
            ),
            pending=None,
            differences=tuple((found | still).values())[:SETTING_LIMIT],
        )

    def looked_at(self, now: Reading) -> SettingsRecord:
        """Return the record after another look at what was different.

        What is as it was is settled. What is not there at the moment stays what it was
        last: integrations lose sight of their locks all the time.
        """
        left = []
        for each in self.differences:
            seen = now.find(each.before.key)
            if seen is None or (seen.value is None and each.change is Change.CHANGED):
                left.append(each)
            elif not each.before.is_same(seen):
                left.append(replace(each, now=seen))
        return replace(self, differences=tuple(left))

    def kept(self) -> SettingsRecord:
        """Return the record after a person has agreed to how the lock is set now."""
        return replace(self, differences=())

    def tried(self, failed: Mapping[str, tuple[WhyNot, str]]) -> SettingsRecord:
        """Return the record with why settings were not set back, by their keys."""
        return replace(
            self,
            differences=tuple(
                replace(
                    each,
                    why_not=failed[each.before.key][0],
                    detail=failed[each.before.key][1][:DETAIL_LIMIT],
                )
                if each.before.key in failed
                else each
                for each in self.differences
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "snapshots": [each.to_dict() for each in self.snapshots],
            "pending": self.pending,
            "differences": [each.to_dict() for each in self.differences],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> SettingsRecord:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                snapshots=tuple(map(Snapshot.from_dict, raw["snapshots"])),
                pending=optional(as_text, raw["pending"]),
                differences=tuple(map(Difference.from_dict, raw["differences"])),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not how a lock was set: {err!r}") from err
