"""What is published of a lock's firmware: shown, told once, and what it hurries."""

from datetime import timedelta
from typing import Any

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import Severity
from custom_components.nightlatch.core.preflight.base import Reason
from custom_components.nightlatch.core.vendor_facts import facts_for, read_facts
from custom_components.nightlatch.markup import neutral
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from tests.rig.scene import MODEL, VENDOR

from .asked import a_turn, plan_of
from .house import House
from .night import Night

SECURITY = "sensor.front_door_security"
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def advisory(status: str = "final", **fixed: list[str]) -> dict[str, Any]:
    """Return an advisory about what the locks run; ``fixed`` is by another version."""
    versions = [("product_version_range", "vers:generic/<=1.0.9", "old")]
    if fixed:
        versions.append(("product_version", "1.1.0", "new"))
    return {
        "document": {
            "csaf_version": "2.0",
            "title": "Pairing",
            "tracking": {
                "id": "KL-1",
                "status": status,
                "current_release_date": "2026-11-01T00:00:00Z",
            },
            "references": [{"url": "https://kestrel.example/1"}],
        },
        "product_tree": {
            "branches": [
                {
                    "category": "vendor",
                    "name": VENDOR,
                    "branches": [
                        {
                            "category": "product_name",
                            "name": MODEL,
                            "branches": [
                                {
                                    "category": category,
                                    "name": name,
                                    "product": {"product_id": product_id},
                                }
                                for category, name, product_id in versions
                            ],
                        }
                    ],
                }
            ]
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2026-0001",
                "product_status": {"known_affected": ["old"], **fixed},
                "scores": [
                    {"products": ["old"], "cvss_v3": {"vectorString": CRITICAL}}
                ],
                "remediations": [
                    {"category": "mitigation", "details": "Take the [keypad](x) off."}
                ],
            }
        ],
    }


async def test_only_a_vendor_that_speaks_makes_a_lock_up_to_date(house: House) -> None:
    """Fresh, and of which everything could be read."""
    assert house.state(SECURITY).state == "unknown_security"
    house.vendor.describe(advisories=[])
    await house.check()
    assert house.state(SECURITY).state == "up_to_date"
    house.vendor.advise("kestrel/1.json", **advisory(status="draft"))
    await house.check()
    assert house.state(SECURITY).state == "unknown_security"
    house.vendor.describe(advisories=[])
    await house.check()
    assert house.state(SECURITY).state == "up_to_date"
    house.vendor.expire("timestamp")
    await house.check()
    assert house.state(SECURITY).state == "unknown_security"


async def test_a_hole_without_a_fix_and_what_helps_meanwhile(house: House) -> None:
    """There is nothing to do about it in Home Assistant, so no repair asks for it."""
    house.vendor.advise("kestrel/1.json", **advisory())
    await house.check()
    state = house.state(SECURITY)
    assert state.state == "vulnerable"
    (line,) = state.attributes["advisories"]
    # It makes no link, whoever shows it as Markdown.
    assert line["mitigation"] == neutral("Take the [keypad](x) off.")
    assert "[" not in line["mitigation"]
    assert line == {
        "id": "CVE-2026-0001",
        "severity": "critical",
        "link": "https://kestrel.example/1",
        "match": "exact",
        "fixed_in": None,
        "closed_by_offer": False,
        "mitigation": line["mitigation"],
    }
    assert not ir.async_get(house.hass).issues


async def test_an_update_that_closes_a_hole_waits_less_and_skips_no_rule(
    house: House,
) -> None:
    """Though its release says nothing of it; people read what it closes."""
    night = Night(house, soak_days=3)
    night.automate()
    await house.release("1.1.0", severity="none", advisories=[])
    lock = house.managed()
    before = plan_of(lock).starts_at
    house.vendor.advise("kestrel/1.json", **advisory(fixed=["new"]))
    await house.check()
    assert house.state(SECURITY).state == "update_closes"
    assert lock.closes is Severity.CRITICAL
    assert lock.offer_closes_hole
    after = plan_of(lock).starts_at
    assert before is not None
    assert after is not None
    assert before - after >= timedelta(days=2)
    assert lock.release is not None
    notes = await async_release_notes(
        house.hass, lock, lock.release, house.runtime.planner
    )
    assert "- Severity: critical" in notes
    assert "- Closes: [CVE-2026-0001](<https://kestrel.example/1>)" in notes
    reasons = {
        check.reason
        for check in house.runtime.planner.checks_of_offer(lock, unattended=True)
    }
    assert Reason.SOAKING not in reasons
    # All other rules are asked as ever: nobody has linked what this house knows of.
    assert len(house.runtime.planner.checks_of_offer(lock)) > 10


async def test_the_end_of_support_is_told_once(house: House) -> None:
    """Who has read it ignores it; it stays away over installations and restarts."""
    yesterday = dt_util.utcnow().date() - timedelta(days=1)
    models = [
        {**model, "support_end": yesterday.isoformat()}
        for model in house.vendor.descriptor["models"]
    ]
    house.vendor.describe(models=models)
    await house.check()
    await a_turn()
    assert house.state(SECURITY).state == "support_ended"
    assert house.state(SECURITY).attributes["support_end"] == yesterday.isoformat()
    issue_id = f"support_ended_{house.managed().subentry_id}"
    registry = ir.async_get(house.hass)
    assert registry.async_get_issue(DOMAIN, issue_id) is not None
    ir.async_ignore_issue(house.hass, DOMAIN, issue_id, True)
    await house.release("1.1.0")
    await house.install()
    await house.settle()
    issue = registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_a_lock_without_updates_says_so(house: House) -> None:
    """With who says it."""
    lock = house.managed()
    lock.facts = facts_for(read_facts(), "KeyWe", (), None)
    lock.async_changed()
    await a_turn()
    assert house.state(SECURITY).state == "support_ended"
    issue = ir.async_get(house.hass).async_get_issue(
        DOMAIN, f"no_updates_{lock.subentry_id}"
    )
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert "F-Secure" in issue.translation_placeholders["sources"]
    assert not issue.is_fixable
