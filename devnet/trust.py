"""The devnet's trust root: three consortium signers, two of whom sign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from devnet.genesis import Deployment
from devnet.plan import InstitutionState, NodeState
from ledger.cosignatures import Cosigner
from ledger.notes import NoteSigner
from node.adapters.keys.files import InstitutionKeys, read_key, write_key
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import AuditKey, Finality, LogKey, TrustedInstitution, TrustedLog, TrustedWitness, TrustRoot
from node.wire.kinds import load_kinds
from node.wire.trust_root import sign_trust_root

SIGNERS = 3
THRESHOLD = 2
WITNESS_QUORUM = 2
"""Other institutions that must have seen a log's head for `witnessed`."""
_LIFETIME = timedelta(days=365)


def trust_signers(directory: Path) -> list[NoteSigner]:
    """Return the consortium's signers; their seeds are drawn the first time."""
    signers = []
    for number in range(1, SIGNERS + 1):
        path = directory / f"signer-{number}.seed"
        if not path.exists():
            write_key(path, token_bytes(32))
        signers.append(NoteSigner.from_seed(f"devnet.example/signer-{number}", read_key(path)))
    return signers


def make_trust_root(
    nodes: Sequence[NodeState], keys: Path, deployment: Deployment, signers: Sequence[NoteSigner], now: datetime
) -> bytes:
    """Make and sign the trust root.

    Args:
        nodes: The devnet's nodes.
        keys: The directory that holds each node's directory.
        deployment: The contracts.
        signers: The consortium's signers; the first of them sign, as many as are needed.
        now: The time now; the root expires a year later.
    """
    hosted = [(node, institution) for node in nodes for institution in node.institutions]
    root = TrustRoot(
        serial=1,
        expires_at=(now.astimezone(UTC) + _LIFETIME).replace(microsecond=0),
        signers=tuple(signer.verifier_key for signer in signers),
        threshold=THRESHOLD,
        # one signer, one writer: what is in a block stays there, on either engine
        chain=deployment.pin(Finality(0)),
        institutions={
            InstitutionId(each.name): TrustedInstitution(InstitutionId(each.name), each.label, (each.role,)) for _, each in hosted
        },
        logs={Origin(each.origin): _trusted_log(node, each, keys) for node, each in hosted},
        witnesses=tuple(_witness(node, each, keys) for node, each in hosted),
        witness_quorum=WITNESS_QUORUM,
        audit_keys=tuple(
            AuditKey(InstitutionId(each.name), exchange_public_key(keys / node.name / "keys", each.name))
            for node, each in hosted
            if each.role == "regulator"
        ),
        kinds=tuple(sorted(load_kinds().kinds)),
    )
    return sign_trust_root(root, signers[:THRESHOLD])


def witness_name(institution: str) -> str:
    """Return the name under which an institution cosigns."""
    return f"{institution}.example/witness"


def _witness(node: NodeState, institution: InstitutionState, keys: Path) -> TrustedWitness:
    seed = InstitutionKeys(keys / node.name / "keys", institution.name).read("cosign.seed")
    cosigner = Cosigner.from_seed(witness_name(institution.name), seed)
    return TrustedWitness(InstitutionId(institution.name), cosigner.verifier_key)


def log_signer(keys: Path, institution: InstitutionState) -> NoteSigner:
    """Return the key that signs an institution's checkpoints."""
    return NoteSigner.from_seed(institution.origin, InstitutionKeys(keys, institution.name).read("log.seed"))


def exchange_public_key(keys: Path, institution: str) -> bytes:
    """Return an institution's X25519 public key, 32 bytes."""
    private = X25519PrivateKey.from_private_bytes(InstitutionKeys(keys, institution).read("exchange.key"))
    return private.public_key().public_bytes_raw()


def _trusted_log(node: NodeState, institution: InstitutionState, keys: Path) -> TrustedLog:
    signer = log_signer(keys / node.name / "keys", institution)
    return TrustedLog(
        Origin(institution.origin),
        InstitutionId(institution.name),
        node.url,
        (LogKey(signer.verifier_key, 0, None),),
        closed=None,
    )
