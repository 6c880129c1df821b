"""What settings, keys and trust root say of the institutions that a node hosts."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.notes import NoteSigner, VerifierKey
from node.adapters.keys.files import InstitutionKeys
from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.kind import DocumentLimits, IdentityRules
from node.domain.record import Kind
from node.domain.trust import TrustRoot
from node.errors import SettingsError
from node.ports.keys.identities import InstitutionIdentity
from node.services.records.preparation import PreparationContext
from node.settings import NodeSettings
from node.wire.kinds import load_kinds
from node.wire.prepare import RecordContext
from node.wire.trust_root import parse_trust_root

Institutions = Mapping[InstitutionId, HostedInstitution]


def hosted_institutions(settings: NodeSettings) -> dict[InstitutionId, HostedInstitution]:
    """Return the institutions of the settings.

    Raises:
        SettingsError: Two of them share an id or an origin.
    """
    institutions = {
        InstitutionId(one.id): HostedInstitution(InstitutionId(one.id), one.name, Origin(one.origin))
        for one in settings.institutions
    }
    origins = {one.origin for one in settings.institutions}
    if len(institutions) < len(settings.institutions) or len(origins) < len(settings.institutions):
        raise SettingsError("institutions: every one needs an id and an origin of its own")
    return institutions


def read_trust_root(settings: NodeSettings) -> TrustRoot | None:
    """Read the node's trust root; None where there is none and no chain is set.

    Raises:
        SettingsError: A chain is set and nothing says which one to believe.
        MalformedTrustRootError: The file is no trust root.
    """
    path = settings.trust_root_file
    if not path.is_file():
        if settings.chain.rpc_url is not None:
            raise SettingsError(f"{path} is missing: a node with a chain needs the consortium's trust root")
        return None
    return parse_trust_root(path.read_bytes())


def check_trust(institutions: Institutions, trust_root: TrustRoot | None) -> None:
    """Check that the trust root knows the hosted logs.

    Raises:
        SettingsError: It does not know one, or knows it as another institution's.
    """
    if trust_root is None:
        return
    for hosted in institutions.values():
        trusted = trust_root.logs.get(hosted.origin)
        if trusted is None or trusted.institution != hosted.institution:
            raise SettingsError(f"the trust root knows no log {hosted.origin} of {hosted.institution}; update it, or the settings")


def log_signer(settings: NodeSettings, hosted: HostedInstitution) -> NoteSigner:
    """Return what signs an institution's checkpoints.

    Raises:
        KeyFileError: Its seed is missing or damaged.
    """
    return NoteSigner.from_seed(hosted.origin, InstitutionKeys(settings.keys, hosted.institution).read("log.seed"))


def log_keys(signer: NoteSigner, trust_root: TrustRoot | None) -> tuple[VerifierKey, ...]:
    """Return the key that signs a log now, then those that the trust root knows to have signed it before."""
    trusted = None if trust_root is None else trust_root.logs.get(Origin(signer.verifier_key.name))
    former = () if trusted is None else tuple(one.key for one in trusted.keys if one.key != signer.verifier_key)
    return (signer.verifier_key, *former)


def audit_keys(trust_root: TrustRoot | None) -> tuple[bytes, ...]:
    """Return the public keys to which headers are sealed for supervision, 32 bytes each."""
    return () if trust_root is None else tuple(key.public_key for key in trust_root.audit_keys)


def preparation_context(settings: NodeSettings, trust_root: TrustRoot | None) -> PreparationContext:
    """Return what preparing documents needs to know."""
    limits = settings.limits
    return PreparationContext(
        kinds=load_kinds(),
        limits=DocumentLimits(
            max_document_bytes=limits.max_document_bytes,
            max_depth=limits.max_nesting,
            max_parts=limits.max_parts,
            max_records=limits.max_records,
            max_record_bytes=limits.max_record_bytes,
            max_expanded_bytes=limits.max_expanded_bytes,
        ),
        rules={
            InstitutionId(one.id): IdentityRules(
                InstitutionId(one.id),
                one.record_systems,
                one.patient_systems,
                frozenset(Kind(kind) for kind in one.versioned_kinds),
            )
            for one in settings.institutions
        },
        records={
            InstitutionId(one.id): RecordContext(origin=Origin(one.origin), audit_keys=audit_keys(trust_root))
            for one in settings.institutions
        },
    )


def hosted_regulators(
    trust_root: TrustRoot | None, identities: Mapping[InstitutionId, InstitutionIdentity]
) -> tuple[InstitutionIdentity, ...]:
    """Return the hosted institutions to whose keys headers are sealed: the regulators of this node."""
    trusted = () if trust_root is None else trust_root.audit_keys
    audit = {(each.institution, each.public_key) for each in trusted}
    # the trust root may name the key before a rotation for a while
    return tuple(each for each in identities.values() if any((each.institution, key) in audit for key in each.exchange_public_keys))
