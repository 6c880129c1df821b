"""Bring a consent to its grantee: sealed, through the durable outbox, kept there until it is presented to a holder.

What arrives names no patient in clear and is believed no further than that it is addressed here: the grantee finds out whose it
is with the patient's keys (`ConsentService.list`), the holder verifies it against the chain. Left out: revocations, which the
chain tells everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage
from node.errors import MalformedConsentError, MemberAwayError
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import ConsentRole, ConsentStore, KeptConsent
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.transaction import RecordsTransaction
from node.wire.consent.notice import encode_sealed_consent, parse_sealed_consent
from node.wire.consent.text import encode_presented, parse_presented, parse_scope

log = structlog.get_logger(__name__)

GRANTED = "consent-granted"
"""Kind of the message that brings a consent to its grantee."""

Tell = Callable[[RecordsTransaction, InstitutionId, Sequence[InstitutionId], str, str, bytes], object]
"""Tells members something, durably with the caller's transaction; see `Outbox.tell`."""
Seal = Callable[[bytes, InstitutionId], bytes]
"""Seals to a member's exchange key; see `MemberSeals.seal`."""


class ConsentDelivery:
    """Sends and receives consents."""

    def __init__(
        self,
        store: ConsentStore,
        identities: Mapping[InstitutionId, InstitutionIdentity],
        seal: Seal,
        tell: Tell,
        clock: Clock,
    ) -> None:
        self._store = store
        self._identities = identities
        self._seal = seal
        self._tell = tell
        self._clock = clock

    def send(self, transaction: RecordsTransaction, kept: KeptConsent) -> None:
        """Bring a consent to its grantee, once the caller's transaction has committed."""
        grantee = parse_scope(kept.presented.scope).terms.grantee.institution
        if grantee == kept.institution:
            return
        encoded = encode_presented(kept.presented)
        if grantee in self._identities:
            self._keep(transaction, grantee, encoded)
            return
        try:
            sealed = self._seal(encoded, grantee)
        except MemberAwayError as error:
            # the patient can still hand it over: a consent is shown by whoever has it
            log.warning("consent_not_delivered", grantee=grantee, reason=str(error))
            return
        body = encode_sealed_consent(sealed)
        self._tell(transaction, kept.institution, [grantee], GRANTED, kept.presented.consent.hex(), body)

    def receive(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep a consent that another member sent; a handler of the inbox.

        Raises:
            SealedMessageError: It was sealed to somebody else.
            MalformedConsentError, UnknownFormatError: It is none, or for another grantee.
        """
        self._keep(transaction, message.recipient, self._identities[message.recipient].unseal(parse_sealed_consent(message.body)))

    def _keep(self, transaction: RecordsTransaction, grantee: InstitutionId, encoded: bytes) -> None:
        presented = parse_presented(encoded)
        if parse_scope(presented.scope).terms.grantee.institution != grantee:
            raise MalformedConsentError("consent: it is for another grantee than the institution that it was sent to")
        self._store.keep(
            transaction,
            KeptConsent(grantee, presented, ConsentRole.RECEIVED, None, None, unix_ms(self._clock), None),
        )
