"""One folder of the vault: whether it is there, and what it says when it is not."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
import errno
import os
from pathlib import Path
import secrets

from ..errors import VaultError, VaultProblem
from .folder import Folder
from .keys import HouseholdKey
from .record import Where

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The one file cannot be read, whatever there is of the rest.
_SPOILT = {errno.EIO, errno.EBADMSG, errno.ELOOP, errno.EISDIR, errno.ENXIO}

_MARK = """\
A copy of a Nightlatch vault: firmware of this household's locks, encrypted.
This file tells Nightlatch that the folder is the one that was named. Leave it here.
"""


class Place:
    """A folder that holds a full copy of everything that is kept.

    All methods block: they are for a thread.
    """

    def __init__(self, name: str, path: Path, *, own: bool) -> None:
        """Prepare; nothing is read or written yet.

        ``name`` is what reports and troubles call it. ``own`` says that the folder is
        Nightlatch's own and is made where it is missing. Otherwise the owner has named
        it: it is used once ``establish`` has left a mark in it, and an empty folder
        where a share is not mounted is never taken for it.
        """
        self.name = name
        self.path = path
        self.own = own

    def establish(self, key: HouseholdKey) -> None:
        """Make the folder a place of this household: when the owner has named it.

        The folder above must be there. May be called again. Raises ``VaultError``
        NOT_THERE, FULL, UNREADABLE or UNWRITABLE.
        """
        with self._refusing(writing=True):
            try:
                self.path.mkdir(0o700, exist_ok=True)
            except FileNotFoundError as err:
                raise self._not_there() from err
            with Folder.opened(self.path) as folder:
                if not folder.names():
                    # What others use for other things is left as open as it is.
                    folder.keep_private()
                mark = _mark_of(key)
                with folder.replacing(mark, temporary_name(key)) as target:
                    target.write(_MARK.encode())

    @contextmanager
    def entered(self, key: HouseholdKey, *, writing: bool) -> Iterator[Folder]:
        """Open the folder for a while, if it is the one that was named.

        Raises ``VaultError`` NOT_THERE, and for any ``OSError`` meanwhile FULL,
        UNREADABLE or UNWRITABLE.
        """
        with self._refusing(writing=writing), ExitStack() as stack:
            if self.own:
                self.path.mkdir(0o700, parents=True, exist_ok=True)
            try:
                folder = stack.enter_context(Folder.opened(self.path))
            except (FileNotFoundError, NotADirectoryError) as err:
                raise self._not_there() from err
            if self.own:
                folder.keep_private()
            elif not folder.holds(_mark_of(key)):
                raise self._not_there()
            yield folder

    def unreadable_file(self, err: OSError, where: Where) -> VaultError:
        """Return what it means that one file could not be read."""
        if err.errno == errno.ENOENT:
            return VaultError(VaultProblem.NOT_KEPT, artifact=where.artifact)
        if err.errno in _SPOILT:
            return VaultError(
                VaultProblem.DAMAGED, place=where.place, artifact=where.artifact
            )
        return self._refusal(err, writing=False)

    @contextmanager
    def _refusing(self, *, writing: bool) -> Iterator[None]:
        """Say in our words what the file system refuses."""
        try:
            yield
        except OSError as err:
            raise self._refusal(err, writing=writing) from err

    def _refusal(self, err: OSError, *, writing: bool) -> VaultError:
        place, detail = str(self.path), os.strerror(err.errno or errno.EIO)
        if writing and err.errno in _FULL:
            return VaultError(VaultProblem.FULL, place=place, detail=detail)
        if writing:
            return VaultError(VaultProblem.UNWRITABLE, place=place, detail=detail)
        return VaultError(VaultProblem.UNREADABLE, place=place, detail=detail)

    def _not_there(self) -> VaultError:
        return VaultError(VaultProblem.NOT_THERE, place=str(self.path))


def temporary_name(key: HouseholdKey) -> str:
    """Return a name for a file that is not whole yet."""
    return f"{key.key_id}-{secrets.token_hex(8)}.part"


def is_temporary(name: str, key: HouseholdKey) -> bool:
    """Return whether a file of ours was never finished."""
    return name.startswith(f"{key.key_id}-") and name.endswith(".part")


def _mark_of(key: HouseholdKey) -> str:
    return f"nightlatch-{key.key_id}.place"
