"""Whether another lock is behind an entity, and as what people are told of it."""

import pytest

from custom_components.nightlatch.core.guard.stranger import is_stranger, told_as
from custom_components.nightlatch.core.model import NO_MODEL, LockIdentity


def identity(
    model: str = "KL-1", maker: str | None = "Acme", hardware: str | None = None
) -> LockIdentity:
    """Return what a lock says of itself."""
    return LockIdentity(
        manufacturer=maker,
        model=model,
        hardware_revision=hardware,
        firmware_version="1.0.0",
    )


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        (identity(hardware="B"), "Acme, KL-1, B"),
        (identity(maker=None), "KL-1"),
        (identity(NO_MODEL, hardware="B"), "Acme, B"),
    ],
)
def test_a_lock_is_told_by_what_is_known_of_it(lock: LockIdentity, told: str) -> None:
    """What nobody knows leaves no gap."""
    assert told_as(lock) == told


def test_a_model_that_is_not_told_makes_no_stranger() -> None:
    """Nor do the names that such a model would have."""
    assert not is_stranger(identity(), identity(NO_MODEL), ("KL-2",))
    assert not is_stranger(identity(NO_MODEL), identity("KL-2"), ())
    assert is_stranger(identity(), identity("KL-2"), ())
    assert not is_stranger(identity(), identity("KL-2"), ("kl-1",))


@pytest.mark.parametrize("other", [identity("KL-2"), identity(maker="Other")])
def test_a_stranger_and_who_it_differs_from_are_told(other: LockIdentity) -> None:
    """People have to read what was there, and what is."""
    known = identity()
    assert is_stranger(known, other, ())
    assert told_as(known) != told_as(other)
    assert told_as(known)
    assert told_as(other)
