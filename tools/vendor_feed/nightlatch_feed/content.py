"""What a vendor says in its feed, held to the rules that each household holds it to.

Nothing is staged that Nightlatch would refuse: the same code reads it here and there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
from typing import Any

from tuf.api.metadata import Key

from custom_components.nightlatch.core.feeds.schema import (
    CUSTOM_KEY,
    FEED_SCHEMA,
    SCHEMA,
    Descriptor,
    ListedFile,
    SignedBy,
    parse_descriptor,
    parse_published,
    parse_release,
    schema_of,
)
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.firmware.packages import (
    Inspection,
    inspect_artifact,
    verify_artifact,
)
from custom_components.nightlatch.core.from_file import safe_name
from custom_components.nightlatch.core.model import PayloadFormat, Release
from custom_components.nightlatch.core.versions import Version, VersionError

from .problem import FeedToolError
from .repository import Repository
from .signers import shown_keys

_ENDINGS = {PayloadFormat.NORDIC_DFU: "zip", PayloadFormat.MCUBOOT: "bin"}
# What a feed has of a CSAF document.
_CSAF_PARTS = ("document", "product_tree", "vulnerabilities")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a file does not tell of a release."""

    model: str | None = None
    version: str | None = None
    hardware: tuple[str, ...] = ()
    security_version: int | None = None
    by_hand: bool = False
    """Whether the file is for people, and Nightlatch sends nothing."""
    found: Mapping[str, Any] | None = None
    """Where a keeper has found it, as docs/feed-format.md has it."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Any other field of docs/feed-format.md."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """A release as it was added."""

    release: Release
    path: str
    role: str
    inspection: Inspection | None
    signer: str | None
    """The fingerprint of the firmware key that has signed it."""


def found(repository: Repository, vendor: str, firmware_keys: Iterable[Path]) -> None:
    """Begin a feed: keys, root, and a descriptor that has no model yet."""
    _found(repository, vendor, [_text(path) for path in firmware_keys], {})


def found_as_keeper(
    repository: Repository,
    *,
    keeper: str,
    maker: str,
    signed: Iterable[Path],
    firmware_keys: Iterable[Path],
) -> None:
    """Begin a feed of somebody who is not the maker.

    ``signed`` are files of the maker's, which show the key that they were signed with
    where the maker publishes none.
    """
    files = {str(path): _bytes(path) for path in signed}
    known = tuple(load_firmware_key(_text(path)) for path in firmware_keys)
    keys = dict.fromkeys((*known, *shown_keys(files, known)))
    if not keys:
        raise FeedToolError(
            "Say at least two releases of the maker with --signer-of, or the public key"
            " that it publishes with --firmware-key."
        )
    signs = {"schema": FEED_SCHEMA, "signed_by": str(SignedBy.KEEPER), "keeper": keeper}
    _found(repository, maker, [key.pem for key in keys], signs)


def _found(
    repository: Repository, vendor: str, pems: list[str], signs: Mapping[str, Any]
) -> None:
    if repository.exists:
        raise FeedToolError("There is a feed in this folder already.")
    # With a model it would be whole; all else is looked at before keys are made.
    descriptor: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "feed",
        "vendor": vendor,
        "models": [],
        "firmware_keys": pems,
        "releases": [],
        "advisories": [],
        **signs,
    }
    example = {"model": "x", "name": "x", "version_scheme": "dotted"}
    _read({**descriptor, "models": [example]})
    repository.found()
    repository.describe(descriptor)


def add_model(repository: Repository, model: Mapping[str, Any]) -> None:
    """Add a model to the feed, or say something else of one."""
    descriptor = repository.descriptor
    models = {each["model"]: each for each in descriptor["models"]}
    models[model["model"]] = dict(model)
    changed = {**descriptor, "models": list(models.values())}
    said = _read(changed)
    for path in descriptor["releases"]:
        # What is in the feed must not be refused from now on.
        _parse(repository, path, repository.custom(path), said)
    repository.describe(changed)


def add_release(repository: Repository, file: Path, said: Said) -> Added:
    """Add a release out of a file; what can be read from it need not be said.

    Raises ``FeedToolError`` where something has to be said that was not, and what the
    readers of files and feeds raise.
    """
    data = _bytes(file)
    raw = repository.descriptor
    descriptor = _read(raw)
    model = _model(descriptor, said.model)
    before = [
        custom
        for path in raw["releases"]
        if (custom := repository.custom(path))["model"] == model
    ]
    inspection = None if said.by_hand else inspect_artifact(data)
    payload = _payload(inspection)
    version = said.version or (inspection.version if inspection else None)
    if version is None:
        raise FeedToolError(
            f"{file.name} does not tell its version as people write it; say --version."
        )
    scheme = next(e.version_scheme for e in descriptor.models if e.model == model)
    custom = {
        "schema": SCHEMA,
        "kind": "release",
        "vendor": descriptor.vendor,
        "model": model,
        "hardware_revisions": list(said.hardware) or _hardware(before, payload, file),
        "version": version,
        "version_scheme": str(scheme),
        "security_version": (
            max(
                (each["security_version"] for each in before),
                default=0 if descriptor.keeper else 1,
            )
            if said.security_version is None
            else said.security_version
        ),
        "payload": payload,
    }
    if clash := sorted(custom.keys() & said.fields.keys()):
        raise FeedToolError(
            f"{', '.join(clash)} cannot be given as fields: they are read from the file,"
            " or said by options."
        )
    custom |= said.fields
    if descriptor.keeper is None and said.found is not None:
        raise FeedToolError(
            "Only in a keeper's feed it is said where a file was found."
        )
    if descriptor.keeper is not None and "found" not in custom:
        if said.found is None:
            raise FeedToolError("Say the page where you found it, with --found-at.")
        custom["found"] = dict(said.found)
    custom["schema"] = schema_of(custom)
    ending = _ENDINGS[inspection.format] if inspection else file.suffix.lstrip(".")
    path = f"{safe_name(model).lower()}/{safe_name(version)}.{ending or 'bin'}"
    if path in raw["releases"]:
        raise FeedToolError(
            f"{path} is in the feed already. A release that is corrected needs a new"
            " version: households know it by its file."
        )
    release = parse_release(_listed(path, data, custom), descriptor)
    signer = None
    if inspection is not None:
        verified = verify_artifact(
            data,
            release,
            keys=descriptor.firmware_keys,
            minimum_firmware_version=None,
        )
        signer = verified.key_fingerprint
    _check_unlike(release, before)
    raw = {**raw, "releases": [*raw["releases"], path]}
    _read(raw)
    repository.put(path, data, custom)
    repository.describe(raw)
    return Added(
        release=release,
        path=path,
        role=repository.role_for(path),
        inspection=inspection,
        signer=signer,
    )


def add_advisory(repository: Repository, file: Path) -> str:
    """Add what is known of a hole, out of a CSAF document; return its path."""
    data = _bytes(file)
    document = load_object(file)
    custom: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "advisory",
        **{part: document[part] for part in _CSAF_PARTS if part in document},
    }
    custom = _without_fractions(custom)
    descriptor = repository.descriptor
    parse_published({CUSTOM_KEY: custom}, _read(descriptor))
    identifier = custom["document"]["tracking"]["id"]
    path = f"advisories/{safe_name(identifier).lower()}.json"
    listed = [*dict.fromkeys([*descriptor.get("advisories", []), path])]
    descriptor = {**descriptor, "advisories": listed}
    _read(descriptor)
    repository.put(path, data, custom)
    repository.describe(descriptor)
    return path


def withdraw(repository: Repository, path: str) -> None:
    """Take a release or an advisory back."""
    descriptor = repository.descriptor
    lists = [name for name in ("releases", "advisories") if name in descriptor]
    if not any(path in descriptor[name] for name in lists):
        raise FeedToolError(
            f"There is no {path} in this feed. nightlatch-feed list shows what there is."
        )
    for name in lists:
        descriptor[name] = [each for each in descriptor[name] if each != path]
    repository.remove(path)
    _describe(repository, descriptor)


def widen(repository: Repository, path: str, percent: int) -> Release:
    """Let a release out to more locks; a hundred percent lets it out to all."""
    custom = _release(repository, path)
    if "rollout" not in custom:
        raise FeedToolError(f"{path} is let out to all locks already.")
    before = custom["rollout"]["percent"]
    if percent <= before:
        raise FeedToolError(
            f"{path} is let out to {before} % already, and locks that have it keep it."
            " nightlatch-feed halt stops it."
        )
    if percent == 100:
        del custom["rollout"]
    else:
        custom["rollout"] = {**custom["rollout"], "percent": percent}
    return _say(repository, path, custom)


def halt(repository: Repository, path: str, reason: str | None) -> Release:
    """Let a release be installed nowhere, for the time being."""
    custom = _release(repository, path)
    custom["halted"] = {} if reason is None else {"reason": reason}
    return _say(repository, path, custom)


def resume(repository: Repository, path: str) -> Release:
    """Let a release that is halted go on, to as many locks as before."""
    custom = _release(repository, path)
    if custom.pop("halted", None) is None:
        raise FeedToolError(f"{path} is not halted.")
    return _say(repository, path, custom)


def _release(repository: Repository, path: str) -> dict[str, Any]:
    """Return what is said of a release that is in the feed."""
    if path not in repository.descriptor["releases"]:
        raise FeedToolError(
            f"There is no release {path} in this feed. nightlatch-feed list shows what"
            " there is."
        )
    return repository.custom(path)


def _say(repository: Repository, path: str, custom: dict[str, Any]) -> Release:
    custom["schema"] = schema_of(custom)
    release = _parse(repository, path, custom, _read(repository.descriptor))
    repository.say(path, custom)
    return release


def _parse(
    repository: Repository, path: str, custom: dict[str, Any], descriptor: Descriptor
) -> Release:
    """Return a release of the feed as households read it."""
    target = repository.role(repository.role_for(path)).signed.targets[path]
    return parse_release(
        ListedFile(
            path=path,
            length=target.length,
            hashes=target.hashes,
            custom={CUSTOM_KEY: custom},
        ),
        descriptor,
    )


def take_reports(repository: Repository, address: str | None) -> None:
    """Say where households may tell how installations end, or that they need not."""
    descriptor = repository.descriptor
    descriptor.pop("reports", None)
    if address is not None:
        descriptor["reports"] = address
    _describe(repository, descriptor)


def delegate(
    repository: Repository, role: str, models: Iterable[str], keys: list[Key]
) -> list[str]:
    """Let a role of its own sign for the releases of some models; return its paths."""
    descriptor = _read(repository.descriptor)
    known = [_model(descriptor, model) for model in models]
    paths = [f"{safe_name(model).lower()}/*" for model in known]
    repository.delegate(role, paths, keys)
    return paths


def check_whole(repository: Repository) -> None:
    """Check that what is about to be published is a feed; raise what refuses it."""
    _read(repository.descriptor)


def load_object(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raise ``FeedToolError``."""
    try:
        value = json.loads(_bytes(file))
    except ValueError as err:
        raise FeedToolError(f"{file} is no JSON: {err}.") from err
    if not isinstance(value, dict):
        raise FeedToolError(f"{file} holds no JSON object.")
    return value


def _describe(repository: Repository, descriptor: Mapping[str, Any]) -> None:
    _read(descriptor)
    repository.describe(descriptor)


def _read(descriptor: Mapping[str, Any]) -> Descriptor:
    if not descriptor["models"]:
        raise FeedToolError("The feed has no model yet; add one with model.")
    return parse_descriptor({CUSTOM_KEY: dict(descriptor)})


def _model(descriptor: Descriptor, said: str | None) -> str:
    models = [each.model for each in descriptor.models]
    if said is None and len(models) == 1:
        return models[0]
    if said not in models:
        raise FeedToolError(
            f"Say which model it is for, with --model: {', '.join(models)}."
        )
    return said


def _payload(inspection: Inspection | None) -> dict[str, Any]:
    if inspection is None:
        return {"format": "by-hand"}
    if inspection.format is PayloadFormat.MCUBOOT:
        return {
            "format": str(inspection.format),
            "security_counter": inspection.firmware_version,
        }
    return {
        "format": str(inspection.format),
        "hardware_version": inspection.hardware_version,
        "firmware_version": inspection.firmware_version,
    }


def _hardware(
    before: Iterable[Mapping[str, Any]], payload: Mapping[str, Any], file: Path
) -> list[str]:
    """Return the revisions of earlier releases, where the file is for the same."""
    number = payload.get("hardware_version")
    for custom in before:
        if number is not None and custom["payload"].get("hardware_version") == number:
            revisions: list[str] = custom["hardware_revisions"]
            return revisions
    raise FeedToolError(
        f"{file.name} does not tell the hardware revisions that it is for as locks tell"
        " them; say --hardware, once for each."
    )


def _check_unlike(release: Release, before: Iterable[Mapping[str, Any]]) -> None:
    """Check that no other release has the same version: both would be refused."""
    if any(_same(each["version"], release.version) for each in before):
        raise FeedToolError(
            f"There is a release {release.version.text} of {release.model} already."
        )


def _same(text: str, version: Version) -> bool:
    """Return whether a text says a version, as households compare it: 1.0 is 1.0.0."""
    try:
        return Version.parse(version.scheme, text) == version
    except VersionError:
        return False


def _listed(path: str, data: bytes, custom: Mapping[str, Any]) -> ListedFile:
    return ListedFile(
        path=path,
        length=len(data),
        hashes={"sha256": hashlib.sha256(data).hexdigest()},
        custom={CUSTOM_KEY: dict(custom)},
    )


def _without_fractions(value: Any) -> Any:
    """Return JSON without the numbers that TUF cannot sign, and that nobody reads."""
    match value:
        case dict():
            return {
                key: _without_fractions(each)
                for key, each in value.items()
                if not isinstance(each, float)
            }
        case list():
            return [_without_fractions(each) for each in value]
    return value


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as err:
        raise FeedToolError(f"{file} cannot be read: {err.strerror}.") from err


def _text(file: Path) -> str:
    try:
        return _bytes(file).decode("ascii")
    except UnicodeDecodeError as err:
        raise FeedToolError(f"{file} is no public key in PEM form.") from err
