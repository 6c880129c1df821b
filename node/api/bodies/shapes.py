"""What the bodies of many requests share: who acts, whom it is about, and how a body is read. Messages repeat no value."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from node.domain.access import Actor
from node.domain.entry import InstitutionId
from node.domain.record import PatientNumber
from node.errors import MalformedParameterError
from node.identity.code_text import parse_card
from node.services.reading.finding_patients import PatientLike
from node.wire.json_shape import PRINTABLE, parse_shape

MAX_DEPTH: Final = 8
"""Levels of a body."""

Text = Annotated[str, Meta(max_length=128, pattern=PRINTABLE)]
"""A word or a number of an institution's system, perhaps empty; no line ends and no control characters."""
Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=PRINTABLE)]
"""Likewise, and not empty."""
Id32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""32 bytes, as 64 lower-case hex digits."""

_LONG_CHARS: Final = 255
_LongText = Annotated[str, Meta(max_length=_LONG_CHARS, pattern=PRINTABLE)]
_LongName = Annotated[str, Meta(min_length=1, max_length=_LONG_CHARS, pattern=PRINTABLE)]
BodyT = TypeVar("BodyT")


class ActorBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who acts, as the caller's system knows; the institution is the client's."""

    staff_number: Name
    department: Text = ""
    licence_number: Text = ""
    authentication: Text = ""
    role: Text = ""

    def actor(self, institution: InstitutionId) -> Actor:
        """Return the actor, of a client's institution."""
        return Actor(institution, self.department, self.staff_number, self.licence_number, self.authentication, self.role)


class ClinicianBody(ActorBody, kw_only=True, forbid_unknown_fields=True):
    """Who orders, reads or decides: department and authentication are told, even where they are empty."""

    department: Text
    authentication: Text


class PatientBody(msgspec.Struct, forbid_unknown_fields=True):
    """The institution's number for a patient."""

    number: _LongName
    system: _LongText = ""

    @property
    def value(self) -> PatientNumber:
        """The number."""
        return PatientNumber(self.system, self.number)


class PatientOrCardBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient: by the institution's own number, or by the text of a card's QR code."""

    system: _LongText = ""
    number: _LongText = ""
    card: Annotated[str, Meta(max_length=_LONG_CHARS)] = ""

    @property
    def value(self) -> PatientLike:
        """The number, or what the card says.

        Raises:
            MalformedParameterError: There are both, or neither.
            MalformedPatientCodeError: The card's text is none.
        """
        if bool(self.card) == bool(self.number):
            raise MalformedParameterError("patient", "give a number with its system, or the text of a card")
        return parse_card(self.card) if self.card else PatientNumber(self.system, self.number)


def parse_body(data: bytes, shape: type[BodyT]) -> BodyT:
    """Parse a request's body.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is of another shape; the place is a path such as `lines[0].order_id`.
    """
    return parse_shape(data, shape, MAX_DEPTH)
