"""What an owner is shown before a root is trusted."""

from datetime import UTC, datetime, timedelta
import hashlib
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.tuf_root import inspect_root
from tests.rig.vendor import Vendor

NOW = datetime.now(UTC)


@pytest.fixture(name="vendor", scope="module")
def made_vendor() -> Vendor:
    """Return a vendor whose server does not run."""
    return Vendor()


def refusal(data: bytes, now: datetime = NOW) -> str:
    """Return what is wrong with a root."""
    with pytest.raises(FeedError) as caught:
        inspect_root(data, now)
    assert caught.value.reason is FeedProblem.ROOT_INVALID
    return caught.value.details["problem"]


def signed_root(root: Root, *signers: CryptoSigner) -> bytes:
    """Return a root with the signatures of some keys."""
    metadata = Metadata(root)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def a_root(signer: CryptoSigner) -> Root:
    """Return a root in which one key has all roles."""
    root = Root(expires=NOW + timedelta(days=1))
    for role in root.roles:
        root.add_key(signer.public_key, role)
    return root


def test_a_root_is_summed_up(vendor: Vendor) -> None:
    """With what a vendor can publish elsewhere, for comparison."""
    summary = inspect_root(vendor.root, NOW)
    assert summary.version == 1
    assert summary.sha256 == hashlib.sha256(vendor.root).hexdigest()
    assert timedelta(days=364) < summary.expires - NOW <= timedelta(days=366)
    assert {name: role.threshold for name, role in summary.roles.items()} == {
        "root": 2,
        "snapshot": 1,
        "targets": 2,
        "timestamp": 1,
    }
    # TUF's own tools give keys these very names.
    assert {key.whole for key in summary.roles["root"].fingerprints} == {
        signer.public_key.keyid for signer in vendor.signers("root")
    }
    assert all(key.whole == key.alone for key in summary.roles["root"].fingerprints)


def owned(signer: CryptoSigner, **beside: Any) -> CryptoSigner:
    """Return a signer whose key is named as tuf-on-ci names keys: by all of it."""
    key = signer.public_key
    fields = {**key.to_dict(), **beside}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    assert "\\" not in canonical
    key_id = hashlib.sha256(canonical.encode()).hexdigest()
    return CryptoSigner(signer._private_key, type(key).from_dict(key_id, fields))


def test_a_key_is_compared_by_what_its_vendor_publishes() -> None:
    """Which may be the hash of all of it, owner and place online included."""
    plain = CryptoSigner.generate_ed25519()
    keys = [
        owned(plain, **{"x-tuf-on-ci-keyowner": "@kestrel-release"}),
        owned(
            CryptoSigner.generate_ed25519(),
            **{"x-tuf-on-ci-online-uri": "awskms:alias/kestrel", "x-other": [1, True]},
        ),
        CryptoSigner.generate_ed25519(),
    ]
    root = Root(expires=NOW + timedelta(days=1))
    for role in root.roles:
        for signer in keys:
            root.add_key(signer.public_key, role)
        root.roles[role].threshold = 3
    summary = inspect_root(signed_root(root, *keys), NOW).roles["root"]
    assert [key.whole for key in summary.fingerprints] == sorted(
        signer.public_key.keyid for signer in keys
    )
    # And by the key alone, as other tools name it.
    assert plain.public_key.keyid in {key.alone for key in summary.fingerprints}
    assert sum(key.whole == key.alone for key in summary.fingerprints) == 1


def with_kind(data: bytes, keytype: object, scheme: object) -> bytes:
    """Return a root with one key more, of another kind."""
    metadata: dict[str, Any] = json.loads(data)
    metadata["signed"]["keys"]["ef" * 32] = {
        "keytype": keytype,
        "scheme": scheme,
        "keyval": {"public": "00"},
    }
    return json.dumps(metadata).encode()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (("falcon", "falcon-1024/2"), "falcon/falcon-1024/2"),
        (("ed25519", "ed25519ph"), "ed25519/ed25519ph"),
        (("\x1b[2J", "x" * 99), "\\x1b[2J/" + "x" * 35),
    ],
)
def test_a_key_of_an_unknown_kind_is_newer_than_this(
    vendor: Vendor, kind: tuple[str, str], shown: str
) -> None:
    """Its vendor has done nothing wrong, and people can update."""
    with pytest.raises(FeedError) as caught:
        inspect_root(with_kind(vendor.root, *kind), NOW)
    assert caught.value.reason is FeedProblem.KEY_TOO_NEW
    assert caught.value.details == {"role": "root", "kind": shown}


@pytest.mark.parametrize("kind", [("ed25519", ""), (None, "x"), ([], {}), (1, 2)])
def test_a_key_without_a_kind_is_just_wrong(
    vendor: Vendor, kind: tuple[object, object]
) -> None:
    """No newer Nightlatch will know it either."""
    assert refusal(with_kind(vendor.root, *kind)) == "it is no TUF metadata"


def test_a_key_that_bears_another_keys_id_is_shown_by_its_own_fingerprint() -> None:
    """Else a forged root would look like the genuine one."""
    genuine = CryptoSigner.generate_ed25519(keyid="ab" * 32)
    forged = CryptoSigner.generate_ed25519(keyid="ab" * 32)
    shown = [
        inspect_root(signed_root(a_root(signer), signer), NOW).roles["root"]
        for signer in (genuine, forged)
    ]
    assert shown[0] != shown[1]
    assert all(key.whole != "ab" * 32 for key in shown[1].fingerprints)


def test_a_root_needs_as_many_of_its_own_signatures_as_it_asks_for(
    vendor: Vendor,
) -> None:
    """Two of three here."""
    metadata: dict[str, Any] = json.loads(vendor.root)
    for count, enough in ((3, True), (2, True), (1, False), (0, False)):
        fewer = {**metadata, "signatures": metadata["signatures"][:count]}
        data = json.dumps(fewer).encode()
        if enough:
            assert inspect_root(data, NOW).version == 1
        else:
            assert refusal(data) == "too few of its own keys have signed it"


def test_one_key_under_two_names_is_not_two_keys() -> None:
    """TUF would count its signatures twice."""
    signer = CryptoSigner.generate_ed25519()
    root = a_root(signer)
    private = signer.private_bytes
    assert private
    twin_dict = signer.public_key.to_dict()
    twin_dict["keyval"]["public"] = twin_dict["keyval"]["public"].upper()
    twin = type(signer.public_key).from_dict("cd" * 32, twin_dict)
    root.add_key(twin, "targets")
    root.roles["targets"].threshold = 2
    assert (
        refusal(signed_root(root, signer)) == "its role targets has the same key twice"
    )


def test_a_role_that_nobody_can_sign_for_is_refused() -> None:
    """The feed could never be read."""
    signer = CryptoSigner.generate_ed25519()
    root = a_root(signer)
    root.roles["snapshot"].threshold = 2
    problem = refusal(signed_root(root, signer))
    assert problem == "its role snapshot has fewer keys than must sign"


def test_an_expired_root_is_refused(vendor: Vendor) -> None:
    """Its vendor has a newer one."""
    problem = refusal(vendor.root, NOW + timedelta(days=366))
    assert problem.startswith("it expired on 20")


def test_metadata_of_another_role_are_no_root(vendor: Vendor) -> None:
    """A vendor may point at the wrong file."""
    targets = vendor.keep().files["metadata/1.targets.json"]
    assert refusal(targets) == "it is the metadata of another role"


def test_a_root_with_a_fraction_is_refused(vendor: Vendor) -> None:
    """TUF's canonical form has none, so nobody can have signed it."""
    metadata: dict[str, Any] = json.loads(vendor.root)
    metadata["signed"]["weight"] = 0.5
    problem = refusal(json.dumps(metadata).encode())
    assert problem == "it cannot be put in canonical form"


def test_a_huge_file_is_not_read() -> None:
    """A root is small."""
    assert refusal(b"{" * 600_000) == "it has more than 512000 bytes"


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_anything_else_is_refused(data: bytes) -> None:
    """Whatever file the owner picks."""
    assert refusal(data) == "it is no TUF metadata"


@given(st.data())
def test_a_root_with_something_changed_is_refused_or_says_the_same(
    vendor: Vendor, data: st.DataObject
) -> None:
    """A bit that flips is either outside of what is signed, or noticed."""
    position = data.draw(st.integers(0, len(vendor.root) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(vendor.root)
    changed[position] ^= 1 << bit
    genuine = inspect_root(vendor.root, NOW)
    try:
        summary = inspect_root(bytes(changed), NOW)
    except FeedError:
        return
    assert (summary.version, summary.expires, summary.roles) == (
        genuine.version,
        genuine.expires,
        genuine.roles,
    )
