"""Whatever happens to the files: what is whole anywhere is given, and nothing else is."""

import asyncio
import hashlib
import os
from pathlib import Path
import random
import shutil
import tempfile
from typing import override

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
import pytest

from custom_components.nightlatch.core.errors import VaultError
from custom_components.nightlatch.core.vault.blob import CHUNK, read_about, read_blob
from custom_components.nightlatch.core.vault.kept import Kept
from custom_components.nightlatch.core.vault.keys import HouseholdKey
from custom_components.nightlatch.core.vault.record import Where

from .house import House, artifact, blobs, holds, kept_of

SIZES = (0, 40, CHUNK, CHUNK + 1)
ARTIFACTS = [artifact(size, seed=number) for number, size in enumerate(SIZES)]
BY_DIGEST = {hashlib.sha256(data).hexdigest(): data for data in ARTIFACTS}

which_place = st.integers(0, 1)
which_artifact = st.integers(0, len(ARTIFACTS) - 1)
chances = st.integers(0, 1 << 32)


class Folders(RuleBasedStateMachine):
    """A vault with two places, and everything that may befall them."""

    def __init__(self) -> None:
        """Begin with empty places."""
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        # What is durable is proven elsewhere; here it would take most of the time.
        self.patch.setattr(os, "fsync", lambda _: None)
        # The same names each time, so that a failure can be had again.
        self.house = House(self.root, HouseholdKey(bytes(32)))
        self.runner = asyncio.Runner()
        self.vault = self.house.vault()
        self.day = 0
        self.backup: Path | None = None
        self.away: Path | None = None

    @override
    def teardown(self) -> None:
        """Leave nothing behind."""
        self.runner.run(self.vault.close())
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.root)

    @initialize()
    def open_it(self) -> None:
        """Open the empty places."""
        self.runner.run(self.vault.open())

    # What is true, read from the files without the vault.

    def whole(self) -> dict[str, list[Kept]]:
        """Return what lies whole in any place that is there, under whatever name."""
        found: dict[str, list[Kept]] = {}
        for folder in self.house.folders:
            for path in blobs(folder) if folder.exists() else ():
                if (kept := self._read(path)) is not None:
                    found.setdefault(kept.binding.sha256, []).append(kept)
        return found

    def _read(self, path: Path) -> Kept | None:
        where = Where("", "")
        try:
            with path.open("rb") as file:
                kept, problem = read_about(
                    file, path.stat().st_size, self.house.key, where
                )
            with path.open("rb") as file:
                data = b"".join(read_blob(file, self.house.key, kept.binding, where))
        except VaultError:
            return None
        assert problem is None
        assert data == BY_DIGEST[kept.binding.sha256]
        return kept

    def some_blob(self, place: int, chance: int) -> Path | None:
        """Return a blob of a place, if there is one."""
        folder = self.house.folders[place]
        there = blobs(folder) if folder.exists() else []
        return there[chance % len(there)] if there else None

    # What people and Nightlatch do.

    @rule(number=which_artifact)
    def put(self, number: int) -> None:
        """Keep an artifact."""
        data = ARTIFACTS[number]
        self.day += 1
        kept = kept_of(data, version=str(number), day=self.day, about={"day": self.day})
        before = self.whole()
        self.runner.run(self.vault.put(kept, data))
        assert before.keys() <= self.whole().keys()
        assert self.runner.run(self.vault.get(kept.binding.sha256)) == data
        assert self.vault.by_digest(kept.binding.sha256) == kept

    @rule(number=which_artifact)
    def get(self, number: int) -> None:
        """Ask for an artifact: it is given as it was, or not at all."""
        digest = hashlib.sha256(ARTIFACTS[number]).hexdigest()
        before = self.whole()
        try:
            data = self.runner.run(self.vault.get(digest))
        except VaultError:
            data = ARTIFACTS[number]
        assert data == ARTIFACTS[number]
        assert before.keys() <= self.whole().keys()

    @rule()
    def restart(self) -> None:
        """Open anew, with nothing known."""
        self.runner.run(self.vault.close())
        self.vault = self.house.vault()
        self._opened(lambda: self.runner.run(self.vault.open()))

    @rule()
    def open_again(self) -> None:
        """Open once more."""
        self._opened(lambda: self.runner.run(self.vault.open()))

    @rule(feed_has=st.booleans())
    def test(self, feed_has: bool) -> None:
        """Test all copies; afterwards both places have everything, whole."""

        async def refetch(kept: Kept) -> bytes | None:
            return BY_DIGEST[kept.binding.sha256] if feed_has else None

        before = self.whole()
        report = self._opened(lambda: self.runner.run(self.vault.test(holds, refetch)))
        after = self.whole()
        assert before.keys() <= after.keys()
        places = self.house.folders[: 2 if self.away is None else 1]
        for digest, copies in after.items():
            assert len(copies) >= len(places), digest
            # All tell the same, and it is the newest that any told.
            kept = {each.kept_at: each.about for each in copies}
            told = self.vault.by_digest(digest)
            assert told is not None
            assert told.kept_at == max(kept)
            assert self.runner.run(self.vault.get(digest)) == BY_DIGEST[digest]
        assert not report.unproven  # type: ignore[attr-defined]

    def _opened(self, work: object) -> object:
        assert callable(work)
        before = self.whole()
        report = work()
        after = self.whole()
        assert before.keys() <= after.keys(), "something was lost"
        for digest, copies in before.items():
            assert self.runner.run(self.vault.get(digest)) == BY_DIGEST[digest]
            newest = max(each.kept_at for each in copies)
            told = self.vault.by_digest(digest)
            assert told is not None
            assert told.kept_at >= newest
        return report

    @rule(wanted=st.sets(which_artifact), limit=st.sampled_from([0, 200_000, 1 << 30]))
    def prune(self, wanted: set[int], limit: int) -> None:
        """Drop what nobody wants."""
        digests = {
            hashlib.sha256(ARTIFACTS[number]).hexdigest(): rank
            for rank, number in enumerate(sorted(wanted))
        }
        before = self.whole()
        self.vault.limit = limit
        dropped = self.runner.run(self.vault.prune(digests))
        gone = {kept.binding.sha256 for kept in dropped}
        assert not gone & digests.keys()
        after = self.whole()
        assert before.keys() - gone <= after.keys()
        assert (
            self.vault.size <= limit
            or {kept.binding.sha256 for kept in self.vault.kept()} <= digests.keys()
        )

    @rule()
    def drop_damaged(self) -> None:
        """Remove what nothing can replace: nothing of which there is a whole copy."""
        before = self.whole()
        self.runner.run(self.vault.drop_damaged())
        assert before.keys() <= self.whole().keys()

    # What befalls the files.

    @rule(place=which_place, chance=chances)
    def change_a_byte(self, place: int, chance: int) -> None:
        """Anywhere, to anything else."""
        if (path := self.some_blob(place, chance)) is not None:
            raw = bytearray(path.read_bytes())
            if raw:
                chosen = random.Random(chance)
                raw[chosen.randrange(len(raw))] ^= chosen.randrange(1, 256)
                path.write_bytes(raw)

    @rule(place=which_place, chance=chances)
    def cut(self, place: int, chance: int) -> None:
        """Leave only the beginning."""
        if (path := self.some_blob(place, chance)) is not None:
            raw = path.read_bytes()
            path.write_bytes(raw[: random.Random(chance).randrange(len(raw) + 1)])

    @rule(place=which_place, chance=chances)
    def delete(self, place: int, chance: int) -> None:
        """Take one away."""
        if (path := self.some_blob(place, chance)) is not None:
            path.unlink()

    @rule(
        place=which_place, other_place=which_place, chance=chances, move=st.booleans()
    )
    def put_under_another_name(
        self, place: int, other_place: int, chance: int, move: bool
    ) -> None:
        """Copy or move one over another, in any place."""
        source = self.some_blob(place, chance)
        target = self.some_blob(other_place, chance // 7)
        if source is not None and target is not None and source != target:
            (source.rename if move else lambda to: shutil.copy(source, to))(target)

    @precondition(lambda self: self.away is None)
    @rule(empty=st.booleans())
    def take_the_share_away(self, empty: bool) -> None:
        """Unmount it; an empty folder may be left."""
        self.away = self.house.second.rename(self.root / "away")
        if empty:
            self.house.second.mkdir()

    @precondition(lambda self: self.away is not None)
    @rule()
    def bring_the_share_back(self) -> None:
        """Mount it again. Nothing was written to where it was not."""
        assert self.away is not None
        if self.house.second.exists():
            assert not list(self.house.second.iterdir())
            self.house.second.rmdir()
        self.away.rename(self.house.second)
        self.away = None

    @rule()
    def back_up(self) -> None:
        """Copy the first place."""
        if self.backup is not None:
            shutil.rmtree(self.backup)
        self.backup = self.root / "backup"
        shutil.copytree(self.house.first, self.backup)

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self) -> None:
        """Put the first place back to what it was, as Home Assistant does: restarted."""
        assert self.backup is not None
        self.runner.run(self.vault.close())
        shutil.rmtree(self.house.first)
        shutil.copytree(self.backup, self.house.first)
        self.vault = self.house.vault()
        self.restart()

    @invariant()
    def nothing_unfinished_is_left(self) -> None:
        """Neither temporary files nor anything of another name."""
        for folder in self.house.folders:
            if folder.exists():
                assert not list(folder.glob("*.part"))


TestFolders = Folders.TestCase
TestFolders.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
