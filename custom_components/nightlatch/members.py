"""The feeds, or the locks, of the household: they come and go one by one."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import override

from homeassistant.core import callback


class Members[MemberT](Mapping[str, MemberT]):
    """All of them, by their subentries' ids."""

    def __init__(self) -> None:
        """Begin with none."""
        self._members: dict[str, MemberT] = {}
        self._added: list[Callable[[MemberT], None]] = []

    @override
    def __getitem__(self, subentry_id: str) -> MemberT:
        """Return the one of a subentry."""
        return self._members[subentry_id]

    @override
    def __iter__(self) -> Iterator[str]:
        """Go through the ids of those that are there now, whoever comes or goes."""
        return iter(tuple(self._members))

    @override
    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._members)

    @callback
    def async_on_added(self, added: Callable[[MemberT], None]) -> None:
        """Call for every one there is, and for each that is added."""
        for member in tuple(self._members.values()):
            added(member)
        self._added.append(added)

    async def async_each_added(self, added: Callable[[MemberT], None]) -> None:
        """Do the same, and let the loop look after other things in between."""
        there = tuple(self._members.items())
        self._added.append(added)
        for subentry_id, member in there:
            if self._members.get(subentry_id) is member:
                added(member)
            await asyncio.sleep(0)

    @callback
    def async_add(self, subentry_id: str, member: MemberT) -> None:
        """Take one, without telling of it yet."""
        self._members[subentry_id] = member

    @callback
    def async_tell_added(self, member: MemberT) -> None:
        """Tell whoever wants to know of each."""
        for added in self._added:
            added(member)

    @callback
    def async_drop(self, subentry_id: str) -> MemberT:
        """Forget one that is gone, and return it."""
        return self._members.pop(subentry_id)
