"""What a slow device still has to do."""

import asyncio
from collections import deque
from collections.abc import Callable


class Agenda:
    """Does things after their delays, but never before what was added earlier."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, delay: float, do: Callable[[], None]) -> None:
        """Do something after so many seconds; at once if nothing stands against it."""
        if not delay and not self._waiting:
            do()
            return
        self._waiting.append((asyncio.get_running_loop().time() + delay, do))
        if self._timer is None:
            self._set_timer()

    def clear(self) -> None:
        """Do nothing more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(
            self._waiting[0][0], self._work_off
        )

    def _work_off(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()
        self._timer = None
        if self._waiting:
            self._set_timer()
