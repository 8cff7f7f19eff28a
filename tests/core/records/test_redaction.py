"""No code ever gets into a snapshot, whatever it is called and wherever it stands."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.records.redaction import (
    NOT_SET,
    SET,
    Redacted,
    Seen,
    SettingKind,
    kept_of,
    set_or_not,
    speaks_of_codes,
)
from custom_components.nightlatch.core.records.settable import (
    WhyNot,
    fixed_reason,
    is_setting,
    may_move_bolt,
)
from custom_components.nightlatch.core.records.snapshot import Reading, setting_of

# What a keypad takes: four digits at least, in some locks letters as well.
codes = st.text("0123456789", min_size=4, max_size=12)
# Nothing of this can be in a key, a name or a unit by chance.
passwords = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ#!%", min_size=6, max_size=20).map(
    lambda text: f"~{text}~"
)
code_names = st.sampled_from(
    [
        "PIN",
        "Master PIN",
        "pinCode",
        "user_code_1",
        "Passcode",
        "Password",
        "pass word",
        "Codice",
        "Kennwort",
        "PIN-Code",
        "Pairing token",
        "Wachtwoord",
        "Contraseña",
        "密码",
        "RFID",
        "Guest key",
        "Secret",
    ]
)
names = st.text(max_size=30) | st.sampled_from(
    ["Name", "Label", "Welcome message", "Auto-lock time", "Volume", "User 1"]
)


def seen(**fields: Any) -> Seen:
    """Return something that was read."""
    return Seen(
        **{
            "key": "entity:1",
            "kind": SettingKind.TEXT,
            "name": "Something",
            "value": "something",
            **fields,
        }
    )


def in_a_snapshot(*found: Seen) -> str:
    """Return everything that would be written down."""
    return "\n".join(
        str(part)
        for each in Reading.of(found).settings
        for part in each.to_dict().values()
    )


# That no code gets in.


@given(names, st.lists(names, max_size=2), codes)
def test_a_text_with_a_code_is_not_kept(
    name: str, labels: list[str], code: str
) -> None:
    """Whatever it is called, and also where its name has the code in it."""
    for called in (name, "Name", f"Name {code}"):
        found = seen(name=called, labels=tuple(labels), value=code)
        assert code not in in_a_snapshot(found)


@given(st.text("bcdfghjkpqrstvwxyz ", max_size=30), codes | passwords)
def test_a_text_without_a_harmless_name_is_not_kept(name: str, value: str) -> None:
    """There may be anything in it."""
    assert kept_of(seen(name=name, value=value)) == Redacted(SET, secret=True)
    assert value not in in_a_snapshot(seen(name=name, value=value))


@given(code_names, st.sampled_from(["name", "label", "message"]), codes | passwords)
def test_a_text_that_is_called_a_code_is_not_kept(
    name: str, harmless: str, value: str
) -> None:
    """Though something in its name is harmless, and wherever the name stands."""
    for found in (
        seen(name=f"{name} {harmless}", value=value),
        seen(name=harmless, labels=(name,), value=value),
        seen(name=harmless, ids=(f"text.front_door {name}",), value=value),
        seen(name=harmless, masked=True, value=value),
    ):
        assert kept_of(found) == Redacted(SET, secret=True)
        assert value not in in_a_snapshot(found)


@given(code_names, codes, st.none() | st.just(99_999_999.0))
def test_a_number_that_is_called_a_code_is_not_kept(
    name: str, code: str, maximum: float | None
) -> None:
    """Unless its range leaves no room for one."""
    for kind in (SettingKind.NUMBER, SettingKind.PARAMETER, SettingKind.LOCK_OPTION):
        found = seen(kind=kind, name=name, value=f"{code}.0", maximum=maximum)
        assert kept_of(found).secret
        assert code not in in_a_snapshot(found)
        # Nor where the entity says that it takes small numbers only, and has a big one.
        lying = seen(kind=kind, name=name, value=f"9{code}", maximum=10.0)
        assert code not in in_a_snapshot(lying)


@given(code_names, codes)
def test_an_option_that_is_a_code_is_not_kept(name: str, code: str) -> None:
    """As where slots are shown with what is in them."""
    found = seen(kind=SettingKind.SELECT, name=name, value=code, options=(code, "no"))
    assert code not in in_a_snapshot(found)
    assert kept_of(found).secret


@given(codes | passwords, names)
def test_what_should_have_another_form_is_not_kept(code: str, name: str) -> None:
    """A switch is on or off, a time is a time, an option is one of several."""
    for kind in SettingKind:
        if kind in {SettingKind.TEXT, SettingKind.DATE, SettingKind.TIME}:
            continue
        if code.isdigit() and kind not in {SettingKind.SWITCH, SettingKind.SELECT}:
            continue
        found = seen(kind=kind, name=name, value=code, options=("a", "b"))
        assert code not in in_a_snapshot(found)
        assert kept_of(found).value is None


@given(st.dictionaries(codes, st.just("enabled"), min_size=1))
def test_slots_with_long_numbers_are_not_kept(users: dict[str, str]) -> None:
    """Somebody may have keyed them by their codes."""
    found = seen(kind=SettingKind.CODE_SLOTS, value=",".join(["1", *users]))
    for code in users:
        assert int(code) <= 999 or code not in in_a_snapshot(found)


@given(
    st.builds(
        Seen,
        key=st.text(max_size=20),
        kind=st.sampled_from(SettingKind),
        name=st.text(max_size=20),
        labels=st.tuples(st.text(max_size=20)),
        ids=st.tuples(st.text(max_size=20)),
        value=st.none() | st.text(max_size=400),
        shown=st.none() | st.text(max_size=400),
        unit=st.none() | st.text(max_size=99),
        options=st.tuples(st.text(max_size=20)),
        maximum=st.none() | st.floats(),
        masked=st.booleans(),
        writable=st.booleans(),
    )
)
def test_whatever_was_read_can_be_kept(found: Seen) -> None:
    """Nothing raises, and of what is secret only that it is."""
    setting = setting_of(found)
    if setting is not None and setting.secret:
        assert setting.value in {SET, NOT_SET}
        assert setting.shown is None


# What is kept.


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (seen(kind=SettingKind.SWITCH, value="on"), "on"),
        (seen(kind=SettingKind.SWITCH, value="unavailable"), None),
        (seen(kind=SettingKind.SWITCH, value=None), None),
        (seen(kind=SettingKind.SELECT, value="high", options=("low", "high")), "high"),
        (seen(kind=SettingKind.SELECT, value="other", options=("low", "high")), None),
        (
            seen(kind=SettingKind.SELECT, name="PIN length", value="6", options=("6",)),
            "6",
        ),
        (seen(kind=SettingKind.NUMBER, value="30.0"), "30.0"),
        (seen(kind=SettingKind.NUMBER, value="86400", maximum=1e6), "86400"),
        (seen(kind=SettingKind.NUMBER, value="nan"), None),
        (seen(kind=SettingKind.NUMBER, value="many"), None),
        (seen(kind=SettingKind.NUMBER, value="1" * 40), None),
        # How many digits a code has is no code.
        (
            seen(kind=SettingKind.NUMBER, name="PIN length", value="6", maximum=8.0),
            "6",
        ),
        # Nor is for how long wrong ones lock out.
        (
            seen(
                kind=SettingKind.NUMBER,
                name="Wrong code lockout",
                value="3600",
                maximum=9999.0,
                unit="s",
            ),
            "3600",
        ),
        (seen(kind=SettingKind.TIME, value="22:30:00"), "22:30:00"),
        (seen(kind=SettingKind.TIME, value="late"), None),
        (seen(kind=SettingKind.DATE, value="2026-11-25"), "2026-11-25"),
        (
            seen(kind=SettingKind.DATETIME, value="2026-11-25T10:00:00+00:00"),
            "2026-11-25T10:00:00+00:00",
        ),
        (seen(name="Door name", value="Flat 12"), "Flat 12"),
        (seen(kind=SettingKind.FLAG, name="Calibrated", value="on"), "on"),
        (seen(kind=SettingKind.FLAG, name="PIN code usage", value="off"), "off"),
        (seen(kind=SettingKind.FLAG, name="Mode", value="vacation"), "vacation"),
        (seen(kind=SettingKind.FLAG, name="Mode", value="Vacation 1"), None),
        (seen(kind=SettingKind.FLAG, name="Auto lock delay", value="30"), "30"),
        (seen(kind=SettingKind.CODE_SLOTS, value="3,1,3"), "1,3"),
        (seen(kind=SettingKind.CODE_SLOTS, value=""), ""),
        (seen(kind=SettingKind.CODE_SLOTS, value="1,x"), None),
    ],
)
def test_what_is_no_code_is_kept(found: Seen, kept: str | None) -> None:
    """Otherwise nobody could say what has changed."""
    assert kept_of(found) == Redacted(kept)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (seen(name="Master code", value="4711"), SET),
        (seen(name="Master code", value=""), NOT_SET),
        (seen(name="Master code", value=" None "), NOT_SET),
        (seen(name="Nobody knows", value="abc"), SET),
        (seen(name="Name", value="x" * 300), SET),
        (seen(kind=SettingKind.NUMBER, name="PIN", value="0"), NOT_SET),
        (seen(kind=SettingKind.NUMBER, masked=True, value="7", maximum=9.0), SET),
        (seen(kind=SettingKind.FLAG, name="Key mode", value="abc"), SET),
        (seen(kind=SettingKind.FLAG, name="PIN", value="4711"), SET),
    ],
)
def test_of_what_may_be_a_code_only_that_it_is_set(found: Seen, kept: str) -> None:
    """And that it is not: losing it matters."""
    assert kept_of(found) == Redacted(kept, secret=True)
    assert set_or_not(found.value or "") == set_or_not(kept)


@pytest.mark.parametrize(
    "name", ["Auto-lock", "Volume", "Language", "Turns", "Spin direction", "Shipping"]
)
def test_most_names_speak_of_no_code(name: str) -> None:
    """Or nothing would ever be kept."""
    assert not speaks_of_codes(name)


# What is a setting, and what may be set.


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        (SettingKind.SWITCH, "Auto-lock", True),
        (SettingKind.SWITCH, "Child lock", True),
        (SettingKind.SWITCH, "Lock", False),
        (SettingKind.SWITCH, "Front door", False),
        (SettingKind.SWITCH, "Deadbolt", False),
        (SettingKind.SWITCH, "Unlatch", False),
        (SettingKind.SWITCH, "", False),
        (SettingKind.SELECT, "Lock state", False),
        (SettingKind.SELECT, "Sound", True),
        (SettingKind.SWITCH, "Factory reset", False),
        (SettingKind.SWITCH, "Update now", False),
        (SettingKind.SWITCH, "Automatic updates", True),
        (SettingKind.NUMBER, "Reset to factory defaults", False),
        (SettingKind.PARAMETER, "Identify", False),
        (SettingKind.NUMBER, "Auto-lock time", True),
        (SettingKind.NUMBER, "", True),
        (SettingKind.FLAG, "Lock", True),
        (SettingKind.CODE_SLOTS, "", True),
    ],
)
def test_the_bolt_is_no_setting(kind: SettingKind, name: str, expected: bool) -> None:
    """Nor is what makes the lock do something."""
    assert is_setting(kind, name) is expected
    assert (setting_of(seen(kind=kind, name=name, value="1")) is not None) is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (seen(kind=SettingKind.SWITCH, name="Passage mode", value="on"), True),
        (seen(kind=SettingKind.SWITCH, name="Hold open", value="on"), True),
        (seen(kind=SettingKind.SWITCH, name="Auto unlatch", value="on"), False),
        (seen(kind=SettingKind.SELECT, name="Mode", value="passage"), True),
        (seen(kind=SettingKind.SELECT, name="Mode", value="normal"), False),
        (
            seen(kind=SettingKind.PARAMETER, name="Mode", value="3", shown="Passage"),
            True,
        ),
        (seen(kind=SettingKind.PARAMETER, name="Mode", value="3", shown="On"), False),
        (seen(kind=SettingKind.NUMBER, name="Volume", value="3"), False),
        (seen(kind=SettingKind.NUMBER, name="Position", value="3"), True),
        # What does not say that it configures the lock may be another one's relay.
        (seen(kind=SettingKind.SWITCH, name="Summer", configures=False), True),
        (seen(kind=SettingKind.SWITCH, name="Summer"), False),
        (seen(kind=SettingKind.SWITCH, name="Beep volume", configures=False), False),
        (seen(kind=SettingKind.NUMBER, name="Summer", configures=False), False),
    ],
)
def test_what_might_move_the_bolt(found: Seen, expected: bool) -> None:
    """It is shown, and never set."""
    assert may_move_bolt(found) is expected
    fixed = WhyNot.MOVES_BOLT if expected else None
    assert fixed_reason(found, secret=False) is fixed


def test_what_can_never_be_set() -> None:
    """Codes, what is only shown, what is not kept."""
    slots, flag = seen(kind=SettingKind.CODE_SLOTS), seen(kind=SettingKind.FLAG)
    assert fixed_reason(slots, secret=False) is WhyNot.CODES
    assert fixed_reason(flag, secret=False) is WhyNot.SEEN_ONLY
    fixed = seen(kind=SettingKind.PARAMETER, writable=False)
    assert fixed_reason(fixed, secret=False) is WhyNot.SEEN_ONLY
    assert fixed_reason(seen(), secret=True) is WhyNot.SECRET
