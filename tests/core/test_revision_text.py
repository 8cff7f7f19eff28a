"""The version in the text that a lock tells: found where its vendor says, or not at all."""

import time

from hypothesis import example, given, strategies as st
import pytest

from custom_components.nightlatch.core.model import LockIdentity
from custom_components.nightlatch.core.revision_text import (
    MAX_LENGTH,
    can_tell,
    check_form,
    version_in,
)
from custom_components.nightlatch.core.versions import Version, VersionScheme


def is_form(form: str) -> bool:
    """Return whether a feed may say this."""
    try:
        check_form(form)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("form", "text", "version"),
    [
        ("Ruuvi FW v{version}+*", "Ruuvi FW v3.31.1+default", "3.31.1"),
        ("Ruuvi FW v{version}+*", "Ruuvi FW v3.31.1", "3.31.1"),
        ("Ruuvi FW v{version}+*", "Ruuvi FW v3.31.1+a+b", "3.31.1"),
        ("Ruuvi FW {version}", "Ruuvi FW v1.0.0", "v1.0.0"),
        ("{version} (release)", "1.0.0 (release)", "1.0.0"),
        ("FW {version} (release)", "FW 1.0.0 (release)", "1.0.0"),
        ("{version}", "1.0.0", "1.0.0"),
        (None, "Ruuvi FW v1.0.0", "Ruuvi FW v1.0.0"),
        # What is not of the form stays what it is.
        ("Ruuvi FW v{version}+*", "1.0.0", "1.0.0"),
        ("Ruuvi FW v{version}+*", "Ruuvi HW v1.0.0+default", "Ruuvi HW v1.0.0+default"),
        ("Ruuvi FW v{version}+*", "Ruuvi FW v", "Ruuvi FW v"),
        ("Ruuvi FW v{version}+*", "Ruuvi FW v+default", "Ruuvi FW v+default"),
        ("{version} (release)", "1.0.0 (debug)", "1.0.0 (debug)"),
        ("a{version} a", "a a", "a a"),
    ],
)
def test_the_version_is_found(form: str | None, text: str, version: str) -> None:
    """What stands around it is literal."""
    assert version_in(text, form) == version


@pytest.mark.parametrize(
    "form",
    [
        "{version}",
        "Ruuvi FW v{version}+*",
        "XR-7 {version}",
        "v{version}- *",
        "x" * (MAX_LENGTH - len("{version}")) + "{version}",
    ],
)
def test_a_form_that_reads_in_one_way_is_good(form: str) -> None:
    """Whatever words there are, up to a length."""
    assert is_form(form)


@pytest.mark.parametrize(
    "form",
    [
        "",
        "no place",
        "{version}{version}",
        "{version} {version}",
        "{ver}",
        "{version} {",
        "{version}}",
        "*{version}",
        "FW * {version}",
        "{version}+**",
        "{version}+*x",
        # Where the version ends would be a guess.
        "{version}*",
        # These would read another version out of one.
        "1.{version}",
        "1{version}",
        "FW1{version}",
        "FW.{version}",
        "{version}.0",
        "{version}b (release)",
        "{version}.*",
        "{version}0*",
        "{version}a*",
        "x" * (MAX_LENGTH - len("{version}") + 1) + "{version}",
    ],
)
def test_a_form_that_could_read_otherwise_is_refused(form: str) -> None:
    """Once one place, and nothing beside it that could be a part of a version."""
    assert not is_form(form)


WORDS = st.text(st.characters(exclude_characters="{}*"), max_size=20)
FORMS = st.builds(
    lambda before, behind, end: f"{before}{{version}}{behind}{end}",
    WORDS,
    WORDS,
    st.sampled_from(["", "*"]),
).filter(is_form)
VERSIONS = st.lists(st.integers(0, 10**9), min_size=1, max_size=6).map(
    lambda numbers: ".".join(map(str, numbers))
)


@given(FORMS, VERSIONS, st.text(max_size=20))
def test_every_plain_version_comes_out_as_it_went_in(
    form: str, version: str, anything: str
) -> None:
    """Whatever stands around it; so no form makes an older version of one."""
    assert can_tell(form, version)
    text = form.replace("{version}", version, 1)
    if form.endswith("*"):
        text = text[:-1] + anything
    assert version_in(text, form) == version


@given(FORMS, st.text(max_size=64))
def test_any_text_is_read_in_one_way(form: str, text: str) -> None:
    """What comes out is a part of the text, never empty unless it was."""
    version = version_in(text, form)
    assert version in text
    assert bool(version) is bool(text)


@given(st.text(max_size=64), st.text(max_size=64))
@example("{version}*", "1.0.0")
def test_a_form_that_was_kept_badly_makes_no_version_up(form: str, text: str) -> None:
    """Nobody checks it again when a record is read: it finds what is there, or all."""
    assert version_in(text, form) in text


@given(st.text(max_size=64))
def test_any_form_is_refused_or_good(form: str) -> None:
    """It comes out of a feed: nothing else than ``ValueError`` may come of it."""
    if is_form(form):
        assert can_tell(form, "1.2.3")


def test_a_form_takes_no_time() -> None:
    """The worst that a feed and a lock can bring together is read in one pass."""
    form = "a" * 27 + "{version}" + " " * 27 + "*"
    text = "a" * 27 + " " * 37
    begun = time.process_time()
    for _ in range(10_000):
        version_in(text, form)
    # A search that goes back would take longer than the universe is old.
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("form", "version", "can"),
    [
        ("v{version}+*", "1.0.0", True),
        ("v{version}+*", "1.0.0+7", False),
        ("v{version}-*", "1.0.0-315", False),
        ("v{version}-*", "1.0.0+7", True),
        ("v{version} b", "1.0.0+7", True),
        (None, "1.0.0+7", True),
    ],
)
def test_what_is_cut_off_cannot_be_told(form: str, version: str, can: bool) -> None:
    """A release that no lock could ever be seen to run must not be offered."""
    assert can_tell(form, version) is can


def test_a_lock_can_be_read_anew() -> None:
    """All that it has told is kept, so another form needs no other answer."""
    told = LockIdentity(
        model="M", hardware_revision=None, firmware_version="Acme FW v1.2.0+default"
    )
    read = told.read_as("Acme FW v{version}+*")
    assert read.firmware_version == "1.2.0"
    assert Version.parse(VersionScheme.DOTTED, read.firmware_version)
    assert read.read_as("Acme FW v{version}+*") == read
    assert read.read_as("Acme {version}").firmware_version == "FW v1.2.0+default"
    assert read.read_as(None) == told
