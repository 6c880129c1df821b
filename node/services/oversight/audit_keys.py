"""Open headers for supervision, with the audit keys of the regulators that this node hosts (FORMATS "Header")."""

from __future__ import annotations

from collections.abc import Iterable

from node.domain.header import Header
from node.errors import HeaderVerificationError, HeaderWrapError, InputError
from node.ports.keys.identities import InstitutionIdentity
from node.ports.logs.index import FollowedEntry
from node.wire.header.seal import HeaderPlace, open_header_key, supervision_data_key
from node.wire.leaf import parse_leaf


class AuditKeys:
    """The audit keys at hand: exchange keys of a regulator, of which the trust root names one as its audit key.

    All that the regulator kept open headers: those that were sealed before a rotation stay readable.
    """

    def __init__(self, identities: Iterable[InstitutionIdentity]) -> None:
        self._identities = tuple(identities)

    def __bool__(self) -> bool:
        """Tell whether there is any: whether this node supervises."""
        return bool(self._identities)

    def data_key(self, header: bytes) -> bytes:
        """Return the data key of a header.

        Raises:
            MalformedHeaderError, UnknownFormatError: It is none.
            HeaderWrapError: It was sealed to none of these keys.
        """
        for identity in self._identities:
            for public_key in identity.exchange_public_keys:
                try:
                    return supervision_data_key(header, public_key, identity.unseal)
                except HeaderWrapError:
                    continue
        raise HeaderWrapError("audit")

    def open(self, header: bytes, place: HeaderPlace) -> Header:
        """Open a header.

        Raises:
            MalformedHeaderError, UnknownFormatError: It is none.
            HeaderVerificationError: It does not open here.
        """
        return open_header_key(header, place, self.data_key(header))

    def read(self, entry: FollowedEntry) -> Header | None:
        """Return what the header of a followed entry says; None where it is deleted, not here yet, or does not open here."""
        if entry.header is None:
            return None
        leaf = parse_leaf(entry.leaf)
        try:
            return self.open(entry.header, HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag))
        except (InputError, HeaderVerificationError):
            return None
