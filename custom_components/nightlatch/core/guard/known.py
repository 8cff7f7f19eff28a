"""What is known of an offered release beyond what its integration says."""

from dataclasses import dataclass
from datetime import date

from ..feeds.public_index import Contradiction
from ..model import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the public indexes know of a release that another integration offers."""

    version: str
    """The version that was asked about, as the source writes it."""
    index: str
    evidence: Evidence = Evidence.NOTHING_KNOWN
    contradiction: Contradiction | None = None
    """Why this release is not for this lock, if one of them says so."""
    digest: str | None = None
    notes: str = ""
    url: str | None = None
    released: date | None = None
