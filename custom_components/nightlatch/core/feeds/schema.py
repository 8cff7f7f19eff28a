"""What a vendor's signed feed may say, and nothing else: docs/feed-format.md in code.

A signature proves who said something, not that it makes sense. Everything here comes
out of the ``custom`` objects of TUF targets (TUF specification 1.0.34, 4.5), which no
TUF client looks into, so each field is checked for its type, size and characters before
anything else sees it. Fields that are not known are kept, never obeyed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
import re
from typing import Any, Final
import unicodedata

import probatio as vol
from yarl import URL

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
    Model,
    Payload,
    PayloadFormat,
    Release,
    Severity,
    Traits,
    Transport,
)
from ..revision_text import can_tell, check_form
from ..versions import Version, VersionError, VersionScheme

SCHEMA: Final = 1
"""The newest schema that is understood."""
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
MAX_ITEMS: Final = 64
"""In any list."""
MAX_LINE: Final = 64
"""Characters of a name."""
MAX_URL: Final = 2048
"""Characters."""
MAX_PATH: Final = 256
"""Characters of a target path."""
MAX_FIRMWARE_KEYS: Final = 8
MAX_EXTRA_VALUES: Final = 256
"""Values, however nested, in all fields of a release that are not known."""
MAX_EXTRA_TEXT: Final = 16 * 1024
"""Characters in all of them together."""

_PEM_MAX = 1024
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
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_URL = re.compile(r"https://[!#-;=?-\[\]_a-z~]+")
# Home Assistant asks for three plain characters before the first wildcard.
_LOCAL_NAME = re.compile(r"[^*?\[\]]{3}[^?\[\]]*")

_NOT_IN_A_TEXT = frozenset({"Cc", "Cs"})
# Marks that turn the direction of writing (Unicode UAX #9, 2.1 and 2.2) make a text read
# otherwise than it is. Other format characters are needed for emoji and some scripts.
_TURNS_WRITING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a feed says of itself."""

    vendor: str
    models: tuple[Model, ...]
    firmware_keys: tuple[FirmwareKey, ...]
    releases: tuple[str, ...]
    """Target paths."""


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
    fields = _validated(_DESCRIPTOR, _ours(custom))
    return Descriptor(
        vendor=fields["vendor"],
        models=tuple(_model(raw) for raw in fields["models"]),
        firmware_keys=tuple(fields["firmware_keys"]),
        releases=tuple(fields["releases"]),
    )


def parse_release(target: ListedFile, descriptor: Descriptor) -> Release:
    """Read the ``custom`` object of a release, as far as the descriptor allows it.

    Raises ``FeedError``: SCHEMA_TOO_NEW or FIELD_INVALID.
    """
    artifact = _artifact(target)
    raw = _ours(target.custom)
    fields = _validated(_RELEASE, raw)
    if fields["vendor"] != descriptor.vendor:
        raise _wrong("vendor", "is not the vendor of this feed")
    models = {model.model: model for model in descriptor.models}
    if (model := models.get(fields["model"])) is None:
        raise _wrong("model", "is not among the models of this feed")
    if fields["version_scheme"] is not model.version_scheme:
        raise _wrong(
            "version_scheme", f"must be {model.version_scheme}, as its model's"
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
            raise _wrong("minimum_installed_version", "must be older than the release")
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
        evidence=(
            Evidence.INTEGRITY_ONLY if payload is None else Evidence.SIGNATURE_VERIFIED
        ),
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
        extra=_extra(raw),
    )


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
        raise _wrong(
            "payload.format",
            f"needs one of these kinds of firmware key: {', '.join(sorted(usable))}",
        )
    if payload.format is PayloadFormat.MCUBOOT and not can_be_version_of_image(version):
        raise _wrong(
            "version",
            "must be dotted and at most 255.255.65535.4294967295, as of images",
        )


def _check_traits(traits: Traits, fields: dict[str, Any]) -> None:
    """Check that a release says nothing that its model cannot keep."""
    if not traits.has_battery and "minimum_battery" in fields:
        raise _wrong(
            "minimum_battery", "must not be there: its model is said to have no battery"
        )
    for field in ("version", "minimum_installed_version"):
        if field in fields and not can_tell(traits.firmware_text, fields[field]):
            raise _wrong(
                field, "cannot be told as the firmware_revision of its model says"
            )


def _ours(custom: object) -> dict[str, Any]:
    """Return our part of a target's ``custom`` object, its schema being one we know."""
    ours = custom.get(CUSTOM_KEY) if isinstance(custom, dict) else None
    if not isinstance(ours, dict):
        raise _wrong(CUSTOM_KEY, "must be an object")
    schema = ours.get("schema")
    # First of all: a newer schema may have changed the meaning of any other field.
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise _wrong("schema", "must be a whole number from 1")
    if schema > SCHEMA:
        # The number is the vendor's; there is no need to repeat an absurd one.
        shown = min(schema, _INT31)
        raise FeedError(FeedProblem.SCHEMA_TOO_NEW, schema=shown, supported=SCHEMA)
    return ours


def _validated(schema: vol.Schema, raw: dict[str, Any]) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = schema(raw)
    except vol.Invalid as err:
        first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
        missing = first.code == "required"
        problem = "is missing" if missing else first.error_message
        raise _wrong(_field(first.path), problem) from err
    return fields


def _wrong(field: str, problem: str) -> FeedError:
    return FeedError(FeedProblem.FIELD_INVALID, field=field, problem=problem)


def _field(path: list[Any]) -> str:
    """Return a path like ``models[0].bluetooth.local_name``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


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
        traits=Traits(
            tells_hardware=raw.get("tells_hardware_revision", True),
            has_battery=raw.get("has_battery", True),
            firmware_text=raw.get("firmware_revision"),
            confirms_itself=raw.get("confirms_itself", False),
        ),
    )


def _artifact(target: ListedFile) -> Artifact:
    if not 1 <= target.length <= MAX_ARTIFACT:
        raise _wrong("length", f"must be from 1 to {MAX_ARTIFACT} bytes")
    sha256 = target.hashes.get("sha256")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _wrong("hashes.sha256", "must be 64 lower-case hexadecimal digits")
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
        raise _wrong(field, f"is no {scheme} version") from err


def _extra(raw: dict[str, Any]) -> dict[str, object]:
    """Return the fields that are not known, if they are small."""
    extra = {key: value for key, value in raw.items() if key not in _RELEASE_FIELDS}
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
            raise _wrong(
                "(others)",
                f"must have at most {MAX_EXTRA_VALUES} values"
                f" and {MAX_EXTRA_TEXT} characters",
            )
    return extra


def _exactly(word: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value != word:
            raise vol.Invalid(f"must be {word}")
        return word

    return check


def _line(maximum: int = MAX_LINE) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise vol.Invalid("must be a text")
        if not 1 <= len(value) <= maximum:
            raise vol.Invalid(f"must have 1 to {maximum} characters")
        # Control and format characters, lone surrogates and odd spaces can make a line
        # look like another one.
        if not value.isprintable():
            raise vol.Invalid("must have printable characters and plain spaces only")
        if value != value.strip():
            raise vol.Invalid("must not begin or end with a space")
        return value

    return check


def _text(maximum: int) -> Callable[[object], str]:
    """Return a validator for a text of several lines."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise vol.Invalid("must be a text")
        for char in value:
            forbidden = (
                unicodedata.category(char) in _NOT_IN_A_TEXT and char not in "\n\t"
            )
            if forbidden or char in _TURNS_WRITING:
                raise vol.Invalid(
                    "must not have control characters but newline and tab"
                )
        if len(value.encode()) > maximum:
            raise vol.Invalid(f"must have at most {maximum} bytes")
        return value

    return check


def _pattern(
    pattern: re.Pattern[str], what: str, maximum: int
) -> Callable[[object], str]:
    def check(value: object) -> str:
        if (
            not isinstance(value, str)
            or len(value) > maximum
            or not pattern.fullmatch(value)
        ):
            raise vol.Invalid(f"must be {what} of at most {maximum} characters")
        return value

    return check


def _https(value: object) -> str:
    text = _pattern(_URL, "an https:// URL", MAX_URL)(value)
    try:
        url = URL(text)
    except ValueError as err:
        raise vol.Invalid("must be an https:// URL") from err
    if not url.host:
        raise vol.Invalid("must name a host")
    if url.user is not None or url.password is not None:
        raise vol.Invalid("must not have a user name or password")
    return text


def _whole(minimum: int, maximum: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or not minimum <= value <= maximum
        ):
            raise vol.Invalid(f"must be a whole number from {minimum} to {maximum}")
        return value

    return check


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("must be true or false")
    return value


def _revision_text(value: str) -> str:
    try:
        check_form(value)
    except ValueError as err:
        raise vol.Invalid(str(err)) from err
    return value


def _one_of[E: (Disruption, PayloadFormat, Severity, VersionScheme)](
    kind: type[E],
) -> Callable[[object], E]:
    def check(value: object) -> E:
        for member in kind:
            if value == member.value:
                return member
        raise vol.Invalid(f"must be one of: {', '.join(kind)}")

    return check


def _list_of(
    item: object,
    minimum: int = 0,
    maximum: int = MAX_ITEMS,
    by: Callable[[Any], object] = lambda item: item,
) -> vol.Schema:
    """Return a validator for a list of unlike items, measured before it is read."""

    def sized(value: object) -> list[object]:
        if not isinstance(value, list):
            raise vol.Invalid("must be a list")
        if not minimum <= len(value) <= maximum:
            raise vol.Invalid(f"must have {minimum} to {maximum} items")
        return value

    def unlike(value: list[Any]) -> list[Any]:
        seen = set()
        for index, part in enumerate(value):
            if by(part) in seen:
                raise vol.Invalid("is there twice", path=[index])
            seen.add(by(part))
        return value

    return vol.Schema(vol.All(sized, [item], unlike))


def _day(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise vol.Invalid("must be a date: YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as err:
        raise vol.Invalid("must be a date that exists") from err


def _firmware_key(value: object) -> FirmwareKey:
    if not isinstance(value, str) or len(value) > _PEM_MAX:
        raise vol.Invalid(f"must be a PEM text of at most {_PEM_MAX} characters")
    try:
        return load_firmware_key(value)
    except FirmwareError as err:
        raise vol.Invalid(
            "must be an ECDSA P-256, Ed25519, RSA-2048 or RSA-3072 public key in PEM"
        ) from err


def _some_bluetooth(value: dict[str, Any]) -> dict[str, Any]:
    if not {"local_name", "service_uuid", "manufacturer_id"} & value.keys():
        raise vol.Invalid("must give at least one mark")
    return value


def _object(fields: dict[Any, Any]) -> vol.Schema:
    return vol.Schema(fields, extra=vol.ALLOW_EXTRA)


_MODEL = _object(
    {
        vol.Required("model"): _line(),
        vol.Required("name"): _line(),
        vol.Required("version_scheme"): _one_of(VersionScheme),
        vol.Optional("bluetooth"): vol.All(
            _object(
                {
                    vol.Optional("local_name"): vol.All(
                        _line(),
                        _pattern(
                            _LOCAL_NAME,
                            "a name, with * for anything after three plain characters,",
                            MAX_LINE,
                        ),
                    ),
                    vol.Optional("service_uuid"): _pattern(
                        _UUID, "a 128-bit UUID in lower case", 36
                    ),
                    vol.Optional("manufacturer_id"): _whole(0, 0xFFFF),
                }
            ),
            _some_bluetooth,
        ),
        vol.Optional("recovery"): _text(MAX_RECOVERY),
        vol.Optional("tells_hardware_revision"): _truth,
        vol.Optional("has_battery"): _truth,
        vol.Optional("confirms_itself"): _truth,
        vol.Optional("firmware_revision"): vol.All(_line(), _revision_text),
    }
)

_DESCRIPTOR = _object(
    {
        vol.Required("kind"): _exactly("feed"),
        vol.Required("vendor"): _line(),
        vol.Required("models"): _list_of(
            _MODEL, minimum=1, by=lambda model: model["model"]
        ),
        vol.Required("firmware_keys"): _list_of(
            _firmware_key,
            minimum=1,
            maximum=MAX_FIRMWARE_KEYS,
            by=lambda key: key.fingerprint,
        ),
        vol.Required("releases"): _list_of(
            _pattern(
                _PATH, "a relative path of letters, digits, . _ - and /,", MAX_PATH
            )
        ),
    }
)

_PAYLOADS = {
    _BY_HAND: _object({vol.Required("format"): _exactly(_BY_HAND)}),
    PayloadFormat.NORDIC_DFU: _object(
        {
            vol.Required("format"): _one_of(PayloadFormat),
            vol.Required("hardware_version"): _whole(0, _UINT32),
            vol.Required("firmware_version"): _whole(0, _UINT32),
        }
    ),
    PayloadFormat.MCUBOOT: _object(
        {
            vol.Required("format"): _one_of(PayloadFormat),
            vol.Required("security_counter"): _whole(0, _UINT32),
        }
    ),
}
_UNKNOWN_PAYLOAD = _object({vol.Required("format"): _one_of(PayloadFormat)})


def _payload_fields(value: object) -> Any:
    """Validate by what the payload says it is; not said is not "by hand"."""
    said = value.get("format") if isinstance(value, dict) else None
    shape = _PAYLOADS.get(said) if isinstance(said, str) else None
    return (shape or _UNKNOWN_PAYLOAD)(value)


_RELEASE_SHAPE = {
    vol.Required("schema"): int,
    vol.Required("kind"): _exactly("release"),
    vol.Required("vendor"): _line(),
    vol.Required("model"): _line(),
    vol.Required("hardware_revisions"): _list_of(_line(), minimum=1),
    vol.Required("version"): _line(),
    vol.Required("version_scheme"): _one_of(VersionScheme),
    vol.Required("security_version"): _whole(0, _INT31),
    vol.Required("payload"): _payload_fields,
    vol.Optional("minimum_installed_version"): _line(),
    vol.Optional("minimum_battery"): _whole(0, 100),
    vol.Optional("expected_duration"): _whole(1, _DURATION_MAX),
    vol.Optional("disrupts"): _list_of(_one_of(Disruption)),
    vol.Optional("release_notes"): _text(MAX_NOTES),
    vol.Optional("release_url"): _https,
    vol.Optional("advisories"): _list_of(
        _object(
            {
                vol.Required("id"): _pattern(_ADVISORY_ID, "an identifier", MAX_LINE),
                vol.Optional("url"): _https,
            }
        ),
        by=lambda advisory: advisory["id"],
    ),
    vol.Optional("severity"): _one_of(Severity),
    vol.Optional("support_end"): _day,
    vol.Optional("released"): _day,
}
_RELEASE_FIELDS = frozenset(str(key) for key in _RELEASE_SHAPE)
_RELEASE = _object(_RELEASE_SHAPE)
