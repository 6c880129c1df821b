"""The text of a trust root: JSON version 1 (docs/spec/trust-root.md), strict, and consistent with itself.

Left out: signatures (`node.wire.trust_root`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from ledger.errors import MalformedKeyError
from ledger.hashing import MAX_TREE_SIZE
from ledger.notes import COSIGNATURE_V1, ED25519, VerifierKey, encode_verifier_key, parse_verifier_key
from node.domain.entry import InstitutionId, Origin
from node.domain.record import Kind
from node.domain.trust import (
    AuditKey,
    ChainPin,
    Closure,
    ContractPin,
    Finality,
    LogKey,
    TrustedInstitution,
    TrustedLog,
    TrustedWitness,
    TrustRoot,
    ValidatorCheckpoint,
)
from node.errors import MalformedJsonError, MalformedTrustRootError, UnknownFormatError
from node.wire.json_strict import check_document

FORMAT: Final = "concord/trust-root"
FORMAT_VERSION: Final = 1
MAX_DEPTH: Final = 8

_ADDRESS_BYTES: Final = 20
_HASH_BYTES: Final = 32
_MAX_URL_CHARS: Final = 256
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FINALITY: Final = re.compile(r"depth:([1-9][0-9]{0,5})")
_HEX: Final = re.compile(r"0x(?:[0-9a-f]{2})*")


ItemT = TypeVar("ItemT")


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the text: nothing unknown, nothing missing."""


class _Contract(_Shape):
    name: str
    address: str
    code_hash: str


class _Validators(_Shape):
    block_number: int
    block_hash: str
    validators: list[str]


class _Chain(_Shape):
    chain_id: int
    genesis_hash: str
    finality: str
    validators: _Validators | None
    contracts: list[_Contract]


class _Institution(_Shape):
    institution: str
    name: str
    roles: list[str]


class _LogKey(_Shape):
    vkey: str
    from_size: int
    to_size: int | None


class _Closed(_Shape):
    final_size: int
    successor: str | None


class _Log(_Shape):
    origin: str
    institution: str
    endpoint: str
    keys: list[_LogKey]
    closed: _Closed | None


class _Witness(_Shape):
    institution: str
    vkey: str


class _Witnesses(_Shape):
    quorum: int
    keys: list[_Witness]


class _AuditKey(_Shape):
    institution: str
    public_key: str


class _Root(_Shape):
    format: str
    version: int
    serial: int
    expires: str
    signers: list[str]
    threshold: int
    chain: _Chain
    institutions: list[_Institution]
    logs: list[_Log]
    witnesses: _Witnesses
    audit_keys: list[_AuditKey]
    kinds: list[str]


class _Version(msgspec.Struct):
    format: str
    version: int


def parse_root_text(text: str) -> TrustRoot:
    """Parse the text of a trust root's note.

    Raises:
        MalformedTrustRootError: Not a trust root, or one that contradicts itself.
        UnknownFormatError: A version that this release does not know.
    """
    data = text.encode()
    try:
        check_document(data, MAX_DEPTH)
        head = msgspec.json.decode(data, type=_Version)
        if head.format != FORMAT:
            raise MalformedTrustRootError(f"trust root: format is not {FORMAT!r}")
        if head.version != FORMAT_VERSION:
            raise UnknownFormatError("trust root version", head.version)
        shape = msgspec.json.decode(data, type=_Root)
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedTrustRootError(f"trust root: {error}") from error
    root = _root(shape)
    _check(root)
    return root


def encode_root_text(root: TrustRoot) -> str:
    """Encode a trust root as the text of a note.

    Raises:
        MalformedTrustRootError: The root contradicts itself.
    """
    _check(root)
    text: bytes = msgspec.json.format(msgspec.json.encode(_shape(root)), indent=1)
    return text.decode() + "\n"


# From the text


def _root(shape: _Root) -> TrustRoot:
    return TrustRoot(
        serial=shape.serial,
        expires_at=_parse_time(shape.expires),
        signers=tuple(_parse_key(vkey, "signers") for vkey in shape.signers),
        threshold=shape.threshold,
        chain=_chain(shape.chain),
        institutions={
            InstitutionId(each.institution): TrustedInstitution(InstitutionId(each.institution), each.name, tuple(each.roles))
            for each in _unique(shape.institutions, [each.institution for each in shape.institutions], "institutions")
        },
        logs={Origin(each.origin): _log(each) for each in _unique(shape.logs, [e.origin for e in shape.logs], "logs")},
        witnesses=tuple(
            TrustedWitness(InstitutionId(each.institution), _parse_key(each.vkey, "witnesses")) for each in shape.witnesses.keys
        ),
        witness_quorum=shape.witnesses.quorum,
        audit_keys=tuple(
            AuditKey(InstitutionId(each.institution), _parse_hex(each.public_key, _HASH_BYTES, "audit_keys"))
            for each in shape.audit_keys
        ),
        kinds=tuple(Kind(kind) for kind in shape.kinds),
    )


def _chain(shape: _Chain) -> ChainPin:
    contracts = _unique(shape.contracts, [each.name for each in shape.contracts], "chain.contracts")
    return ChainPin(
        chain_id=shape.chain_id,
        genesis_hash=_parse_hex(shape.genesis_hash, _HASH_BYTES, "chain.genesis_hash"),
        finality=_parse_finality(shape.finality),
        validators=None if shape.validators is None else _validator_checkpoint(shape.validators),
        contracts={
            each.name: ContractPin(
                each.name,
                _parse_hex(each.address, _ADDRESS_BYTES, f"contract {each.name} address"),
                _parse_hex(each.code_hash, _HASH_BYTES, f"contract {each.name} code_hash"),
            )
            for each in contracts
        },
    )


def _validator_checkpoint(shape: _Validators) -> ValidatorCheckpoint:
    return ValidatorCheckpoint(
        shape.block_number,
        _parse_hex(shape.block_hash, _HASH_BYTES, "chain.validators.block_hash"),
        tuple(_parse_hex(each, _ADDRESS_BYTES, "chain.validators") for each in shape.validators),
    )


def _log(shape: _Log) -> TrustedLog:
    return TrustedLog(
        origin=Origin(shape.origin),
        institution=InstitutionId(shape.institution),
        endpoint=shape.endpoint,
        keys=tuple(LogKey(_parse_key(each.vkey, "logs"), each.from_size, each.to_size) for each in shape.keys),
        closed=None if shape.closed is None else _closure(shape.closed),
    )


def _closure(shape: _Closed) -> Closure:
    return Closure(shape.final_size, None if shape.successor is None else Origin(shape.successor))


def _unique(items: list[ItemT], names: list[str], place: str) -> list[ItemT]:
    if len(set(names)) != len(names):
        raise MalformedTrustRootError(f"{place}: one name twice")
    return items


def _parse_key(vkey: str, place: str) -> VerifierKey:
    try:
        return parse_verifier_key(vkey)
    except MalformedKeyError as error:
        raise MalformedTrustRootError(f"{place}: {error}") from error


def _parse_hex(text: str, length: int, place: str) -> bytes:
    if _HEX.fullmatch(text) is None or len(text) != 2 + 2 * length:
        raise MalformedTrustRootError(f"{place}: not 0x and {length} bytes in lowercase hex")
    return bytes.fromhex(text[2:])


def _parse_time(text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedTrustRootError("expires: no such time") from error
    raise MalformedTrustRootError("expires: not of the form 2030-01-31T00:00:00Z")


def _parse_finality(text: str) -> Finality:
    if text == "immediate":
        return Finality(0)
    match = _FINALITY.fullmatch(text)
    if match is None:
        raise MalformedTrustRootError("chain.finality: neither 'immediate' nor 'depth:N'")
    return Finality(int(match[1]))


# To the text


def _shape(root: TrustRoot) -> _Root:
    chain = root.chain
    return _Root(
        format=FORMAT,
        version=FORMAT_VERSION,
        serial=root.serial,
        expires=root.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        signers=[encode_verifier_key(key) for key in root.signers],
        threshold=root.threshold,
        chain=_Chain(
            chain_id=chain.chain_id,
            genesis_hash=_hex(chain.genesis_hash),
            finality=chain.finality.rule,
            validators=None if chain.validators is None else _validators_shape(chain.validators),
            contracts=[_Contract(p.name, _hex(p.address), _hex(p.code_hash)) for p in chain.contracts.values()],
        ),
        institutions=[_Institution(i.institution, i.name, list(i.roles)) for i in root.institutions.values()],
        logs=[_log_shape(log) for log in root.logs.values()],
        witnesses=_Witnesses(root.witness_quorum, [_Witness(w.institution, encode_verifier_key(w.key)) for w in root.witnesses]),
        audit_keys=[_AuditKey(key.institution, _hex(key.public_key)) for key in root.audit_keys],
        kinds=list(root.kinds),
    )


def _validators_shape(checkpoint: ValidatorCheckpoint) -> _Validators:
    validators = [_hex(each) for each in checkpoint.validators]
    return _Validators(checkpoint.block_number, _hex(checkpoint.block_hash), validators)


def _log_shape(log: TrustedLog) -> _Log:
    return _Log(
        origin=log.origin,
        institution=log.institution,
        endpoint=log.endpoint,
        keys=[_LogKey(encode_verifier_key(each.key), each.from_size, each.to_size) for each in log.keys],
        closed=None if log.closed is None else _Closed(log.closed.final_size, log.closed.successor),
    )


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


# Consistency with itself


def _check(root: TrustRoot) -> None:
    _require(root.serial >= 1, "serial: at least 1")
    _require(root.expires_at.tzinfo is not None and not root.expires_at.microsecond, "expires: whole seconds, aware")
    _require(all(key.algorithm == ED25519 for key in root.signers), "signers: Ed25519 keys (type 0x01) only")
    # One key under two names would count twice.
    _require(_distinct(key.public_key for key in root.signers), "signers: one key twice")
    _require(1 <= root.threshold <= len(root.signers), "threshold: between 1 and the number of signers")
    _require(root.chain.chain_id >= 1, "chain.chain_id: at least 1")
    _require(_distinct(root.kinds) and all(root.kinds), "kinds: one twice, or an empty one")
    for log in root.logs.values():
        _check_log(log, root)
    _check_witnesses(root)
    _require(all(key.institution in root.institutions for key in root.audit_keys), "audit_keys: unknown institution")


def _check_log(log: TrustedLog, root: TrustRoot) -> None:
    place = f"log {log.origin}"
    _require(log.institution in root.institutions, f"{place}: unknown institution")
    _require(log.endpoint.startswith(("http://", "https://")), f"{place}: the endpoint is not an http(s) URL")
    _require(len(log.endpoint) <= _MAX_URL_CHARS, f"{place}: the endpoint is longer than {_MAX_URL_CHARS}")
    _require(bool(log.keys), f"{place}: no key")
    for each in log.keys:
        _require(each.key.algorithm == ED25519, f"{place}: a key is not of type 0x01")
        _require(each.key.name == log.origin, f"{place}: a key is not named as the origin")
        last = MAX_TREE_SIZE if each.to_size is None else each.to_size
        _require(0 <= each.from_size <= last <= MAX_TREE_SIZE, f"{place}: a key's range of sizes is none")
    if log.closed is not None:
        _require(0 <= log.closed.final_size <= MAX_TREE_SIZE, f"{place}: no such final size")
        others = root.logs.keys() - {log.origin}
        _require(log.closed.successor in (None, *others), f"{place}: no such successor")


def _check_witnesses(root: TrustRoot) -> None:
    _require(all(each.key.algorithm == COSIGNATURE_V1 for each in root.witnesses), "witnesses: keys of type 0x04 only")
    _require(_distinct(each.key.public_key for each in root.witnesses), "witnesses: one key twice")
    institutions = {each.institution for each in root.witnesses}
    _require(institutions <= root.institutions.keys(), "witnesses: unknown institution")
    _require(0 <= root.witness_quorum <= len(institutions), "witnesses.quorum: more than there are institutions")


def _distinct(values: Iterable[object]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as the sentence that it is
    if not holds:
        raise MalformedTrustRootError(f"trust root: {otherwise}")
