"""What was published of real locks, and the right answer for a lock of that model.

The facts are those that are shipped. None of these locks is ever called safe: who has
published a hole of five years ago has not said what was found since.
"""

from datetime import date

import pytest

from custom_components.nightlatch.core.advisories.published import Mitigation
from custom_components.nightlatch.core.advisories.security import (
    Assessment,
    SecurityState,
    assess,
    state_of,
)
from custom_components.nightlatch.core.model import Severity
from custom_components.nightlatch.core.vendor_facts import facts_for, read_facts
from custom_components.nightlatch.core.versions import VersionScheme

FACTS = read_facts()
CLOSES, OPEN = SecurityState.UPDATE_CLOSES, SecurityState.VULNERABLE
UNKNOWN = SecurityState.UNKNOWN


def stands(vendor: str, model: str, runs: str) -> tuple[SecurityState, Assessment]:
    """Return how a lock stands of which only the shipped facts tell."""
    facts = facts_for(FACTS, vendor, (model,), None)
    assessment = assess(
        runs,
        VersionScheme.DOTTED,
        told_by_feed=(),
        facts=facts.advisories,
        releases=(),
        offer=None,
    )
    state = state_of(
        assessment,
        vendor_speaks=False,
        gives_updates=facts.gives_updates,
        support_end=facts.support_end,
        today=date(2026, 11, 30),
    )
    return state, assessment


@pytest.mark.parametrize(
    ("cve", "vendor", "model", "runs", "state"),
    [
        ("CVE-2022-32507", "Nuki", "Smart Lock 3.0 Pro", "3.3.4", CLOSES),
        ("CVE-2022-32507", "Nuki Home Solutions GmbH", "Smartlock 2", "2.12.3", CLOSES),
        ("CVE-2022-32507", "Nuki", "Smart Lock 3.0", "3.3.4-beta1", UNKNOWN),
        # Which generation it is, nobody tells.
        ("CVE-2022-32507", "Nuki", "Smart Lock", "2.12.3", UNKNOWN),
        ("CVE-2023-7017", "Kontrol", "Kontrol Lux", "6.5.07", OPEN),
        ("CVE-2023-7017", "Kontrol", "Kontrol Lux", "6.5.3", OPEN),
        ("CVE-2023-7017", "Kontrol", "Kontrol Lux", "6.5.x", UNKNOWN),
        ("CVE-2023-7017", "Kontrol", "Kontrol Lux", "6.5.08", UNKNOWN),
        ("CVE-2023-7017", "Kontrol", "Kontrol Lux", "6.3.1", UNKNOWN),
        ("CVE-2023-7017", "TTLock", "M201_a1b2c3", "6.5.03", UNKNOWN),
        ("CVE-2023-7006", "Sciener", "Lux Lock", "6.4.5", OPEN),
        ("CVE-2022-46480", "U-tec", "Ultraloq UL3 BT (2nd Gen)", "02.27.0012", OPEN),
        ("CVE-2022-46480", "U-tec", "Ultraloq UL3 BT (2nd Gen)", "02.28.0001", UNKNOWN),
        ("CVE-2022-46480", "U-tec", "Ultraloq UL3", "02.27.0012", UNKNOWN),
        ("CVE-2025-65290", "Aqara", "Camera Hub G3", "4.1.9_0027", OPEN),
        ("CVE-2025-65290", "Aqara", "Hub M3", "4.3.6_0030", UNKNOWN),
        ("CVE-2025-65295", "Aqara", "Hub M2", "4.3.6_0027", CLOSES),
        ("CVE-2025-65295", "Aqara", "Hub M3", "4.3.6_0030", UNKNOWN),
        ("CVE-2026-8374", "SwitchBot", "Lock", "3.4", OPEN),
        ("CVE-2026-8374", "SwitchBot", "Lock Pro", "1.0", UNKNOWN),
    ],
)
def test_a_lock_that_has_or_may_have_the_hole(
    cve: str, vendor: str, model: str, runs: str, state: SecurityState
) -> None:
    """It is named, with a link, whether or not anybody can do something."""
    told, assessment = stands(vendor, model, runs)
    assert told is state
    (found,) = (each for each in assessment.open if each.advisory.id == cve)
    assert found.advisory.url is not None
    assert cve in found.advisory.url


@pytest.mark.parametrize(
    ("vendor", "model", "runs"),
    [
        # The holes that are known are closed; of others nobody speaks.
        ("Nuki", "Smart Lock 3.0", "3.3.5"),
        ("Nuki", "Smart Lock 3.0", "v3.10.0"),
        ("Nuki", "Smart Lock Ultra", "5.2.1"),
        ("Nuki", "Smart Lock 2.0", "2.12.4"),
        # The holes are in its maker's hubs.
        ("Aqara", "Smart Lock U200", "4.3.6_0027"),
        ("Kestrel Locks", "KL-1", "1.0.0"),
    ],
)
def test_a_lock_of_which_nobody_says_anything(
    vendor: str, model: str, runs: str
) -> None:
    """That nothing is known is not called good news."""
    assert stands(vendor, model, runs) == (UNKNOWN, Assessment())


def test_a_lock_without_updates() -> None:
    """There is nothing to wait for."""
    assert stands("KeyWe", "GKW-2000D", "2.1")[0] is SecurityState.SUPPORT_ENDED


def test_what_helps_without_an_update_is_told() -> None:
    """And how bad it is, where somebody has measured it."""
    _, assessment = stands("Kontrol", "Kontrol Lux", "6.5.03")
    worst = assessment.open[0].advisory
    assert (worst.id, worst.severity) == ("CVE-2023-7017", Severity.CRITICAL)
    assert worst.mitigations == (Mitigation.BLUETOOTH,)
    assert worst.fix is None
