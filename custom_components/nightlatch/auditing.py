"""The audit log of the household: who decided what, and what came of it."""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .household import Household

_LOGGER = logging.getLogger(__name__)


class Auditing:
    """Appends to the audit log; what goes wrong with that holds up nothing."""

    def __init__(self, household: Household) -> None:
        """Prepare; nothing is read or written yet."""
        self._household = household

    async def async_append(self, event: str, **details: Any) -> None:
        """Write down what has happened; raises nothing."""
        _LOGGER.debug("%s %s", event, details)
