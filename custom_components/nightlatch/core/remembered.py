"""What was computed last, as long as what it rests on is the very same."""

from collections.abc import Callable


class Remembered[*Ts, T]:
    """A function that is not asked again about the same.

    The same are the same objects: whoever gives it something else gives another object, as
    Home Assistant does with its states and registries, and frozen dataclasses do by nature.
    Texts are compared.
    """

    def __init__(self, compute: Callable[[*Ts], T]) -> None:
        """Take what computes it."""
        self._compute = compute
        self._known: tuple[tuple[*Ts], T] | None = None

    def __call__(self, *of: *Ts) -> T:
        """Return it."""
        if (known := self._known) is not None and _are_same(known[0], of):
            return known[1]
        found = self._compute(*of)
        self._known = (of, found)
        return found


def _are_same(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    for old, new in zip(before, now, strict=True):
        if old is not new and not (
            isinstance(old, str) and isinstance(new, str) and old == new
        ):
            return False
    return True
