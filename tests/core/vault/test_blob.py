"""A blob opens as what it was sealed as, or not at all."""

from dataclasses import replace
from functools import cache
import hashlib
import hmac
from io import BytesIO
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault.blob import (
    CHUNK,
    read_about,
    read_blob,
    write_blob,
)
from custom_components.nightlatch.core.vault.kept import Binding, Kept
from custom_components.nightlatch.core.vault.keys import HouseholdKey
from custom_components.nightlatch.core.vault.record import (
    TAG,
    RecordKind,
    Where,
    read_head,
    write_head,
)

from .house import NOON, SIZES, artifact, kept_of

KEY = HouseholdKey(bytes(range(32)))
WHERE = Where("/vault", "a file")
HEADER = 53
RECORD = 4096 + TAG
SEALED = CHUNK + TAG


def seal(data: bytes, kept: Kept | None = None, *, pieces: int = 1 << 30) -> bytes:
    """Return a blob."""
    target = BytesIO()
    kept = kept or kept_of(data)
    chunks = [data[at : at + pieces] for at in range(0, len(data), pieces)]
    length = write_blob(target, KEY, kept, chunks, WHERE)
    assert length == len(target.getvalue())
    return target.getvalue()


def opened(blob: bytes, kept: Kept, key: HouseholdKey = KEY) -> bytes:
    """Return the artifact of a blob."""
    return b"".join(read_blob(BytesIO(blob), key, kept.binding, WHERE))


def refused(blob: bytes, kept: Kept, key: HouseholdKey = KEY) -> VaultProblem:
    """Return why a blob does not open; fail where it does."""
    with pytest.raises(VaultError) as raised:
        opened(blob, kept, key)
    assert raised.value.details["place"] == "/vault"
    return raised.value.reason


@cache
def sample() -> tuple[Kept, bytes]:
    """Return a blob of three chunks."""
    data = artifact(2 * CHUNK + 100)
    return kept_of(data, about={"notes": "What is new"}), seal(
        data, kept_of(data, about={"notes": "What is new"})
    )


@pytest.mark.parametrize("size", SIZES)
def test_an_artifact_of_any_size_comes_back(size: int) -> None:
    """Also where its end falls on that of a chunk."""
    data = artifact(size)
    kept = kept_of(data, about={"signer": "ab" * 32, "list": [1, None, 2.5, True]})
    blob = seal(data, kept)
    assert opened(blob, kept) == data
    assert read_about(BytesIO(blob), len(blob), KEY, WHERE) == (kept, None)


def _derived(purpose: bytes, salt: bytes, context: bytes) -> AESGCM:
    """Return a cipher, by RFC 5869 written out."""
    info = b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (b"nightlatch vault " + purpose, context)
    )
    extracted = hmac.digest(salt, bytes(range(32)), "sha256")
    return AESGCM(hmac.digest(extracted, info + b"\1", "sha256"))


@pytest.mark.parametrize("size", SIZES)
def test_the_format_is_what_is_said_of_it(size: int) -> None:
    """Read once more, from the words of the modules, with each nonce its own."""
    data = artifact(size)
    kept = kept_of(data, about={"notes": "What is new"})
    blob = seal(data, kept)
    header, salt = blob[:HEADER], blob[17:49]
    assert header[:9] == b"nlvault\x01b"
    assert header[9:17].hex() == KEY.key_id
    length = int.from_bytes(header[49:], "big")
    head, rest = blob[: HEADER + length], blob[HEADER + length :]
    record = _derived(b"record", salt, b"b").decrypt(bytes(12), head[HEADER:], header)
    assert len(record) % 4096 == 0
    assert json.loads(record) == kept.to_dict()
    parts = ("Example Locks", "Keyway One", "1.2.3", kept.binding.sha256)
    binding = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)
    cipher = _derived(b"blob", salt, binding)
    aad = hashlib.sha256(head).digest()
    plain = b""
    chunks = [rest[at : at + SEALED] for at in range(0, len(rest), SEALED)]
    for number, chunk in enumerate(chunks, start=1):
        last = number == len(chunks)
        nonce = number.to_bytes(11, "big") + (b"\1" if last else b"\0")
        plain += cipher.decrypt(nonce, chunk, aad)
    assert plain[:size] == data
    assert plain[size:] == bytes(len(plain) - size)


@given(data=st.data(), size=st.integers(0, 3 * CHUNK), pieces=st.integers(1, 3 * CHUNK))
@settings(max_examples=60)
def test_it_does_not_matter_in_what_pieces_it_comes(
    data: st.DataObject, size: int, pieces: int
) -> None:
    """Chunks of the format are not those of whoever writes."""
    plain = artifact(size)
    kept = kept_of(plain)
    pieces = max(pieces, size // 50 + 1)
    assert opened(seal(plain, kept, pieces=pieces), kept) == plain


texts = st.text(max_size=20)


@given(vendor=texts, model=texts, version=texts)
def test_any_names_come_back(vendor: str, model: str, version: str) -> None:
    """Whatever a person or a feed calls it."""
    data = artifact(10)
    try:
        kept = kept_of(data, vendor=vendor, model=model, version=version)
    except UnicodeEncodeError:
        return
    blob = seal(data, kept)
    assert read_about(BytesIO(blob), len(blob), KEY, WHERE) == (kept, None)
    assert opened(blob, kept) == data


@given(
    one=st.tuples(texts, texts, texts),
    other=st.tuples(texts, texts, texts),
)
def test_no_two_bindings_have_the_same_encoding(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """Also where the one's model ends as the other's version begins."""
    digest = "0" * 64
    first, second = (
        Binding(vendor=vendor, model=model, version=version, sha256=digest)
        for vendor, model, version in (one, other)
    )
    assert (first.canonical() == second.canonical()) == (one == other)


def test_the_borders_of_names_matter() -> None:
    """What hypothesis may not find."""
    first = Binding(vendor="ab", model="c", version="", sha256="0" * 64)
    second = Binding(vendor="a", model="bc", version="", sha256="0" * 64)
    assert first.canonical() != second.canonical()


@pytest.mark.parametrize("sha256", ["", "0" * 63, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_a_digest_is_a_digest(sha256: str) -> None:
    """Sixty-four digits and nothing more."""
    with pytest.raises(ValueError, match="SHA-256"):
        Binding(vendor="", model="", version="", sha256=sha256)


def test_only_what_can_be_read_again_is_kept() -> None:
    """A time with its zone, a size that is one, texts that can be encoded."""
    kept = kept_of(b"")
    with pytest.raises(ValueError, match="time zone"):
        replace(kept, kept_at=NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="size"):
        replace(kept, size=-1)
    with pytest.raises(ValueError, match="surrogates"):
        replace(kept.binding, model="\ud800")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"vendor": 1},
        {"sha256": "0"},
        {"size": -1},
        {"size": "1"},
        {"size": True},
        {"kept_at": "2026-11-25T12:00:00"},
        {"kept_at": None},
        {"about": 7},
    ],
)
def test_nothing_else_is_taken_for_what_is_kept(wrong: dict[str, object]) -> None:
    """An older or newer version might write something else."""
    good = kept_of(b"x").to_dict()
    assert Kept.from_dict(json.loads(json.dumps(good))) == kept_of(b"x")
    with pytest.raises(ValueError, match="Not what the vault keeps"):
        Kept.from_dict(good | wrong if wrong else {})


def test_a_file_tells_nothing() -> None:
    """Two of the same artifact have nothing in common but their frame."""
    data = artifact(1000)
    kept = kept_of(data, about={"signer": "somebody"})
    one, other = seal(data, kept), seal(data, kept)
    for blob in (one, other):
        for told in (b"Keyway", b"Example", b"1.2.3", b"somebody", b"2026"):
            assert told not in blob
    same = sum(a == b for a, b in zip(one[20:], other[20:], strict=True))
    assert same < len(one) / 100


def test_lengths_tell_little() -> None:
    """All artifacts of a chunk or less look alike."""
    lengths = {len(seal(artifact(size))) for size in (0, 1, 1000, CHUNK)}
    assert lengths == {HEADER + RECORD + SEALED}


def test_one_byte_changed_in_the_head_is_noticed() -> None:
    """At each of its positions."""
    kept, blob = sample()
    for position in range(HEADER + RECORD):
        changed = bytearray(blob)
        changed[position] ^= 1 << position % 8
        refused(bytes(changed), kept)


@given(data=st.data())
@settings(max_examples=300)
def test_any_byte_changed_is_noticed(data: st.DataObject) -> None:
    """Anywhere, to anything."""
    kept, blob = sample()
    position = data.draw(st.integers(0, len(blob) - 1))
    value = data.draw(st.integers(1, 255))
    changed = bytearray(blob)
    changed[position] ^= value
    refused(bytes(changed), kept)


@given(data=st.data())
@settings(max_examples=150)
def test_any_truncation_is_noticed(data: st.DataObject) -> None:
    """Also at the border of a chunk, and from the length of the file alone."""
    kept, blob = sample()
    borders = [HEADER + RECORD + number * SEALED for number in range(3)]
    length = data.draw(
        st.integers(0, len(blob) - 1) | st.sampled_from([0, 7, HEADER, *borders])
    )
    cut = blob[:length]
    assert refused(cut, kept) is VaultProblem.TRUNCATED
    if length < HEADER + RECORD:
        with pytest.raises(VaultError) as raised:
            read_about(BytesIO(cut), length, KEY, WHERE)
        assert raised.value.reason is VaultProblem.TRUNCATED
        return
    told, problem = read_about(BytesIO(cut), length, KEY, WHERE)
    assert told == kept
    assert problem is not None
    assert problem.reason is VaultProblem.TRUNCATED


@given(st.binary(min_size=1, max_size=2 * SEALED))
@settings(max_examples=40)
def test_nothing_may_follow(tail: bytes) -> None:
    """Not even what looks like a further chunk."""
    kept, blob = sample()
    longer = blob + tail
    assert refused(longer, kept) is VaultProblem.DAMAGED
    _, problem = read_about(BytesIO(longer), len(longer), KEY, WHERE)
    assert problem is not None
    assert problem.reason is VaultProblem.DAMAGED


def pieces_of(blob: bytes) -> tuple[bytes, list[bytes]]:
    """Return the head of a blob, and its chunks."""
    head, rest = blob[: HEADER + RECORD], blob[HEADER + RECORD :]
    return head, [rest[at : at + SEALED] for at in range(0, len(rest), SEALED)]


@pytest.mark.parametrize(
    "order", [(0, 2, 1), (1, 0, 2), (0, 1), (0, 1, 1), (0, 0, 2), (2,), (0, 1, 2, 2)]
)
def test_chunks_stay_where_they_are(order: tuple[int, ...]) -> None:
    """None is moved, left out or repeated."""
    kept, blob = sample()
    head, chunks = pieces_of(blob)
    assert head + b"".join(chunks) == blob
    refused(head + b"".join(chunks[each] for each in order), kept)


@given(st.sets(st.integers(0, 2), min_size=1))
def test_no_chunk_comes_from_another_blob(taken: set[int]) -> None:
    """Not even from one of the same artifact."""
    kept, blob = sample()
    data = opened(blob, kept)
    other = seal(data, kept)
    (head, chunks), (_, others) = pieces_of(blob), pieces_of(other)
    mixed = [others[n] if n in taken else chunks[n] for n in range(3)]
    assert refused(head + b"".join(mixed), kept) is VaultProblem.DAMAGED


def test_a_head_comes_from_no_other_blob() -> None:
    """What is said of an artifact stays with its bytes."""
    kept, blob = sample()
    newer = replace(kept, about={"notes": "Something else"})
    head, _ = pieces_of(seal(opened(blob, kept), newer))
    _, chunks = pieces_of(blob)
    assert refused(head + b"".join(chunks), newer) is VaultProblem.DAMAGED


def test_a_blob_opens_only_as_what_it_is() -> None:
    """Another version of the same bytes is another blob."""
    kept, blob = sample()
    other = replace(kept, binding=replace(kept.binding, version="9.9.9"))
    assert refused(blob, other) is VaultProblem.OTHER_BLOB


def test_another_household_cannot_read_it() -> None:
    """And is told whose it is not."""
    kept, blob = sample()
    assert refused(blob, kept, HouseholdKey.new()) is VaultProblem.OTHER_BLOB


def test_a_household_that_claims_the_id_cannot_read_it_either() -> None:
    """The id is in the clear; only the key opens."""
    kept, blob = sample()
    thief = HouseholdKey.new()
    claimed = blob[:9] + bytes.fromhex(thief.key_id) + blob[17:]
    assert refused(claimed, kept, thief) is VaultProblem.DAMAGED


def test_what_is_no_blob_is_called_so() -> None:
    """So that a person knows what lies there."""
    kept, blob = sample()
    assert refused(b"<!doctype html>" * 999, kept) is VaultProblem.NOT_A_BLOB
    newer = blob[:7] + b"\x02" + blob[8:]
    assert refused(newer, kept) is VaultProblem.TOO_NEW
    ledger = BytesIO()
    write_head(ledger, KEY, RecordKind.LEDGER, {})
    assert refused(ledger.getvalue(), kept) is VaultProblem.OTHER_BLOB


def test_a_record_that_is_no_kept_is_refused() -> None:
    """It was sealed here, and still says nothing that can be used."""
    target = BytesIO()
    write_head(target, KEY, RecordKind.BLOB, {"vendor": "?"})
    assert refused(target.getvalue(), kept_of(b"")) is VaultProblem.DAMAGED


def test_what_is_sealed_is_what_is_bound() -> None:
    """Neither other bytes nor fewer nor more."""
    data = artifact(1000)
    for other in (data[:-1], data + b"\0", bytes(1000), b""):
        with pytest.raises(VaultError) as raised:
            seal(other, kept_of(data))
        assert raised.value.reason is VaultProblem.DAMAGED


def test_a_digest_that_lies_is_noticed() -> None:
    """Even where whoever sealed it had the key."""
    data = artifact(100)
    kept = kept_of(data)
    liar = replace(kept, binding=replace(kept.binding, sha256="0" * 64))
    head = BytesIO()
    sealed = write_head(head, KEY, RecordKind.BLOB, liar.to_dict())
    cipher = AESGCM(
        KEY.derive("blob", salt=sealed.salt, context=liar.binding.canonical())
    )
    nonce = (1).to_bytes(11) + b"\1"
    aad = hashlib.sha256(sealed.raw).digest()
    blob = head.getvalue() + cipher.encrypt(nonce, data.ljust(CHUNK, b"\0"), aad)
    assert refused(blob, liar) is VaultProblem.DAMAGED


def test_a_record_has_its_limits() -> None:
    """A head is read into memory before anything proves it."""
    with pytest.raises(ValueError, match="at most"):
        write_head(BytesIO(), KEY, RecordKind.BLOB, {"text": "x" * (1 << 20)})
    with pytest.raises(ValueError, match="JSON"):
        write_head(BytesIO(), KEY, RecordKind.BLOB, {"number": float("nan")})
    endless = bytearray(sample()[1])
    endless[49:53] = b"\xff" * 4
    assert refused(bytes(endless), sample()[0]) is VaultProblem.DAMAGED


def test_a_long_record_comes_back() -> None:
    """Release notes of some length."""
    target = BytesIO()
    record = {"notes": "ä🔒" * 20_000}
    write_head(target, KEY, RecordKind.LEDGER, record)
    target.seek(0)
    assert read_head(target, KEY, RecordKind.LEDGER, WHERE).record == record
