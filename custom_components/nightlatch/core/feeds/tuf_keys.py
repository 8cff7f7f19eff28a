"""Keys in TUF metadata: what people compare them by, and kinds that are not known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import hashlib
import json
from typing import Any, Final

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key

_SHOWN_KIND: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fingerprint:
    """What a vendor publishes of a key, computed from the key itself.

    The ids in a root are mere names, so a forged root could bear the genuine ones. Both
    are the SHA-256 over canonical JSON, hexadecimal (TUF specification 1.0.34, 4.2), and
    there are tools that make key ids of either.
    """

    whole: str
    """Over the key with all that is written beside it, as tuf-on-ci and sigstore do."""
    alone: str
    """Over its type, scheme and public part only, as python-tuf does."""


def public_part(key: Key) -> str:
    """Return a key without what says how it is used."""
    return str(key.keyval.get("public", ""))


def fingerprint(key: Key) -> Fingerprint:
    """Return what people compare a key by."""
    alone = {
        "keytype": key.keytype,
        "scheme": key.scheme,
        "keyval": {"public": public_part(key)},
    }
    return Fingerprint(whole=_hash(key.to_dict()), alone=_hash(alone))


def unknown_kind(data: bytes) -> str | None:
    """Return the kind of the first key in metadata of which tuf does not know how to use.

    None where there is no such key, or where the data are no metadata at all. It is made
    fit to be shown; nobody has vouched for it.
    """
    try:
        signed = json.loads(data)["signed"]
        kinds = [_kind(key) for keys in _keys(signed) for key in keys.values()]
    except ValueError, RecursionError, KeyError, TypeError, AttributeError:
        return None
    for kind in kinds:
        if kind not in KEY_FOR_TYPE_AND_SCHEME:
            return ascii("/".join(kind)[:_SHOWN_KIND])[1:-1]
    return None


def _keys(signed: dict[str, Any]) -> Iterator[Mapping[str, dict[str, Any]]]:
    """Yield the keys of a root, or those that targets give to other roles."""
    yield signed.get("keys", {})
    yield signed.get("delegations", {}).get("keys", {})


def _kind(key: dict[str, Any]) -> tuple[str, str]:
    kind = (key["keytype"], key["scheme"])
    if not all(isinstance(part, str) and part for part in kind):
        raise TypeError("A kind of key is a text")
    return kind


def _hash(value: dict[str, Any]) -> str:
    return hashlib.sha256(str(encode_canonical(value)).encode()).hexdigest()
