"""Stages: to which locks a release is let out, while its vendor lets it out by and by.

Each lock draws a lot for each release, and is among the first five percent if that is
low enough. What the lot comes from is random and never leaves the household: neither a
vendor nor anybody else can tell beforehand, or choose, which locks go first. And since
the lot does not change, a wider stage has all of a narrower one.
"""

import hmac
import secrets

from ..model import Release
from ..records.stored import as_text

_SECRET = 32
_DRAWN = 8


def new_secret() -> str:
    """Return what a household draws its lots from."""
    return secrets.token_hex(_SECRET)


def as_secret(raw: object) -> str:
    """Read what was kept of it; raise ``TypeError`` or ``ValueError``."""
    text = as_text(raw)
    if len(bytes.fromhex(text)) != _SECRET:
        raise ValueError("not what lots are drawn from")
    return text


def lots_of(secret: str, lock: str) -> bytes:
    """Return what a lock draws its lots from; ``lock`` is what it is known by."""
    return hmac.digest(bytes.fromhex(secret), lock.encode(), "sha256")


def is_let_out(release: Release, lots: bytes) -> bool:
    """Return whether its vendor lets a release out to the lock with these lots."""
    stage = release.rollout
    if stage is None:
        return True
    by = stage.salt if stage.salt is not None else release.key
    drawn = hmac.digest(lots, by.encode(), "sha256")[:_DRAWN]
    return int.from_bytes(drawn) * 100 < stage.percent << (8 * _DRAWN)
