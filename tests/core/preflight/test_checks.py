"""Each rule of preflight: what passes, what warns, what blocks."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import (
    Artifact,
    LockIdentity,
    Payload,
    PayloadFormat,
    Release,
)
from custom_components.nightlatch.core.preflight.base import (
    Bolt,
    Check,
    PreflightError,
    PreflightProblem,
    Reason,
    Verdict,
    passed,
)
from custom_components.nightlatch.core.preflight.bolt import check_bolt
from custom_components.nightlatch.core.preflight.power import (
    DEFAULT_LIMIT,
    check_battery,
)
from custom_components.nightlatch.core.preflight.suitability import check_suitability
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.versions import Version, VersionScheme

IDENTITY = LockIdentity(model="KL-1", hardware_revision="B", firmware_version="1.0.0")


def dotted(text: str) -> Version:
    """Return a version."""
    return Version.parse(VersionScheme.DOTTED, text)


RELEASE = Release(
    vendor="Kestrel Locks",
    model="KL-1",
    hardware_revisions=("A", "B"),
    version=dotted("1.1.0"),
    security_version=2,
    artifact=Artifact(path="kl-1/1.1.0.zip", length=1, sha256="0" * 64),
    payload=Payload(
        format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=10_100
    ),
)


def floor(
    version: str = "1.0.0", security_version: int = 2, firmware_version: int = 10_000
) -> LockFloor:
    """Return what ran on the lock before."""
    return LockFloor(
        version=dotted(version),
        security_version=security_version,
        firmware_version=firmware_version,
    )


# The bolt.


@pytest.mark.parametrize(
    ("bolt", "reason"),
    [
        (None, None),
        (Bolt.LOCKED, None),
        (Bolt.UNLOCKED, None),
        (Bolt.MOVING, Reason.BOLT_MOVING),
        (Bolt.JAMMED, Reason.BOLT_JAMMED),
        (Bolt.OPEN, Reason.BOLT_OPEN),
        (Bolt.UNKNOWN, Reason.BOLT_UNKNOWN),
    ],
)
def test_only_a_bolt_at_rest_passes(bolt: Bolt | None, reason: Reason | None) -> None:
    """And a lock of which nobody has linked the bolt."""
    expected = passed("bolt")
    if reason is not None:
        expected = Check(rule="bolt", verdict=Verdict.BLOCKER, reason=reason)
    assert check_bolt(bolt) == expected


def test_every_state_of_a_bolt_is_decided() -> None:
    """A state that is new one day must not pass by itself."""
    at_rest = {bolt for bolt in Bolt if check_bolt(bolt).verdict is Verdict.PASS}
    assert at_rest == {Bolt.LOCKED, Bolt.UNLOCKED}


# The battery.


@pytest.mark.parametrize(
    ("level", "limit", "verdict", "reason", "shown"),
    [
        (40, 40, Verdict.PASS, Reason.OK, {}),
        (39, 40, Verdict.BLOCKER, Reason.BATTERY_LOW, {"level": "39", "limit": "40"}),
        (0, 0, Verdict.PASS, Reason.OK, {}),
        (DEFAULT_LIMIT, None, Verdict.PASS, Reason.OK, {}),
        (29, None, Verdict.BLOCKER, Reason.BATTERY_LOW, {"level": "29", "limit": "30"}),
        (None, 40, Verdict.BLOCKER, Reason.BATTERY_UNKNOWN, {"limit": "40"}),
        (None, 0, Verdict.BLOCKER, Reason.BATTERY_UNKNOWN, {"limit": "0"}),
        (None, None, Verdict.WARNING, Reason.BATTERY_UNKNOWN, {"limit": "30"}),
    ],
)
def test_a_battery_must_last(
    level: int | None,
    limit: int | None,
    verdict: Verdict,
    reason: Reason,
    shown: dict[str, str],
) -> None:
    """By the vendor's limit; what is unknown is enough only where there is none."""
    release = replace(RELEASE, minimum_battery=limit)
    assert check_battery(level, release) == Check(
        rule="battery", verdict=verdict, reason=reason, details=shown
    )


@given(level=st.integers(0, 100), limit=st.none() | st.integers(0, 100))
def test_more_charge_is_never_worse(level: int, limit: int | None) -> None:
    """Whatever passes with a level passes with all above it."""
    release = replace(RELEASE, minimum_battery=limit)
    if check_battery(level, release).verdict is Verdict.PASS:
        assert check_battery(min(level + 1, 100), release).verdict is Verdict.PASS
    else:
        assert level < (DEFAULT_LIMIT if limit is None else limit)


# The lock itself.


@pytest.mark.parametrize(
    ("identity", "release", "known", "reason"),
    [
        (IDENTITY, RELEASE, None, Reason.OK),
        (IDENTITY, RELEASE, floor(), Reason.OK),
        (replace(IDENTITY, model="KL-1X"), RELEASE, None, Reason.OTHER_MODEL),
        (replace(IDENTITY, model="kl-1"), RELEASE, None, Reason.OTHER_MODEL),
        (
            replace(IDENTITY, hardware_revision="C"),
            RELEASE,
            None,
            Reason.OTHER_HARDWARE,
        ),
        (
            replace(IDENTITY, hardware_revision=None),
            RELEASE,
            None,
            Reason.HARDWARE_UNKNOWN,
        ),
        (
            replace(IDENTITY, firmware_version="one"),
            RELEASE,
            None,
            Reason.VERSION_UNKNOWN,
        ),
        (replace(IDENTITY, firmware_version="1.1.0"), RELEASE, None, Reason.NOT_NEWER),
        (replace(IDENTITY, firmware_version="1.1"), RELEASE, None, Reason.NOT_NEWER),
        (replace(IDENTITY, firmware_version="1.2"), RELEASE, None, Reason.NOT_NEWER),
        (IDENTITY, RELEASE, floor("1.1.1"), Reason.BELOW_FLOOR),
        (IDENTITY, RELEASE, floor(security_version=3), Reason.BELOW_FLOOR),
        (IDENTITY, RELEASE, floor(firmware_version=10_101), Reason.BELOW_FLOOR),
        (
            IDENTITY,
            replace(RELEASE, minimum_installed_version=dotted("1.0.5")),
            None,
            Reason.STEP_MISSING,
        ),
        (
            IDENTITY,
            replace(RELEASE, minimum_installed_version=dotted("1.0")),
            None,
            Reason.OK,
        ),
    ],
)
def test_a_release_must_be_made_for_this_very_lock(
    identity: LockIdentity, release: Release, known: LockFloor | None, reason: Reason
) -> None:
    """As the lock describes itself now."""
    check = check_suitability(identity, release, known)
    assert check.rule == "suitability"
    assert check.reason is reason
    blocks = reason is not Reason.OK
    assert check.verdict is (Verdict.BLOCKER if blocks else Verdict.PASS)


def test_what_does_not_suit_is_told_with_what_would() -> None:
    """Everything that any of the sentences names."""
    identity = replace(IDENTITY, hardware_revision=None)
    release = replace(RELEASE, minimum_installed_version=dotted("1.0.5"))
    assert check_suitability(identity, release, None).details == {
        "model": "KL-1",
        "hardware": "",
        "running": "1.0.0",
        "release": "1.1.0",
        "wanted_model": "KL-1",
        "wanted_hardware": "A, B",
        "step": "1.0.5",
    }


# Together.


def test_the_error_lists_all_blockers_and_nothing_else() -> None:
    """In the order of the checks; warnings do not stop anything."""
    low = check_battery(3, RELEASE)
    jammed = check_bolt(Bolt.JAMMED)
    error = PreflightError(
        [passed("suitability"), low, check_battery(None, RELEASE), jammed]
    )
    assert error.reason is PreflightProblem.BLOCKED
    assert error.blockers == (low, jammed)
    assert error.details == {"blockers": "preflight_battery_low, preflight_bolt_jammed"}
