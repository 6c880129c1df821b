"""Why something may be ordered again, for the buttons of a clinician's system: what `/v1/recognition/reasons` answers."""

from __future__ import annotations

import msgspec

from node.domain.entry import InstitutionId
from node.domain.recognition import UNRETRIEVABLE, Reason, ReasonCode
from node.services.catalogue.rulebook import Rulebook


class ReasonBody(msgspec.Struct, frozen=True):
    """A reason, or one of the region's below it: what a decision names."""

    reason: int
    sub_reason: str | None
    zh: str
    en: str


class ReasonListBody(msgspec.Struct, frozen=True):
    """The six, each with those below it; `without_reason` says what becomes of an order that names none where one is due."""

    without_reason: str
    reasons: list[ReasonBody]


def reasons_body(rules: Rulebook, institution: InstitutionId) -> ReasonListBody:
    """Show the reasons that hold for an institution.

    Raises:
        NoProfileError: Nothing says by which rules it orders.
    """
    region = rules.ordering(institution).region_rules
    zh, en = rules.reasons("zh"), rules.reasons("en")
    below: dict[Reason, list[ReasonBody]] = {reason: [] for reason in Reason}
    for each in region.sub_reasons:
        below[each.reason].append(_below(each.reason, each.code, each.zh, each.en))
    below[Reason.OTHER].append(_below(Reason.OTHER, UNRETRIEVABLE, zh[UNRETRIEVABLE], en[UNRETRIEVABLE]))
    listed = [
        body
        for reason in Reason
        for body in (ReasonBody(int(reason), None, zh[str(int(reason))], en[str(int(reason))]), *below[reason])
    ]
    return ReasonListBody(region.without_reason.value, listed)


def _below(reason: Reason, code: ReasonCode, zh: str, en: str) -> ReasonBody:
    return ReasonBody(int(reason), code, zh, en)
