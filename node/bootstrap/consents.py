"""Consents, connected: the contract's client, what is kept, the loops that read and send; and withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from node.adapters.database.consents.store import SqlConsentStore
from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.keys.consents import FileConsentSigner
from node.adapters.keys.files import RELAY_KEY, read_key
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage
from node.errors import MemberAwayError
from node.ports.consents.store import ConsentChain
from node.ports.records.transaction import RecordsTransaction
from node.services.codes.sealing import MemberSeals
from node.services.consents.delivery import GRANTED, ConsentDelivery, Seal, Tell
from node.services.consents.emergencies import EmergencyParts, EmergencyService
from node.services.consents.grants import REVOCATION, ConsentParts, ConsentPolicy, ConsentService
from node.services.consents.relay import ConsentRelay
from node.services.consents.watch import ConsentWatch, Staleness
from node.services.custody.withdrawal import WithdrawalParts, WithdrawalService
from node.services.loops import Loop
from node.services.surface.consenting import Consenting
from node.wire.consent.notice import parse_revocation
from node.wire.retention import load_retention

log = structlog.get_logger(__name__)

_SWEEP_INTERVAL_S = 3_600.0
"""How often records are looked for whose retention period is over."""


@dataclass(frozen=True, slots=True)
class BuiltConsents:
    """The services, and their loops."""

    services: Consenting | None
    """What the API uses; None where the consortium has no contract for consents."""
    withdrawal: WithdrawalService
    """Works without a chain too."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_consents(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange | None,
    simulated: ConsentChain | None = None,
) -> BuiltConsents:
    """Connect the services; nothing is started.

    Args:
        foundation: What they stand on.
        services: The node's other services.
        sharing: Acts in the log.
        exchange: Tells other members; None without a registry.
        simulated: Stands in for the contract; None for the chain's.
    """
    store = SqlConsentStore(foundation.stores.readers)
    # two clients: whoever reads must not wait until a transaction is in a block
    chain, sending = (_chain(foundation), _chain(foundation)) if simulated is None else (simulated, simulated)
    loops: list[Loop] = []
    consenting = None
    if chain is not None and sending is not None:
        relay = Loop("consent-relay", ConsentRelay(sending, store, foundation.stores.writer).step, _poll_s(foundation))
        loops.append(relay)
        consenting = _consenting(foundation, services, sharing, exchange, store, chain, relay)
        loops.append(Loop("consent-watch", consenting.watch.refresh, _poll_s(foundation)))
    withdrawal = WithdrawalService(
        WithdrawalParts(
            store=SqlWithdrawalStore(foundation.stores.readers),
            consents=store,
            revoker=None if consenting is None else consenting.consents,
            erasure=services.node.erasure,
            writer=foundation.stores.writer,
            patients=foundation.patients,
            counters=foundation.counters,
            identities=foundation.identities,
            origins={each.institution: each.origin for each in foundation.institutions.values()},
            clock=foundation.clock,
        ),
        load_retention(foundation.settings.consents.retention_region),
    )
    loops.append(Loop("retention", withdrawal.sweep, _SWEEP_INTERVAL_S))
    return BuiltConsents(consenting, withdrawal, loops)


def _poll_s(foundation: Foundation) -> float:
    return foundation.settings.consents.poll_interval_s


def _chain(foundation: Foundation) -> ConsentChain | None:
    """Return the contract's client; None without a chain, or where the trust root pins no such contract."""
    trust_root = foundation.trust_root
    if foundation.chain is None or trust_root is None:
        return None
    if "consents" not in trust_root.chain.contracts:
        log.warning("consents_off", reason="the trust root pins no contract `consents`")
        return None
    # imported here, as in bootstrap.chain
    from node.adapters.chain.signers import LocalSigner  # noqa: PLC0415

    relay = LocalSigner(read_key(foundation.settings.keys / RELAY_KEY))
    return foundation.chain.make_client().consents(relay, foundation.clock)


def _consenting(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange | None,
    store: SqlConsentStore,
    chain: ConsentChain,
    relay: Loop,
) -> Consenting:
    settings, writer, clock = foundation.settings.consents, foundation.stores.writer, foundation.clock
    origins = {each.institution: each.origin for each in foundation.institutions.values()}
    signer = FileConsentSigner(foundation.settings.keys, list(foundation.institutions), chain.domain)
    watch = ConsentWatch(chain, store, writer, clock, Staleness(settings.max_staleness_s, settings.block_period_s))
    watch.on_revoked(services.node.custody.relocations.close_consents)
    tell = _tell(exchange, watch)
    delivery = ConsentDelivery(store, foundation.identities, _seal(foundation, sharing), tell, clock)
    if exchange is not None:
        exchange.services.inbox.register(GRANTED, delivery.receive)
    parts = ConsentParts(
        chain=chain,
        store=store,
        watch=watch,
        signer=signer,
        identities=foundation.identities,
        origins=origins,
        composer=sharing.composer,
        patients=foundation.patients,
        writer=writer,
        clock=clock,
        tell=tell,
        delivery=delivery,
        opened=services.node.custody.relocations.open_consent,
        staged=services.sequencing.staged,
        queued=relay.wake,
    )
    emergencies = EmergencyService(
        EmergencyParts(store, signer, foundation.keys, foundation.patients, origins, writer, clock, relay.wake),
        settings.max_emergencies_per_hour,
    )
    consents = ConsentService(parts, ConsentPolicy(refuse_self_asserted=settings.refuse_self_asserted))
    return Consenting(consents, emergencies, watch, store, chain.domain, clock)


def _seal(foundation: Foundation, sharing: Sharing) -> Seal:
    """Return what seals to members; without a registry nobody is one."""
    if sharing.membership is not None:
        return MemberSeals(sharing.membership, foundation.clock).seal

    def nobody(_plaintext: bytes, institution: InstitutionId) -> bytes:
        raise MemberAwayError(institution, "there is no registry")

    return nobody


def _tell(exchange: BuiltExchange | None, watch: ConsentWatch) -> Tell:
    """Return what tells other members of revocations, and listen to theirs: the chain is asked at once."""
    if exchange is None:
        return lambda *_: None

    def heard(_transaction: RecordsTransaction, message: MemberMessage) -> None:
        watch.forget(parse_revocation(message.body))

    exchange.services.inbox.register(REVOCATION, heard)

    def tell(
        transaction: RecordsTransaction,
        sender: InstitutionId,
        recipients: Sequence[InstitutionId],
        kind: str,
        subject: str,
        body: bytes,
    ) -> None:
        exchange.services.outbox.tell(transaction, sender, recipients, kind, subject, body)

    return tell
