"""Advisories of a vendor's signed feed: a subset of CSAF 2.0, see docs/feed-format.md.

CSAF (OASIS, Common Security Advisory Framework 2.0) can say the same in many ways. Here
it has one: products by vendor, model and version, and what is known of each. Whatever
could change the meaning is refused, so that nobody takes half of an advisory for all of
it; what only adds to it is let through.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
import re
from typing import Any, Final

import probatio as vol

from ..advisories.published import PublishedAdvisory, VersionSpan, read_span
from ..advisories.score import MAX_VECTOR, severity_of
from ..model import Model, Severity
from ..phrase import Phrase
from ..versions import Version, VersionError, VersionScheme
from .fields import (
    MAX_LINE,
    day,
    exactly,
    fields_of,
    https,
    line,
    list_of,
    pattern,
    text_of,
    unfit,
    validated,
    wrong,
)

MAX_VULNERABILITIES: Final = 16
"""In one advisory."""
MAX_PRODUCTS: Final = 256
"""In one advisory."""
MAX_DETAILS: Final = 1024
"""Bytes of what a person can do meanwhile."""
MAX_MITIGATION: Final = 4 * MAX_DETAILS
"""Bytes of all that they can do against one hole: it is kept once for each model."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
_RANGE = "vers:generic/"
# Those that say of a product whether it has the hole. Others (first_fixed, ...) are
# refused, since leaving them out could hide a product.
_AFFECTED = "known_affected"
_PERHAPS = "under_investigation"
_CLEARED = "known_not_affected"
_FIXED = "fixed"
_STATUSES = (_AFFECTED, _PERHAPS, _CLEARED, _FIXED)
# Of remediations: what helps without an update.
_MITIGATES = frozenset({"mitigation", "workaround"})
# How vectors begin. The last one is of CSAF 2.1.
_SCORES = {"cvss_v2": "AV:", "cvss_v3": "CVSS:3.", "cvss_v4": "CVSS:4."}


@dataclass(frozen=True, slots=True)
class _Product:
    model: str
    scheme: VersionScheme
    span: VersionSpan


def parse_advisory(
    raw: dict[str, Any], vendor: str, models: Iterable[Model]
) -> tuple[PublishedAdvisory, ...]:
    """Return what an advisory says, one for each hole and model.

    Raises ``FeedError``: FIELD_INVALID.
    """
    fields = validated(_ADVISORY, raw)
    products = _products(fields["product_tree"], vendor, {m.model: m for m in models})
    document = fields["document"]
    links = [each["url"] for each in document.get("references", ())]
    found: list[PublishedAdvisory] = []
    for number, hole in enumerate(fields["vulnerabilities"]):
        where = f"vulnerabilities[{number}]"
        found += _of_hole(
            hole,
            where,
            products,
            {
                "id": hole.get("cve") or _id(hole, where),
                "url": next(iter(links), None),
                "published": document["tracking"]["current_release_date"],
            },
        )
    return tuple(found)


def _id(hole: Mapping[str, Any], where: str) -> str:
    ids = [each["text"] for each in hole.get("ids", ())]
    if not ids:
        raise wrong(f"{where}.cve", "is missing, and ids too")
    return str(ids[0])


def _products(
    tree: Mapping[str, Any], vendor: str, models: Mapping[str, Model]
) -> dict[str, _Product]:
    """Return the versions that are named, by their product ids."""
    products: dict[str, _Product] = {}
    (of_vendor,) = tree["branches"]
    where = "product_tree.branches[0]"
    if of_vendor["name"] != vendor:
        raise wrong(f"{where}.name", "is not the vendor of this feed")
    for number, of_model in enumerate(of_vendor["branches"]):
        below = f"{where}.branches[{number}]"
        if (model := models.get(of_model["name"])) is None:
            raise wrong(f"{below}.name", "is not among the models of this feed")
        for index, version in enumerate(of_model["branches"]):
            here = f"{below}.branches[{index}]"
            product_id = version["product"]["product_id"]
            if product_id in products:
                raise wrong(f"{here}.product.product_id", "is there twice")
            if len(products) == MAX_PRODUCTS:
                raise wrong(
                    "product_tree",
                    "must have at most {maximum} versions",
                    maximum=MAX_PRODUCTS,
                )
            products[product_id] = _Product(
                model=model.model,
                scheme=model.version_scheme,
                span=_span(version, model.version_scheme, f"{here}.name"),
            )
    return products


def _span(version: Mapping[str, Any], scheme: VersionScheme, where: str) -> VersionSpan:
    name = str(version["name"])
    if version["category"] == "product_version":
        span = VersionSpan(lowest=name, highest=name, has_highest=True)
    else:
        if not name.startswith(_RANGE):
            raise wrong(where, "must begin with {start}", start=_RANGE)
        try:
            span = read_span(name.removeprefix(_RANGE))
        except ValueError as err:
            raise wrong(where, "must be one span of versions") from err
    if not span.is_in(scheme):
        raise wrong(
            where, "must name {scheme} versions, the lowest first", scheme=scheme
        )
    return span


def _of_hole(
    hole: Mapping[str, Any],
    where: str,
    products: Mapping[str, _Product],
    common: Mapping[str, Any],
) -> Iterable[PublishedAdvisory]:
    """Return what is known of a hole, for each model that it is said to be about."""
    status = hole["product_status"]
    for name in _STATUSES:
        _check_known(status.get(name, ()), products, f"{where}.product_status.{name}")
    of_models: dict[str, dict[str, list[VersionSpan]]] = {}
    for name in _STATUSES:
        for product_id in status.get(name, ()):
            product = products[product_id]
            spans = of_models.setdefault(product.model, {})
            spans.setdefault(name, []).append(product.span)
    for model, spans in of_models.items():
        mine = {each for each, product in products.items() if product.model == model}
        scheme = next(
            product.scheme for product in products.values() if product.model == model
        )
        fixed, fixed_in = _fixed(spans.get(_FIXED, ()), scheme)
        yield PublishedAdvisory(
            **common,
            model=model,
            affected=tuple(spans.get(_AFFECTED, ())),
            perhaps=tuple(spans.get(_PERHAPS, ())),
            cleared=(*spans.get(_CLEARED, ()), *fixed),
            fixed_in=fixed_in,
            severity=_severity(hole, where, products, mine),
            mitigation=_mitigation(hole, where, products, mine),
        )


def _fixed(
    spans: Iterable[VersionSpan], scheme: VersionScheme
) -> tuple[list[VersionSpan], str | None]:
    """Return what is said to have the fix, and from which version on all have.

    The last version with the fix stands for all that come after it. An earlier one does
    not: between the two there may be others, whose fix is the later one.
    """
    spans = list(spans)
    named = [span.lowest for span in spans if span.lowest is not None]
    try:
        last = max(named, key=partial(Version.parse, scheme), default=None)
    except VersionError:
        # They have no order.
        return spans, next(iter(named), None)
    return [
        VersionSpan(lowest=last)
        if span.only is not None and span.only == last
        else span
        for span in spans
    ], last


def _severity(
    hole: Mapping[str, Any],
    where: str,
    products: Mapping[str, _Product],
    mine: set[str],
) -> Severity | None:
    """Return the worst score of a hole for a model; None where it has none."""
    found: list[Severity] = []
    for number, score in enumerate(hole.get("scores", ())):
        here = f"{where}.scores[{number}]"
        _check_known(score["products"], products, f"{here}.products")
        vectors = [score[each]["vectorString"] for each in _SCORES if each in score]
        if not vectors:
            raise wrong(here, "must have one of: {words}", words=", ".join(_SCORES))
        if mine & set(score["products"]):
            found += map(severity_of, vectors)
    ranks = list(Severity)
    return max(found, key=ranks.index, default=None)


def _mitigation(
    hole: Mapping[str, Any],
    where: str,
    products: Mapping[str, _Product],
    mine: set[str],
) -> str:
    """Return what a person can do for a model meanwhile."""
    told = "\n".join(_mitigations(hole, where, products, mine))
    if len(told.encode()) > MAX_MITIGATION:
        raise wrong(
            f"{where}.remediations",
            f"must have at most {MAX_MITIGATION} bytes of mitigations for a model",
        )
    return told


def _mitigations(
    hole: Mapping[str, Any],
    where: str,
    products: Mapping[str, _Product],
    mine: set[str],
) -> Iterable[str]:
    for number, remedy in enumerate(hole.get("remediations", ())):
        of = remedy.get("product_ids", ())
        _check_known(of, products, f"{where}.remediations[{number}].product_ids")
        if remedy["category"] in _MITIGATES and (not of or mine & set(of)):
            yield remedy["details"]


def _check_known(
    ids: Iterable[str], products: Mapping[str, _Product], where: str
) -> None:
    for number, each in enumerate(ids):
        if each not in products:
            raise wrong(f"{where}[{number}]", "is not in the product tree")


def _vector(start: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or len(value) > MAX_VECTOR:
            raise unfit(
                "must be a vector of at most {maximum} characters", maximum=MAX_VECTOR
            )
        try:
            severity_of(value)
        except ValueError as err:
            raise unfit("must be a CVSS vector") from err
        if not value.startswith(start):
            raise unfit("must be of the version that it stands under")
        return value

    return check


def _moment(value: object) -> object:
    """Validate a moment as CSAF has it, by its day."""
    if not isinstance(value, str) or len(value) > MAX_LINE:
        raise unfit("must be a date and time")
    return day(value.partition("T")[0])


def _only_statuses(value: Any) -> Any:
    if not isinstance(value, dict):
        raise unfit("must be an object")
    if unknown := [each for each in value if each not in _STATUSES]:
        raise vol.Invalid(
            Phrase("is none of those that are known here"), path=unknown[:1]
        )
    if not any(value.values()):
        raise unfit("must name a product")
    return value


_IDS = list_of(line(), minimum=1, maximum=MAX_PRODUCTS)

_TREE = fields_of(
    {
        vol.Required("branches"): list_of(
            fields_of(
                {
                    vol.Required("category"): exactly("vendor"),
                    vol.Required("name"): line(),
                    vol.Required("branches"): list_of(
                        fields_of(
                            {
                                vol.Required("category"): exactly("product_name"),
                                vol.Required("name"): line(),
                                vol.Required("branches"): list_of(
                                    fields_of(
                                        {
                                            vol.Required("category"): vol.Any(
                                                exactly("product_version"),
                                                exactly("product_version_range"),
                                            ),
                                            vol.Required("name"): line(
                                                2 * MAX_LINE
                                                + len(_RANGE)
                                                + len(">=|<=")
                                            ),
                                            vol.Required("product"): fields_of(
                                                {vol.Required("product_id"): line()}
                                            ),
                                        }
                                    ),
                                    minimum=1,
                                    by=lambda version: version["name"],
                                ),
                            }
                        ),
                        minimum=1,
                        by=lambda model: model["name"],
                    ),
                }
            ),
            minimum=1,
            maximum=1,
            by=lambda vendor: vendor["name"],
        )
    }
)

_HOLE = fields_of(
    {
        vol.Optional("cve"): pattern(_CVE, Phrase("a CVE identifier"), MAX_LINE),
        vol.Optional("ids"): list_of(
            fields_of(
                {vol.Required("text"): pattern(_ID, Phrase("an identifier"), MAX_LINE)}
            ),
            minimum=1,
            by=lambda each: each["text"],
        ),
        vol.Required("product_status"): vol.All(
            _only_statuses, fields_of({vol.Optional(each): _IDS for each in _STATUSES})
        ),
        vol.Optional("scores"): list_of(
            fields_of(
                {
                    vol.Required("products"): _IDS,
                    **{
                        vol.Optional(each): fields_of(
                            {vol.Required("vectorString"): _vector(start)}
                        )
                        for each, start in _SCORES.items()
                    },
                }
            ),
            by=id,
        ),
        vol.Optional("remediations"): list_of(
            fields_of(
                {
                    vol.Required("category"): line(),
                    vol.Required("details"): text_of(MAX_DETAILS),
                    vol.Optional("product_ids"): _IDS,
                }
            ),
            by=id,
        ),
    }
)

_ADVISORY = fields_of(
    {
        vol.Required("kind"): exactly("advisory"),
        vol.Required("document"): fields_of(
            {
                vol.Required("csaf_version"): exactly("2.0"),
                vol.Required("title"): line(2 * MAX_LINE),
                vol.Required("tracking"): fields_of(
                    {
                        vol.Required("id"): pattern(
                            _ID, Phrase("an identifier"), MAX_LINE
                        ),
                        # What is a draft may be taken back, and is not for households.
                        vol.Required("status"): vol.Any(
                            exactly("final"), exactly("interim")
                        ),
                        vol.Required("current_release_date"): _moment,
                    }
                ),
                vol.Optional("references"): list_of(
                    fields_of({vol.Required("url"): https}),
                    by=lambda reference: reference["url"],
                ),
            }
        ),
        vol.Required("product_tree"): _TREE,
        vol.Required("vulnerabilities"): list_of(
            _HOLE, minimum=1, maximum=MAX_VULNERABILITIES, by=id
        ),
    }
)
