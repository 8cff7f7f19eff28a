"""Which locks are in range: advertisements against the models of the feeds."""

from fnmatch import fnmatchcase

from .model import BluetoothMatch
from .transports.base import Advertisement


def matches(wanted: BluetoothMatch | None, seen: Advertisement) -> bool:
    """Return whether an advertisement may be a lock of a model.

    All parts that the feed gives must match; a model without any matches nothing. It is
    only a proposal: what the lock is, it says itself when it is asked.
    """
    if wanted is None:
        return False
    parts: list[bool] = []
    if wanted.local_name is not None:
        parts.append(fnmatchcase(seen.local_name or "", _escape(wanted.local_name)))
    if wanted.service_uuid is not None:
        parts.append(wanted.service_uuid in seen.service_uuids)
    if wanted.manufacturer_id is not None:
        parts.append(wanted.manufacturer_id in seen.manufacturer_ids)
    return bool(parts) and all(parts)


def narrowness(wanted: BluetoothMatch | None) -> tuple[int, int]:
    """Return how much a model asks of an advertisement, to be compared.

    ``Kestrel Motor`` also looks like ``Kestrel*``, but not the other way round.
    """
    if wanted is None:
        return 0, 0
    given = (wanted.local_name, wanted.service_uuid, wanted.manufacturer_id)
    letters = len((wanted.local_name or "").replace("*", ""))
    return sum(each is not None for each in given), letters


def _escape(pattern: str) -> str:
    """Leave ``*`` its meaning and take it from everything else."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
