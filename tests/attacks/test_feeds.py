"""A vendor whose signatures are good, and who means harm with what is signed."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
import json
from pathlib import Path
import tracemalloc
from typing import Any

import aiohttp
import pytest
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import MetaFile

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import Limits
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from tests.core.feeds.conftest import (
    FIRMWARE_ONE,
    FIRMWARE_TWO,
    ONE,
    TWO,
    Clock,
    MemoryTrust,
    fingerprints,
    names_in,
)
from tests.rig.vendor import Vendor

from .table import Tried

MEGABYTE = 1024**2
LIMITS = Limits()


class Customer:
    """A household that trusts a vendor, and starts again whenever it likes."""

    def __init__(self, cache: Path, session: aiohttp.ClientSession) -> None:
        """Begin with a vendor that has two good releases."""
        self.vendor = Vendor()
        self.cache = cache
        self.trust = MemoryTrust()
        self._session = session
        self.vendor.release(ONE, FIRMWARE_ONE, version="1.0.0")
        self.vendor.release(TWO, FIRMWARE_TWO, version="1.1.0", security_version=2)
        self._pinned = fingerprints(self.vendor)

    def feed(self) -> TufFeed:
        """Return the feed, as after a start."""
        return TufFeed(
            feed_id="acme",
            url=self.vendor.url,
            root=self.vendor.root,
            pinned_keys=self._pinned,
            cache=self.cache,
            session=self._session,
            clock=Clock(),
            trust=self.trust,
            allow_loopback_http=True,
        )

    async def refusal(self) -> FeedError:
        """Return why the feed is refused: now, after a start, and without a cache."""
        reasons = []
        feed = self.feed()
        for again in (feed, feed, self.feed()):
            with pytest.raises(FeedError) as caught:
                await again.check()
            reasons.append(caught.value.reason)
        await feed.forget()
        with pytest.raises(FeedError) as caught:
            await self.feed().check()
        reasons.append(caught.value.reason)
        assert len(set(reasons)) == 1, reasons
        return caught.value

    async def reasons(self) -> list[FeedProblem]:
        """Return why the feed is refused, if it is."""
        try:
            await self.feed().check()
        except FeedError as err:
            return [err.reason]
        return []

    async def offered(self) -> list[str]:
        """Return the versions that the feed offers."""
        content = await self.feed().check()
        return sorted(release.version.text for release in content.releases)

    @property
    def cached(self) -> int:
        """How many bytes are cached."""
        files = (path for path in self.cache.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files if not path.is_symlink())


@pytest.fixture
async def customer(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Customer]:
    """Return a household and its vendor, whose server runs."""
    async with aiohttp.ClientSession() as session:
        customer = Customer(tmp_path / "feed", session)
        await customer.vendor.start()
        yield customer
        await customer.vendor.stop()


def fat_role(vendor: Vendor, name: str, padding: object) -> None:
    """Let another role sign, for nothing in particular and with a lot of it."""
    vendor.delegate(name, ["acme/*/*"])
    vendor._role(name).signed.unrecognized_fields["x_padding"] = padding
    vendor.renew(name)
    # It decides about nothing, so that all who come after it are asked as well.
    delegations = vendor._targets.signed.delegations
    assert delegations is not None
    assert delegations.roles is not None
    delegations.roles[name].terminating = False
    vendor.renew()


async def test_fat_roles_are_refused_before_they_fill_memory_or_disk(
    customer: Customer, attack: Tried
) -> None:
    """Each of a length that TUF allows; all together of one that nobody needs."""
    roles = 12
    for number in range(roles):
        fat_role(customer.vendor, f"role-{number}", "x" * 4_900_000)
    # Not in targets.json any more, so that the roles are asked for it.
    customer.vendor._targets.signed.targets.pop(ONE)
    customer.vendor.renew()
    tracemalloc.start()
    try:
        error = await customer.refusal()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason is FeedProblem.TOO_MUCH
    assert error.details["limit"] == "4"
    # The vendor's server holds what it sends in the same process.
    assert peak < 64 * MEGABYTE
    assert customer.cached <= LIMITS.metadata
    attack("roles of 4.9 MB each", roles, f"refused, {peak // MEGABYTE} MB of memory")


@pytest.mark.parametrize(
    "padding",
    [
        [[]] * 60_000,
        [{} for _ in range(60_000)],
        list(range(60_000)),
        {str(number): number for number in range(60_000)},
        ['\\"[,'] * 60_000,
    ],
    ids=["lists", "objects", "numbers", "keys", "texts"],
)
async def test_many_small_values_are_refused_before_they_are_read(
    customer: Customer, padding: object, attack: Tried
) -> None:
    """An empty list takes two bytes on the way, and fifty in memory."""
    fat_role(customer.vendor, "role", padding)
    customer.vendor._targets.signed.targets.pop(ONE)
    customer.vendor.renew()
    assert (await customer.refusal()).reason is FeedProblem.TOO_MUCH
    attack(f"many values: {padding!r:.20}", 60_000, "refused")


async def test_more_roles_than_are_followed_are_not_even_asked_for(
    customer: Customer, attack: Tried
) -> None:
    """However small they are."""
    for number in range(LIMITS.roles):
        customer.vendor.delegate(f"role-{number}", [f"role-{number}/*"])
    customer.vendor.requests.clear()
    error = await customer.refusal()
    assert error.reason is FeedProblem.TOO_MANY_ROLES
    assert error.details["roles"] == str(LIMITS.roles + 1)
    assert not [each for each in customer.vendor.requests if "role-" in each.path]
    attack("more roles than are followed", LIMITS.roles + 1, "refused")


async def test_as_many_roles_as_are_followed_are_followed(customer: Customer) -> None:
    """The limit is not one less."""
    for number in range(LIMITS.roles - 1):
        customer.vendor.delegate(f"role-{number}", [f"role-{number}/*"])
    path = f"role-{LIMITS.roles - 2}/3.0.0.zip"
    customer.vendor.release(
        path, b"firmware", role=f"role-{LIMITS.roles - 2}", version="3.0.0"
    )
    assert await customer.offered() == ["1.0.0", "1.1.0", "3.0.0"]


async def test_a_cache_does_not_grow_from_check_to_check(
    customer: Customer, attack: Tried
) -> None:
    """A little more each time, and at last more than is read: refused from then on."""
    refused = 0
    customer.vendor._targets.signed.targets.pop(ONE)
    for number in range(8):
        fat_role(customer.vendor, f"role-{number}", "x" * 900_000)
        reasons = await customer.reasons()
        assert reasons in ([], [FeedProblem.TOO_MUCH])
        refused += len(reasons)
        assert customer.cached <= LIMITS.metadata
    assert refused >= 3
    assert (await customer.refusal()).reason is FeedProblem.TOO_MUCH
    attack("a feed that grows", 8, "refused beyond 4 MiB")


async def test_what_nothing_names_any_more_is_deleted(customer: Customer) -> None:
    """Roles that are gone, and what a cut has left half written."""
    vendor = customer.vendor
    vendor.delegate("gone", ["gone/*"])
    vendor.release("gone/3.0.0.zip", b"firmware", role="gone", version="3.0.0")
    assert "3.0.0" in await customer.offered()
    metadata = customer.cache / "metadata"
    (metadata / "tmphalf").write_bytes(b"{")
    assert "gone.json" in names_in(metadata)
    assert "3.0.0" in await customer.offered()
    assert "gone.json" in names_in(metadata)
    assert "tmphalf" not in names_in(metadata)
    delegations = vendor._targets.signed.delegations
    assert delegations is not None
    assert delegations.roles is not None
    del delegations.roles["gone"]
    del vendor._snapshot.signed.meta["gone.json"]
    vendor.describe(releases=[ONE, TWO])
    # A snapshot may only lose a role under a new key.
    vendor.rotate("snapshot")
    assert await customer.offered() == ["1.0.0", "1.1.0"]
    assert names_in(metadata) == [
        "root.json",
        "root_history",
        "snapshot.json",
        "targets.json",
        "timestamp.json",
    ]


# What is signed.


def canonical(value: dict[str, Any]) -> bytes:
    """Return what is signed of a value."""
    text = encode_canonical(value)
    assert text is not None
    return text.encode()


def signed_anew(vendor: Vendor, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return the timestamp with something changed, and a good signature."""
    document = json.loads(vendor._files["metadata/timestamp.json"])
    change(document["signed"])
    (signer,) = vendor.signers("timestamp")
    signature = signer.sign(canonical(document["signed"]))
    document["signatures"] = [{"keyid": signature.keyid, "sig": signature.signature}]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", -1),
        ("version", 0),
        ("version", True),
        ("version", "7"),
        ("version", None),
        ("version", [7]),
        ("expires", "99999-01-01T00:00:00Z"),
        ("expires", "9999-12-31T23:59:59"),
        ("expires", "2030-02-30T00:00:00Z"),
        ("expires", "2030-01-01T00:00:00+23:59"),
        ("expires", 4_102_444_800),
        ("expires", ""),
        ("_type", "root"),
        ("_type", "targets"),
        ("_type", "__class__"),
        ("spec_version", "9" * 100_000),
        ("spec_version", "2.0.0"),
        ("meta", {}),
        ("meta", {"snapshot.json": {"version": -1}}),
        ("meta", {"../snapshot.json": {"version": 1}}),
        ("meta", []),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_signed_nonsense_is_refused(
    customer: Customer, field: str, value: object, attack: Tried
) -> None:
    """A signature proves who has said something, not that it makes sense."""

    def change(signed: dict[str, Any]) -> None:
        signed[field] = value

    customer.vendor.overlay["metadata/timestamp.json"] = signed_anew(
        customer.vendor, change
    )
    error = await customer.refusal()
    assert error.reason in {
        FeedProblem.METADATA_INVALID,
        FeedProblem.TOO_LARGE,
        FeedProblem.UNSIGNED,
    }
    assert customer.trust.kept.feeds == {}
    customer.vendor.behave()
    assert await customer.offered() == ["1.0.0", "1.1.0"]
    attack(f"signed nonsense: {field} {value!r:.20}", 1, "refused")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"version"', b'"version": 9, "version"', 1),
        lambda body: body.replace(b'"signed"', b'"signed": {}, "signed"', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"x": NaN, ', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"x": Infinity, ', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"x": 1e999, ', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"x": "\\ud800", ', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"\\ud800": 1, ', 1),
        lambda body: body.replace(b'"signed": {', b'"signed": {"x": 0.1, ', 1),
        lambda body: b"[" * 8000 + b"]" * 8000,
        lambda body: b'{"signed":' * 1500 + b"1" + b"}" * 1500,
        lambda body: b"1" * 16_000,
        lambda body: body.replace(
            b'"signed": {', b'"signed": {"x": ' + b"9" * 9000 + b", "
        ),
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.decode().encode("utf-16"),
        lambda body: body + b"\x00",
        lambda body: b"null",
        lambda body: b'"text"',
    ],
)
async def test_what_json_leaves_open_is_no_way_in(
    customer: Customer, change: Callable[[bytes], bytes], attack: Tried
) -> None:
    """Keys that are there twice, numbers that are none, halves of letters, depth.

    What is read is what is signed, or nothing is.
    """
    body = signed_anew(customer.vendor, lambda signed: None)
    changed = change(body)
    assert changed != body
    customer.vendor.overlay["metadata/timestamp.json"] = changed
    if reasons := await customer.reasons():
        assert reasons[0] in {
            FeedProblem.METADATA_INVALID,
            FeedProblem.UNSIGNED,
            FeedProblem.TOO_LARGE,
            FeedProblem.TOO_MUCH,
        }
        assert customer.trust.kept.feeds == {}
    else:
        version = customer.vendor._timestamp.signed.version
        assert customer.trust.kept.feeds["acme"].timestamp.version == version
    customer.vendor.behave()
    assert await customer.offered() == ["1.0.0", "1.1.0"]
    attack(f"JSON that can be misread: {changed[-20:]!r}", 1, "as signed, or refused")


async def test_an_expiry_far_away_is_one(customer: Customer) -> None:
    """It is the vendor's own risk; and the longest is no reason to stumble."""
    customer.vendor.renew("targets", valid=timedelta(days=365 * 7000))
    assert await customer.offered() == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize("releases", [65, 10_000])
async def test_more_releases_than_a_feed_may_have_are_refused(
    customer: Customer, releases: int, attack: Tried
) -> None:
    """The list is measured before it is read."""
    paths = [f"acme/nd-100/{number}.zip" for number in range(releases)]
    customer.vendor.describe(releases=paths)
    error = await customer.refusal()
    assert error.reason is FeedProblem.FIELD_INVALID
    assert error.details["field"] == "releases"
    attack("more releases than a feed may have", releases, "refused")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vendor", "x" * 65),
        ("vendor", "Acme\n- Evidence: verified"),
        ("vendor", "Acme\u202e"),
        ("vendor", "Acme\u200b"),
        ("vendor", "\u0000"),
        ("vendor", " Acme"),
        ("vendor", ["Acme"]),
        ("vendor", {"__class__": "x"}),
        ("models", []),
        ("models", [{"model": "x"}] * 65),
        ("models", {"model": "x"}),
        ("firmware_keys", []),
        ("firmware_keys", ["-----BEGIN PUBLIC KEY-----" + "A" * 1_000_000]),
        ("firmware_keys", [1]),
        ("releases", ["../../etc/passwd"]),
        ("releases", ["/etc/passwd"]),
        ("releases", ["a//b"]),
        ("releases", ["a/../b"]),
        ("releases", ["a\\b"]),
        ("releases", ["a%2e%2e/b"]),
        ("releases", ["https://evil.example/a"]),
        ("releases", ["a" * 257]),
        ("releases", [ONE, ONE]),
        ("releases", [None]),
        ("kind", "release"),
        ("schema", 0),
        ("schema", True),
        ("schema", 3),
        ("schema", 2**60),
        # Without saying that it is a keeper's, or who keeps it.
        ("signed_by", "keeper"),
        ("signed_by", "nobody"),
        ("signed_by", None),
        ("keeper", "Northside Homes"),
        ("keeper", "Northside\u202e"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_descriptor_says_nothing_else_than_it_may(
    customer: Customer, field: str, value: object, attack: Tried
) -> None:
    """Each field has its type, its size and its letters."""
    customer.vendor.describe(**{field: value})
    error = await customer.refusal()
    assert error.reason in {FeedProblem.FIELD_INVALID, FeedProblem.SCHEMA_TOO_NEW}
    assert all(len(each) < 500 for each in error.details.values())
    customer.vendor.requests.clear()
    attack(f"descriptor: {field} {value!r:.20}", 1, "refused")


def everything_in(directory: Path) -> set[Path]:
    """Return all files and folders below a directory."""
    return set(directory.rglob("*"))


def deep(levels: int) -> object:
    """Return lists in lists."""
    value: object = "end"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "fields",
    [
        {"x_deep": deep(200)},
        {"x_deep": deep(300)},
        {"x_many": ["a"] * 300},
        {"x_long": "x" * 20_000},
        {"release_notes": "x" * 40_000},
        {"release_notes": "a\u202eb"},
        {"version": "1" * 65},
        {"version": "9" * 60},
        {"version": "1.0.0\n"},
        {"version": "\uff11.0"},
        {"advisories": [{"id": f"CVE-{number}"} for number in range(65)]},
        {"advisories": [{"id": "a](https://evil.example"}]},
        {"release_url": "javascript:alert(1)"},
        {"release_url": "https://user:pass@evil.example/"},
        {"minimum_battery": 101},
        {"expected_duration": 10**9},
        {"security_version": -1},
        {"hardware_revisions": []},
        {"payload": {"format": "nordic-dfu"}},
        {"payload": None},
        {"disrupts": ["the_door"]},
        {"support_end": "2030-02-30"},
        {"model": "Other"},
        {"vendor": "Other"},
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_one_bad_release_hides_no_other(
    customer: Customer, fields: dict[str, Any], attack: Tried
) -> None:
    """It is left out, with a line of a length that can be read."""
    customer.vendor.release(
        "acme/nd-100/bad.zip", b"firmware", **{"version": "2.0.0", **fields}
    )
    content = await customer.feed().check()
    offered = {release.version.text for release in content.releases}
    assert offered >= {"1.0.0", "1.1.0"}
    for line in content.refused:
        assert line.isprintable()
        assert len(line) < 500
    if not content.refused:
        # Kept within its limits, never obeyed.
        assert next(iter(fields)).startswith("x_")
        assert json.dumps(content.releases[-1].extra)
    attack(f"release: {fields!r:.40}", 1, "left out, the others offered")


@pytest.mark.parametrize(
    "name",
    [
        "../../escape",
        "..",
        "a/b",
        "a\\b",
        "a\nb",
        "a%2fb",
        "nightlatch.json",
        "\u202eelor",
        "r" * 300,
        " ",
    ],
    ids=repr,
)
async def test_a_role_does_not_write_outside_its_cache(
    customer: Customer, name: str, tmp_path: Path, attack: Tried
) -> None:
    """Whatever it is called."""
    before = everything_in(tmp_path)
    customer.vendor.delegate(name, ["other/*"])
    try:
        customer.vendor.release("other/3.0.0.zip", b"x", role=name, version="3.0.0")
        await customer.feed().check()
    except FeedError:
        # A name that no file can have.
        pass
    outside = {
        path
        for path in everything_in(tmp_path) - before
        if not path.is_relative_to(customer.cache)
    }
    assert outside == set()
    for path in everything_in(customer.cache):
        assert path.parent in {
            customer.cache,
            customer.cache / "metadata",
            customer.cache / "metadata" / "root_history",
        }
    attack(f"a role named {name!r:.20}", 1, "nothing outside the cache")


@pytest.mark.parametrize("name", ["root", "timestamp", "snapshot", "targets"])
async def test_a_role_does_not_take_the_name_of_another(
    customer: Customer, name: str
) -> None:
    """Its metadata would be cached in their place."""
    targets = json.loads(customer.vendor._targets.to_bytes())
    targets["signed"]["delegations"] = {
        "keys": {},
        "roles": [
            {
                "name": name,
                "keyids": [],
                "threshold": 1,
                "terminating": True,
                "paths": ["*"],
            }
        ],
    }
    document = canonical(targets["signed"])
    targets["signatures"] = [
        {"keyid": signer.public_key.keyid, "sig": signer.sign(document).signature}
        for signer in customer.vendor.signers("targets")
    ]
    body = json.dumps(targets).encode()
    vendor = customer.vendor
    vendor._snapshot.signed.meta["targets.json"] = MetaFile(
        vendor._targets.signed.version
    )
    vendor.renew("snapshot")
    # Signing has described the true file again.
    vendor.overlay[f"metadata/{vendor._targets.signed.version}.targets.json"] = body
    error = await customer.refusal()
    assert error.reason in {FeedProblem.METADATA_INVALID, FeedProblem.MIXED}
