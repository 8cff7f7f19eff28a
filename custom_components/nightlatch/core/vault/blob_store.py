"""What one household keeps in one place, and what is known of it.

The name of a blob is an HMAC-SHA256 of its binding under a subkey of the household's,
and a check of that: so it tells nothing, and still shows to whoever has the key that it
is a name of this household, whatever the file contains.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import hmac
import secrets
from typing import Final

from ..errors import VaultError, VaultProblem
from .blob import read_about, read_blob, write_blob
from .folder import Folder
from .kept import Binding, Kept
from .keys import HouseholdKey
from .ledger import Ledger
from .place import Place, is_temporary, temporary_name
from .record import RecordKind, Where, damaged, other, read_head, write_head

_SUFFIX: Final = ".blob"
_ID = 20
_CHECK = 4


class BlobNames:
    """The names that blobs of one household have."""

    def __init__(self, key: HouseholdKey) -> None:
        """Derive what the names are made with."""
        self._key = key.derive("names")

    def of(self, binding: Binding) -> str:
        """Return the name of the file."""
        told = self._mac(b"id", binding.canonical())[:_ID]
        return f"{(told + self._check(told)).hex()}{_SUFFIX}"

    def ours(self, name: str) -> bool:
        """Return whether it can only have been made with this household's key."""
        try:
            raw = bytes.fromhex(name.removesuffix(_SUFFIX))
        except ValueError:
            return False
        return name == f"{raw.hex()}{_SUFFIX}" and hmac.compare_digest(
            raw[_ID:], self._check(raw[:_ID])
        )

    def _check(self, told: bytes) -> bytes:
        return self._mac(b"check", told)[:_CHECK]

    def _mac(self, purpose: bytes, told: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\0" + told, "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy that is whole, as far as is known."""

    kept: Kept
    length: int
    """Bytes of its file."""


class BlobStore:
    """The copies of one household in one place.

    All methods block: they are for a thread, one at a time. What they find may be read
    by others meanwhile: each mapping is replaced, never changed.
    """

    def __init__(self, place: Place, key: HouseholdKey) -> None:
        """Prepare; ``scan`` looks at what is there."""
        self.name = place.name
        self.copies: Mapping[str, Copy] = {}
        """By their names."""
        self.damaged: Mapping[str, VaultError] = {}
        """By names of ours."""
        self.strays: Mapping[str, tuple[str, ...]] = {}
        """Blobs under a name that is not theirs: the files, by the name they should have."""
        self.foreign = 0
        self.ledger: Ledger | None = None
        self.ledger_problem: VaultError | None = None
        """What is wrong with the one that is there."""
        self.identity: tuple[int, int] | None = None
        self._place = place
        self._key = key
        self._names = BlobNames(key)

    def name_of(self, binding: Binding) -> str:
        """Return the name of the file."""
        return self._names.of(binding)

    @property
    def path(self) -> str:
        """Return where it is, for people."""
        return str(self._place.path)

    def mentions(self, name: str) -> bool:
        """Return whether there is a copy of that name here, whole or not."""
        return any(name in each for each in (self.copies, self.damaged, self.strays))

    def strays_to(self, name: str) -> bool:
        """Return whether another artifact's blob lies under a name."""
        return any(name in files for files in self.strays.values())

    def scan(self) -> dict[str, Kept]:
        """Look at every file; return what is told of artifacts, by the names of blobs.

        What was not finished is removed. Raises ``VaultError`` where the place cannot be
        used.
        """
        found = _Found()
        with self._place.entered(self._key, writing=False) as folder:
            self.identity = folder.identity
            for name in folder.names():
                if is_temporary(name, self._key):
                    with suppress(OSError):
                        folder.remove(name)
                elif name.endswith(_SUFFIX):
                    self._look(folder, name, found)
            self._find_ledger(folder)
        self.copies, self.damaged = found.copies, found.damaged
        self.strays, self.foreign = found.strays, found.foreign
        return found.told

    def forget(self) -> None:
        """Know of nothing: the place is not there."""
        self.copies, self.damaged, self.strays = {}, {}, {}
        self.ledger, self.ledger_problem = None, None
        self.foreign, self.identity = 0, None

    def read(self, kept: Kept, *, stray: bool = False) -> bytes:
        """Return an artifact whose every byte was checked.

        Out of files of other names where it strays. What is found to be wrong with a
        copy is remembered. Raises ``VaultError``.
        """
        name = self.name_of(kept.binding)
        where = Where(self.path, kept.binding.label)
        problem = VaultError(VaultProblem.NOT_KEPT, artifact=where.artifact)
        with self._place.entered(self._key, writing=False) as folder:
            for file in self.strays.get(name, ()) if stray else (name,):
                try:
                    return self._read(folder, file, kept.binding, where)
                except VaultError as err:
                    problem = err
                    self._found_bad(name, file, err)
        raise problem

    def _read(self, folder: Folder, file: str, binding: Binding, where: Where) -> bytes:
        try:
            with folder.reading(file) as opened:
                return b"".join(read_blob(opened.source, self._key, binding, where))
        except OSError as err:
            raise self._place.unreadable_file(err, where) from err

    def _found_bad(self, name: str, file: str, problem: VaultError) -> None:
        if file != name:
            left = tuple(each for each in self.strays[name] if each != file)
            self.strays = {
                **_without(self.strays, name),
                **({name: left} if left else {}),
            }
            return
        self.copies = _without(self.copies, name)
        if problem.reason is not VaultProblem.NOT_KEPT:
            self.damaged = {**self.damaged, name: problem}

    def look_again(self, name: str) -> VaultError | None:
        """Return what is wrong with a copy now; a disk may have had a bad moment.

        Raises ``VaultError`` where the place cannot be used.
        """
        with self._place.entered(self._key, writing=False) as folder:
            found = self._seen(folder, name)
        if (copy := found.copies.get(name)) is None:
            self.damaged = {**self.damaged, **found.damaged}
            return found.damaged.get(name)
        try:
            self.read(copy.kept)
        except VaultError as err:
            return err
        self.copies = {**self.copies, name: copy}
        self.damaged = _without(self.damaged, name)
        return None

    def write(self, kept: Kept, data: bytes) -> None:
        """Keep an artifact; return when it is on disk.

        Raises ``VaultError``; what was there before is there then.
        """
        name = self.name_of(kept.binding)
        where = Where(self.path, kept.binding.label)
        with self._place.entered(self._key, writing=True) as folder:
            self._save_stray(folder, name)
            with (
                _fitting(where),
                folder.replacing(name, temporary_name(self._key)) as target,
            ):
                length = write_blob(target, self._key, kept, [data], where)
            # It is kept; a copy too many does no harm.
            with suppress(OSError):
                self._remove_strays(folder, name)
        self.copies = {**self.copies, name: Copy(kept=kept, length=length)}
        self.damaged = _without(self.damaged, name)

    def remove(self, name: str) -> None:
        """Remove a copy, whole or not, also one that strays; raise ``VaultError``."""
        with self._place.entered(self._key, writing=True) as folder:
            self._save_stray(folder, name)
            folder.remove(name)
            self._remove_strays(folder, name)
        self.copies = _without(self.copies, name)
        self.damaged = _without(self.damaged, name)

    def read_ledger(self) -> Ledger | None:
        """Return what was written down here, if it is whole; raise ``VaultError``."""
        with self._place.entered(self._key, writing=False) as folder:
            self._find_ledger(folder)
        return self.ledger

    def write_ledger(self, ledger: Ledger) -> None:
        """Write down in place of what was; raise ``VaultError``."""
        with (
            self._place.entered(self._key, writing=True) as folder,
            _fitting(Where(self.path, self._ledger)),
            folder.replacing(self._ledger, temporary_name(self._key)) as target,
        ):
            write_head(target, self._key, RecordKind.LEDGER, ledger.to_dict())
        self.ledger, self.ledger_problem = ledger, None

    @property
    def _ledger(self) -> str:
        return f"{self._key.key_id}.ledger"

    def _find_ledger(self, folder: Folder) -> None:
        self.ledger, self.ledger_problem = None, None
        where = Where(self.path, self._ledger)
        try:
            with folder.reading(self._ledger) as file:
                head = read_head(file.source, self._key, RecordKind.LEDGER, where)
            self.ledger = Ledger.from_dict(head.record)
        except FileNotFoundError:
            pass
        except VaultError as err:
            self.ledger_problem = err
        except OSError as err:
            self.ledger_problem = self._place.unreadable_file(err, where)
        except ValueError:
            self.ledger_problem = damaged(where)

    def _save_stray(self, folder: Folder, name: str) -> None:
        """Give a blob its own name, before something happens to the one that it has.

        Somebody may have moved it there since the last look.
        """
        found = self._seen(folder, name)
        for proper in found.strays:
            there = self._seen(folder, proper)
            if not there.copies and not there.strays:
                aside = proper
            elif there.strays or not self._is_whole(folder, found.told[proper]):
                # Two that were swapped, or a copy that is damaged: any other name will
                # do for now.
                aside = f"{secrets.token_hex(8)}{_SUFFIX}"
            else:
                continue
            folder.rename(name, aside)
            files = (*self.strays.get(proper, ()), aside)
            self.strays = {**self.strays, proper: files}

    def _remove_strays(self, folder: Folder, name: str) -> None:
        """Remove what else there is of an artifact, under whatever name."""
        for file in self.strays.get(name, ()):
            # Somebody may have put something else there since.
            if name in self._seen(folder, file).strays:
                folder.remove(file)
                self.damaged = _without(self.damaged, file)
        self.strays = _without(self.strays, name)

    def _is_whole(self, folder: Folder, kept: Kept) -> bool:
        """Return whether every byte of a copy is as it was kept."""
        where = Where(self.path, kept.binding.label)
        try:
            self._read(folder, self.name_of(kept.binding), kept.binding, where)
        except VaultError:
            return False
        return True

    def _seen(self, folder: Folder, name: str) -> _Found:
        """Return what a look at one file finds."""
        found = _Found()
        self._look(folder, name, found)
        return found

    def _look(self, folder: Folder, name: str, found: _Found) -> None:
        ours = self._names.ours(name)
        where = Where(self.path, name)
        try:
            with folder.reading(name) as file:
                kept, problem = read_about(file.source, file.size, self._key, where)
        except VaultError as err:
            problem = err
        except OSError as err:
            problem = self._place.unreadable_file(err, where)
        else:
            proper = self.name_of(kept.binding)
            found.tell(proper, kept)
            if problem is None and name == proper:
                found.copies[name] = Copy(kept=kept, length=file.size)
                return
            if problem is None:
                found.strays[proper] = (*found.strays.get(proper, ()), name)
                if not ours:
                    return
                problem = other(where)
        if ours:
            found.damaged[name] = problem
        else:
            found.foreign += 1


class _Found:
    """What a look at a folder finds."""

    def __init__(self) -> None:
        self.copies: dict[str, Copy] = {}
        self.damaged: dict[str, VaultError] = {}
        self.strays: dict[str, tuple[str, ...]] = {}
        self.told: dict[str, Kept] = {}
        self.foreign = 0

    def tell(self, name: str, kept: Kept) -> None:
        """Take note of what a head tells; the newest counts."""
        known = self.told.get(name)
        if known is None or known.kept_at < kept.kept_at:
            self.told[name] = kept


def _without[T](mapping: Mapping[str, T], name: str) -> Mapping[str, T]:
    return {key: value for key, value in mapping.items() if key != name}


@contextmanager
def _fitting(where: Where) -> Iterator[None]:
    """Say of what is too long for a record what cannot be kept, and where."""
    try:
        yield
    except ValueError as err:
        raise VaultError(
            VaultProblem.TOO_LONG,
            place=where.place,
            artifact=where.artifact,
            detail=str(err),
        ) from err
