"""Who stands behind a pseudonym of the audit log: a table apart from the log.

The log cannot be changed, so it holds no names: a person stands in it by the digest of
a random salt and of who they are. Without the salt nobody can tell of whom it is, not
even by trying every account. So whoever is erased from the table is nobody's from then
on, and the log stays as it was written.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
import hashlib
import os
from typing import Any, Final, Self

from .stored import as_text

_FORMAT: Final = 1
_SALT = 32
_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who stands in the log."""

    pseudonym: str
    user_id: str
    name: str
    salt: str
    """64 hexadecimal digits."""


class Pseudonyms:
    """The table, in memory."""

    def __init__(self, people: Mapping[str, Person] | None = None) -> None:
        """Take who is in it, by pseudonym."""
        self._people = dict(people or {})

    def __iter__(self) -> Iterator[Person]:
        """Go through everybody."""
        return iter(tuple(self._people.values()))

    def of(self, user_id: str) -> Person | None:
        """Return who has an account, if they are in the table."""
        return next((each for each in self if each.user_id == user_id), None)

    def add(
        self,
        user_id: str,
        name: str,
        random: Callable[[int], bytes] = os.urandom,
    ) -> Person:
        """Put somebody into the table, under a pseudonym that nobody had before."""
        salt = random(_SALT).hex()
        person = Person(
            pseudonym=_pseudonym(salt, user_id), user_id=user_id, name=name, salt=salt
        )
        self._people[person.pseudonym] = person
        return person

    def find(self, text: str) -> tuple[Person, ...]:
        """Return who goes by a pseudonym, the id of an account, or a name.

        Nobody goes by none, also who had no name.
        """
        if not (text := text.strip()):
            return ()
        return tuple(
            each
            for each in self
            if text in (each.pseudonym, each.user_id, each.name.strip())
        )

    def without(self, pseudonym: str) -> Pseudonyms:
        """Return the table that somebody was erased from."""
        return Pseudonyms(
            {key: each for key, each in self._people.items() if key != pseudonym}
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {"format": _FORMAT, "people": [asdict(each) for each in self]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Return what was kept; raise ``KeyError``, ``TypeError`` or ``ValueError``."""
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']} is not known")
        people = [
            Person(
                pseudonym=as_text(each["pseudonym"]),
                user_id=as_text(each["user_id"]),
                name=as_text(each["name"]),
                salt=as_text(each["salt"]),
            )
            for each in raw["people"]
        ]
        return cls({each.pseudonym: each for each in people})


def _pseudonym(salt: str, user_id: str) -> str:
    digest = hashlib.sha256(bytes.fromhex(salt) + user_id.encode()).hexdigest()
    return f"person-{digest[:_DIGITS]}"
