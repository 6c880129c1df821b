"""`concord consortium`: the registry on chain, read and voted on with an institution's chain key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from contracts.terms import MAX_OVERLAP_S, Role
from ledger.hashing import RootHash, TreeSize
from node.bootstrap.commands import OWN_KEY_KINDS, open_consortium, read_chain_key, read_own_key
from node.cli.failures import REFUSED, UsageError
from node.cli.output import show
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import ChainPin
from node.ports.chain.consortium import (
    AddOrigin,
    Admit,
    ChangeRoles,
    ChangeThreshold,
    CloseOrigin,
    Motion,
    Proposal,
    ProposalNumber,
    RegisterCatalogue,
    RegisteredKey,
    RegisterKind,
    Registry,
    Reinstate,
    ReplaceChainAccount,
    Suspend,
)
from node.settings import NodeSettings, load_settings
from node.wire.trust_root import parse_trust_root

_ACCOUNT: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH: Final = re.compile(r"(?:0x)?([0-9a-f]{64})")
_OVERLAP: Final = re.compile(r"([0-9]{1,7})([smhd])")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_EVERYBODYS: Final = ("exchange", "request")
"""Kinds that every institution registers; a regulator has an audit key besides."""
_ROLES: Final = tuple(role.name.lower().replace("_", "-") for role in Role if role.name is not None)


@dataclass(frozen=True, slots=True)
class Voter:
    """Who acts, and on which chain."""

    directory: Path
    """The node that holds the chain key."""
    institution: str
    """Whose key."""
    rpc: str | None
    """The chain; None: that of the node's settings."""


def list_registry(directory: Path | None, trust_root: Path | None, rpc: str | None, *, as_json: bool) -> None:
    """Show the registry and its proposals.

    Raises:
        UsageError: Neither or both of directory and trust root are given, or no chain.
    """
    if (directory is None) == (trust_root is None):
        raise UsageError("say which consortium: either --dir or --trust-root with --rpc")
    if directory is not None:
        settings = load_settings(directory)
        address, pin = _chain(settings, rpc)
    else:
        if rpc is None or trust_root is None:
            raise UsageError("--trust-root needs --rpc: a trust root names a chain, not where it is reached")
        address, pin = rpc, parse_trust_root(trust_root.read_bytes()).chain
    with open_consortium(address, pin, None) as chain:
        show(_document(chain.registry(), chain.proposals(), people=not as_json), as_json=as_json)


def propose(voter: Voter, motion: Motion, *, as_json: bool) -> None:
    """Propose, and wait until it is in a block."""
    settings = load_settings(voter.directory)
    address, pin = _chain(settings, voter.rpc)
    with open_consortium(address, pin, read_chain_key(settings, voter.institution)) as chain:
        number = chain.propose(motion)
        proposal = next(each for each in chain.proposals() if each.number == number)
    show(_proposal(proposal), as_json=as_json)


def vote(voter: Voter, number: int, *, as_json: bool) -> None:
    """Vote, and wait until it is in a block."""
    settings = load_settings(voter.directory)
    address, pin = _chain(settings, voter.rpc)
    with open_consortium(address, pin, read_chain_key(settings, voter.institution)) as chain:
        carried = chain.vote(ProposalNumber(number))
    show({"proposal": number, "voted_by": voter.institution, "carried": carried}, as_json=as_json)


def register_key(voter: Voter, kind: str, overlap: str, *, as_json: bool) -> None:
    """Register the key that the node's directory holds, and wait until it is in a block; once is enough.

    Raises:
        UsageError: The kind or the overlap is none, or no chain is named.
        TransactionRevertedError: The contract refuses.
    """
    settings = load_settings(voter.directory)
    address, pin = _chain(settings, voter.rpc)
    overlap_s, own = _overlap_s(overlap), read_own_key(settings, voter.institution, _key_kind(kind))
    with open_consortium(address, pin, read_chain_key(settings, voter.institution)) as chain:
        before = _last_key(chain.registry(), voter.institution, kind)
        is_new = before is None or before.value != own or before.valid_until_s is not None
        if is_new:
            chain.register_key(kind, own, overlap_s)
        now = _last_key(chain.registry(), voter.institution, kind)
    shown = {
        "institution": voter.institution,
        "kind": kind,
        "key": own.hex(),
        "registered": "now" if is_new else "before",
        # a chain that is final some blocks later still shows the former one
        "in_effect": now is not None and now.value == own,
        "former_key": before.value.hex() if is_new and before is not None else None,
        "former_key_valid_for_s": overlap_s if is_new and before is not None else None,
    }
    show(shown, as_json=as_json)


def list_keys(voter: Voter, *, as_json: bool) -> None:
    """Compare the keys that others use of an institution with those in the node's directory; exit with 1 where they differ.

    Raises:
        UsageError: No chain is named.
    """
    settings = load_settings(voter.directory)
    address, pin = _chain(settings, voter.rpc)
    with open_consortium(address, pin, None) as chain:
        registry = chain.registry()
    rows = []
    for kind in OWN_KEY_KINDS:
        own, last = read_own_key(settings, voter.institution, kind), _last_key(registry, voter.institution, kind)
        if last is None and kind not in _EVERYBODYS:
            continue
        standing = "unregistered" if last is None else "registered" if _is_in_force(last, own) else "differs"
        rows.append({"kind": kind, "here": own.hex(), "on_chain": None if last is None else last.value.hex(), "standing": standing})
    show({"institution": voter.institution, "block_number": registry.block_number, "keys": rows}, as_json=as_json)
    if any(row["standing"] != "registered" for row in rows):
        raise typer.Exit(REFUSED)


def _last_key(registry: Registry, institution: str, kind: str) -> RegisteredKey | None:
    keys = [key for each in registry.members if each.institution == institution for key in each.keys if key.kind == kind]
    return keys[-1] if keys else None


def _is_in_force(key: RegisteredKey, own: bytes) -> bool:
    return key.value == own and (key.valid_until_s is None or key.valid_until_s > datetime.now(UTC).timestamp())


def _key_kind(kind: str) -> str:
    if kind not in OWN_KEY_KINDS:
        raise UsageError(f"--kind {kind}: there are {', '.join(OWN_KEY_KINDS)}")
    return kind


def _overlap_s(text: str) -> int:
    match = _OVERLAP.fullmatch(text)
    seconds = None if match is None else int(match[1]) * _UNITS_S[match[2]]
    if seconds is None or seconds > MAX_OVERLAP_S:
        raise UsageError(f"--overlap {text}: give a number and a unit, such as 0s, 12h or 7d; {MAX_OVERLAP_S // 86_400}d at most")
    return seconds


# What can be proposed, from what was typed


def admission(subject: str, roles_: Sequence[str], account: str) -> Motion:
    """Admit an institution."""
    return Admit(InstitutionId(subject), _roles(roles_), _account(account))


def suspension(subject: str) -> Motion:
    """Suspend one."""
    return Suspend(InstitutionId(subject))


def reinstatement(subject: str) -> Motion:
    """Reinstate one."""
    return Reinstate(InstitutionId(subject))


def roles(subject: str, wanted: Sequence[str]) -> Motion:
    """Give one other roles."""
    return ChangeRoles(InstitutionId(subject), _roles(wanted))


def replacement(subject: str, account: str) -> Motion:
    """Replace a chain key."""
    return ReplaceChainAccount(InstitutionId(subject), _account(account))


def new_origin(subject: str, origin: str, endpoint: str) -> Motion:
    """Add a log."""
    return AddOrigin(InstitutionId(subject), Origin(origin), endpoint)


def closing(origin: str, size: int, root: str, successor: str | None) -> Motion:
    """Close a log."""
    after = None if successor is None else Origin(successor)
    return CloseOrigin(Origin(origin), TreeSize(size), RootHash(_hash("--root", root)), after)


def new_kind(name: str, digest: str) -> Motion:
    """Register a kind."""
    return RegisterKind(name, _hash("--digest", digest))


def new_catalogue(name: str, digest: str) -> Motion:
    """Register a catalogue."""
    return RegisterCatalogue(name, _hash("--digest", digest))


def new_threshold(votes: int) -> Motion:
    """Change the threshold."""
    return ChangeThreshold(votes)


def _roles(wanted: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(wanted) - set(_ROLES))
    if unknown:
        raise UsageError(f"--role {', '.join(unknown)}: there are {', '.join(_ROLES)}")
    return tuple(wanted)


def _account(text: str) -> bytes:
    if _ACCOUNT.fullmatch(text) is None:
        raise UsageError("--account: give 0x and 40 hex digits")
    return bytes.fromhex(text[2:])


def _hash(option: str, text: str) -> bytes:
    match = _HASH.fullmatch(text)
    if match is None:
        raise UsageError(f"{option}: give 64 lowercase hex digits")
    return bytes.fromhex(match[1])


def _chain(settings: NodeSettings, rpc: str | None) -> tuple[str, ChainPin]:
    address = rpc or settings.chain.rpc_url
    if address is None:
        raise UsageError("the node's settings name no chain: give --rpc")
    return address, parse_trust_root(settings.trust_root_file.read_bytes()).chain


def _document(registry: Registry, proposals: Sequence[Proposal], *, people: bool) -> dict[str, object]:
    members = [
        {
            "institution": member.institution,
            "roles": list(member.roles),
            "active": member.is_active,
            "account": f"0x{member.chain_account.hex()}",
            "keys": len(member.keys)
            if people
            else [
                {
                    "kind": key.kind,
                    "value": key.value.hex(),
                    "valid_from": _time(key.valid_from_s),
                    "valid_until": None if key.valid_until_s is None else _time(key.valid_until_s),
                }
                for key in member.keys
            ],
        }
        for member in registry.members
    ]
    logs = [
        {
            "origin": log.origin,
            "institution": log.institution,
            "endpoint": log.endpoint,
            "closed_at": None if log.closed_at is None else int(log.closed_at[0]),
            "successor": log.successor,
        }
        for log in registry.origins
    ]
    return {
        "block_number": registry.block_number,
        "threshold": registry.threshold,
        "members": members,
        "logs": logs,
        "proposals": [_proposal(each) for each in proposals],
    }


def _proposal(proposal: Proposal) -> dict[str, object]:
    return {
        "proposal": int(proposal.number),
        "action": proposal.action,
        "summary": proposal.summary,
        "proposer": proposal.proposer,
        "votes": proposal.votes,
        "expires_at": _time(proposal.expires_at_s),
        "carried": proposal.is_executed,
    }


def _time(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")
