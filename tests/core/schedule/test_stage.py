"""To which locks a release is let out, while its vendor lets it out by and by."""

from collections.abc import Sequence

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import Artifact, Rollout
from custom_components.nightlatch.core.schedule.stage import (
    as_secret,
    is_let_out,
    lots_of,
    new_secret,
)

from .releases import release

SECRETS = [f"{number:064x}" for number in range(2000)]


def let_out(secrets: Sequence[str], percent: int, **of: str) -> set[str]:
    """Return the households whose front door a release is let out to."""
    digest, salt = of.get("sha256", "a" * 64), of.get("salt")
    staged = release(
        artifact=Artifact(path="1.1.0.zip", length=1, sha256=digest),
        rollout=Rollout(percent=percent, salt=salt),
    )
    return {each for each in secrets if is_let_out(staged, lots_of(each, "C0:11"))}


@pytest.mark.parametrize("percent", [1, 5, 20, 50, 90])
def test_a_stage_has_its_share_of_the_locks(percent: int) -> None:
    """Of two thousand homes, within four standard deviations."""
    share = percent / 100
    spread = 4 * (len(SECRETS) * share * (1 - share)) ** 0.5
    assert abs(len(let_out(SECRETS, percent)) - len(SECRETS) * share) < spread


def test_without_a_stage_and_at_a_hundred_percent_it_is_let_out_to_all() -> None:
    """And at none to nobody."""
    assert all(is_let_out(release(), lots_of(each, "C0:11")) for each in SECRETS)
    assert let_out(SECRETS, 100) == set(SECRETS)
    assert let_out(SECRETS, 0) == set()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 100), st.integers(0, 100))
def test_a_wider_stage_has_all_of_a_narrower_one(
    secret: bytes, one: int, other: int
) -> None:
    """Whoever may have it keeps it."""
    narrow, wide = sorted((one, other))
    assert let_out([secret.hex()], narrow) <= let_out([secret.hex()], wide)


def test_other_releases_go_to_other_locks_first() -> None:
    """Not always the same ones take the risk, unless the vendor says so."""
    first = let_out(SECRETS, 5)
    assert first != let_out(SECRETS, 5, sha256="b" * 64)
    salted = let_out(SECRETS, 5, salt="autumn")
    assert salted == let_out(SECRETS, 5, sha256="b" * 64, salt="autumn")
    assert salted != let_out(SECRETS, 5, salt="winter")


def test_each_lock_of_a_household_draws_lots_of_its_own() -> None:
    """And the same ones after a restart."""
    secret = new_secret()
    assert lots_of(secret, "C0:11") == lots_of(secret, "C0:11")
    assert lots_of(secret, "C0:11") != lots_of(secret, "C0:22")
    assert lots_of(secret, "C0:11") != lots_of(new_secret(), "C0:11")


@pytest.mark.parametrize("kept", [None, 5, "", "no digits", "ab" * 31, "ab" * 33])
def test_what_is_no_secret_is_not_taken_for_one(kept: object) -> None:
    """Lots that anybody can draw would be none."""
    assert as_secret("ab" * 32) == "ab" * 32
    with pytest.raises((TypeError, ValueError)):
        as_secret(kept)
