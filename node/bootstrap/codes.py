"""Codes, connected: the hospital's desk, custodians, and the code service where this node hosts it."""

from __future__ import annotations

from node.adapters.database.codes.registers import SqlCodeRegister, SqlOpeningRegister
from node.adapters.keys.files import read_locator_secrets
from node.adapters.peers.custodians import ask_custodian
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId
from node.domain.patient import PatientKeys
from node.errors import ChainAwayError, SettingsError
from node.identity.code_custody import CUSTODIANS
from node.ports.members.membership import KeyDirectory
from node.services.codes.card_vault import CardVault, asks
from node.services.codes.code_desk import CodeDesk
from node.services.codes.code_service import KEYS_MESSAGE, CodeService, CodeServiceParts, EmergencyOpener
from node.services.codes.custodians import CustodianService, Opening
from node.services.codes.sealing import MemberSeals
from node.services.reading.finding import PatientProbe
from node.services.surface.code_exchange import CodeExchange
from node.services.surface.consenting import Consenting


def build_codes(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange | None,
    consenting: Consenting | None,
) -> CodeExchange | None:
    """Connect the services; None where nothing says who the members are.

    Args:
        foundation: What they stand on.
        services: The node's other services.
        sharing: The registry, and acts in the log.
        exchange: Talks to other members.
        consenting: Knows the chain's emergencies; None where the consortium has no contract for them.

    Raises:
        SettingsError: The settings make this node the code service, and not all of what that needs.
    """
    directory = sharing.membership
    if exchange is None or directory is None:
        return None
    seals = MemberSeals(directory, foundation.clock)
    custodians = CustodianService(
        identities=foundation.identities,
        directory=directory,
        register=SqlOpeningRegister(foundation.stores.readers),
        writer=foundation.stores.writer,
        clock=foundation.clock,
        max_openings_per_hour=foundation.settings.codes.max_openings_per_hour,
    )
    desk = CodeDesk(
        clients=exchange.clients,
        identities=foundation.identities,
        directory=directory,
        seals=seals,
        index=foundation.patients,
        patients=services.node.patients,
    )
    exchange.services.inbox.register(KEYS_MESSAGE, desk.receive)
    service = None
    if foundation.settings.codes.institution:
        service = _service(foundation, services, sharing, exchange, directory, custodians, consenting)
        service.on_news(services.sequencing.staged)
    return CodeExchange(desk, custodians, seals, service)


def _service(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange,
    directory: KeyDirectory,
    custodians: CustodianService,
    consenting: Consenting | None,
) -> CodeService:
    settings = foundation.settings.codes
    own = InstitutionId(settings.institution)
    if own not in foundation.institutions:
        raise SettingsError(f"codes.institution: this node does not host {own}")
    if len(set(settings.custodians)) != CUSTODIANS or not settings.regulator:
        raise SettingsError(f"codes: a code service needs {CUSTODIANS} custodians, and a regulator for whom pseudonyms are")
    identity, client = foundation.identities[own], exchange.clients[own]
    seals = MemberSeals(directory, foundation.clock)

    def local(custodian: InstitutionId, opening: Opening) -> list[bytes]:
        return custodians.open_layers(custodian, own, opening)

    def remote(custodian: InstitutionId, opening: Opening) -> list[bytes]:
        return ask_custodian(client, identity, custodian, opening)

    def holders(keys: PatientKeys) -> frozenset[InstitutionId]:
        found = services.node.finder.find(PatientProbe(keys.epoch_keys))
        registered = [directory.origin(entry.place.origin) for entry in found.entries]
        return frozenset(each.institution for each in registered if each is not None)

    vault = CardVault(
        own=own,
        custodians=tuple(InstitutionId(each) for each in settings.custodians),
        key=seals.key,
        ask=asks(foundation.identities, local, remote),
    )
    return CodeService(
        CodeServiceParts(
            institution=own,
            locator_secrets=read_locator_secrets(foundation.settings.keys),
            regulator=settings.regulator,
            unseal=identity.unseal,
            register=SqlCodeRegister(foundation.stores.readers),
            vault=vault,
            directory=directory,
            seals=seals,
            outbox=exchange.services.outbox,
            composer=sharing.composer,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            emergency=_emergencies(foundation, consenting),
            holders=holders,
        )
    )


def _emergencies(foundation: Foundation, consenting: Consenting | None) -> EmergencyOpener:
    """Return what looks an emergency up on chain; without a contract for them nothing can be looked up."""

    def opener(emergency_id: bytes) -> InstitutionId | None:
        if consenting is None:
            raise ChainAwayError(foundation.settings.chain.rpc_url or "", "the trust root pins no contract `consents`")
        state = consenting.watch.emergency(EmergencyId(emergency_id))
        return None if state is None else state.institution

    return opener
