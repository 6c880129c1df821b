"""Who acts, as several formats write it: the same six texts, whatever shape holds them.

Left out: how long they may be, which each format says of its own.
"""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec

from node.domain.access import Actor
from node.domain.entry import InstitutionId

_Text = Annotated[str, msgspec.Meta(max_length=256)]


class ActorFields(Protocol):
    """A decoded shape with the texts of an actor."""

    institution: str
    department: str
    staff_number: str
    licence_number: str
    authentication: str
    role: str


class ActorText(msgspec.Struct, forbid_unknown_fields=True):
    """An actor in the documents of consents and emergencies."""

    institution: _Text
    department: _Text
    staff_number: _Text
    licence_number: _Text
    authentication: _Text
    role: _Text


def actor_of(fields: ActorFields) -> Actor:
    """Return the actor that a decoded shape names."""
    return Actor(
        institution=InstitutionId(fields.institution),
        department=fields.department,
        staff_number=fields.staff_number,
        licence_number=fields.licence_number,
        authentication=fields.authentication,
        role=fields.role,
    )


def text_of_actor(actor: Actor) -> ActorText:
    """Return the shape that documents encode."""
    return ActorText(
        actor.institution, actor.department, actor.staff_number, actor.licence_number, actor.authentication, actor.role
    )
