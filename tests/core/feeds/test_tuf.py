"""What a signed feed tells while its vendor behaves, and may be wrong in."""

import asyncio
from datetime import date, timedelta
import hashlib
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.tuf import MAX_STATEMENTS, TufFeed
from custom_components.nightlatch.core.model import (
    Advisory,
    Artifact,
    BluetoothMatch,
    Disruption,
    Evidence,
    Model,
    Payload,
    PayloadFormat,
    Release,
    Severity,
)
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import public_pem
from tests.rig.tls import Authority
from tests.rig.vendor import DESCRIPTOR, MODEL, Vendor
from tests.rig.vendor_http import Status

from .conftest import (
    FIRMWARE_ONE,
    FIRMWARE_TWO,
    ONE,
    TWO,
    Clock,
    FeedFactory,
    MemoryTrust,
    fingerprints,
    names_in,
)


async def versions(feed: TufFeed) -> list[str]:
    """Return the versions that a feed offers."""
    return [release.version.text for release in (await feed.check()).releases]


async def test_a_release_is_told_with_all_that_its_vendor_says(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Every field of the format reaches the release; an unknown one is kept apart."""
    vendor.release(
        "acme/nd-100/2.0.zip",
        b"firmware",
        version="2.0",
        hardware_revisions=["A", "B2"],
        security_version=3,
        payload={
            "format": "nordic-dfu",
            "hardware_version": 52,
            "firmware_version": 20,
        },
        minimum_installed_version="1.1.0",
        minimum_battery=40,
        expected_duration=90,
        disrupts=["bluetooth", "motor"],
        release_notes="# New\n\n- Quieter",
        release_url="https://acme.example/nd-100/2.0",
        advisories=[{"id": "CVE-2026-1234", "url": "https://cve.example/1234"}],
        severity="high",
        support_end="2031-12-31",
        released="2026-11-01",
        colour={"front": "blue"},
    )
    content = await feed.check()
    assert content.vendor == "Acme"
    assert content.refused == ()
    assert content.models == (
        Model(
            model="ND-100",
            name="Acme Night Door 100",
            version_scheme=VersionScheme.DOTTED,
            bluetooth=BluetoothMatch(local_name="ND-100*"),
        ),
    )
    assert content.releases[-1] == Release(
        vendor="Acme",
        model="ND-100",
        hardware_revisions=("A", "B2"),
        version=Version.parse(VersionScheme.DOTTED, "2.0"),
        security_version=3,
        artifact=Artifact(
            path="acme/nd-100/2.0.zip",
            length=8,
            sha256=hashlib.sha256(b"firmware").hexdigest(),
        ),
        payload=Payload(
            format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=20
        ),
        evidence=Evidence.SIGNATURE_VERIFIED,
        minimum_installed_version=Version.parse(VersionScheme.DOTTED, "1.1.0"),
        minimum_battery=40,
        expected_duration=90,
        disrupts=(Disruption.BLUETOOTH, Disruption.MOTOR),
        release_notes="# New\n\n- Quieter",
        release_url="https://acme.example/nd-100/2.0",
        advisories=(Advisory(id="CVE-2026-1234", url="https://cve.example/1234"),),
        severity=Severity.HIGH,
        support_end=date(2031, 12, 31),
        released=date(2026, 11, 1),
        extra={"colour": {"front": "blue"}},
    )


async def test_where_nothing_has_changed_a_check_is_two_requests(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A next root is asked for, and the timestamp; nothing else."""
    first = await feed.check()
    vendor.requests.clear()
    second = await feed.check()
    assert [request.path for request in vendor.requests] == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
    ]
    assert second.releases == first.releases


async def test_requests_ask_for_the_bytes_as_they_are(
    feed: TufFeed, vendor: Vendor
) -> None:
    """No compression on the way."""
    await feed.check()
    assert {request.headers["Accept-Encoding"] for request in vendor.requests} == {
        "identity"
    }


async def test_new_releases_come_and_withdrawn_ones_go(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A check tells what is offered now."""
    assert await versions(feed) == ["1.0.0", "1.1.0"]
    vendor.release("acme/nd-100/1.2.0.zip", b"firmware", version="1.2.0")
    assert await versions(feed) == ["1.0.0", "1.1.0", "1.2.0"]
    vendor.withdraw(TWO)
    assert await versions(feed) == ["1.0.0", "1.2.0"]


async def test_a_feed_is_fresh_until_the_first_of_its_roles_expires(
    feed: TufFeed, vendor: Vendor
) -> None:
    """That is when it must have been signed anew."""
    vendor.renew("timestamp", valid=timedelta(hours=6))
    content = await feed.check()
    assert content.expires_at - content.checked_at < timedelta(hours=6)
    vendor.renew("snapshot", valid=timedelta(hours=2))
    content = await feed.check()
    assert content.expires_at - content.checked_at < timedelta(hours=2)


async def test_an_artifact_is_fetched(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """It comes whole, and nothing of it stays in the cache."""
    one, two = (await feed.check()).releases
    assert await feed.fetch(two) == FIRMWARE_TWO
    assert await feed.fetch(one) == FIRMWARE_ONE
    assert names_in(cache) == ["checked_at", "metadata"]


async def test_checks_at_the_same_time_wait_for_each_other(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Two clients in one directory would spoil it."""
    contents = await asyncio.gather(feed.check(), feed.check())
    assert contents[0].releases == contents[1].releases
    # The first one has asked for everything, the second for what may have changed.
    assert [request.path for request in vendor.requests[-2:]] == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
    ]
    assert len(vendor.requests) == 6


# Keys.


async def test_before_keys_are_pinned_the_feed_tells_them(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """The owner has to see the fingerprints once."""
    content = await make_feed(pinned_keys=None).check()
    assert {key.fingerprint for key in content.firmware_keys} == fingerprints(vendor)


async def test_another_firmware_key_needs_the_owner(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """No release is offered until the owner has approved the new key as well."""
    pinned = fingerprints(vendor)
    feed = make_feed(pinned_keys=pinned)
    release = (await feed.check()).releases[0]
    old_pem = vendor.firmware_key_pem
    vendor.firmware_key = ec.generate_private_key(ec.SECP256R1())
    vendor.describe(firmware_keys=[old_pem, vendor.firmware_key_pem])
    new = fingerprints(vendor) - pinned
    for attempt in (feed.check(), feed.fetch(release)):
        with pytest.raises(FeedError) as caught:
            await attempt
        assert caught.value.reason is FeedProblem.FIRMWARE_KEY_CHANGED
        assert caught.value.details == {
            "pinned": ", ".join(pinned),
            "named": ", ".join(new),
        }
    approved = make_feed(pinned_keys=pinned | new)
    assert len(await versions(approved)) == 2
    vendor.describe(firmware_keys=[vendor.firmware_key_pem])
    assert len(await versions(approved)) == 2


async def test_of_several_firmware_keys_each_is_told(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """In the order of their fingerprints, so that they can be compared."""
    pinned = frozenset({"b" * 64, "a" * 64})
    vendor.describe(
        firmware_keys=[
            vendor.firmware_key_pem,
            public_pem(ec.generate_private_key(ec.SECP256R1())),
        ]
    )
    with pytest.raises(FeedError) as caught:
        await make_feed(pinned_keys=pinned).check()
    assert caught.value.reason is FeedProblem.FIRMWARE_KEY_CHANGED
    assert caught.value.details == {
        "pinned": f"{'a' * 64}, {'b' * 64}",
        "named": ", ".join(sorted(fingerprints(vendor))),
    }


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
async def test_a_vendor_may_replace_the_keys_of_a_role(
    feed: TufFeed, vendor: Vendor, role: str, cache: Path
) -> None:
    """A new root that the old keys have signed is followed, and so is the next one."""
    await feed.check()
    vendor.rotate(role)
    vendor.rotate(role)
    assert len(await versions(feed)) == 2
    vendor.release("acme/nd-100/1.2.0.zip", b"firmware", version="1.2.0")
    assert len(await versions(feed)) == 3
    assert (cache / "metadata/root_history/3.root.json").exists()


async def test_the_floors_rise_with_each_check(
    feed: TufFeed, vendor: Vendor, trust: MemoryTrust
) -> None:
    """Time and versions are kept apart from the cache."""
    content = await feed.check()
    assert trust.kept.time == content.checked_at
    before = trust.kept.feeds["acme"]
    vendor.renew()
    vendor.rotate("root")
    await feed.check()
    after = trust.kept.feeds["acme"]
    assert after.root == before.root + 1
    assert after.timestamp.version == before.timestamp.version + 1
    assert after.snapshot.version == before.snapshot.version + 1
    assert after.targets.version == before.targets.version + 1
    assert len(after.targets.key_ids) == 2


# Delegations.


async def test_a_delegated_role_may_sign_for_its_paths(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A vendor can have one key a model line; it is followed, fetched, and cached."""
    vendor.delegate("line-two", ["acme/line-two/*"])
    vendor.release(
        "acme/line-two/3.0.zip", b"delegated", version="3.0", role="line-two"
    )
    release = (await feed.check()).releases[-1]
    assert release.version.text == "3.0"
    vendor.requests.clear()
    await feed.check()
    assert len(vendor.requests) == 2
    assert await feed.fetch(release) == b"delegated"


async def test_a_delegated_role_cannot_sign_for_other_paths(
    feed: TufFeed, vendor: Vendor
) -> None:
    """What is outside of its paths is as if it were not signed."""
    vendor.delegate("line-two", ["acme/line-two/*"])
    vendor.release("acme/nd-100/3.0.zip", b"fraud", version="3.0", role="line-two")
    content = await feed.check()
    assert [release.version.text for release in content.releases] == ["1.0.0", "1.1.0"]
    assert content.refused == (
        "acme/nd-100/3.0.zip: feed_release_withdrawn (path=acme/nd-100/3.0.zip)",
    )


async def test_a_bad_delegated_role_does_not_hide_the_others(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Its releases are reported, and cannot be fetched, until it is signed again."""
    vendor.delegate("line-two", ["acme/line-two/*"])
    vendor.release(
        "acme/line-two/3.0.zip", b"delegated", version="3.0", role="line-two"
    )
    release = (await feed.check()).releases[-1]
    vendor.expire("line-two")
    content = await feed.check()
    assert [release.version.text for release in content.releases] == ["1.0.0", "1.1.0"]
    assert len(content.refused) == 1
    assert content.refused[0].startswith("acme/line-two/3.0.zip: feed_expired")
    assert "role=line-two" in content.refused[0]
    with pytest.raises(FeedError) as caught:
        await feed.fetch(release)
    assert caught.value.reason is FeedProblem.EXPIRED
    vendor.renew("line-two")
    assert await feed.fetch(release) == b"delegated"


async def test_a_delegated_role_that_cannot_be_fetched_fails_the_check(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Whoever is on the way must not choose which releases are seen."""
    vendor.delegate("line-two", ["acme/line-two/*"])
    vendor.release(
        "acme/line-two/3.0.zip", b"delegated", version="3.0", role="line-two"
    )
    vendor.misbehave("metadata/*.line-two.json", Status(404))
    with pytest.raises(FeedError) as caught:
        await feed.check()
    assert caught.value.reason is FeedProblem.HTTP_STATUS
    vendor.behave()
    assert await versions(feed) == ["1.0.0", "1.1.0", "3.0"]


# What may be wrong although it is signed.


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"version": "next"}, "version is no dotted version"),
        ({"version": "1.0"}, "version is there twice for this model"),
        ({"schema": 3}, "feed_schema_too_new (schema=3, supported=2)"),
        ({"rollout": {"percent": 5}}, "schema must be a whole number from 2"),
        ({"kind": "feed"}, "kind must be release"),
        ({"vendor": "Emca"}, "vendor is not the vendor of this feed"),
        ({"model": "ND-200"}, "model is not among the models of this feed"),
        ({"payload": None}, "payload is missing"),
    ],
)
async def test_a_bad_release_does_not_hide_the_good_ones(
    feed: TufFeed, vendor: Vendor, fields: dict[str, Any], line: str
) -> None:
    """It is left out, and reported with the field that is wrong."""
    vendor.amend(TWO, **fields)
    content = await feed.check()
    twice = "twice" in line
    assert [each.artifact and each.artifact.path for each in content.releases] == (
        [] if twice else [ONE]
    )
    expected = [f"{path}: {line}" for path in ((ONE, TWO) if twice else (TWO,))]
    assert list(content.refused) == expected


async def test_a_listed_release_that_is_not_signed_is_reported(
    feed: TufFeed, vendor: Vendor
) -> None:
    """The descriptor promises what the targets do not hold."""
    vendor.describe(releases=[ONE, TWO, "acme/ghost.zip"])
    content = await feed.check()
    assert len(content.releases) == 2
    assert content.refused == (
        "acme/ghost.zip: feed_release_withdrawn (path=acme/ghost.zip)",
    )


async def test_a_signed_file_that_is_not_listed_is_no_release(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A repository may hold other things."""
    vendor.describe(releases=[ONE])
    assert await versions(feed) == ["1.0.0"]


@pytest.mark.parametrize(
    ("fields", "reason", "details"),
    [
        (
            {"vendor": "A\u202ecme"},
            FeedProblem.FIELD_INVALID,
            {
                "field": "vendor",
                "problem": "must have printable characters and plain spaces only",
            },
        ),
        (
            {"models": [{**MODEL, "version_scheme": "semver"}]},
            FeedProblem.FIELD_INVALID,
            {
                "field": "models[0].version_scheme",
                "problem": "must be one of: dotted, integer, hex, text_integer",
            },
        ),
        (
            {"schema": 3},
            FeedProblem.SCHEMA_TOO_NEW,
            {"schema": "3", "supported": "2"},
        ),
    ],
)
async def test_a_bad_descriptor_says_which_field_is_wrong(
    feed: TufFeed,
    vendor: Vendor,
    fields: dict[str, object],
    reason: FeedProblem,
    details: dict[str, str],
) -> None:
    """Without a descriptor that makes sense nothing is offered."""
    good = vendor.descriptor
    vendor.describe(**fields)
    with pytest.raises(FeedError) as caught:
        await feed.check()
    assert caught.value.reason is reason
    assert caught.value.details == details
    vendor.describe(**good)
    assert len(await versions(feed)) == 2


@pytest.mark.parametrize("custom", [None, "text", {}, {"other": {"schema": 1}}])
async def test_a_file_that_is_named_as_a_descriptor_is_none(
    feed: TufFeed, vendor: Vendor, custom: object
) -> None:
    """Somebody else may have a file of that name, and something of their own in it."""
    target = vendor._targets.signed.targets[DESCRIPTOR]
    target.unrecognized_fields["custom"] = custom
    vendor.renew()
    with pytest.raises(FeedError) as caught:
        await feed.check()
    assert caught.value.reason is FeedProblem.NOT_A_FEED
    assert caught.value.details == {"host": "127.0.0.1"}


async def test_a_tuf_repository_of_something_else_is_no_feed(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Without the descriptor there is nothing to read."""
    vendor.remove_descriptor()
    with pytest.raises(FeedError) as caught:
        await feed.check()
    assert caught.value.reason is FeedProblem.NOT_A_FEED
    assert caught.value.details == {"host": "127.0.0.1"}


# The way there.


async def test_https_with_a_certificate_that_is_trusted(
    socket_enabled: None,
    tmp_path: Path,
    cache: Path,
    clock: Clock,
    trust: MemoryTrust,
) -> None:
    """This is how it is outside of tests; a stranger's certificate is refused."""
    authority = Authority()
    vendor = Vendor(tls=authority.server_context(tmp_path))
    vendor.release(ONE, FIRMWARE_ONE, version="1.0.0")
    await vendor.start()

    def make(session: aiohttp.ClientSession) -> TufFeed:
        return TufFeed(
            feed_id="acme",
            url=vendor.url,
            root=vendor.root,
            pinned_keys=None,
            cache=cache,
            session=session,
            clock=clock,
            trust=trust,
        )

    for context, refused in (
        (Authority().client_context(), True),
        (authority.client_context(), False),
    ):
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            feed = make(session)
            if refused:
                with pytest.raises(FeedError) as caught:
                    await feed.check()
                assert caught.value.reason is FeedProblem.CERTIFICATE_INVALID
                assert caught.value.details["host"] == "127.0.0.1"
            else:
                release = (await feed.check()).releases[0]
                assert await feed.fetch(release) == FIRMWARE_ONE
    await vendor.stop()


async def test_plain_http_is_refused(
    *,
    make_feed: FeedFactory,
    vendor: Vendor,
    session: aiohttp.ClientSession,
    clock: Clock,
    trust: MemoryTrust,
    cache: Path,
) -> None:
    """Even to this machine, unless a test asks for it."""
    told_nothing = TufFeed(
        feed_id="acme",
        url=vendor.url,
        root=vendor.root,
        pinned_keys=None,
        cache=cache,
        session=session,
        clock=clock,
        trust=trust,
    )
    for feed in (told_nothing, make_feed(allow_loopback_http=False)):
        with pytest.raises(FeedError) as caught:
            await feed.check()
        assert caught.value.reason is FeedProblem.URL_NOT_HTTPS
    assert vendor.requests == []


ADVISORY: dict[str, Any] = {
    "document": {
        "csaf_version": "2.0",
        "title": "Pairing",
        "tracking": {
            "id": "ACME-1",
            "status": "final",
            "current_release_date": "2026-11-01T00:00:00Z",
        },
    },
    "product_tree": {
        "branches": [
            {
                "category": "vendor",
                "name": "Acme",
                "branches": [
                    {
                        "category": "product_name",
                        "name": "ND-100",
                        "branches": [
                            {
                                "category": "product_version_range",
                                "name": "vers:generic/<1.1",
                                "product": {"product_id": "old", "name": "Old"},
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "vulnerabilities": [
        {"cve": "CVE-2026-0001", "product_status": {"known_affected": ["old"]}}
    ],
}


async def test_a_vendor_that_does_not_speak_of_holes_is_silent(
    feed: TufFeed, vendor: Vendor
) -> None:
    """An empty list is an answer, none is none."""
    assert not (await feed.check()).tells_advisories
    vendor.describe(advisories=[])
    content = await feed.check()
    assert content.tells_advisories
    assert content.advisories == ()


async def test_advisories_are_told(feed: TufFeed, vendor: Vendor) -> None:
    """With the model that they are about, and out of the cache as well."""
    vendor.advise("acme/acme-1.json", **ADVISORY)
    content = await feed.check()
    assert content.tells_advisories
    assert [(each.id, each.model) for each in content.advisories] == [
        ("CVE-2026-0001", "ND-100")
    ]
    recalled = await feed.recall()
    assert recalled is not None
    assert recalled.advisories == content.advisories


async def test_no_vendor_makes_a_home_compare_for_ever(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Each advisory is small enough; what is too much in all is left out, and is said."""
    (hole,) = ADVISORY["vulnerabilities"]
    holes = [{**hole, "cve": f"CVE-2026-{1000 + number}"} for number in range(16)]
    many = MAX_STATEMENTS // len(holes) // 4
    (of_vendor,) = ADVISORY["product_tree"]["branches"]
    (of_model,) = of_vendor["branches"]
    versions = [
        {
            "category": "product_version",
            "name": f"1.{number}.0",
            "product": {"product_id": f"P{number}"},
        }
        for number in range(many)
    ]
    ids = [f"P{number}" for number in range(many)]
    for place in range(5):
        vendor.advise(
            f"acme/acme-{place}.json",
            **{
                **ADVISORY,
                "product_tree": {
                    "branches": [
                        {**of_vendor, "branches": [{**of_model, "branches": versions}]}
                    ]
                },
                "vulnerabilities": [
                    {
                        "cve": each["cve"].replace("2026", str(2020 + place)),
                        "product_status": {"known_affected": ids},
                    }
                    for each in holes
                ],
            },
        )
    content = await feed.check()
    assert not content.tells_advisories
    assert sum(each.statements for each in content.advisories) == MAX_STATEMENTS
    (refused,) = content.refused
    assert refused == (
        "acme/acme-4.json: vulnerabilities name versions more than 2048 times, with all "
        "before"
    )


async def test_an_advisory_that_cannot_be_read_makes_the_vendor_silent(
    feed: TufFeed, vendor: Vendor
) -> None:
    """What was in it nobody knows; the others and all releases stay."""
    vendor.advise("acme/acme-1.json", **ADVISORY)
    vendor.advise("acme/acme-2.json", **{**ADVISORY, "vulnerabilities": []})
    vendor.describe(advisories=[*vendor.descriptor["advisories"], "acme/gone.json"])
    content = await feed.check()
    assert not content.tells_advisories
    assert [each.id for each in content.advisories] == ["CVE-2026-0001"]
    assert [line.partition(":")[0] for line in content.refused] == [
        "acme/acme-2.json",
        "acme/gone.json",
    ]
    assert [release.version.text for release in content.releases]
