"""What a vendor's signed feed may say, and nothing else: docs/feed-format.md in code.

A signature proves who said something, not that it makes sense. Everything here comes
out of the ``custom`` objects of TUF targets (TUF specification 1.0.34, 4.5), which no
TUF client looks into, so each field is checked for its type, size and characters before
anything else sees it. Fields that are not known are kept, never obeyed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
import re
from typing import Any, Final
import unicodedata

import probatio as vol

from ..advisories.published import PublishedAdvisory
from ..errors import FeedError, FeedProblem, FirmwareError
from ..firmware.keys import USABLE_FOR, kind_of, load_firmware_key
from ..firmware.mcuboot import can_be_version_of_image
from ..model import (
    Advisory,
    Artifact,
    BluetoothMatch,
    Disruption,
    Evidence,
    FirmwareKey,
    Found,
    Halt,
    Model,
    Payload,
    PayloadFormat,
    Release,
    Rollout,
    Severity,
    Traits,
    Transport,
)
from ..phrase import Phrase
from ..revision_text import can_tell, check_form
from ..versions import Version, VersionError, VersionScheme
from .csaf import parse_advisory
from .fields import (
    MAX_LINE,
    day,
    exactly,
    fields_of,
    https,
    line,
    list_of,
    one_of,
    pattern,
    text_of,
    truth,
    unfit,
    validated,
    whole,
    wrong,
)

SCHEMA: Final = 1
"""The newest schema of an advisory that is understood, and that of a maker's feed."""
FEED_SCHEMA: Final = 2
"""The newest schema of a feed: that of a keeper's, which is refused by those Nightlatch
that would take it for its maker's."""
RELEASE_SCHEMA: Final = 2
"""That of a release."""
DESCRIPTOR_PATH: Final = "nightlatch.json"
"""The target that describes the feed."""
CUSTOM_KEY: Final = "nightlatch"
"""Where in a target's ``custom`` object our part is."""

MAX_ARTIFACT: Final = 16 * 1024 * 1024
"""Bytes."""
MAX_NOTES: Final = 32 * 1024
"""Bytes of UTF-8."""
MAX_RECOVERY: Final = 4 * 1024
"""Bytes of UTF-8."""
MAX_PATH: Final = 256
"""Characters of a target path."""
MAX_HALT: Final = 256
"""Characters of why a release is halted."""
MAX_FIRMWARE_KEYS: Final = 8
MAX_EXTRA_VALUES: Final = 256
"""Values, however nested, in all fields of a release that are not known."""
MAX_EXTRA_TEXT: Final = 16 * 1024
"""Characters in all of them together."""

_PEM_MAX = 1024
# Who overlooks one of these installs what must wait: a release that has one needs the
# second schema, which Nightlatch before them refuses.
_OF_SCHEMA_2 = frozenset({"rollout", "halted"})
# Firmware that a person installs: there is nothing for us to read in it.
_BY_HAND = "by-hand"
_TRANSPORTS = {
    PayloadFormat.NORDIC_DFU: Transport.NORDIC_DFU,
    PayloadFormat.MCUBOOT: Transport.SMP,
}
_DURATION_MAX = 4 * 60 * 60
_INT31 = 2**31 - 1
_UINT32 = 2**32 - 1

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_ADVISORY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Home Assistant asks for three plain characters before the first wildcard.
_LOCAL_NAME = re.compile(r"[^*?\[\]]{3}[^?\[\]]*")


class SignedBy(StrEnum):
    """Who signs a feed."""

    MAKER = "maker"
    KEEPER = "keeper"
    """Somebody who looks after many homes, and has found the files."""


# What only a maker can know of its locks: each of them makes a check milder, or promises
# what a keeper cannot keep.
_MAKERS_OF_MODEL = (
    "confirms_itself",
    "has_battery",
    "support_end",
    "support_url",
    "tells_hardware_revision",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a feed says of itself."""

    vendor: str
    models: tuple[Model, ...]
    firmware_keys: tuple[FirmwareKey, ...]
    releases: tuple[str, ...]
    """Target paths."""
    advisories: tuple[str, ...] | None = None
    """Target paths; None where the vendor does not say what is known of its locks."""
    reports: str | None = None
    """Where who signs takes how installations ended, if that is wanted."""
    keeper: str | None = None
    """Who signs, where that is not the vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A target as the metadata describe it, before anything of it is believed."""

    path: str
    length: int
    hashes: Mapping[str, str]
    custom: object


def parse_descriptor(custom: object) -> Descriptor:
    """Read the ``custom`` object of the descriptor target.

    Raises ``FeedError``: SCHEMA_TOO_NEW or FIELD_INVALID.
    """
    raw = _ours(custom, FEED_SCHEMA)
    fields = validated(_DESCRIPTOR, raw)
    keeper = _keeper(raw["schema"], fields)
    return Descriptor(
        vendor=fields["vendor"],
        models=tuple(_model(raw) for raw in fields["models"]),
        firmware_keys=tuple(fields["firmware_keys"]),
        releases=tuple(fields["releases"]),
        advisories=tuple(fields["advisories"]) if "advisories" in fields else None,
        reports=fields.get("reports"),
        keeper=keeper,
    )


def _keeper(schema: int, fields: dict[str, Any]) -> str | None:
    """Return who keeps a feed; None where it says that its maker signs it."""
    keeper: str | None = fields.get("keeper")
    if fields.get("signed_by", SignedBy.MAKER) is SignedBy.MAKER:
        if keeper is not None:
            raise wrong("keeper", "must not be there: its maker is said to sign it")
        return None
    if schema < FEED_SCHEMA:
        raise wrong(
            "schema", "must be a whole number from {minimum}", minimum=FEED_SCHEMA
        )
    if keeper is None:
        raise wrong("keeper", "is missing")
    if _folded(keeper) == _folded(fields["vendor"]):
        raise wrong("keeper", "must not be called as the vendor is")
    for number, model in enumerate(fields["models"]):
        for name in _MAKERS_OF_MODEL:
            if name in model:
                raise _makers_word(f"models[{number}].{name}")
    return keeper


def _folded(name: str) -> str:
    """Return a name as people read it: who looks at it sees no other one."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in text if char.isalnum())


def _makers_word(field: str) -> FeedError:
    return wrong(field, "must not be there: only a maker can say that")


def _kept(raw: dict[str, Any], fields: dict[str, Any], target: ListedFile) -> Found:
    """Return where the file of a keeper's release was found."""
    if "support_end" in fields:
        raise _makers_word("support_end")
    if fields["security_version"]:
        raise wrong("security_version", "must be 0: only a maker can raise it")
    found = validated(_OF_KEEPER, {"found": raw["found"]} if "found" in raw else {})
    told: dict[str, Any] = found["found"]
    digest = told.get("sha256")
    if digest is not None and digest != target.hashes["sha256"]:
        raise wrong("found.sha256", "is not that of the file")
    return Found(
        url=told["url"], fetched=told["fetched"], digest_published=digest is not None
    )


def parse_published(
    custom: object, descriptor: Descriptor
) -> tuple[PublishedAdvisory, ...]:
    """Read the ``custom`` object of an advisory, as far as the descriptor allows it.

    Raises ``FeedError``: SCHEMA_TOO_NEW or FIELD_INVALID.
    """
    return tuple(
        replace(advisory, keeper=descriptor.keeper)
        for advisory in parse_advisory(
            _ours(custom), descriptor.vendor, descriptor.models
        )
    )


def schema_of(fields: Iterable[str]) -> int:
    """Return the lowest schema in which a release may have all of some fields."""
    return 2 if _OF_SCHEMA_2.intersection(fields) else 1


def parse_release(target: ListedFile, descriptor: Descriptor) -> Release:
    """Read the ``custom`` object of a release, as far as the descriptor allows it.

    Raises ``FeedError``: SCHEMA_TOO_NEW or FIELD_INVALID.
    """
    artifact = _artifact(target)
    raw = _ours(target.custom, RELEASE_SCHEMA)
    fields = validated(_RELEASE, raw)
    if fields["schema"] < (needed := schema_of(raw)):
        raise wrong("schema", "must be a whole number from {minimum}", minimum=needed)
    if fields["vendor"] != descriptor.vendor:
        raise wrong("vendor", "is not the vendor of this feed")
    models = {model.model: model for model in descriptor.models}
    if (model := models.get(fields["model"])) is None:
        raise wrong("model", "is not among the models of this feed")
    if fields["version_scheme"] is not model.version_scheme:
        raise wrong(
            "version_scheme",
            "must be {scheme}, as its model's",
            scheme=model.version_scheme,
        )
    version = _version("version", model.version_scheme, fields["version"])
    _check_traits(model.traits, fields)
    payload = _payload(fields["payload"])
    if payload is not None:
        _check_payload(payload, version, descriptor)
    minimum: Version | None = None
    if (text := fields.get("minimum_installed_version")) is not None:
        minimum = _version("minimum_installed_version", model.version_scheme, text)
        if not _is_older(minimum, version):
            raise wrong("minimum_installed_version", "must be older than the release")
    return Release(
        vendor=fields["vendor"],
        model=fields["model"],
        hardware_revisions=tuple(fields["hardware_revisions"]),
        version=version,
        security_version=fields["security_version"],
        artifact=artifact,
        payload=payload,
        transport=(
            Transport.BY_HAND if payload is None else _TRANSPORTS[payload.format]
        ),
        evidence=_evidence(payload, descriptor),
        minimum_installed_version=minimum,
        minimum_battery=fields.get("minimum_battery"),
        expected_duration=fields.get("expected_duration"),
        disrupts=tuple(fields.get("disrupts", ())),
        release_notes=fields.get("release_notes", ""),
        release_url=fields.get("release_url"),
        advisories=tuple(
            Advisory(id=advisory["id"], url=advisory.get("url"))
            for advisory in fields.get("advisories", ())
        ),
        severity=fields.get("severity", Severity.NONE),
        support_end=fields.get("support_end"),
        released=fields.get("released"),
        traits=model.traits,
        rollout=_rollout(fields.get("rollout")),
        halted=_halt(fields.get("halted"), descriptor.keeper),
        keeper=descriptor.keeper,
        found=(None if descriptor.keeper is None else _kept(raw, fields, target)),
        extra=_extra(raw),
    )


def _evidence(payload: Payload | None, descriptor: Descriptor) -> Evidence:
    """Return what is known of an origin by the feed alone.

    Whose the keys are that a keeper names, nobody vouches for.
    """
    if payload is None:
        return Evidence.INTEGRITY_ONLY
    if descriptor.keeper is not None:
        return Evidence.SIGNATURE_PRESENT
    return Evidence.SIGNATURE_VERIFIED


def _rollout(fields: dict[str, Any] | None) -> Rollout | None:
    if fields is None:
        return None
    return Rollout(percent=fields["percent"], salt=fields.get("salt"))


def _halt(fields: dict[str, Any] | None, keeper: str | None) -> Halt | None:
    if fields is None:
        return None
    why = fields.get("reason", "").rstrip(" .。")
    return Halt(why=why, keeper=keeper) if why else Halt(keeper=keeper)


def _payload(fields: dict[str, Any]) -> Payload | None:
    match fields["format"]:
        case PayloadFormat.NORDIC_DFU:
            return Payload(
                format=PayloadFormat.NORDIC_DFU,
                hardware_version=fields["hardware_version"],
                firmware_version=fields["firmware_version"],
            )
        case PayloadFormat.MCUBOOT:
            return Payload(
                format=PayloadFormat.MCUBOOT,
                firmware_version=fields["security_counter"],
            )
    return None


def _check_payload(payload: Payload, version: Version, descriptor: Descriptor) -> None:
    """Check that an artifact can be what the feed says of it."""
    usable = USABLE_FOR[payload.format]
    if not any(kind_of(key) in usable for key in descriptor.firmware_keys):
        raise wrong(
            "payload.format",
            "needs one of these kinds of firmware key: {kinds}",
            kinds=", ".join(sorted(usable)),
        )
    if payload.format is PayloadFormat.MCUBOOT and not can_be_version_of_image(version):
        raise wrong(
            "version",
            "must be dotted and at most {highest}, as of images",
            highest="255.255.65535.4294967295",
        )


def _check_traits(traits: Traits, fields: dict[str, Any]) -> None:
    """Check that a release says nothing that its model cannot keep."""
    if not traits.has_battery and "minimum_battery" in fields:
        raise wrong(
            "minimum_battery", "must not be there: its model is said to have no battery"
        )
    for field in ("version", "minimum_installed_version"):
        if field in fields and not can_tell(traits.firmware_text, fields[field]):
            raise wrong(
                field, "cannot be told as the firmware_revision of its model says"
            )


def _ours(custom: object, newest: int = SCHEMA) -> dict[str, Any]:
    """Return our part of a target's ``custom`` object, its schema being one we know."""
    ours = custom.get(CUSTOM_KEY) if isinstance(custom, dict) else None
    if not isinstance(ours, dict):
        raise wrong(CUSTOM_KEY, "must be an object")
    schema = ours.get("schema")
    # First of all: a newer schema may have changed the meaning of any other field.
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise wrong("schema", "must be a whole number from {minimum}", minimum=1)
    if schema > newest:
        # The number is the vendor's; there is no need to repeat an absurd one.
        shown = min(schema, _INT31)
        raise FeedError(FeedProblem.SCHEMA_TOO_NEW, schema=shown, supported=newest)
    return ours


def _model(raw: dict[str, Any]) -> Model:
    bluetooth = raw.get("bluetooth")
    return Model(
        model=raw["model"],
        name=raw["name"],
        version_scheme=raw["version_scheme"],
        bluetooth=None
        if bluetooth is None
        else BluetoothMatch(
            local_name=bluetooth.get("local_name"),
            service_uuid=bluetooth.get("service_uuid"),
            manufacturer_id=bluetooth.get("manufacturer_id"),
        ),
        recovery=raw.get("recovery", ""),
        support_end=raw.get("support_end"),
        support_url=raw.get("support_url"),
        traits=Traits(
            tells_hardware=raw.get("tells_hardware_revision", True),
            has_battery=raw.get("has_battery", True),
            firmware_text=raw.get("firmware_revision"),
            confirms_itself=raw.get("confirms_itself", False),
        ),
    )


def _artifact(target: ListedFile) -> Artifact:
    if not 1 <= target.length <= MAX_ARTIFACT:
        raise wrong("length", "must be from 1 to {maximum} bytes", maximum=MAX_ARTIFACT)
    sha256 = target.hashes.get("sha256")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise wrong("hashes.sha256", "must be 64 lower-case hexadecimal digits")
    return Artifact(path=target.path, length=target.length, sha256=sha256)


def _is_older(one: Version, other: Version) -> bool:
    try:
        return one < other
    except VersionError:
        return False


def _version(field: str, scheme: VersionScheme, text: str) -> Version:
    try:
        return Version.parse(scheme, text)
    except VersionError as err:
        raise wrong(field, "is no {scheme} version", scheme=scheme) from err


def _extra(raw: dict[str, Any]) -> dict[str, object]:
    """Return the fields that are not known, if they are small."""
    known = _RELEASE_FIELDS | {"found"}
    extra = {key: value for key, value in raw.items() if key not in known}
    values, characters = 0, 0
    waiting: list[object] = [extra]
    while waiting:
        match waiting.pop():
            case dict() as mapping:
                waiting.extend(mapping.keys())
                waiting.extend(mapping.values())
                values += len(mapping)
            case list() as items:
                waiting.extend(items)
                values += len(items)
            case str() as text:
                characters += len(text)
        if values > MAX_EXTRA_VALUES or characters > MAX_EXTRA_TEXT:
            raise wrong(
                "(others)",
                "must have at most {values} values and {characters} characters",
                values=MAX_EXTRA_VALUES,
                characters=MAX_EXTRA_TEXT,
            )
    return extra


def _revision_text(value: str) -> str:
    try:
        check_form(value)
    except ValueError as err:
        raise vol.Invalid(err.args[0]) from err
    return value


def _firmware_key(value: object) -> FirmwareKey:
    if not isinstance(value, str) or len(value) > _PEM_MAX:
        raise unfit(
            "must be a PEM text of at most {maximum} characters", maximum=_PEM_MAX
        )
    try:
        return load_firmware_key(value)
    except FirmwareError as err:
        raise unfit(
            "must be an ECDSA P-256, Ed25519, RSA-2048 or RSA-3072 public key in PEM"
        ) from err


def _some_bluetooth(value: dict[str, Any]) -> dict[str, Any]:
    if not {"local_name", "service_uuid", "manufacturer_id"} & value.keys():
        raise unfit("must give at least one mark")
    return value


_A_PATH = pattern(
    _PATH, Phrase("a relative path of letters, digits, . _ - and /,"), MAX_PATH
)

_MODEL = fields_of(
    {
        vol.Required("model"): line(),
        vol.Required("name"): line(),
        vol.Required("version_scheme"): one_of(VersionScheme),
        vol.Optional("bluetooth"): vol.All(
            fields_of(
                {
                    vol.Optional("local_name"): vol.All(
                        line(),
                        pattern(
                            _LOCAL_NAME,
                            Phrase(
                                "a name, with * for anything after three plain"
                                " characters,"
                            ),
                            MAX_LINE,
                        ),
                    ),
                    vol.Optional("service_uuid"): pattern(
                        _UUID, Phrase("a 128-bit UUID in lower case"), 36
                    ),
                    vol.Optional("manufacturer_id"): whole(0, 0xFFFF),
                }
            ),
            _some_bluetooth,
        ),
        vol.Optional("recovery"): text_of(MAX_RECOVERY),
        vol.Optional("support_end"): day,
        vol.Optional("support_url"): https,
        vol.Optional("tells_hardware_revision"): truth,
        vol.Optional("has_battery"): truth,
        vol.Optional("confirms_itself"): truth,
        vol.Optional("firmware_revision"): vol.All(line(), _revision_text),
    }
)

_DESCRIPTOR = fields_of(
    {
        vol.Required("kind"): exactly("feed"),
        vol.Required("vendor"): line(),
        vol.Required("models"): list_of(
            _MODEL, minimum=1, by=lambda model: model["model"]
        ),
        vol.Required("firmware_keys"): list_of(
            _firmware_key,
            minimum=1,
            maximum=MAX_FIRMWARE_KEYS,
            by=lambda key: key.fingerprint,
        ),
        vol.Required("releases"): list_of(_A_PATH),
        vol.Optional("advisories"): list_of(_A_PATH),
        vol.Optional("reports"): https,
        vol.Optional("signed_by"): one_of(SignedBy),
        vol.Optional("keeper"): line(),
    }
)

_OF_KEEPER = fields_of(
    {
        vol.Required("found"): fields_of(
            {
                vol.Required("url"): https,
                vol.Required("fetched"): day,
                vol.Optional("sha256"): pattern(
                    _SHA256, Phrase("64 lower-case hexadecimal digits,"), 64
                ),
            }
        )
    }
)

_PAYLOADS = {
    _BY_HAND: fields_of({vol.Required("format"): exactly(_BY_HAND)}),
    PayloadFormat.NORDIC_DFU: fields_of(
        {
            vol.Required("format"): one_of(PayloadFormat),
            vol.Required("hardware_version"): whole(0, _UINT32),
            vol.Required("firmware_version"): whole(0, _UINT32),
        }
    ),
    PayloadFormat.MCUBOOT: fields_of(
        {
            vol.Required("format"): one_of(PayloadFormat),
            vol.Required("security_counter"): whole(0, _UINT32),
        }
    ),
}
_UNKNOWN_PAYLOAD = fields_of({vol.Required("format"): one_of(PayloadFormat)})


def _payload_fields(value: object) -> Any:
    """Validate by what the payload says it is; not said is not "by hand"."""
    said = value.get("format") if isinstance(value, dict) else None
    shape = _PAYLOADS.get(said) if isinstance(said, str) else None
    return (shape or _UNKNOWN_PAYLOAD)(value)


_RELEASE_SHAPE = {
    vol.Required("schema"): int,
    vol.Required("kind"): exactly("release"),
    vol.Required("vendor"): line(),
    vol.Required("model"): line(),
    vol.Required("hardware_revisions"): list_of(line(), minimum=1),
    vol.Required("version"): line(),
    vol.Required("version_scheme"): one_of(VersionScheme),
    vol.Required("security_version"): whole(0, _INT31),
    vol.Required("payload"): _payload_fields,
    vol.Optional("minimum_installed_version"): line(),
    vol.Optional("minimum_battery"): whole(0, 100),
    vol.Optional("expected_duration"): whole(1, _DURATION_MAX),
    vol.Optional("disrupts"): list_of(one_of(Disruption)),
    vol.Optional("release_notes"): text_of(MAX_NOTES),
    vol.Optional("release_url"): https,
    vol.Optional("advisories"): list_of(
        fields_of(
            {
                vol.Required("id"): pattern(
                    _ADVISORY_ID, Phrase("an identifier"), MAX_LINE
                ),
                vol.Optional("url"): https,
            }
        ),
        by=lambda advisory: advisory["id"],
    ),
    vol.Optional("severity"): one_of(Severity),
    vol.Optional("support_end"): day,
    vol.Optional("released"): day,
    vol.Optional("rollout"): fields_of(
        {vol.Required("percent"): whole(0, 100), vol.Optional("salt"): line()}
    ),
    vol.Optional("halted"): fields_of({vol.Optional("reason"): line(MAX_HALT)}),
}
_RELEASE_FIELDS = frozenset(str(key) for key in _RELEASE_SHAPE)
_RELEASE = fields_of(_RELEASE_SHAPE)
