"""docs/feed-format.md is what vendors go by, so it is held to the code."""

import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from custom_components.nightlatch.core.advisories.published import Match
from custom_components.nightlatch.core.advisories.score import MAX_VECTOR
from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds import fields as feed_fields, schema
from custom_components.nightlatch.core.feeds.csaf import (
    MAX_DETAILS,
    MAX_MITIGATION,
    MAX_PRODUCTS,
    MAX_VULNERABILITIES,
)
from custom_components.nightlatch.core.feeds.schema import (
    Descriptor,
    ListedFile,
    parse_descriptor,
    parse_release,
)
from custom_components.nightlatch.core.feeds.transfer import Limits
from custom_components.nightlatch.core.feeds.tuf import MAX_STATEMENTS, TufFeed
from custom_components.nightlatch.core.feeds.tuf_root import MAX_ROOT
from custom_components.nightlatch.core.model import (
    Halt,
    Payload,
    PayloadFormat,
    Release,
    Rollout,
    Severity,
)
from custom_components.nightlatch.core.versions import VersionScheme
from tests.rig.vendor_http import VendorServer

from .conftest import Clock, MemoryTrust

PAGE = (Path(__file__).parents[3] / "docs/feed-format.md").read_text()
PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    .decode()
)


def blocks(language: str) -> list[str]:
    """Return the code of a language on the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    """Return the text below a title."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def fields(title: str, need: str) -> set[str]:
    """Return the fields that a section's table has as needed, or not."""
    return set(re.findall(rf"^\| `([^`]+)` \| {need} \|", section(title), re.MULTILINE))


@pytest.fixture
def examples() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the descriptor and the release on the page."""
    descriptor, release, *_ = map(json.loads, blocks("json"))
    descriptor["firmware_keys"] = [PEM]
    return descriptor, release


def read(custom: dict[str, Any], descriptor: Descriptor) -> Release:
    """Read a release."""
    return parse_release(
        ListedFile(
            path="acme/nd-100/1.1.0.zip",
            length=1,
            hashes={"sha256": "00" * 32},
            custom={"nightlatch": custom},
        ),
        descriptor,
    )


def test_the_examples_are_valid(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """A vendor will begin with a copy of them."""
    descriptor = parse_descriptor({"nightlatch": examples[0]})
    release = read(examples[1], descriptor)
    assert release.extra == {}
    assert release.artifact is not None
    assert release.artifact.path in descriptor.releases


def test_the_other_payload_is_valid(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """It takes the place of the first one."""
    payload = json.loads(blocks("json")[2])
    descriptor = parse_descriptor({"nightlatch": examples[0]})
    release = read({**examples[1], "payload": payload}, descriptor)
    assert release.payload == Payload(
        format=PayloadFormat.MCUBOOT, firmware_version=payload["security_counter"]
    )


def test_stages_and_halts_are_as_the_page_has_them(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """The fields that are shown are all that there are, and can be left out again."""
    descriptor = parse_descriptor({"nightlatch": examples[0]})
    staged, halted = (json.loads(block) for block in blocks("json")[4:6])
    assert read({**examples[1], **staged}, descriptor).rollout == Rollout(percent=5)
    told = read({**examples[1], **halted}, descriptor).halted
    assert told == Halt(why=halted["halted"]["reason"].removesuffix("."))
    assert fields("Stages and halts", "must") == {"rollout.percent"}
    assert fields("Stages and halts", "may") == {"rollout.salt", "halted.reason"}


def test_the_advisory_is_valid(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """And says what is to be read of it."""
    custom = {"nightlatch": json.loads(blocks("json")[3])}
    (told,) = schema.parse_published(
        custom, parse_descriptor({"nightlatch": examples[0]})
    )
    assert (told.id, told.model, told.fix) == ("CVE-2026-1234", "ND-100", "1.1.0")
    assert told.match("1.0.9", VersionScheme.DOTTED) is Match.EXACT
    assert told.severity is Severity.HIGH
    assert told.mitigation


def test_the_tables_tell_every_field(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """The examples show them all, the tables explain them all."""
    must, may = fields("A release", "must"), fields("A release", "may")
    assert must | may == set(examples[1])
    descriptor = {
        name
        for name in fields("The descriptor", "must") | fields("The descriptor", "may")
        if "[" not in name
    }
    assert descriptor == set(examples[0])


def test_what_the_table_says_may_be_left_out_may_be(
    examples: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """And the rest must not."""
    descriptor = parse_descriptor({"nightlatch": examples[0]})
    needed = {field: examples[1][field] for field in fields("A release", "must")}
    assert read(needed, descriptor)
    for field in needed:
        fewer = {name: value for name, value in needed.items() if name != field}
        with pytest.raises(FeedError):
            read(fewer, descriptor)


def test_the_limits_are_those_of_the_code() -> None:
    """Numbers have a way of growing apart."""
    limits = Limits()
    text = section("Limits").replace(" ", "")
    for line in (
        f"1byteto{schema.MAX_ARTIFACT // 2**20}MiB",
        f"{MAX_ROOT}bytes",
        f"{feed_fields.MAX_ITEMS}items",
        f"|firmwarekeys|{schema.MAX_FIRMWARE_KEYS},",
        f"|anameorversion|{feed_fields.MAX_LINE}characters",
        f"|atargetpath|{schema.MAX_PATH}characters",
        f"|aURL|{feed_fields.MAX_URL}characters",
        f"|thereasonofahalt|{schema.MAX_HALT}characters",
        f"|releasenotes|{schema.MAX_NOTES // 1024}KiB",
        f"|recoverysteps|{schema.MAX_RECOVERY // 1024}KiB",
        f"{MAX_VULNERABILITIES}vulnerabilities,{MAX_PRODUCTS}versions",
        f"{MAX_MITIGATION}bytesofmitigations",
        f"|alladvisories|{MAX_STATEMENTS}times",
        f"|whatapersoncandomeanwhile|{MAX_DETAILS // 1024}KiB",
        f"|aCVSSvector|{MAX_VECTOR}characters",
        f"{schema.MAX_EXTRA_VALUES}valuesand{schema.MAX_EXTRA_TEXT}characters",
        f"|timetoanswerarequest|{limits.answer}s",
        f"|timeforonefile|{limits.file}s",
        f"|timeforacheck,orafetchwithitsartifact|{limits.total}s",
        f"first{limits.grace}s|{limits.rate}bytes/s",
    ):
        assert line in text


def test_every_reason_is_explained() -> None:
    """A vendor will be sent them by customers."""
    for problem in FeedProblem:
        assert f"`{problem}`" in PAGE


async def test_the_complete_example_makes_a_feed(
    socket_enabled: None,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    clock: Clock,
    trust: MemoryTrust,
) -> None:
    """Run as it stands, then read as any other feed."""
    files = run_example(tmp_path)
    server = VendorServer(files.get)
    await server.start()
    feed = TufFeed(
        feed_id="acme",
        url=server.url,
        root=files["metadata/1.root.json"],
        pinned_keys=None,
        cache=tmp_path / "cache",
        session=session,
        clock=clock,
        trust=trust,
        allow_loopback_http=True,
    )
    content = await feed.check()
    assert content.refused == ()
    assert await feed.fetch(content.releases[0]) == b"firmware"
    await server.stop()


def run_example(directory: Path) -> dict[str, bytes]:
    """Run the page's program; return the files that it makes."""
    (directory / "firmware.pem").write_text(PEM)
    (directory / "nd-100.zip").write_bytes(b"firmware")
    (program,) = blocks("python")
    subprocess.run([sys.executable, "-c", program], cwd=directory, check=True)
    feed = directory / "feed"
    return {
        path.relative_to(feed).as_posix(): path.read_bytes()
        for path in feed.rglob("*")
        if path.is_file()
    }
