"""A keeper's feed, made with the command, as households find it."""

import asyncio
from pathlib import Path

import pytest

from nightlatch_feed.checking import check
from nightlatch_feed.cli import FAILED, REFUSED
from tests.rig.scene import VENDOR

from .commands import KEEPERS_PAGE, blocks, install, run
from .conftest import Workshop

KEEPER = "Northside Homes"
PAGE = "https://kestrel.example/kl-1"
SAID = ("--model", "KL-1", "--hardware", "B", "--version")


def keep(workshop: Workshop, *arguments: str | Path) -> int:
    """Begin a keeper's feed."""
    return workshop.run("keeper", "--name", KEEPER, "--maker", VENDOR, *arguments)


def signer_of(*files: Path) -> list[str | Path]:
    """Return files that show who signs."""
    return [each for file in files for each in ("--signer-of", file)]


def test_two_packages_show_the_makers_key(workshop: Workshop) -> None:
    """Which it has published nowhere; and the feed says of itself that it is kept."""
    one, two = workshop.package("1.0.0"), workshop.package("1.1.0")
    assert keep(workshop, *signer_of(one, two)) == 0, workshop.told
    assert f"{KEEPER} keeps this feed; {VENDOR} does not sign it." in workshop.told
    workshop.do("model", "KL-1", "--name", "Kestrel One")
    told = workshop.do("release", two, *SAID, "1.1.0", "--found-at", PAGE)
    assert f"found at         {PAGE}" in told
    assert "published digest none was said" in told
    workshop.do("publish")
    told = workshop.do("check", "feed")
    assert f"Signed by:     {KEEPER}, a keeper; {VENDOR} does not sign it" in told
    checked = asyncio.run(check("feed", workshop.root, None))
    (key,) = checked.content.firmware_keys
    assert key.fingerprint == workshop.maker_fingerprint
    (release,) = checked.good
    assert release.keeper == checked.content.keeper == KEEPER
    assert release.security_version == 0
    assert release.found is not None
    assert (release.found.url, release.found.digest_published) == (PAGE, False)
    # As a household that has approved it, and as one that has approved a vendor's.
    pin = ("check", "feed", "--firmware-fingerprint", key.fingerprint)
    workshop.do(*pin, "--keeper", KEEPER)
    assert workshop.run(*pin) == REFUSED
    assert "you have approved it as signed by" in workshop.told


@pytest.mark.parametrize("versions", [(), ("1.0.0",), ("1.0.0", "1.0.0")])
def test_a_key_that_is_not_shown_is_asked_for(
    workshop: Workshop, versions: tuple[str, ...]
) -> None:
    """One package leaves two keys; the same one twice as well."""
    files = []
    for number, version in enumerate(versions):
        file = workshop.package(version)
        files.append(file.rename(file.with_stem(f"{version}-{number}")))
    assert keep(workshop, *signer_of(*files)) == FAILED
    assert "--signer-of" in workshop.told
    assert "--firmware-key" in workshop.told
    assert not (workshop.folder / "keys").exists()


def test_an_image_shows_the_makers_key_alone(workshop: Workshop) -> None:
    """It names it; and a key that the maker publishes needs no file."""
    assert keep(workshop, *signer_of(workshop.image("1.0.0"))) == 0, workshop.told
    assert workshop.maker_fingerprint in workshop.told


def test_a_published_key_needs_no_file(workshop: Workshop) -> None:
    """It is better than what files show; and one file with it is enough."""
    key = workshop.folder / "firmware.pem"
    key.write_text(workshop.maker.firmware_key_pem)
    package = workshop.package("1.0.0")
    assert keep(workshop, "--firmware-key", key, *signer_of(package)) == 0
    assert workshop.maker_fingerprint in workshop.told


def test_a_keeper_says_where_it_has_found_each_file(workshop: Workshop) -> None:
    """And is refused what only a maker can say, or what is not of the file."""
    one, two = workshop.package("1.0.0"), workshop.package("1.1.0")
    assert keep(workshop, *signer_of(one, two)) == 0
    workshop.do("model", "KL-1")
    release = ("release", two, *SAID, "1.1.0")
    assert workshop.run(*release) == FAILED
    assert "--found-at" in workshop.told
    assert workshop.run(*release, "--fetched", "2026-11-30") == FAILED
    found = (*release, "--found-at", PAGE)
    assert workshop.run(*found, "--published-sha256", "0" * 64) == REFUSED
    assert "found.sha256 is not that of the file" in workshop.told
    assert workshop.run(*found, "--security-version", "3") == REFUSED
    assert "only a maker can raise it" in workshop.told
    fields = workshop.folder / "fields.json"
    fields.write_text('{"has_battery": false}')
    assert workshop.run("model", "KL-1", "--fields", fields) == REFUSED
    assert "only a maker can say that" in workshop.told
    workshop.do(*found, "--fetched", "2026-11-29")


def test_a_maker_finds_nothing(feed: Workshop) -> None:
    """Its files come from itself."""
    release = ("release", feed.package("1.1.0"), *SAID, "1.1.0")
    assert feed.run(*release, "--found-at", PAGE) == FAILED
    assert "Only in a keeper's feed" in feed.told


def test_the_page_for_keepers_can_be_followed(tmp_path: Path) -> None:
    """Each command on it, in its order."""
    environment = install(tmp_path)
    done = run("".join(blocks(KEEPERS_PAGE)), tmp_path, environment)
    assert done.returncode == 0, done.stdout
    assert "Such a lock gets 1.1.0." in done.stdout
    page = KEEPERS_PAGE.read_text(encoding="utf-8")
    told = f"{KEEPER}, a keeper; {VENDOR} does not sign it"
    assert told in page
    assert f"Signed by:     {told}" in done.stdout
