"""What a patient's entries say, in words: results, consents, who looked. For the patient's commands and for `verify`.

Every word comes from a header that was verified before. Left out: gathering (`node.services.patient_view.gathering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from node.cli.recognition.words import describe_recognition, recognition_json, recognition_time
from node.cli.texts import Texts
from node.domain.access import AccessContent, Actor, CodeContent, ConsentContent
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.header import AnyContent, Header, HeaderContent, RelocationContent
from node.domain.moments import moment
from node.domain.recognition_acts import CheckContent, DecisionContent, RecognitionContent, ReversalContent

_TABLE: Final = "patient"
_SHOWN_DIGITS: Final = 8
_OF_RECEIPTS: Final = frozenset({"holder", "requester", "outcome", "purpose", "side", "judged_by"})
"""Values of findings that are words of receipts."""
PATIENT_ROLE: Final = "patient"
PATIENT_KEY: Final = "patient-key"
"""How a receipt says that the patient read themselves (`node.services.patient_view.records`); `verify` imports no services."""


ActContent = AccessContent | ConsentContent | CodeContent | RecognitionContent


class Line(Protocol):
    """A verified entry of a patient; `node.domain.verdict.ProvedLine` is one."""

    @property
    def origin(self) -> Origin:
        """The log."""
        ...

    @property
    def institution(self) -> InstitutionId:
        """Whose log that is."""
        ...

    @property
    def leaf_index(self) -> int:
        """Its place there."""
        ...

    @property
    def entry_type(self) -> EntryType:
        """What it stands for."""
        ...

    @property
    def claimed_time_ms(self) -> int:
        """The issuer's claim, unix ms."""
        ...

    @property
    def header(self) -> Header | None:
        """What it says."""
        ...


def section_of(line: Line) -> str:
    """Return under which heading a line belongs; a key of the texts."""
    match line.header and line.header.content:
        case HeaderContent() | RelocationContent():
            return "results"
        case ConsentContent():
            return "consents"
        case AccessContent() | CodeContent() | CheckContent() | DecisionContent() | ReversalContent():
            return "access"
        case _:
            return "other"


def describe_lines(lines: Iterable[Line], texts: Texts, sections: Sequence[str]) -> list[str]:
    """Say lines, section by section, each with its place in the log."""
    known = list(lines)
    said: list[str] = []
    for section in sections:
        chosen = sorted((line for line in known if section_of(line) == section), key=_when)
        said += ["", texts.say(_TABLE, section)]
        for line in chosen:
            said.append(f"  {describe_line(line, texts)} [{describe_place(line, texts)}]")
        if not chosen:
            said.append(f"  {texts.say(_TABLE, 'nothing')}")
    return said


def describe_place(line: Line, texts: Texts) -> str:
    """Say where a line is."""
    return texts.say(_TABLE, "place", {"origin": line.origin, "index": str(line.leaf_index)})


def describe_code(code: str, values: Mapping[str, str], texts: Texts) -> str:
    """Say a finding of supervision; a kind that this release does not know, or lacks values for, by its code."""
    # one kind may rest on several answers of the chain, each with words of its own
    key = f"{code}_{values['answer']}" if "answer" in values else code
    said = {name: _value(name, value, texts) for name, value in values.items()}
    try:
        return texts.say("finding", key, said)
    except KeyError:
        return code


def _value(name: str, value: str, texts: Texts) -> str:
    """Say what a receipt says of its request; all else in a finding, such as an institution's id, stays as it is."""
    return (texts.find("receipt", value) or value) if name in _OF_RECEIPTS else value


def describe_line(line: Line, texts: Texts) -> str:
    """Say one line."""
    common = {"institution": line.institution, "time": _time(_when(line))}
    if line.header is None:
        key = "administrative" if line.entry_type is EntryType.ADMINISTRATIVE else "closed"
        return texts.say(_TABLE, key, {**common, "entry_type": line.entry_type.name.lower()})
    match line.header.content:
        case HeaderContent() as record:
            key = {EntryType.AMENDMENT: "amendment", EntryType.WITHDRAWAL: "withdrawal"}.get(line.entry_type, "record")
            return texts.say(_TABLE, key, {**common, **_record(record, texts)})
        case RelocationContent() as relocation:
            return texts.say(_TABLE, "relocation", {**common, **_record(relocation.record, texts), "reason": relocation.reason})
        case act:
            return _act(act, common, texts)


def _act(content: ActContent, common: Mapping[str, str], texts: Texts) -> str:
    match content:
        case AccessContent() as access:
            return _access(access, common, texts)
        case ConsentContent() as consent:
            return _consent(consent, common, texts)
        case CodeContent() as code:
            values = {**common, **_actor(code.actor), "what": code.what, "who": code.institution}
            return texts.say(_TABLE, "code", values)
        case CheckContent() | DecisionContent() | ReversalContent() as act:
            return describe_recognition(act, {**common, **_actor(act.actor)}, texts)


def line_json(line: Line) -> dict[str, object]:
    """Show a line to programs."""
    shown: dict[str, object] = {
        "section": section_of(line),
        "origin": line.origin,
        "institution": line.institution,
        "leaf_index": line.leaf_index,
        "entry_type": line.entry_type.name.lower(),
        "claimed_time_ms": line.claimed_time_ms,
    }
    return shown if line.header is None else {**shown, **content_json(line.header.content)}


def content_json(content: AnyContent) -> dict[str, object]:
    """Show what a header says to programs."""
    match content:
        case HeaderContent():
            return {"about": "record", **_record_json(content)}
        case RelocationContent():
            record = _record_json(content.record)
            return {"about": "relocation", "reason": content.reason, "target_origin": content.target.origin, **record}
        case AccessContent():
            return {"about": "access", **_access_json(content)}
        case ConsentContent():
            return {
                "about": "consent",
                "consent_id": content.consent_id.hex(),
                "grantee": content.grantee,
                "granter": content.granter,
                "asserted": content.asserted,
                "revoked": content.revoked,
                "purposes": [purpose.value for purpose in content.purposes],
                "expires_at_ms": content.expires_at_ms,
                "occurred_at_ms": content.occurred_at_ms,
            }
        case CodeContent():
            return {
                "about": "code",
                "what": content.what,
                "to": content.institution,
                "actor": _actor(content.actor),
                "request_id": content.request_id,
                "emergency_id": _hex(content.emergency_id),
                "occurred_at_ms": content.occurred_at_ms,
            }
        case CheckContent() | DecisionContent() | ReversalContent():
            return {**recognition_json(content), "actor": _actor(content.actor)}


def _access(access: AccessContent, common: Mapping[str, str], texts: Texts) -> str:
    if access.actor.role == PATIENT_ROLE and access.actor.authentication == PATIENT_KEY:
        return texts.say(_TABLE, "own", {**common, "outcome": texts.say(_TABLE, f"outcome_{access.outcome.value}")})
    values = {
        **common,
        **_actor(access.actor),
        "purpose": texts.say(_TABLE, f"purpose_{access.purpose.value.replace('-', '_')}"),
        "outcome": texts.say(_TABLE, f"outcome_{access.outcome.value}"),
        "side": texts.say(_TABLE, f"side_{access.side.value}"),
    }
    pieces = [texts.say(_TABLE, "looked", values)]
    if access.reason:
        pieces.append(texts.say(_TABLE, "reason", {"reason": access.reason}))
    if access.consent_id is not None:
        pieces.append(texts.say(_TABLE, "with_consent", {"consent": access.consent_id.hex()[:_SHOWN_DIGITS]}))
    if access.emergency_id is not None:
        pieces.append(texts.say(_TABLE, "with_emergency", {"consent": access.emergency_id.hex()[:_SHOWN_DIGITS]}))
    return texts.say("list", "semicolon").join(pieces)


def _consent(consent: ConsentContent, common: Mapping[str, str], texts: Texts) -> str:
    values = {**common, "consent": consent.consent_id.hex()[:_SHOWN_DIGITS], "grantee": consent.grantee or "*"}
    if consent.revoked:
        return texts.say(_TABLE, "consent_revoked", values)
    basis = texts.say(_TABLE, "asserted", {"granter": consent.granter}) if consent.asserted else texts.say(_TABLE, "signed")
    purposes = [texts.say(_TABLE, f"purpose_{purpose.value.replace('-', '_')}") for purpose in consent.purposes]
    details = {"purposes": texts.listed(purposes), "until": _time(consent.expires_at_ms), "basis": basis}
    return texts.say(_TABLE, "consent_granted", {**values, **details})


def _record(record: HeaderContent, texts: Texts) -> dict[str, str]:
    # kinds and statuses are data: what no text knows stands as it is
    kind, status = texts.find("kind", record.kind) or record.kind, texts.find("status", record.status) or record.status
    items = texts.listed(item.code for item in record.items)
    return {"kind": kind, "items": items or record.study, "version": str(record.version), "status": status}


def _record_json(record: HeaderContent) -> dict[str, object]:
    return {
        "kind": record.kind,
        "record_id": record.record_id,
        "version": int(record.version),
        "status": record.status,
        "performed_at_ms": record.performed_at_ms,
        "items": [{"system": item.system, "code": item.code} for item in record.items],
        "study": record.study,
        "mark": record.mark,
    }


def _access_json(access: AccessContent) -> dict[str, object]:
    return {
        "request_id": access.request_id,
        "side": access.side.value,
        "counterpart": access.counterpart,
        "actor": _actor(access.actor),
        "purpose": access.purpose.value,
        "outcome": access.outcome.value,
        "reason": access.reason,
        "consent_id": _hex(access.consent_id),
        "emergency_id": _hex(access.emergency_id),
        "subjects": [{"origin": subject.origin, "leaf_hash": subject.leaf_hash.hex()} for subject in access.subjects],
        "occurred_at_ms": access.occurred_at_ms,
    }


def _actor(actor: Actor) -> dict[str, str]:
    return {
        "actor": actor.institution,
        "department": actor.department or "-",
        "staff": actor.staff_number or "-",
        "role": actor.role or "-",
    }


def _when(line: Line) -> int:
    match line.header and line.header.content:
        case HeaderContent(performed_at_ms=at_ms):
            return at_ms
        case AccessContent(occurred_at_ms=at_ms) | ConsentContent(occurred_at_ms=at_ms) | CodeContent(occurred_at_ms=at_ms):
            return at_ms
        case CheckContent() | DecisionContent() | ReversalContent() as act:
            return recognition_time(act, line.claimed_time_ms)
        case _:
            return line.claimed_time_ms


def _time(at_ms: int) -> str:
    return f"{moment(at_ms):%Y-%m-%d %H:%M}Z"


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
