"""A consortium on one node: two hospitals and a regulator, a trust root with their real keys, everything followed for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ledger.notes import NoteSigner
from node.adapters.keys.files import InstitutionKeys
from node.adapters.keys.identity import FileInstitutionIdentity
from node.bootstrap.operation import RunningNode
from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, ConsentId, Purpose, RequestId
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.header import AnyContent
from node.domain.patient import PatientSeed
from node.domain.record import Kind, Part
from node.domain.trust import AuditKey, LogKey, TrustedInstitution, TrustedLog
from node.identity.codes import keys_of_seed
from node.services.records.entries import ActEntry, StagedAct
from node.wire.trust_root import sign_trust_root
from tests.unit.evidence_verify.world import SIGNERS, make_root
from tests.unit.services_records.world import LOCATOR_SECRETS, World, make_world

A, B, REGULATOR = InstitutionId("hospital-a"), InstitutionId("hospital-b"), InstitutionId("regulator-p")
HOLDER, REQUESTER = AccessSide.HOLDER, AccessSide.REQUESTER
REQUEST = RequestId("0123456789abcdef" * 2)
CONSENT = ConsentId(b"\x0c" * 32)
GRACE_S = 900.0
DEADLINE_S = 30.0
SEED = PatientSeed(bytes(range(1, 33)))
PATIENT = keys_of_seed(SEED, LOCATOR_SECRETS, provisional=False, regulator_id=REGULATOR)

ResultT = TypeVar("ResultT")


def make_consortium(directory: Path, **sections: Mapping[str, object]) -> World:
    """Create the node and its trust root; not started yet."""
    given: dict[str, Mapping[str, object]] = {
        "supervision": {"interval_s": 0.02, "receipt_grace_s": GRACE_S},
        "following": {"poll_interval_s": 0.02},
        **sections,
    }
    world = make_world(directory, versioned_kinds=(), names=(A, B, REGULATOR), **given)
    keys = world.settings.keys
    institutions = {each: TrustedInstitution(each, each, ("hospital",)) for each in (A, B, REGULATOR)}
    logs = {}
    for each in institutions:
        origin = Origin(f"{each}.example/log")
        signer = NoteSigner.from_seed(origin, InstitutionKeys(keys, each).read("log.seed"))
        logs[origin] = TrustedLog(origin, each, f"http://{each}.example", (LogKey(signer.verifier_key, 0, None),), None)
    root = replace(
        make_root(),
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        institutions=institutions,
        logs=logs,
        witnesses=(),
        witness_quorum=0,
        audit_keys=(AuditKey(REGULATOR, FileInstitutionIdentity(keys, REGULATOR).exchange_public_key),),
    )
    world.settings.trust_root_file.write_bytes(sign_trust_root(root, SIGNERS))
    return world


def eventually(read: Callable[[], ResultT], holds: Callable[[ResultT], bool]) -> ResultT:
    """Wait until what is read holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds(found := read()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.01)
    return found


def wait_until_read(world: World, entries: int) -> None:
    """Wait until so many entries were read for figures, with their headers: these are followed a moment after the leaves."""
    query = "SELECT (SELECT coalesce(sum(next_index), 0) FROM figure_cursors) - (SELECT count(*) FROM figure_waiting)"
    eventually(lambda: world.rows(query)[0][0], lambda found: found == entries)


def make_access(side: AccessSide, outcome: AccessOutcome = AccessOutcome.DISCLOSED, request: RequestId = REQUEST) -> AccessContent:
    """Return what A or B logs of B's request to A."""
    return AccessContent(
        request_id=request,
        side=side,
        counterpart=B if side is HOLDER else A,
        actor=Actor(B, "0301", "4711", "L-1", "password+token", "physician"),
        purpose=Purpose.TREATMENT,
        outcome=outcome,
        reason="",
        consent_id=CONSENT,
        consent_block=None,
        emergency_id=None,
        subjects=(LeafReference(Origin(f"{A}.example/log"), b"\x05" * 32),),
        occurred_at_ms=1_772_366_400_000,
    )


def log_act(
    world: World, institution: InstitutionId, content: AnyContent, entry_type: EntryType = EntryType.ACCESS_RECEIPT
) -> StagedAct:
    """Log an act of the patient under class 1."""
    return log_entry(world.running, institution, content, entry_type)


def log_entry(
    running: RunningNode, institution: InstitutionId, content: AnyContent, entry_type: EntryType = EntryType.ACCESS_RECEIPT
) -> StagedAct:
    """Log an act at a running node."""
    entry = ActEntry(
        entry_type=entry_type,
        kind=Kind("access-receipt"),
        content=content,
        parts=(Part("application/json", "receipt", "", b"{}", ""),),
        performed_at_ms=1_772_366_400_000,
        patient=PATIENT,
        tag_class=1,
    )
    sharing = running.sharing
    (staged,) = sharing.writer.submit(lambda tx: sharing.composer.stage(tx, institution, [entry])).result(DEADLINE_S)
    running.sequencing.staged(staged.origin)
    return staged


def log_receipt(world: World, side: AccessSide, outcome: AccessOutcome = AccessOutcome.DISCLOSED) -> StagedAct:
    """Log one side's receipt."""
    return log_act(world, A if side is HOLDER else B, make_access(side, outcome))
