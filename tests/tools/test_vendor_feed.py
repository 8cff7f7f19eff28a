"""A vendor's feed, made with the command, as households and other clients find it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
import hashlib
import json
from pathlib import Path
import re
import shutil
import stat
import tomllib
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.ngclient import Updater

from custom_components.nightlatch.core.advisories.published import Match
from nightlatch_feed import repository
from nightlatch_feed.alone import alone
from nightlatch_feed.checking import Checked, check, serving
from nightlatch_feed.cli import FAILED, OK, REFUSED
from nightlatch_feed.keys import KeyStore
from nightlatch_feed.problem import FeedToolError
from tests.rig.dfu_package import generate_key, make_package
from tests.rig.image import make_image
from tests.rig.scene import VENDOR
from tests.rig.vendor import Vendor

from .commands import CHECKOUT, PASSPHRASE, TOOL
from .conftest import WORDS, Workshop


def seen(workshop: Workshop) -> Checked:
    """Return what a household has of the feed that pinned the first root."""
    return asyncio.run(check("feed", workshop.root, None))


def versions(workshop: Workshop) -> list[str]:
    """Return which releases it is offered."""
    return [release.version.text for release in seen(workshop).good]


# Adding releases.


def test_what_a_package_says_of_itself_need_not_be_said(workshop: Workshop) -> None:
    """And what it does not say is asked for."""
    workshop.found()
    package = workshop.package("1.1.0")
    assert workshop.run("release", package, "--model", "KL-1") == FAILED
    assert "say --version" in workshop.told
    said = ("--model", "KL-1", "--version", "1.1.0")
    assert workshop.run("release", package, *said) == FAILED
    assert "say --hardware" in workshop.told
    told = workshop.do("release", package, *said, "--hardware", "B")
    assert re.search(r"hw_version +52\n", told)
    assert re.search(r"counter +10100\n", told)
    # The bootloader is the same, so the hardware that locks tell is too.
    again = workshop.package("1.2.0")
    workshop.do("release", again, "--model", "KL-1", "--version", "1.2.0")
    workshop.do("publish")
    assert [(r.version.text, r.hardware_revisions) for r in seen(workshop).good] == [
        ("1.1.0", ("B",)),
        ("1.2.0", ("B",)),
    ]


def test_an_image_tells_its_version_and_its_counter(workshop: Workshop) -> None:
    """Both are signed in it."""
    workshop.found()
    image = workshop.image("2.3.4+5", security_counter=7)
    workshop.do("release", image, "--model", "KM-1", "--hardware", "B")
    workshop.do("publish")
    (release,) = seen(workshop).good
    assert release.version.text == "2.3.4+5"
    assert release.payload is not None
    assert release.payload.firmware_version == 7


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            lambda w: make_package(make_image("1", 9000, seed=1), key=generate_key()),
            "not signed with",
        ),
        (
            lambda w: make_package(
                make_image("1", 9000, seed=1), key=w.maker.firmware_key, unsigned=True
            ),
            "is not signed",
        ),
        (
            lambda w: make_package(
                make_image("1", 9000, seed=1), key=w.maker.firmware_key, is_debug=True
            ),
            "debug build",
        ),
        (lambda w: b"no firmware at all", "neither a DFU package nor an image"),
    ],
)
def test_what_households_would_refuse_is_not_added(
    feed: Workshop, made: Any, words: str
) -> None:
    """In the words that they would read; nothing is about to be published then."""
    file = feed.folder / "bad.zip"
    file.write_bytes(made(feed))
    said = ("--model", "KL-1", "--version", "1.1.0", "--hardware", "B")
    assert feed.run("release", file, *said) == REFUSED
    assert words in feed.told
    assert "{" not in feed.told
    assert not (feed.folder / "staged" / "targets.json").exists()


def test_a_version_is_released_once(feed: Workshop) -> None:
    """Two of the same would both be refused."""
    other = feed.folder / "other.zip"
    other.write_bytes(
        make_package(make_image("1.0.0", 9000, seed=1), key=feed.maker.firmware_key)
    )
    said = ("--model", "KL-1", "--version", "1.0.0", "--hardware", "B")
    assert feed.run("release", other, *said) == FAILED
    assert "already" in feed.told
    assert versions(feed) == ["1.0.0"]


def test_a_version_is_the_same_however_it_is_written(feed: Workshop) -> None:
    """Households would refuse both, also the one that was good."""
    said = ("--model", "KL-1", "--version", "1.0", "--hardware", "B")
    assert feed.run("release", feed.package("1.0.0"), *said) == FAILED
    assert "1.0 of KL-1 already" in feed.told
    assert not list((feed.folder / "staged").iterdir())


def test_a_model_is_not_changed_so_that_its_releases_are_refused(
    feed: Workshop,
) -> None:
    """What is in the feed stays in it."""
    assert feed.run("model", "KL-1", "--versions", "integer") == REFUSED
    assert "version_scheme" in feed.told
    assert not list((feed.folder / "staged").iterdir())
    feed.do("model", "KL-1", "--name", "Kestrel One again")
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]


def test_fields_of_the_format_go_through_it(feed: Workshop) -> None:
    """All that it knows can be said, and nothing that it refuses."""
    fields = feed.folder / "fields.json"
    fields.write_text(json.dumps({"minimum_battery": 50, "disrupts": ["keypad"]}))
    feed.release("1.1.0", "--fields", str(fields), "--severity", "high")
    feed.do("publish")
    release = seen(feed).good[-1]
    assert release.minimum_battery == 50
    assert release.severity == "high"
    for wrong, code in (
        ({"minimum_battery": 500}, REFUSED),
        ({"version": "9"}, FAILED),
    ):
        fields.write_text(json.dumps(wrong))
        said = ("--model", "KL-1", "--version", "1.2.0", "--fields", fields)
        assert feed.run("release", feed.package("1.2.0"), *said) == code
        assert next(iter(wrong)) in feed.told


def test_firmware_for_people_is_told_of_and_never_sent(feed: Workshop) -> None:
    """Its file is how to do it."""
    file = feed.folder / "how.txt"
    file.write_text("Use the app.")
    said = ("--model", "KM-1", "--version", "3.0.0", "--hardware", "B", "--by-hand")
    feed.do("release", file, *said)
    feed.do("publish")
    assert seen(feed).good[-1].payload is None


# Keys and signatures.


def test_keys_of_people_are_behind_a_passphrase(
    feed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the machine are not, and nobody else can read either."""
    for path in (feed.folder / "keys").iterdir():
        offline = path.name.startswith(("root", "targets"))
        assert (b"ENCRYPTED" in path.read_bytes()) is offline
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv(PASSPHRASE, "another one")
    assert feed.run("renew", "targets") == FAILED
    assert "cannot be opened" in feed.told
    assert not list((feed.folder / "staged").iterdir())
    monkeypatch.delenv(PASSPHRASE)
    feed.do("renew")


def test_a_short_passphrase_makes_no_key(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is found can be tried at leisure."""
    monkeypatch.setenv(PASSPHRASE, "short")
    key = workshop.folder / "firmware.pem"
    key.write_text(workshop.maker.firmware_key_pem)
    assert workshop.run("init", "--vendor", "V", "--firmware-key", key) == FAILED
    assert not (workshop.folder / "staged").exists()
    monkeypatch.setenv(PASSPHRASE, WORDS)
    workshop.found()


def test_a_passphrase_for_new_keys_is_asked_for_twice(tmp_path: Path) -> None:
    """A slip would only be found out when the key is needed, and lost."""
    typed = ["four words of your won", WORDS, WORDS, WORDS]
    store = KeyStore([tmp_path / "keys"], lambda _: typed.pop(0))
    with pytest.raises(FeedToolError, match="two passphrases"):
        store.make("root", offline=True)
    assert not (tmp_path / "keys").exists()
    store.make("root", offline=True)
    # All of one command are behind the same.
    store.make("root", offline=True)
    assert typed == []


def test_two_people_and_a_machine_publish_together(feed: Workshop) -> None:
    """None of them can do it alone."""
    keys = feed.folder / "keys"
    one, other, machine = (feed.folder / name for name in ("one", "other", "machine"))
    for folder in (one, other, machine):
        folder.mkdir()
    mine, theirs = sorted(keys.glob("targets-*.pem"))
    shutil.move(mine, one)
    shutil.move(theirs, other)
    for role in ("snapshot", "timestamp"):
        shutil.move(next(keys.glob(f"{role}-*.pem")), machine)
    feed.release("1.1.0", "--keys", str(one))
    assert feed.run("publish", "--keys", machine) == FAILED
    assert "targets has 1 of 2" in feed.told
    assert versions(feed) == ["1.0.0"]
    # What renews by itself goes on meanwhile, with what is published.
    feed.do("renew", "--keys", machine)
    assert versions(feed) == ["1.0.0"]
    assert "1 of 2" in feed.do("sign", "--keys", one)
    assert "enough" in feed.do("sign", "--keys", other)
    assert feed.run("publish", "--keys", other) == FAILED
    assert "none of the folders" in feed.told
    assert versions(feed) == ["1.0.0"]
    feed.do("publish", "--keys", machine)
    assert versions(feed) == ["1.0.0", "1.1.0"]


def test_who_changes_what_another_has_signed_signs_alone(feed: Workshop) -> None:
    """A signature is for what was seen, not for what comes after."""
    feed.release("1.1.0")
    staged = feed.folder / "staged" / "targets.json"
    before = set(Metadata[Targets].from_bytes(staged.read_bytes()).signatures)
    gone = min((feed.folder / "keys").glob("targets-*.pem"))
    gone.rename(feed.folder / gone.name)
    feed.release("1.2.0")
    after = set(Metadata[Targets].from_bytes(staged.read_bytes()).signatures)
    assert len(before) == 2
    assert len(after) == 1
    assert feed.run("publish") == FAILED


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_households_follow_a_key_that_is_replaced(feed: Workshop, role: str) -> None:
    """By the root that they have pinned; the old key counts no more."""
    before = Metadata[Root].from_bytes(feed.root).signed.roles[role].keyids
    feed.do("rotate", role)
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]
    path = feed.folder / "feed" / "metadata" / "2.root.json"
    after = Metadata[Root].from_bytes(path.read_bytes()).signed.roles[role].keyids
    assert len(after) == len(before)
    assert not set(after) & set(before)
    # And the next time it is the new keys that sign.
    feed.do("renew", "root", "targets")
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]


def test_one_lost_key_is_replaced_by_the_others(feed: Workshop) -> None:
    """Two of three root keys are enough to let the third go."""
    lost = min((feed.folder / "keys").glob("root-*.pem"))
    lost.unlink()
    key_id = lost.stem.removeprefix("root-")
    feed.do("rotate", "root", "--key-id", key_id)
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]
    assert feed.run("rotate", "root", "--key-id", key_id) == FAILED


def test_too_few_root_keys_change_nothing(feed: Workshop) -> None:
    """What one key alone would say of the keys is not published."""
    for lost in sorted((feed.folder / "keys").glob("root-*.pem"))[:2]:
        lost.unlink()
    feed.do("rotate", "timestamp")
    assert feed.run("publish") == FAILED
    assert "root has 1 of 2" in feed.told
    assert not (feed.folder / "feed" / "metadata" / "2.root.json").exists()


def test_others_release_for_their_model(feed: Workshop) -> None:
    """What they sign is offered; the vendor's own keys do not count for it any more."""
    feed.do("delegate", "motor", "--model", "KM-1")
    image = feed.image("2.0.0")
    told = feed.do("release", image, "--model", "KM-1", "--hardware", "B")
    assert "signed for by motor" in told
    (key,) = (feed.folder / "keys").glob("motor-*.pem")
    shutil.move(key, feed.folder / key.name)
    feed.do("publish")
    assert versions(feed) == ["1.0.0", "2.0.0"]
    feed.do("release", feed.image("2.1.0"), "--model", "KM-1", "--hardware", "B")
    assert feed.run("publish") == FAILED
    assert "motor has 0 of 1" in feed.told
    shutil.move(feed.folder / key.name, key)
    feed.do("sign")
    feed.do("publish")
    assert versions(feed) == ["1.0.0", "2.0.0", "2.1.0"]
    feed.do("rotate", "motor")
    feed.do("publish")
    assert versions(feed) == ["1.0.0", "2.0.0", "2.1.0"]


def test_a_release_that_others_sign_for_from_now_on_stays(feed: Workshop) -> None:
    """It is theirs then."""
    feed.do("delegate", "one", "--model", "KL-1")
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]


# Publishing.


def test_nothing_is_seen_before_it_is_published(feed: Workshop) -> None:
    """However much is about to be."""
    feed.release("1.1.0")
    feed.do("rotate", "timestamp")
    assert versions(feed) == ["1.0.0"]
    feed.do("publish")
    assert versions(feed) == ["1.0.0", "1.1.0"]


def test_a_feed_is_in_order_wherever_publishing_is_cut_off(
    feed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each file; and publishing again goes on to the end."""
    feed.do("delegate", "motor", "--model", "KM-1")
    feed.release("1.1.0")
    shutil.copytree(feed.folder / "feed", feed.folder / "feed-before")
    shutil.copytree(feed.folder / "staged", feed.folder / "staged-before")
    write = repository._write
    cuts = 0
    while True:
        left = cuts

        def cut(path: Path, data: bytes) -> None:
            nonlocal left
            if left == 0:
                raise OSError(28, "No space left on device", str(path))
            left -= 1
            write(path, data)

        monkeypatch.setattr(repository, "_write", cut)
        code = feed.run("publish")
        monkeypatch.setattr(repository, "_write", write)
        if code == OK:
            break
        assert "No space left" in feed.told
        assert versions(feed) == ["1.0.0"]
        feed.do("publish")
        assert versions(feed) == ["1.0.0", "1.1.0"]
        for name in ("feed", "staged"):
            shutil.rmtree(feed.folder / name)
            shutil.copytree(feed.folder / f"{name}-before", feed.folder / name)
        cuts += 1
    # targets, motor, snapshot, timestamp
    assert cuts == 4


@pytest.mark.parametrize("writes", range(4))
def test_what_was_cut_off_while_it_was_staged_can_be_done_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """To begin a feed, and to give some of it away."""
    write = repository._write

    def cut_after(left: int) -> None:
        def cut(path: Path, data: bytes) -> None:
            nonlocal left
            if left == 0:
                raise OSError(28, "No space left on device", str(path))
            left -= 1
            write(path, data)

        monkeypatch.setattr(repository, "_write", cut)

    key = workshop.folder / "firmware.pem"
    key.write_text(workshop.maker.firmware_key_pem)
    cut_after(writes)
    assert workshop.run("init", "--vendor", VENDOR, "--firmware-key", key) == FAILED
    monkeypatch.setattr(repository, "_write", write)
    workshop.found()
    workshop.release("1.0.0")
    workshop.do("publish")
    cut_after(writes % 2)
    assert workshop.run("delegate", "one", "--model", "KL-1") == FAILED
    monkeypatch.setattr(repository, "_write", write)
    workshop.do("sign")
    workshop.do("delegate", "one", "--model", "KL-1")
    workshop.release("1.1.0")
    workshop.do("publish")
    assert versions(workshop) == ["1.0.0", "1.1.0"]


def test_a_machine_renews_nothing_that_was_not_published(workshop: Workshop) -> None:
    """It would publish what names files that are not there."""
    workshop.found()
    workshop.release("1.0.0")
    assert workshop.run("renew") == FAILED
    assert "not published yet" in workshop.told
    assert not (workshop.folder / "feed" / "metadata").exists()
    workshop.release("1.1.0")
    workshop.do("publish")
    assert versions(workshop) == ["1.0.0", "1.1.0"]


def test_what_households_would_refuse_as_expired_is_not_published(
    feed: Workshop,
) -> None:
    """What people have signed too long ago they sign anew; the machine says so too."""
    feed.release("1.1.0")
    before = feed.moved
    feed.moved = timedelta(days=91)
    for command in ("publish", "renew"):
        assert feed.run(command) == FAILED
        assert "targets is good until" in feed.told
    assert not (feed.folder / "feed" / "metadata" / "2.targets.json").exists()
    feed.do("renew", "targets")
    feed.do("publish")
    feed.moved = before
    assert versions(feed) == ["1.0.0", "1.1.0"]


def test_two_commands_in_one_folder_do_not_mix(
    feed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one changes nothing; who only looks may."""
    monkeypatch.setattr("nightlatch_feed.alone._PATIENCE", 0.2)
    feed.release("1.1.0")
    with alone(feed.folder):
        assert feed.run("renew") == FAILED
        assert "is at work in" in feed.told
        assert "1.1.0" in feed.do("list")
    feed.do("publish")
    assert versions(feed) == ["1.0.0", "1.1.0"]


def test_a_withdrawn_release_is_offered_no_more(feed: Workshop) -> None:
    """Its file stays, for whoever is fetching it."""
    feed.release("1.1.0")
    feed.do("publish")
    assert "kl-1/1.1.0.zip" in feed.do("list")
    feed.do("withdraw", "kl-1/1.1.0.zip")
    feed.do("publish")
    assert versions(feed) == ["1.0.0"]
    assert feed.run("withdraw", "kl-1/1.1.0.zip") == FAILED
    assert list((feed.folder / "feed" / "targets" / "kl-1").glob("*.1.1.0.zip"))


PATH = "kl-1/1.1.0.zip"


def stage(workshop: Workshop) -> tuple[int | None, str | None]:
    """Return the share that households see of the newest release, and why it is halted."""
    workshop.do("publish")
    release = seen(workshop).good[-1]
    return (
        release.rollout.percent if release.rollout else None,
        release.halted.why if release.halted else None,
    )


def test_a_release_is_let_out_in_stages(feed: Workshop) -> None:
    """Its file and its path stay; it only gets wider."""
    assert "let out to       5 %" in feed.release("1.1.0", "--percent", "5")
    assert f"{PATH}  KL-1 1.1.0, 5 %" in feed.do("list")
    assert stage(feed) == (5, None)
    first = seen(feed).good[-1]
    told = feed.do(
        "check", "feed", "--model", "KL-1", "--hardware", "B", "--installed", "1.0.0"
    )
    assert "Offered:       KL-1 1.1.0 for B, to 5 % of the locks" in told
    assert "Such a lock gets 1.1.0; by itself only 5 % of the locks." in told
    assert "to 50 % of the locks" in feed.do("widen", PATH, "50")
    assert stage(feed) == (50, None)
    for percent in ("50", "5", "101"):
        assert feed.run("widen", PATH, percent) in {FAILED, REFUSED}
    assert stage(feed) == (50, None)
    assert "to all locks" in feed.do("widen", PATH, "100")
    assert stage(feed) == (None, None)
    assert seen(feed).good[-1].key == first.key
    assert feed.run("widen", PATH, "100") == FAILED
    assert "all locks already" in feed.told


def test_checking_warns_of_timestamps_that_can_be_replayed_for_long(
    feed: Workshop,
) -> None:
    """Whoever replays one hides a halt; the usual two days are well."""
    feed.release("1.1.0")
    assert "BEWARE" not in feed.do("check", "feed")
    feed.do("renew", "--timestamp-days", "6")
    assert "hides a halt for 5 days" in feed.do("check", "feed")


def test_a_release_is_halted_and_goes_on(feed: Workshop) -> None:
    """Where it was."""
    feed.release("1.1.0", "--percent", "20")
    assert stage(feed) == (20, None)
    feed.do("halt", PATH, "--reason", "It drains batteries.")
    assert stage(feed) == (20, "It drains batteries")
    assert f"{PATH}  KL-1 1.1.0, 20 %, halted" in feed.do("list")
    told = feed.do(
        "check", "feed", "--model", "KL-1", "--hardware", "B", "--installed", "1.0.0"
    )
    assert "HALTED:        KL-1 1.1.0 for B: It drains batteries" in told
    assert "Such a lock gets nothing." in told
    assert "not 1.1.0: halted" in told
    feed.do("resume", PATH)
    assert stage(feed) == (20, None)
    assert feed.run("resume", PATH) == FAILED
    feed.do("halt", PATH)
    assert stage(feed) == (20, "it does not say why")


@pytest.mark.parametrize(
    "command", [("widen", "5"), ("halt",), ("resume",)], ids=lambda each: each[0]
)
def test_only_what_is_released_is_let_out_or_halted(
    feed: Workshop, command: tuple[str, ...]
) -> None:
    """Neither the feed itself nor what there is not."""
    name, *more = command
    for path in ("nightlatch.json", "kl-1/9.9.9.zip"):
        assert feed.run(name, path, *more) == FAILED
        assert "no release" in feed.told


def test_owners_are_asked_for_reports_where_a_vendor_takes_them(
    feed: Workshop,
) -> None:
    """At an https address, and no longer when it is taken back."""
    address = "https://reports.acme.example/ends"
    assert feed.run("reports", "http://reports.acme.example/") == REFUSED
    feed.do("reports", address)
    feed.do("publish")
    assert seen(feed).content.reports == address
    assert f"Reports to:    {address}" in feed.do("check", "feed")
    feed.do("reports")
    feed.do("publish")
    assert seen(feed).content.reports is None


def test_a_stage_is_said_once(feed: Workshop) -> None:
    """With a field for those who name what the lots are drawn by."""
    fields = feed.folder / "fields.json"
    fields.write_text('{"rollout": {"percent": 5, "salt": "autumn"}}')
    said = ("--model", "KL-1", "--version", "1.1.0", "--hardware", "B")
    more = ("--fields", str(fields))
    package = feed.package("1.1.0")
    assert feed.run("release", package, *said, *more, "--percent", "5") == FAILED
    feed.do("release", package, *said, *more)
    feed.do("widen", PATH, "10")
    assert stage(feed) == (10, None)
    rollout = seen(feed).good[-1].rollout
    assert rollout is not None
    assert rollout.salt == "autumn"


def test_an_advisory_is_read_out_of_a_csaf_document(feed: Workshop) -> None:
    """With the fractions that TUF cannot sign; what cannot be read is refused."""
    page = (CHECKOUT / "docs" / "feed-format.md").read_text()
    example = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[3]
    text = example.replace("ND-100", "KL-1").replace('"Acme"', '"Kestrel Locks"')
    document = json.loads(text)
    score = document["vulnerabilities"][0]["scores"][0]["cvss_v3"]
    score["baseScore"] = 8.8
    file = feed.folder / "advisory.json"
    file.write_text(json.dumps(document))
    feed.do("advise", file)
    feed.do("publish")
    (told,) = seen(feed).content.advisories
    scheme = seen(feed).content.models[0].version_scheme
    assert told.match("1.0.5", scheme) is Match.EXACT
    document["document"]["tracking"]["status"] = "draft"
    file.write_text(json.dumps(document))
    assert feed.run("advise", file) == REFUSED
    assert "status" in feed.told


# Expiry.


def test_expiry_warns_before_people_have_to_sign(feed: Workshop) -> None:
    """Renewing by machine does not help then, and signing does."""
    feed.do("expiry")
    feed.moved = timedelta(days=80)
    feed.do("renew")
    assert feed.run("expiry", "--warn-days", "14") == REFUSED
    assert re.search(r"targets .* EXPIRES SOON", feed.told)
    assert "timestamp" in feed.told
    assert "timestamp  EXPIRES" not in feed.told
    feed.do("expiry", "--warn-days", "5")
    feed.do("renew", "targets")
    feed.do("publish")
    feed.do("expiry", "--warn-days", "14")
    feed.moved += timedelta(days=3)
    assert feed.run("expiry") == REFUSED
    assert re.search(r"timestamp .* HAS EXPIRED", feed.told)


# Checking.


def test_checking_tells_what_a_lock_would_get(feed: Workshop) -> None:
    """And why not, in the words of the code that chooses."""
    lock = ("--model", "KL-1", "--hardware", "B", "--installed")
    assert "gets 1.0.0" in feed.do("check", "feed", *lock, "0.9.0")
    told = feed.do("check", "feed", *lock, "1.0.0")
    assert "gets nothing" in told
    assert "not_newer" in told


def _expire(feed: Workshop) -> None:
    feed.moved = -timedelta(days=10)
    feed.do("renew")


def _unsign(feed: Workshop) -> None:
    path = feed.folder / "feed" / "metadata" / "timestamp.json"
    metadata = json.loads(path.read_text())
    metadata["signatures"] = []
    path.write_text(json.dumps(metadata))


def _lose(feed: Workshop) -> None:
    next((feed.folder / "feed" / "metadata").glob("*.targets.json")).unlink()


def _exchange(feed: Workshop) -> None:
    (file,) = (feed.folder / "feed" / "targets" / "kl-1").iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_expire, "has expired"),
        (_unsign, "do not carry enough valid signatures"),
        (_lose, "HTTP status 404"),
        (_exchange, "is not the one that was signed"),
    ],
)
def test_each_refusal_is_told_in_words(feed: Workshop, spoil: Any, words: str) -> None:
    """Those that households would read, and an exit code for machines."""
    spoil(feed)
    assert feed.run("check") == REFUSED
    assert words in feed.told
    assert not re.search(r"[{}]|feed_[a-z]", feed.told)


def test_a_key_that_nobody_has_approved_is_refused(feed: Workshop) -> None:
    """For owners who have pinned another one."""
    assert feed.run("check", "feed", "--firmware-fingerprint", "ab" * 32) == REFUSED
    assert "names another firmware key" in feed.told


def test_a_url_is_asked_as_households_ask_it(feed: Workshop) -> None:
    """Not without HTTPS, and not without a root of one's own."""
    url = "http://updates.kestrel.example/"
    assert feed.run("check", url) == FAILED
    root = feed.folder / "feed" / "metadata" / "1.root.json"
    assert feed.run("check", url, "--root", root) == REFUSED
    assert "is not HTTPS" in feed.told


# Others' clients and others' repositories.


def test_python_tuf_reads_the_feed(feed: Workshop) -> None:
    """By nothing but the specification."""
    feed.do("delegate", "motor", "--model", "KM-1")
    image = feed.image("2.0.0")
    feed.do("release", image, "--model", "KM-1", "--hardware", "B")
    feed.do("rotate", "root")
    feed.do("publish")

    async def fetch() -> bytes:
        async with serving(feed.folder / "feed") as url:
            return await asyncio.to_thread(_fetch, url)

    def _fetch(url: str) -> bytes:
        into = feed.folder / "client"
        into.mkdir()
        updater = Updater(
            str(into),
            f"{url}metadata/",
            str(into),
            f"{url}targets/",
            bootstrap=feed.root,
        )
        target = updater.get_targetinfo("km-1/2.0.0.bin")
        assert target is not None
        return Path(updater.download_target(target)).read_bytes()

    assert asyncio.run(fetch()) == image.read_bytes()


@dataclass
class _OtherTool:
    """The forms that another tool writes a repository in."""

    signers: dict[str, CryptoSigner]
    listed: Callable[[bytes], MetaFile]
    hashed: tuple[str, ...] = ("sha256",)


def _noted(made: CryptoSigner, **notes: Any) -> CryptoSigner:
    """Return a key with notes beside it, its id over all of that."""
    made.public_key.unrecognized_fields.update(notes)
    whole = str(encode_canonical(made.public_key.to_dict()))
    made.public_key.keyid = hashlib.sha256(whole.encode()).hexdigest()
    return made


def _tuf_on_ci() -> _OtherTool:
    """One key for snapshot and timestamp; versions without lengths and hashes."""
    anna = _noted(CryptoSigner.generate_ecdsa(), **{"x-tuf-on-ci-keyowner": "@anna"})
    online = _noted(
        CryptoSigner.generate_ecdsa(), **{"x-tuf-on-ci-online-uri": "file:online"}
    )
    return _OtherTool(
        {"root": anna, "targets": anna, "snapshot": online, "timestamp": online},
        lambda _: MetaFile(1),
    )


def _go_tuf() -> _OtherTool:
    """Keys that say how their ids are hashed; SHA-512 of whatever is listed."""
    return _OtherTool(
        {
            role: _noted(
                CryptoSigner.generate_ed25519(),
                keyid_hash_algorithms=["sha256", "sha512"],
            )
            for role in ("root", "targets", "snapshot", "timestamp")
        },
        lambda data: MetaFile.from_data(1, data, ["sha512"]),
        ("sha256", "sha512"),
    )


def _tuf_js() -> _OtherTool:
    """One key for all of it, and both hash and length of whatever is listed."""
    only = CryptoSigner.generate_ed25519()
    return _OtherTool(
        dict.fromkeys(("root", "targets", "snapshot", "timestamp"), only),
        lambda data: MetaFile.from_data(1, data, ["sha256"]),
    )


def _write_as(tool: _OtherTool, folder: Path) -> None:
    """Write a repository in the forms of another tool."""
    signers = tool.signers
    until = repository.computer_clock() + timedelta(days=2)
    root = Root(expires=until, consistent_snapshot=True)
    for role, each in signers.items():
        root.add_key(each.public_key, role)
    vendor = Vendor()
    vendor.release(
        "acme/how.txt", b"By hand.", version="1.0.0", payload={"format": "by-hand"}
    )
    vendor.release("acme/bad.zip", b"no firmware", version="1.1.0")
    targets = Targets(expires=until)
    theirs = vendor.keep().files
    newest = max(
        (name for name in theirs if name.endswith(".targets.json")),
        key=lambda name: int(name.removeprefix("metadata/").split(".")[0]),
    )
    targets.targets = Metadata[Targets].from_bytes(theirs[newest]).signed.targets
    files: dict[str, bytes] = {}
    for path, target in targets.targets.items():
        before, _, name = f"targets/{path}".rpartition("/")
        data = theirs[f"{before}/{target.hashes['sha256']}.{name}"]
        target.hashes = TargetFile.from_data(path, data, [*tool.hashed]).hashes
        for digest in target.hashes.values():
            files[f"{before}/{digest}.{name}"] = data

    def signed(metadata: Any) -> bytes:
        whole: Metadata[Any] = Metadata(metadata)
        whole.sign(signers[metadata.type])
        return whole.to_bytes()

    files["metadata/1.root.json"] = signed(root)
    listed = files["metadata/1.targets.json"] = signed(targets)
    snapshot = Snapshot(expires=until, meta={"targets.json": tool.listed(listed)})
    listed = files["metadata/1.snapshot.json"] = signed(snapshot)
    timestamp = Timestamp(expires=until, snapshot_meta=tool.listed(listed))
    files["metadata/timestamp.json"] = signed(timestamp)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


@pytest.mark.parametrize(
    ("tool", "has_notes"), [(_tuf_on_ci, True), (_go_tuf, True), (_tuf_js, False)]
)
def test_a_repository_of_another_tool_is_checked(
    workshop: Workshop, tool: Callable[[], _OtherTool], *, has_notes: bool
) -> None:
    """Whatever it calls its keys; what is wrong in it is told as of any other."""
    _write_as(tool(), workshop.folder / "theirs")
    assert workshop.run("check", "theirs") == REFUSED
    assert "Offered:       ND-100 1.0.0 for A" in workshop.told
    # Who compares keys compares what their ids may be made of.
    keys = re.search(
        r"Root key: +[0-9a-f]{64}\n( +alone: +[0-9a-f]{64})?", workshop.told
    )
    assert keys is not None
    assert (keys[1] is not None) is has_notes
    assert "REFUSED:       acme/bad.zip" in workshop.told
    assert "neither a DFU package nor an image" in workshop.told


def test_a_release_by_which_no_firmware_can_be_told_is_refused(
    workshop: Workshop,
) -> None:
    """go-tuf lists SHA-512 alone, unless it is told otherwise."""
    _write_as(replace(_go_tuf(), hashed=("sha512",)), workshop.folder / "theirs")
    assert workshop.run("check", "theirs") == REFUSED
    assert "hashes.sha256" in workshop.told
    assert "Offered:" not in workshop.told


# The package.


def test_the_package_asks_for_what_the_integration_is_made_with() -> None:
    """The versions that its manifest pins, where both name them."""
    project = tomllib.loads((TOOL / "pyproject.toml").read_text())
    manifest = json.loads(
        (CHECKOUT / "custom_components" / "nightlatch" / "manifest.json").read_text()
    )
    wanted = set(project["project"]["dependencies"])
    pinned = {each for each in manifest["requirements"] if "cbor2" not in each}
    assert pinned <= wanted
