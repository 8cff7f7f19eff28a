"""What docs/feed-format.md tells vendors of TUF's own forms and limits, tried out."""

from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import Signature, SSlibKey
from tuf.api.metadata import DelegatedRole, Metadata, MetaFile, Timestamp
from tuf.ngclient.config import UpdaterConfig

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import Limits
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.feeds.tuf_root import inspect_root
from tests.rig.vendor import Vendor

from .conftest import MemoryTrust

PAGE = (Path(__file__).parents[3] / "docs/feed-format.md").read_text()
NOW = datetime.now(UTC)


def told(*words: str) -> bool:
    """Return whether the page has some words, wherever its lines end."""
    page = " ".join(PAGE.split())
    return all(word in page for word in words)


async def refusal(feed: TufFeed) -> FeedError:
    """Return why a check fails; it must."""
    with pytest.raises(FeedError) as caught:
        await feed.check()
    return caught.value


@pytest.mark.parametrize(
    "form",
    [
        "2030-01-02T03:04:05.000Z",
        "2030-01-02T03:04:05+00:00",
        "2030-01-02T03:04:05",
        "2030-01-02",
    ],
)
def test_there_is_one_form_of_dates(form: str) -> None:
    """And none of the others that ISO 8601 has."""
    vendor = Vendor()
    metadata: dict[str, Any] = json.loads(vendor.root)
    good = metadata["signed"]["expires"]
    assert good == f"{datetime.fromisoformat(good):%Y-%m-%dT%H:%M:%SZ}"
    metadata["signed"]["expires"] = form
    with pytest.raises(FeedError) as caught:
        inspect_root(json.dumps(metadata).encode(), NOW)
    assert caught.value.reason is FeedProblem.ROOT_INVALID
    assert told("`2026-12-31T23:59:59Z`", "fractions of a second", "`+00:00`")


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("acme/nd-100/*", "acme/nd-100/1.1.0.zip", True),
        ("acme/*", "acme/nd-100/1.1.0.zip", False),
        ("*", "acme/nd-100/1.1.0.zip", False),
        ("acme/*/*", "acme/nd-100/1.1.0.zip", True),
        ("acme/{nd-100,nd-200}/*", "acme/nd-100/1.1.0.zip", False),
        ("acme/nd-?00/*", "acme/nd-100/1.1.0.zip", True),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, matches: bool) -> None:
    """A star ends at a slash, and there are no alternatives in braces."""
    role = DelegatedRole("line", [], 1, terminating=True, paths=[pattern])
    assert role.is_delegated_path(path) is matches
    assert told("`*` does not cross a `/`", "`{a,b}`")


def test_roles_are_counted_and_not_their_depth() -> None:
    """TUF's client looks at so many for one path, whoever has delegated to whom."""
    assert Limits().roles == 32
    assert UpdaterConfig().max_delegations == 32
    assert told("32 roles", "not to a depth of 32")


def test_two_signatures_of_ml_dsa_87_do_not_fit_into_a_timestamp() -> None:
    """FIPS 204: 4627 bytes each; two of ML-DSA-65, with 3309, do."""
    limit = UpdaterConfig().timestamp_max_length
    sizes = {}
    for name, size in (("ML-DSA-65", 3309), ("ML-DSA-87", 4627)):
        metadata = Metadata(
            Timestamp(expires=NOW + timedelta(days=1), snapshot_meta=MetaFile(1))
        )
        for key_id in ("aa" * 32, "bb" * 32):
            metadata.signatures[key_id] = Signature(key_id, bytes(size).hex())
        sizes[name] = len(metadata.to_bytes())
    assert sizes["ML-DSA-65"] < limit == 16_384 < sizes["ML-DSA-87"]
    assert told("two of ML-DSA-87 do not fit", "16 384 bytes")


@pytest.mark.parametrize("with_snapshot", [False, True])
async def test_absurdly_high_targets_end_with_two_new_keys(
    feed: TufFeed, vendor: Vendor, trust: MemoryTrust, with_snapshot: bool
) -> None:
    """The snapshot names their version, and must not name a lower one under its key."""
    await feed.check()
    vendor.jump("targets", 1_000_000)
    await feed.check()
    assert trust.kept.feeds["acme"].targets.version > 1_000_000
    vendor.jump("targets", -1_000_000)
    vendor.rotate("targets")
    if with_snapshot:
        vendor.rotate("snapshot")
        await feed.check()
        assert trust.kept.feeds["acme"].targets.version < 1000
    else:
        assert (await refusal(feed)).reason is FeedProblem.ROLLED_BACK
    assert told("for the targets, the snapshot's as well")


# Keys of kinds that are newer than what is shipped.


def give_new_kind(keys: dict[str, Any]) -> None:
    """Put a key of an unknown kind among others."""
    keys["ef" * 32] = {
        "keytype": "slh-dsa",
        "scheme": "slh-dsa-128s/1",
        "keyval": {"public": "00"},
    }


async def test_a_new_root_with_a_key_of_an_unknown_kind(
    feed: TufFeed, vendor: Vendor
) -> None:
    """What was good stays good until somebody has updated Nightlatch."""
    await feed.check()
    vendor.rotate("timestamp")
    metadata = json.loads(vendor.keep().files["metadata/2.root.json"])
    give_new_kind(metadata["signed"]["keys"])
    vendor.overlay["metadata/2.root.json"] = json.dumps(metadata).encode()
    error = await refusal(feed)
    assert error.reason is FeedProblem.KEY_TOO_NEW
    assert error.details == {"role": "root", "kind": "slh-dsa/slh-dsa-128s/1"}
    vendor.behave()
    await feed.check()


async def test_a_pinned_root_with_a_key_of_an_unknown_kind(
    make_feed: Any, vendor: Vendor
) -> None:
    """As after somebody has gone back to an older Nightlatch."""
    metadata = json.loads(vendor.root)
    give_new_kind(metadata["signed"]["keys"])
    error = await refusal(make_feed(root=json.dumps(metadata).encode()))
    assert error.reason is FeedProblem.KEY_TOO_NEW
    assert error.details == {"role": "root", "kind": "slh-dsa/slh-dsa-128s/1"}


async def test_a_delegation_to_a_key_of_an_unknown_kind(
    feed: TufFeed, vendor: Vendor
) -> None:
    """It is the targets that name it."""
    vendor.delegate("line-two", ["acme/line-two/*"])
    delegations = vendor._targets.signed.delegations
    assert delegations is not None
    delegations.keys["ef" * 32] = SSlibKey(
        "ef" * 32, "slh-dsa", "slh-dsa-128s/1", {"public": "00"}
    )
    vendor.renew()
    error = await refusal(feed)
    assert error.reason is FeedProblem.KEY_TOO_NEW
    assert error.details == {"role": "targets", "kind": "slh-dsa/slh-dsa-128s/1"}
