"""nightlatch-feed: makes, renews and checks a signed feed of lock firmware.

Exit codes: 0 all is well; 1 something is refused, or expires soon; 2 the command could
not be carried out.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
import getpass
import os
from pathlib import Path
import sys
from typing import Any, Final

from tuf.api.metadata import Root

from custom_components.nightlatch.core.errors import NightlatchError
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.model import LockIdentity, Release

from . import content
from .alone import alone
from .checking import Checked, check, offered, serving
from .keys import KeyStore, read_public_key
from .problem import FeedToolError
from .repository import ONLINE, UNTIL, VALID, Repository, computer_clock
from .words import sentence

OK, REFUSED, FAILED = 0, 1, 2
REPLAYED_AT_MOST = timedelta(days=3)
"""For so long somebody on the way may keep from a home what is signed anew."""
PASSPHRASE = "NIGHTLATCH_FEED_PASSPHRASE"  # noqa: S105
_USUAL_VERSIONS = "dotted"

type Command = Callable[[argparse.Namespace], int]


def run() -> None:
    """Run the command that was typed."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        if command in _ONLY_LOOK:
            return command(options)
        with alone(options.directory):
            return command(options)
    except NightlatchError as err:
        _complain(sentence(err))
        return REFUSED
    except FeedToolError as err:
        _complain(str(err))
    except OSError as err:
        _complain(f"{err.filename or 'The disk'}: {err.strerror or err}.")
    return FAILED


def _tell(text: str) -> None:
    print(text)


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


# The commands.


def _init(options: argparse.Namespace) -> int:
    repository = _repository(options)
    content.found(repository, options.vendor, options.firmware_key)
    _tell("The keys are made. Put the root's into three safe places.")
    for name, role in sorted(repository.root.roles.items()):
        for key_id in role.keyids:
            _tell(f"  {name:<9} {key_id}")
    _tell(
        "Publish the ids of the root's keys where the feed is not: in the manual, say."
    )
    return OK


def _keeper(options: argparse.Namespace) -> int:
    repository = _repository(options)
    content.found_as_keeper(
        repository,
        keeper=options.name,
        maker=options.maker,
        signed=options.signer_of,
        firmware_keys=options.firmware_key,
    )
    _tell(f"{options.name} keeps this feed; {options.maker} does not sign it.")
    for pem in repository.descriptor["firmware_keys"]:
        key = load_firmware_key(pem)
        _tell(f"  firmware  {key.fingerprint}")
    for key_id in repository.root.roles[Root.type].keyids:
        _tell(f"  root      {key_id}")
    _tell("Give each home the ids of the root's keys in another way than the feed.")
    return OK


def _found_at(options: argparse.Namespace) -> dict[str, Any] | None:
    """Return where a keeper has found a file."""
    if options.found_at is None:
        if options.fetched is not None or options.published_sha256 is not None:
            raise FeedToolError("Say the page where you found it, with --found-at.")
        return None
    found = {
        "url": options.found_at,
        "fetched": options.fetched or computer_clock().date().isoformat(),
    }
    if options.published_sha256 is not None:
        found["sha256"] = options.published_sha256.lower()
    return found


def _model(options: argparse.Namespace) -> int:
    bluetooth = {
        "local_name": options.local_name,
        "service_uuid": options.service_uuid,
        "manufacturer_id": options.manufacturer_id,
    }
    bluetooth = {key: value for key, value in bluetooth.items() if value is not None}
    model: dict[str, Any] = {
        "model": options.model,
        "name": options.name or options.model,
        "version_scheme": options.versions,
        **({"bluetooth": bluetooth} if bluetooth else {}),
        **_fields(options),
    }
    content.add_model(_repository(options), model)
    _tell(f"{options.model} is in the feed once it is published.")
    return OK


def _release(options: argparse.Namespace) -> int:
    fields = _fields(options)
    if options.notes is not None:
        fields["release_notes"] = options.notes.read_text(encoding="utf-8")
    if options.severity is not None:
        fields["severity"] = options.severity
    if options.percent is not None:
        if "rollout" in fields:
            raise FeedToolError("Say --percent, or rollout as a field; not both.")
        fields["rollout"] = {"percent": options.percent}
    added = content.add_release(
        _repository(options),
        options.file,
        content.Said(
            model=options.model,
            version=options.version,
            hardware=tuple(options.hardware),
            security_version=options.security_version,
            by_hand=options.by_hand,
            found=_found_at(options),
            fields=fields,
        ),
    )
    release, inspection = added.release, added.inspection
    _tell(f"{added.path}, signed for by {added.role}")
    _tell(f"  model            {release.model}")
    _tell(f"  hardware         {', '.join(release.hardware_revisions)}")
    _tell(f"  version          {release.version.text}")
    _tell(f"  security version {release.security_version}")
    if inspection is not None:
        _tell(f"  format           {inspection.format}")
        if inspection.hardware_version is not None:
            _tell(f"  hw_version       {inspection.hardware_version}")
        _tell(f"  counter          {inspection.firmware_version}")
        _tell(f"  signed with      {inspection.signature} {added.signer}")
    if release.found is not None:
        _tell(f"  found at         {release.found.url}")
        if not release.found.digest_published:
            _tell("  published digest none was said; see --published-sha256")
    if release.rollout is not None:
        _tell(f"  let out to       {release.rollout.percent} % of the locks")
    if release.artifact is not None:
        _tell(f"  size             {release.artifact.length} bytes")
        _tell(f"  SHA-256          {release.artifact.sha256}")
    return OK


def _advise(options: argparse.Namespace) -> int:
    _tell(content.add_advisory(_repository(options), options.file))
    return OK


def _withdraw(options: argparse.Namespace) -> int:
    content.withdraw(_repository(options), options.path)
    _tell(f"{options.path} is withdrawn once this is published.")
    return OK


def _widen(options: argparse.Namespace) -> int:
    release = content.widen(_repository(options), options.path, options.percent)
    _tell(f"{options.path} is let out to {_share(release)} once this is published.")
    return OK


def _halt(options: argparse.Namespace) -> int:
    content.halt(_repository(options), options.path, options.reason)
    _tell(f"{options.path} is halted once this is published.")
    return OK


def _resume(options: argparse.Namespace) -> int:
    release = content.resume(_repository(options), options.path)
    _tell(f"{options.path} goes on once this is published, to {_share(release)}.")
    return OK


def _reports(options: argparse.Namespace) -> int:
    content.take_reports(_repository(options), options.address)
    told = options.address or "nowhere"
    _tell(f"Who agrees reports to {told} once this is published.")
    return OK


def _share(release: Release) -> str:
    """Return to which locks a release is let out."""
    if release.rollout is None:
        return "all locks"
    return f"{release.rollout.percent} % of the locks"


def _delegate(options: argparse.Namespace) -> int:
    keys = [read_public_key(path) for path in options.key]
    paths = content.delegate(
        _repository(options), options.role, options.model, list(keys)
    )
    _tell(f"{options.role} signs for {', '.join(paths)} once this is published.")
    return OK


def _list(options: argparse.Namespace) -> int:
    repository = _repository(options)
    descriptor = repository.descriptor
    for path in descriptor["releases"]:
        custom = repository.custom(path)
        stage = (
            f", {rollout['percent']} %" if (rollout := custom.get("rollout")) else ""
        )
        halted = ", halted" if "halted" in custom else ""
        _tell(f"{path}  {custom['model']} {custom['version']}{stage}{halted}")
    for path in descriptor.get("advisories", []):
        _tell(path)
    return OK


def _sign(options: argparse.Namespace) -> int:
    repository = _repository(options)
    repository.sign()
    for role in repository.staged:
        _tell(f"{role}: {repository.missing().get(role, 'signed by enough keys')}")
    return OK


def _rotate(options: argparse.Namespace) -> int:
    _repository(options).rotate(options.role, options.key_id)
    _tell(f"{options.role} has a new key once this is published.")
    return OK


def _renew(options: argparse.Namespace) -> int:
    if not options.role:
        # A machine that renews must not publish what people have not finished.
        return _publish_from(_repository(options, published_only=True), options)
    repository = _repository(options)
    for role in options.role:
        repository.renew(role)
    return OK


def _publish(options: argparse.Namespace) -> int:
    return _publish_from(_repository(options), options)


def _publish_from(repository: Repository, options: argparse.Namespace) -> int:
    content.check_whole(repository)
    for name in repository.publish(
        snapshot_valid=timedelta(days=options.snapshot_days),
        timestamp_valid=timedelta(days=options.timestamp_days),
    ):
        _tell(f"  metadata/{name}")
    _tell(f"{repository.feed} is complete. Copy targets first, timestamp.json last.")
    return OK


def _expiry(options: argparse.Namespace) -> int:
    now = computer_clock()
    soon = False
    for role, until in _repository(options).expiries():
        warn = (
            timedelta(hours=options.warn_hours)
            if role in ONLINE
            else timedelta(days=options.warn_days)
        )
        state = ""
        if until - now <= warn:
            soon = True
            state = "  HAS EXPIRED" if until <= now else "  EXPIRES SOON"
        _tell(f"{role:<10} {until:{UNTIL}}{state}")
    return REFUSED if soon else OK


def _check(options: argparse.Namespace) -> int:
    root = options.root
    if root is None and "://" in options.where:
        raise FeedToolError("Say with --root which root your customers pin.")
    root = root or Path(options.where) / "metadata" / "1.root.json"
    pinned = frozenset(options.firmware_fingerprint) or None
    checked = asyncio.run(
        check(options.where, root.read_bytes(), pinned, options.keeper)
    )
    _report(checked)
    if options.installed is not None:
        _report_lock(checked, options)
    return REFUSED if checked.refused else OK


def _report(checked: Checked) -> None:
    feed = checked.content
    _tell(f"Vendor:        {feed.vendor}")
    if feed.keeper is not None:
        _tell(f"Signed by:     {feed.keeper}, a keeper; {feed.vendor} does not sign it")
    _tell(f"Good until:    {feed.expires_at:{UNTIL}}")
    if feed.expires_at - feed.checked_at > REPLAYED_AT_MOST:
        days = (feed.expires_at - feed.checked_at).days
        _tell(f"BEWARE:        whoever replays this feed hides a halt for {days} days;")
        _tell(
            f"               sign timestamps for {REPLAYED_AT_MOST.days} days at most"
        )
    for key in checked.root.roles[Root.type].fingerprints:
        _tell(f"Root key:      {key.whole}")
        if key.alone != key.whole:
            _tell(f"  alone:       {key.alone}")
    for firmware_key in feed.firmware_keys:
        _tell(f"Firmware key:  {firmware_key.fingerprint}")
    if feed.reports is not None:
        _tell(f"Reports to:    {feed.reports}, from owners who agree")
    for release in checked.good:
        hardware = ", ".join(release.hardware_revisions)
        told = f"{release.model} {release.version.text} for {hardware}"
        if release.halted is not None:
            _tell(f"HALTED:        {told}: {release.halted.why}")
        elif release.rollout is not None:
            _tell(f"Offered:       {told}, to {_share(release)}")
        else:
            _tell(f"Offered:       {told}")
    for advisory in feed.advisories:
        _tell(f"Advisory:      {advisory.id} of {advisory.model}")
    for path, err in checked.refused:
        _tell(f"REFUSED:       {path}")
        _tell(f"  {sentence(err)}")
    if not feed.tells_advisories:
        _tell(
            "Locks are never shown as up to date: no advisories are told, not even none."
        )


def _report_lock(checked: Checked, options: argparse.Namespace) -> None:
    identity = LockIdentity(
        model=options.model or checked.content.models[0].model,
        hardware_revision=options.hardware,
        firmware_version=options.installed,
    )
    selection = offered(checked, identity)
    if (release := selection.release) is not None and release.halted is None:
        by_itself = f"; by itself only {_share(release)}" if release.rollout else ""
        _tell(f"Such a lock gets {release.version.text}{by_itself}.")
    else:
        _tell("Such a lock gets nothing.")
        if release is not None:
            _tell(f"  not {release.version.text}: halted")
    for other, reason in selection.passed_over:
        if other.model == identity.model:
            _tell(f"  not {other.version.text}: {reason}")


def _serve(options: argparse.Namespace) -> int:
    async def serve() -> None:
        async with serving(options.where, options.port) as url:
            print(f"The feed is at {url} until Ctrl-C ends it.", flush=True)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
    return OK


_ONLY_LOOK: Final[frozenset[Command]] = frozenset({_list, _expiry, _check, _serve})


# What was typed.


def _repository(
    options: argparse.Namespace, *, published_only: bool = False
) -> Repository:
    keys = KeyStore(options.keys or [Path("keys")], _ask_passphrase)
    return Repository(
        options.directory, keys, computer_clock, published_only=published_only
    )


def _ask_passphrase(what: str) -> str:
    if (told := os.environ.get(PASSPHRASE)) is not None:
        return told
    if not sys.stdin.isatty():
        raise FeedToolError(f"{what}: nobody is there to be asked; set {PASSPHRASE}.")
    return getpass.getpass(f"{what}: ")


def _fields(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.fields is None else content.load_object(options.fields)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nightlatch-feed", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        return made

    def add_work(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        """Add a command that works on a folder of the vendor's."""
        made = add(name, command, text)
        made.add_argument(
            "--directory",
            type=Path,
            default=Path(),
            help="where feed/ and staged/ are; here, if it is not said",
        )
        made.add_argument(
            "--keys",
            type=Path,
            action="append",
            help="a folder with private keys, keys/ if none is said; may be repeated",
        )
        return made

    made = add_work("init", _init, "make the keys, the root, and a feed without models")
    made.add_argument("--vendor", required=True, help="your name")
    made.add_argument(
        "--firmware-key",
        type=Path,
        action="append",
        required=True,
        help="a public key (PEM) that your firmware is signed with; may be repeated",
    )

    made = add_work("keeper", _keeper, "begin a feed of files that a maker gives out")
    made.add_argument("--name", required=True, help="who you are, as homes know you")
    made.add_argument("--maker", required=True, help="who makes the locks")
    made.add_argument(
        "--signer-of",
        type=Path,
        action="append",
        default=[],
        help="a file of the maker's; two of them show the key that it signs with",
    )
    made.add_argument(
        "--firmware-key",
        type=Path,
        action="append",
        default=[],
        help="a public key (PEM) that the maker publishes; may be repeated",
    )

    made = add_work("model", _model, "add a model, or say something else of one")
    made.add_argument("model", help="the Model Number String, as locks tell it")
    made.add_argument("--name", help="what customers call it")
    made.add_argument("--versions", default=_USUAL_VERSIONS, help="the version scheme")
    made.add_argument("--local-name", help="its Bluetooth name, * for anything")
    made.add_argument("--service-uuid")
    made.add_argument("--manufacturer-id", type=int)
    _add_fields(made)

    made = add_work("release", _release, "add a release out of its file")
    made.add_argument("file", type=Path, help="a DFU zip or an image of MCUboot")
    made.add_argument("--model", help="needed where the feed has several")
    made.add_argument("--version", help="needed where the file does not tell it")
    made.add_argument(
        "--hardware",
        action="append",
        default=[],
        help="a Hardware Revision String that it is for; may be repeated",
    )
    made.add_argument("--security-version", type=int, help="as of the releases before")
    made.add_argument("--notes", type=Path, help="a text file with the release notes")
    made.add_argument("--severity")
    made.add_argument(
        "--percent",
        type=int,
        help="let it out to this share of the locks first; all, if it is not said",
    )
    made.add_argument(
        "--found-at", metavar="URL", help="a keeper's: the maker's page that it is from"
    )
    made.add_argument(
        "--fetched", metavar="DAY", help="when, as 2026-11-30; today, if not said"
    )
    made.add_argument(
        "--published-sha256", metavar="HEX", help="the digest that the page names"
    )
    made.add_argument(
        "--by-hand", action="store_true", help="only people install it, with your means"
    )
    _add_fields(made)

    made = add_work("advise", _advise, "add an advisory")
    made.add_argument("file", type=Path, help="a CSAF 2.0 document (JSON)")

    made = add_work("withdraw", _withdraw, "take a release or an advisory back")
    made.add_argument("path", help="as list shows it")

    made = add_work("widen", _widen, "let a release out to more locks")
    made.add_argument("path", help="as list shows it")
    made.add_argument("percent", type=int, help="100 lets it out to all")

    made = add_work("halt", _halt, "let a release be installed nowhere for now")
    made.add_argument("path", help="as list shows it")
    made.add_argument("--reason", help="one line, which people read")

    made = add_work("resume", _resume, "let a release that is halted go on")
    made.add_argument("path", help="as list shows it")

    made = add_work("reports", _reports, "say where households may report ends to")
    made.add_argument("address", nargs="?", help="https://...; without one, nowhere")

    made = add_work("delegate", _delegate, "let other people release for some models")
    made.add_argument("role", help="a name for them")
    made.add_argument("--model", action="append", required=True)
    made.add_argument(
        "--key",
        type=Path,
        action="append",
        default=[],
        help="their public key (PEM); without one a key is made here",
    )

    add_work("list", _list, "show the releases and advisories")
    add_work("sign", _sign, "add the signatures of the keys that are here")

    made = add_work("rotate", _rotate, "replace the keys of a role")
    made.add_argument("role")
    made.add_argument("--key-id", help="only this one, by how its id begins")

    for name, command, text in (
        ("publish", _publish, "put what is staged, and signed by enough, into feed/"),
        (
            "renew",
            _renew,
            "sign snapshot and timestamp anew; or stage a role for longer",
        ),
    ):
        made = add_work(name, command, text)
        if command is _renew:
            made.add_argument(
                "role", nargs="*", help="root, targets, or a delegated one"
            )
        made.add_argument(
            "--snapshot-days", type=int, default=VALID["snapshot"].days, metavar="DAYS"
        )
        made.add_argument(
            "--timestamp-days",
            type=int,
            default=VALID["timestamp"].days,
            metavar="DAYS",
        )

    made = add_work("expiry", _expiry, "show until when each role is good")
    made.add_argument(
        "--warn-days", type=int, default=14, help="for the roles that people sign"
    )
    made.add_argument(
        "--warn-hours", type=int, default=24, help="for those that a machine signs"
    )

    made = add("check", _check, "check a feed as Nightlatch would see it")
    made.add_argument("where", nargs="?", default="feed", help="a folder or a URL")
    made.add_argument(
        "--root", type=Path, help="what customers pin; 1.root.json, if not"
    )
    made.add_argument(
        "--firmware-fingerprint",
        action="append",
        default=[],
        help="a firmware key that customers have approved; may be repeated",
    )
    made.add_argument("--keeper", help="who keeps it, as homes have approved")
    made.add_argument(
        "--installed", help="tell what a lock with this version would get"
    )
    made.add_argument("--model", help="of that lock")
    made.add_argument("--hardware", help="of that lock")

    made = add("serve", _serve, "serve a feed to this machine, to try it")
    made.add_argument("where", nargs="?", type=Path, default=Path("feed"))
    made.add_argument("--port", type=int, default=8765)
    return parser


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fields",
        type=Path,
        help="a JSON file with any other fields of docs/feed-format.md",
    )
