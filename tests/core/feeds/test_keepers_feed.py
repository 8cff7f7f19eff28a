"""A feed that somebody keeps who is not the maker: what it may say, and what it may not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.schema import (
    Descriptor,
    ListedFile,
    parse_descriptor,
    parse_release,
)
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.model import Evidence, Found, Release, Severity
from custom_components.nightlatch.core.records.trust import Halts
from tests.rig.vendor import Vendor

from .conftest import FIRMWARE_ONE, ONE, TWO, FeedFactory, MemoryTrust, fingerprints
from .test_schema import (
    DESCRIPTOR,
    MODEL,
    P256,
    PATH,
    RELEASE,
    SHA256,
    problem,
    read_release,
    wrap,
)

FOUND = {"url": "https://acme.example/1.2.0", "fetched": "2026-11-30"}
KEEPER = "Northside Homes"


def read_descriptor(**fields: Any) -> Descriptor:
    """Read a keeper's descriptor with some fields changed; None leaves one out."""
    signs = {"schema": 2, "signed_by": "keeper", "keeper": KEEPER}
    custom = {**DESCRIPTOR, **signs, **fields}
    return parse_descriptor(
        wrap({key: value for key, value in custom.items() if value is not None})
    )


def kept(**fields: Any) -> Release:
    """Read a release of a keeper's; None leaves a field out."""
    said = {"security_version": 0, "found": FOUND, "support_end": None, **fields}
    custom = {
        key: value for key, value in {**RELEASE, **said}.items() if value is not None
    }
    target = ListedFile(
        path=PATH, length=9, hashes={"sha256": SHA256}, custom=wrap(custom)
    )
    return parse_release(target, read_descriptor())


def test_a_keepers_release_says_whose_it_is() -> None:
    """By name, with where it was found; and that nothing of its origin is proven."""
    release = kept()
    assert (release.vendor, release.keeper) == ("Acme", KEEPER)
    assert release.evidence is Evidence.SIGNATURE_PRESENT
    assert release.rests_on_keeper
    assert release.found == Found(
        url="https://acme.example/1.2.0", fetched=date(2026, 11, 30)
    )
    assert "found" not in release.extra
    published = kept(found={**FOUND, "sha256": SHA256})
    assert published.found is not None
    assert published.found.digest_published


def test_a_makers_feed_is_as_before() -> None:
    """Whether it says so or not; in the schema that it had."""
    for fields in ({}, {"signed_by": "maker"}):
        descriptor = parse_descriptor(wrap({**DESCRIPTOR, **fields}))
        release = read_release(descriptor=descriptor)
        assert release.evidence is Evidence.SIGNATURE_VERIFIED
        assert (descriptor.keeper, release.keeper, release.found) == (None, None, None)
        assert not release.rests_on_keeper


def test_earlier_nightlatch_refuses_a_keepers_feed() -> None:
    """It would take it for the maker's: so the schema is one that it does not know."""
    assert problem(lambda: read_descriptor(schema=1)) == (
        "schema",
        "must be a whole number from 2",
    )


MAKERS_WORD = "must not be there: only a maker can say that"


@pytest.mark.parametrize(
    ("read", "field", "why"),
    [
        (lambda: read_descriptor(keeper=None), "keeper", "is missing"),
        (lambda: read_descriptor(keeper=3), "keeper", "must be a text"),
        (
            lambda: read_descriptor(keeper="A.C.M.E"),
            "keeper",
            "must not be called as the vendor is",
        ),
        (
            lambda: read_descriptor(signed_by="maker"),
            "keeper",
            "must not be there: its maker is said to sign it",
        ),
        *(
            (
                lambda name=name, value=value: read_descriptor(
                    models=[MODEL, {**MODEL, "model": "X", name: value}]
                ),
                f"models[1].{name}",
                MAKERS_WORD,
            )
            for name, value in {
                "confirms_itself": True,
                "has_battery": False,
                "support_end": "2031-01-01",
                "support_url": "https://acme.example/",
                "tells_hardware_revision": False,
            }.items()
        ),
        (lambda: kept(found=None), "found", "is missing"),
        (lambda: kept(found={**FOUND, "url": None}), "found.url", ""),
        (lambda: kept(found={"url": FOUND["url"]}), "found.fetched", "is missing"),
        (
            lambda: kept(found={**FOUND, "sha256": "0" * 64}),
            "found.sha256",
            "is not that of the file",
        ),
        (
            lambda: kept(security_version=1),
            "security_version",
            "must be 0: only a maker can raise it",
        ),
        (lambda: kept(support_end="2031-01-01"), "support_end", MAKERS_WORD),
    ],
)
def test_what_a_keeper_cannot_say_is_refused(
    read: Callable[[], object], field: str, why: str
) -> None:
    """With the field, and what is wrong with it."""
    found = problem(read)
    assert found[0] == field
    assert why in found[1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "fetched", "sha256"]), inner)
    ),
    max_leaves=6,
)


def read(what: Callable[[], Any]) -> Any:
    """Return what is read, or the field that is refused."""
    try:
        return what()
    except FeedError as err:
        return err.reason, err.details["field"].partition(".")[0]


@given(signed_by=anything, keeper=anything, schema=st.integers(1, 2))
def test_whoever_is_said_to_sign_is_read_or_refused(
    signed_by: object, keeper: object, schema: int
) -> None:
    """Never taken for the maker where a keeper is named, and never without an error."""
    said = {"schema": schema, "signed_by": signed_by, "keeper": keeper}
    found = read(lambda: parse_descriptor(wrap({**DESCRIPTOR, **said})))
    assert (
        isinstance(found, Descriptor)
        and (found.keeper, signed_by, schema) == (keeper, "keeper", 2)
    ) or found[0] is FeedProblem.FIELD_INVALID


@given(found=anything)
def test_where_a_file_was_found_is_read_or_refused(found: object) -> None:
    """Whatever stands there."""
    release = read(lambda: kept(found=found))
    assert release == (FeedProblem.FIELD_INVALID, "found") or release.found


def keep(vendor: Vendor, **fields: Any) -> None:
    """Let the feed say that a keeper signs it."""
    path = TWO
    for other in vendor.descriptor["releases"]:
        vendor.amend(other, security_version=0, found=FOUND)
    vendor.describe(
        schema=2,
        signed_by="keeper",
        keeper=KEEPER,
        advisories=[],
        **fields,
    )
    assert path in vendor.descriptor["releases"]


def pinned(make_feed: FeedFactory, vendor: Vendor, keeper: str | None) -> TufFeed:
    """Return the feed as a household has it that has approved who signs."""
    return make_feed(pinned_keys=fingerprints(vendor), keeper=keeper)


async def test_who_signs_is_pinned(vendor: Vendor, make_feed: FeedFactory) -> None:
    """Another keeper, the maker in its place, and a keeper in the maker's: none of them."""
    assert (await pinned(make_feed, vendor, None).check()).keeper is None
    keep(vendor)
    content = await pinned(make_feed, vendor, KEEPER).check()
    assert content.keeper == KEEPER
    # That nothing is known only a maker can say.
    assert not content.tells_advisories
    for before in (None, "Southside Homes"):
        with pytest.raises(FeedError) as caught:
            await pinned(make_feed, vendor, before).check()
        assert caught.value.reason is FeedProblem.SIGNED_BY_CHANGED
    vendor.describe(schema=1, signed_by="maker")
    descriptor = {k: v for k, v in vendor.descriptor.items() if k != "keeper"}
    vendor._put("targets", "nightlatch.json", b"{}", descriptor)
    vendor.renew()
    feed = pinned(make_feed, vendor, KEEPER)
    with pytest.raises(FeedError) as caught:
        await feed.check()
    assert caught.value.reason is FeedProblem.SIGNED_BY_CHANGED
    assert caught.value.details == {"before": KEEPER, "now": "Acme"}
    # Nor out of what was cached.
    assert await feed.recall() is None


async def test_it_is_kept_who_has_halted_what(
    vendor: Vendor, make_feed: FeedFactory, trust: MemoryTrust
) -> None:
    """With the metadata that said so; what is listed no more stays as it was."""
    content = await pinned(make_feed, vendor, None).check()
    (one,) = (each for each in content.releases if each.version.text == "1.0.0")
    halted = frozenset({(one.model, one.key)})

    def kept() -> Halts:
        (floor,) = trust.kept.feeds.values()
        told = (floor.halts.root, floor.halts.snapshot)
        assert told == (floor.root, floor.snapshot.version)
        return floor.halts

    assert (kept().releases, kept().of_keeper) == (frozenset(), False)
    vendor.amend(ONE, schema=2, halted={"reason": "It drains batteries."})
    await pinned(make_feed, vendor, None).check()
    assert (kept().releases, kept().of_keeper) == (halted, False)
    # Listed a second time, and not halted there.
    vendor.release("acme/nd-100/again.zip", FIRMWARE_ONE, version="1.0.0")
    await pinned(make_feed, vendor, None).check()
    assert kept().releases == halted
    vendor.withdraw(ONE)
    vendor.withdraw("acme/nd-100/again.zip")
    await pinned(make_feed, vendor, None).check()
    assert kept().releases == halted
    keep(vendor)
    await pinned(make_feed, vendor, KEEPER).check()
    assert (kept().releases, kept().of_keeper) == (halted, True)


async def test_what_a_lock_knows_of_an_image_is_no_change_of_it(
    vendor: Vendor, make_feed: FeedFactory
) -> None:
    """It is fetched, though the lock knows the signer."""
    keep(vendor)
    feed = pinned(make_feed, vendor, KEEPER)
    content = await feed.check()
    release = next(r for r in content.releases if r.version.text == "1.1.0")
    assert await feed.fetch(replace(release, evidence=Evidence.SAME_SIGNER))
    with pytest.raises(FeedError) as caught:
        await feed.fetch(replace(release, severity=Severity.LOW))
    assert caught.value.reason is FeedProblem.RELEASE_CHANGED


def test_keys_are_named_all_the_same() -> None:
    """A feed without one would be a feed of anybody's images."""
    assert problem(lambda: read_descriptor(firmware_keys=[]))[0] == "firmware_keys"
    assert read_descriptor(firmware_keys=[P256]).firmware_keys[0].pem == P256
