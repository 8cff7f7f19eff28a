"""A release as the vault keeps it: all that is needed to install it once more.

The feed may no longer list it by then, or name another firmware key; so what was proven
when it was kept goes along with the artifact, encrypted and bound to it as that is. Not to
whom it was let out then: that is the feed's word of a day.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ..model import (
    USUAL,
    Advisory,
    Artifact,
    Disruption,
    Evidence,
    FirmwareKey,
    Found,
    Payload,
    PayloadFormat,
    Release,
    Severity,
    Source,
    Traits,
    Transport,
)
from ..versions import Version, VersionScheme
from .stored import as_day, as_text, as_truth, as_whole, optional


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRelease:
    """A release whose artifact was proven, and by what."""

    release: Release
    signer: FirmwareKey | None
    """The key under which its signature holds; None where only its feed vouches for it."""
    source: Source = Source.FEED
    """Where its artifact came from, when it was kept."""

    @property
    def can_be_sent(self) -> bool:
        """Return whether Nightlatch can bring it to a lock itself."""
        return self.release.payload is not None and self.signer is not None

    @property
    def is_of_vendor(self) -> bool:
        """Return whether it came out of its vendor's own feed, and of no keeper's."""
        return self.source is Source.FEED and self.release.keeper is None

    def to_about(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "release": _release_to_dict(self.release),
            "signer": asdict(self.signer) if self.signer else None,
            "source": self.source,
        }

    @classmethod
    def from_about(cls, raw: Mapping[str, Any]) -> KeptRelease:
        """Read what ``to_about`` gave; raise ``ValueError`` where it is anything else."""
        try:
            signer = raw["signer"]
            return cls(
                release=_release_from_dict(raw["release"]),
                signer=None
                if signer is None
                else FirmwareKey(
                    fingerprint=as_text(signer["fingerprint"]),
                    pem=as_text(signer["pem"]),
                ),
                source=Source(raw["source"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not a release that was kept: {err!r}") from err


def _release_to_dict(release: Release) -> dict[str, Any]:
    assert release.artifact is not None, "only what has an artifact is kept"
    minimum = release.minimum_installed_version
    return {
        "vendor": release.vendor,
        "model": release.model,
        "hardware_revisions": list(release.hardware_revisions),
        "version": release.version.text,
        "version_scheme": release.version.scheme,
        "security_version": release.security_version,
        "artifact": asdict(release.artifact),
        "payload": asdict(release.payload) if release.payload else None,
        "transport": release.transport,
        "evidence": release.evidence,
        "minimum_installed_version": minimum.text if minimum else None,
        "minimum_battery": release.minimum_battery,
        "expected_duration": release.expected_duration,
        "disrupts": list(release.disrupts),
        "release_notes": release.release_notes,
        "release_url": release.release_url,
        "advisories": [asdict(advisory) for advisory in release.advisories],
        "severity": release.severity,
        "support_end": _day(release.support_end),
        "released": _day(release.released),
        "traits": asdict(release.traits),
        "keeper": release.keeper,
        "found": _found_to_dict(release.found) if release.found else None,
    }


def _release_from_dict(raw: Mapping[str, Any]) -> Release:
    scheme = VersionScheme(raw["version_scheme"])
    minimum = optional(as_text, raw["minimum_installed_version"])
    artifact, payload = raw["artifact"], raw["payload"]
    return Release(
        vendor=as_text(raw["vendor"]),
        model=as_text(raw["model"]),
        hardware_revisions=tuple(map(as_text, raw["hardware_revisions"])),
        version=Version.parse(scheme, as_text(raw["version"])),
        security_version=as_whole(raw["security_version"]),
        artifact=Artifact(
            path=as_text(artifact["path"]),
            length=as_whole(artifact["length"]),
            sha256=as_text(artifact["sha256"]),
        ),
        payload=None
        if payload is None
        else Payload(
            format=PayloadFormat(payload["format"]),
            hardware_version=optional(as_whole, payload["hardware_version"]),
            firmware_version=as_whole(payload["firmware_version"]),
        ),
        transport=Transport(raw["transport"]),
        evidence=Evidence(raw["evidence"]),
        minimum_installed_version=Version.parse(scheme, minimum) if minimum else None,
        minimum_battery=optional(as_whole, raw["minimum_battery"]),
        expected_duration=optional(as_whole, raw["expected_duration"]),
        disrupts=tuple(map(Disruption, raw["disrupts"])),
        release_notes=as_text(raw["release_notes"]),
        release_url=optional(as_text, raw["release_url"]),
        advisories=tuple(
            Advisory(id=as_text(each["id"]), url=optional(as_text, each["url"]))
            for each in raw["advisories"]
        ),
        severity=Severity(raw["severity"]),
        support_end=optional(as_day, raw["support_end"]),
        released=optional(as_day, raw["released"]),
        traits=_traits_from_dict(raw["traits"]) if "traits" in raw else USUAL,
        # What earlier versions have kept does not have these: it is its vendor's.
        keeper=optional(as_text, raw.get("keeper")),
        found=optional(_found_from_dict, raw.get("found")),
    )


def _found_to_dict(found: Found) -> dict[str, Any]:
    return {
        "url": found.url,
        "fetched": _day(found.fetched),
        "digest_published": found.digest_published,
    }


def _found_from_dict(raw: Any) -> Found:
    return Found(
        url=as_text(raw["url"]),
        fetched=as_day(raw["fetched"]),
        digest_published=as_truth(raw["digest_published"]),
    )


def _traits_from_dict(raw: Mapping[str, Any]) -> Traits:
    return Traits(
        tells_hardware=as_truth(raw["tells_hardware"]),
        has_battery=as_truth(raw["has_battery"]),
        firmware_text=optional(as_text, raw["firmware_text"]),
        # What earlier versions have kept does not have this.
        confirms_itself=as_truth(raw.get("confirms_itself", False)),
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
