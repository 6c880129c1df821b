"""Locator secrets of new epochs: draw one and seal it to every member, or take over one that another member drew."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from node.adapters.clock import SystemClock
from node.adapters.database.members.membership import SqlRegistryStore
from node.adapters.keys.files import keep_locator_secrets, read_locator_secrets
from node.adapters.keys.identity import FileInstitutionIdentity
from node.bootstrap.stores import exclusive_stores
from node.domain.entry import InstitutionId
from node.errors import LocatorSecretRefusedError, SettingsError
from node.identity.boxes import seal_box
from node.identity.codes import LOCATOR_SECRET_BYTES
from node.ports.chain.consortium import Registry
from node.ports.clock import unix_ms
from node.services.members.membership import Membership
from node.settings import NodeSettings
from node.wire.patient.locator_secret import (
    LocatorSecretFile,
    encode_locator_secret,
    parse_locator_secret,
    signed_bytes,
    verify_locator_secret,
)


@dataclass(frozen=True, slots=True)
class DrawnSecret:
    """A locator secret that was drawn."""

    epoch: int
    """Its serial."""
    members: tuple[InstitutionId, ...]
    """To whom it was sealed."""


def draw_locator_secret(settings: NodeSettings, institution: InstitutionId, write: Callable[[bytes], None]) -> DrawnSecret:
    """Draw the locator secret of the next epoch, seal it to every active member, and keep it.

    Args:
        settings: The node's.
        institution: Who draws it.
        write: Writes the file for the members, before the secret is kept: an epoch that nobody else can enter must not begin.

    Raises:
        DirectoryInUseError: The node is being served.
        SettingsError: It does not host the institution, or knows no members.
    """
    identity = _identity(settings, institution)
    directory = _directory(settings)
    clock = SystemClock()
    epoch = max(read_locator_secrets(settings.keys)) + 1
    secret = secrets.token_bytes(LOCATOR_SECRET_BYTES)
    boxes = {}
    for member in directory.members():
        keys = directory.keys(member.institution, "exchange", clock.now())
        if keys:
            boxes[member.institution] = seal_box(secret, keys[0].value)
    if not boxes:
        raise SettingsError("the registry that this node kept has no members with exchange keys; serve it once with its chain")
    file = LocatorSecretFile(epoch, institution, unix_ms(clock), boxes)
    write(encode_locator_secret(file, identity.sign(signed_bytes(file))))
    keep_locator_secrets(settings.keys, {epoch: secret})
    return DrawnSecret(epoch, tuple(boxes))


def import_locator_secret(settings: NodeSettings, institution: InstitutionId, data: bytes) -> int:
    """Take over a locator secret that another member drew; return its epoch.

    Raises:
        DirectoryInUseError: The node is being served.
        MalformedLocatorSecretError, UnknownFormatError: It is no such file.
        LocatorSecretRefusedError: Nobody who may signed it, it is not for this institution, or its epoch has another secret.
        SealedMessageError: It was sealed to another key.
    """
    identity = _identity(settings, institution)
    file, signature = parse_locator_secret(data)
    directory = _directory(settings)
    now = SystemClock().now()
    verify_locator_secret(file, signature, tuple(key.value for key in directory.keys(file.issuer, "request", now)))
    box = file.boxes.get(institution)
    if box is None:
        raise LocatorSecretRefusedError(f"it holds nothing for {institution}")
    secret = identity.unseal(box)
    known = read_locator_secrets(settings.keys)
    if known.get(file.epoch, secret) != secret or len(secret) != LOCATOR_SECRET_BYTES:
        raise LocatorSecretRefusedError(f"this node has another secret of epoch {file.epoch}; settle which one counts")
    keep_locator_secrets(settings.keys, {file.epoch: secret})
    return file.epoch


def _identity(settings: NodeSettings, institution: InstitutionId) -> FileInstitutionIdentity:
    if institution not in {one.id for one in settings.institutions}:
        raise SettingsError(f"this node does not host {institution}")
    return FileInstitutionIdentity(settings.keys, institution)


def _directory(settings: NodeSettings) -> Membership:
    """Return the registry as it was last read: the node is stopped, and the chain may be away."""
    clock = SystemClock()
    with exclusive_stores(settings, clock) as stores:
        return Membership(lambda: Registry(0, 0, (), ()), SqlRegistryStore(stores.readers, stores.writer), clock)
