"""One folder of the vault."""

from pathlib import Path

from .keys import HouseholdKey


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
        FULL, UNREADABLE or UNWRITABLE.
        """
        raise NotImplementedError
