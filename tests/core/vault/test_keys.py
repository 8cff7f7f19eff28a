"""The household key stays the same, whatever it is locked with."""

from collections.abc import Callable
import copy
import json
import os
from pathlib import Path
import pickle
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault import keys
from custom_components.nightlatch.core.vault.keys import (
    KEY_FILE_MOST,
    HouseholdKey,
    KeySource,
    lock_in_storage,
    lock_with_key_file,
    lock_with_passphrase,
    source_of,
    unlock,
)

PASSPHRASE = "four words make one"
KEY = HouseholdKey(bytes(range(32)))


def refused(wrapped: Any, **opener: Any) -> VaultProblem:
    """Return why a wrapped key does not open."""
    with pytest.raises(VaultError) as raised:
        unlock(wrapped, **opener)
    return raised.value.reason


@pytest.fixture(scope="module", name="with_passphrase")
def locked_with_passphrase() -> dict[str, Any]:
    """Return a wrapped key, as storage gives it back."""
    wrapped = json.loads(json.dumps(lock_with_passphrase(KEY, PASSPHRASE)))
    assert isinstance(wrapped, dict)
    return wrapped


@pytest.fixture(name="key_file")
def file_of_bytes(tmp_path: Path) -> Path:
    """Return a file that may be a key."""
    path = tmp_path / "key"
    path.write_bytes(os.urandom(32))
    return path


def same(key: HouseholdKey) -> bool:
    """Return whether it is the key that was locked away."""
    return (key.key_id, key.derive("x")) == (KEY.key_id, KEY.derive("x"))


def test_a_key_shows_nothing_of_itself() -> None:
    """Neither in a log nor in a traceback, nor written down in passing."""
    key = HouseholdKey.new()
    secret = key.reveal()
    assert len(secret) == 32
    for shown in (repr(key), str(key), f"{key}", key.key_id):
        assert secret.hex() not in shown
        assert str(secret) not in shown
    assert len(bytes.fromhex(key.key_id)) == 8
    for write_down in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="wrapped"):
            write_down(key)


def test_keys_are_new() -> None:
    """Each is another one, and has 32 bytes."""
    assert len({HouseholdKey.new().key_id for _ in range(50)}) == 50
    with pytest.raises(ValueError, match="32 bytes"):
        HouseholdKey(bytes(31))


def test_subkeys_differ_by_all_that_they_are_derived_for() -> None:
    """And are the same for the same."""
    derived = {
        KEY.derive("one"),
        KEY.derive("two"),
        KEY.derive("one", salt=b"s"),
        KEY.derive("one", context=b"c"),
        KEY.derive("onec"),
        HouseholdKey.new().derive("one"),
        KEY.reveal(),
    }
    assert len(derived) == 7
    assert KEY.derive("one") == KEY.derive("one", context=b"")


def test_a_key_in_storage_opens_with_nothing() -> None:
    """That is what it is for."""
    wrapped = json.loads(json.dumps(lock_in_storage(KEY)))
    assert source_of(wrapped) is KeySource.STORAGE
    assert same(unlock(wrapped))
    assert same(unlock(wrapped, passphrase="whatever"))


def test_a_passphrase_opens(with_passphrase: dict[str, Any]) -> None:
    """That one, and no other."""
    assert source_of(with_passphrase) is KeySource.PASSPHRASE
    assert same(unlock(with_passphrase, passphrase=PASSPHRASE))
    for wrong in ("", PASSPHRASE + " ", PASSPHRASE.title(), "\ud800", "x" * 10_000):
        assert (
            refused(with_passphrase, passphrase=wrong) is VaultProblem.WRONG_PASSPHRASE
        )
    assert refused(with_passphrase) is VaultProblem.LOCKED


def test_a_wrapped_key_does_not_hold_the_key(
    with_passphrase: dict[str, Any], key_file: Path
) -> None:
    """Nor the passphrase, nor the file."""
    with_file = lock_with_key_file(KEY, key_file)
    for wrapped in (with_passphrase, with_file):
        text = json.dumps(wrapped)
        assert KEY.reveal().hex() not in text
        assert PASSPHRASE not in text
        assert key_file.read_bytes().hex() not in text
        assert str(key_file) not in text


def test_passphrases_are_the_same_however_they_are_typed() -> None:
    """One keyboard gives an accented letter as one character, another as two."""
    wrapped = lock_with_passphrase(KEY, "vierzehn Türschlösser")
    assert same(unlock(wrapped, passphrase="vierzehn Tu\u0308rschlo\u0308sser"))


@pytest.mark.parametrize("short", ["", "eleven char", "e\u0301" * 11])
def test_a_short_passphrase_is_refused(short: str) -> None:
    """By the characters that a person sees."""
    with pytest.raises(VaultError) as raised:
        lock_with_passphrase(KEY, short)
    assert raised.value.reason is VaultProblem.PASSPHRASE_TOO_SHORT
    assert raised.value.details == {"least": "12"}


def test_a_key_file_opens(key_file: Path, tmp_path: Path) -> None:
    """That one, wherever it lies now, and no other."""
    wrapped = json.loads(json.dumps(lock_with_key_file(KEY, key_file)))
    assert source_of(wrapped) is KeySource.KEY_FILE
    elsewhere = key_file.rename(tmp_path / "elsewhere")
    assert same(unlock(wrapped, key_file=elsewhere))
    assert refused(wrapped) is VaultProblem.LOCKED
    other = tmp_path / "other"
    other.write_bytes(elsewhere.read_bytes() + b"\n")
    assert refused(wrapped, key_file=other) is VaultProblem.WRONG_KEY_FILE


@pytest.mark.parametrize("size", [32, 33, 1000, KEY_FILE_MOST])
def test_key_files_may_have_many_sizes(tmp_path: Path, size: int) -> None:
    """A picture will do, if it is a small one."""
    path = tmp_path / "key"
    path.write_bytes(os.urandom(size))
    assert same(unlock(lock_with_key_file(KEY, path), key_file=path))


def _missing(path: Path) -> None:
    """Leave nothing there."""


def _a_folder(path: Path) -> None:
    path.mkdir()


def _a_pipe(path: Path) -> None:
    os.mkfifo(path)


def _too_short(path: Path) -> None:
    path.write_bytes(bytes(31))


def _too_long(path: Path) -> None:
    path.write_bytes(bytes(KEY_FILE_MOST + 1))


def _a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "make", [_missing, _a_folder, _a_pipe, _too_short, _too_long, _a_device]
)
def test_what_is_no_key_file_is_refused(
    tmp_path: Path, key_file: Path, make: Callable[[Path], None]
) -> None:
    """At once, when locking and when opening, and with the reason."""
    wrapped = lock_with_key_file(KEY, key_file)
    path = tmp_path / "wrong"
    make(path)
    assert refused(wrapped, key_file=path) is VaultProblem.KEY_FILE_UNREADABLE
    with pytest.raises(VaultError) as raised:
        lock_with_key_file(KEY, path)
    assert raised.value.reason is VaultProblem.KEY_FILE_UNREADABLE
    assert raised.value.details["path"] == str(path)
    assert raised.value.details["detail"]


def test_a_name_that_no_file_can_have_is_refused(key_file: Path) -> None:
    """A person may paste anything."""
    wrapped = lock_with_key_file(KEY, key_file)
    path = Path("a\0b")
    assert refused(wrapped, key_file=path) is VaultProblem.KEY_FILE_UNREADABLE


def test_the_key_stays_when_its_lock_changes(
    with_passphrase: dict[str, Any], key_file: Path
) -> None:
    """All that was kept under it can be read on."""
    key = unlock(with_passphrase, passphrase=PASSPHRASE)
    key = unlock(lock_with_key_file(key, key_file), key_file=key_file)
    key = unlock(lock_in_storage(key))
    assert same(key)


@given(data=st.data())
@settings(max_examples=150)
def test_a_damaged_wrapped_key_is_no_wrong_passphrase(
    data: st.DataObject, with_passphrase: dict[str, Any]
) -> None:
    """A person would try for ever."""
    wrapped = dict(with_passphrase)
    name = data.draw(st.sampled_from(sorted(wrapped)))
    junk = st.none() | st.integers() | st.text(max_size=70) | st.lists(st.integers())
    wrapped[name] = data.draw(junk.filter(lambda value: value != wrapped[name]))
    assert refused(wrapped, passphrase=PASSPHRASE) is VaultProblem.KEY_LOST


@pytest.mark.parametrize("wrapped", [{}, [], None, 7, {"format": 1}, {"check": ""}])
def test_what_is_no_wrapped_key_is_refused(wrapped: Any) -> None:
    """As after a file was cut."""
    assert refused(wrapped) is VaultProblem.KEY_LOST
    with pytest.raises(VaultError) as raised:
        source_of(wrapped)
    assert raised.value.reason is VaultProblem.KEY_LOST


def _changed(wrapped: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a wrapped key that somebody has changed on purpose."""
    content = {key: value for key, value in wrapped.items() if key != "check"}
    return keys._closed({**content, **changes})


def test_a_wrapped_key_that_was_made_up_is_noticed(
    with_passphrase: dict[str, Any],
) -> None:
    """Whoever can write there can add the check, but not open what is sealed."""
    other = HouseholdKey.new()
    made_up = [
        _changed(lock_in_storage(KEY), key_id=other.key_id),
        _changed(lock_in_storage(KEY), key="00" * 31),
        _changed(lock_in_storage(KEY), key="no"),
        _changed(with_passphrase, nonce="00"),
        _changed(with_passphrase, salt=""),
        _changed(with_passphrase, memory=0),
        _changed(with_passphrase, memory=1 << 40),
        _changed(with_passphrase, passes=1 << 20),
        _changed(with_passphrase, lanes=1 << 20),
        _changed(with_passphrase, source="elsewhere"),
        _changed(with_passphrase, format=2),
    ]
    for wrapped in made_up:
        assert refused(wrapped, passphrase=PASSPHRASE) is VaultProblem.KEY_LOST
    for sealed in ({"passes": 1}, {"lanes": 1}, {"memory": 8192}, {"key_id": "00" * 8}):
        wrapped = _changed(with_passphrase, **sealed)
        assert refused(wrapped, passphrase=PASSPHRASE) is VaultProblem.WRONG_PASSPHRASE


def test_the_work_is_as_much_as_is_asked_of_passphrases(
    with_passphrase: dict[str, Any],
) -> None:
    """RFC 9106's second recommended option: 64 MiB, three passes, four lanes."""
    asked = {key: with_passphrase[key] for key in ("memory", "passes", "lanes")}
    assert asked == {"memory": 64 * 1024, "passes": 3, "lanes": 4}
