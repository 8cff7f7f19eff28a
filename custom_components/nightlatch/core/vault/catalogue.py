"""What lies where in the vault, as far as is known."""

from collections.abc import Iterable, Mapping, Sequence

from .kept import Kept
from .place_worker import PlaceWorker
from .reports import Damage


class Catalogue:
    """All that places have told of, by the names of blobs."""

    def __init__(self, workers: Sequence[PlaceWorker]) -> None:
        """Prepare; nothing is known yet."""
        self.known: dict[str, Kept] = {}
        """All that was told since the start, whole or not."""
        self.wanted: Mapping[str, int] = {}
        """The rank of what locks need, by its digest."""
        self._workers = workers

    def told(self, names: Mapping[str, Kept]) -> None:
        """Take note of what a place tells; the newest counts."""
        for name, kept in names.items():
            known = self.known.get(name)
            if known is None or known.kept_at < kept.kept_at:
                self.known[name] = kept

    def removed(self, name: str) -> bool:
        """Take note that a copy was removed; return whether none is left.

        A place that is away will tell of its own again.
        """
        left = self._mentioned(name)
        if not left:
            self.known.pop(name, None)
        return not left

    def whole(self) -> dict[str, Kept]:
        """Return what a whole copy is known of, with the newest that was told of it.

        The head of a blob that is damaged further on, or strays, tells as well.
        """
        names: set[str] = set()
        for worker in self._workers:
            names |= worker.blobs.copies.keys() | worker.blobs.strays.keys()
        return {name: kept for name, kept in self.known.items() if name in names}

    def known_as(self, sha256: str) -> Kept | None:
        """Return the newest that was told of an artifact, whole or not."""
        return max(
            (kept for kept in self.known.values() if kept.binding.sha256 == sha256),
            key=lambda kept: kept.kept_at,
            default=None,
        )

    def same_bytes(self, kept: Kept) -> list[tuple[str, Kept]]:
        """Return all that has an artifact's bytes, that itself first.

        A vendor may serve one file for two models.
        """
        return sorted(
            (
                (name, each)
                for name, each in self.known.items()
                if each.binding.sha256 == kept.binding.sha256
            ),
            key=lambda each: each[1].binding != kept.binding,
        )

    def unwanted(self) -> list[tuple[str, Kept]]:
        """Return what may be dropped: what nobody can read any more, then the oldest."""
        whole = self.whole()
        return sorted(
            (
                (name, kept)
                for name, kept in self.known.items()
                if kept.binding.sha256 not in self.wanted and self._mentioned(name)
            ),
            key=lambda each: (each[0] in whole, each[1].kept_at),
        )

    def in_order(self, names: Mapping[str, Kept]) -> list[tuple[str, Kept]]:
        """Return the most wanted first, and of these the newest."""
        least = len(self.wanted)
        return sorted(
            names.items(),
            key=lambda each: (
                self.wanted.get(each[1].binding.sha256, least),
                -each[1].kept_at.timestamp(),
            ),
        )

    def lacking(self, kept: Kept) -> list[PlaceWorker]:
        """Return the places that can be used and have no copy of this, or an older one."""
        return [
            worker
            for worker in self._workers
            if worker.there and worker.trouble is None and not worker.has(kept)
        ]

    def damaged(self, workers: Iterable[PlaceWorker]) -> list[Damage]:
        """Return the copies that cannot be used as they are."""
        return [
            Damage(place=worker.name, name=name, kept=self.known.get(name), error=error)
            for worker in workers
            for name, error in worker.blobs.damaged.items()
        ]

    def _mentioned(self, name: str) -> bool:
        return any(worker.blobs.mentions(name) for worker in self._workers)
