"""A whole consortium on loopback: chain, contracts, institutions admitted by vote, nodes that serve them.

`Devnet.up` finishes whatever is missing in a directory, so that a run which was cut off is taken up by the next one, and a
devnet that was stopped goes on with the same keys, chain and records.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import node as node_package
from contracts.terms import KeyKind, Role
from devnet import codes
from devnet.engines import RunningEngine, attach, make_engine
from devnet.engines.process import ProcessIdentity, kill, spawn, stop, wait_until
from devnet.errors import DevnetError
from devnet.genesis import InstitutionPlan, OriginPlan, address_of, found_consortium
from devnet.plan import BASE, DevnetState, InstitutionState, NodeState, plan_devnet, read_state, write_state
from devnet.trust import exchange_public_key, log_signer, make_trust_root, trust_signers
from ledger.notes import encode_verifier_key
from node.adapters.keys.files import RELAY_KEY, InstitutionKeys, create_institution_keys, create_node_keys, read_key, write_key
from node.bootstrap.maintenance import init_node, issue_clients
from node.domain.entry import InstitutionId, Origin
from node.settings import FILE_NAME, InstitutionSettings, load_settings, write_settings

TRUST_ROOT: Final = "trust-root.note"
CHAIN_DIRECTORY: Final = "chain"
NODES_DIRECTORY: Final = "nodes"
_THRESHOLD: Final = 2
_READY_S: Final = 60.0
_RECEIPT_GRACE_S: Final = 5.0
"""A quarter of an hour by default: a demonstration does not wait that long for a finding."""
_WITHDRAWN_GRACE_S: Final = 5.0
"""A week by default, for the same reason."""
_POLL_INTERVAL_S: Final = 2.0
"""How often the nodes look at each other's logs without news: a devnet has few, and somebody watches it."""
_CHECK_LEAF_PERIOD_S: Final = 3.0
"""An hour by default: a demonstration does not wait that long for its figures."""
_LOG_TAIL_BYTES: Final = 2_000


@dataclass(slots=True)
class Devnet:
    """A devnet in a directory."""

    directory: Path
    """Where all of it is; mode 0700."""
    state: DevnetState
    """What it consists of."""
    chain: RunningEngine | None = None
    """Its chain, while that runs."""
    _clients: dict[str, httpx.Client] = field(default_factory=dict, repr=False)

    @classmethod
    def up(cls, directory: Path, *, engine: str = "embedded", institutions: int = BASE, anchor_interval_s: float = 1.0) -> Devnet:
        """Start a devnet, or what of it does not run. If anything fails, everything that this started stops again.

        Raises:
            DevnetError, EngineError: It cannot be started; the message holds the end of the log that says why.
        """
        directory = directory.absolute()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = read_state(directory) or plan_devnet(engine, institutions, anchor_interval_s)
        if state.engine != engine:
            raise DevnetError(f"the devnet in {directory} runs on {state.engine}; take another directory for {engine}")
        devnet = cls(directory, state, attach(directory / CHAIN_DIRECTORY))
        write_state(directory, state)
        ran_before = devnet._running()
        try:
            devnet._start()
        except BaseException:
            devnet._stop(except_for=ran_before)
            raise
        return devnet

    @classmethod
    def open(cls, directory: Path) -> Devnet:
        """Take hold of a devnet that was started before.

        Raises:
            DevnetError: There is none in the directory.
        """
        directory = directory.absolute()
        state = read_state(directory)
        if state is None:
            raise DevnetError(f"there is no devnet in {directory}; start one with `concord-devnet up --dir {directory}`")
        return cls(directory, state, attach(directory / CHAIN_DIRECTORY))

    @property
    def trust_root(self) -> Path:
        """The consortium's trust root."""
        return self.directory / TRUST_ROOT

    @property
    def locator_secret(self) -> Path:
        """The consortium's locator secret of epoch 1."""
        return self.directory / "locator-1.key"

    @property
    def institutions(self) -> Mapping[str, tuple[NodeState, InstitutionState]]:
        """All institutions by name, each with the node that hosts it."""
        return {each.name: (node, each) for node in self.state.nodes for each in node.institutions}

    def node_directory(self, node: NodeState) -> Path:
        """Return where a node keeps its keys and databases."""
        return self.directory / NODES_DIRECTORY / node.name

    def log_url(self, institution: str) -> str:
        """Return where an institution's log is served."""
        return f"{self.institutions[institution][0].url}/log/{institution}"

    def vkey(self, institution: str) -> str:
        """Return the verifier key of an institution's log."""
        node, each = self.institutions[institution]
        return encode_verifier_key(log_signer(self.node_directory(node) / "keys", each).verifier_key)

    def client(self, institution: str) -> httpx.Client:
        """Return an HTTP client that acts for an institution; `disconnect` and `down` close it."""
        if institution not in self._clients:
            node, each = self.institutions[institution]
            headers = {"Authorization": f"Bearer {each.api_key}"}
            self._clients[institution] = httpx.Client(base_url=node.url, headers=headers, timeout=60, trust_env=False)
        return self._clients[institution]

    def disconnect(self) -> None:
        """Close the HTTP clients that `client` gave out."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def start_chain(self) -> None:
        """Start the chain, or start it again after `stop_chain`."""
        if self.chain is None or not self.chain.is_alive():
            funded = tuple("0x" + address.hex() for address in self._accounts())
            self.chain = make_engine(self.state.engine, funded=funded).start(self.directory / CHAIN_DIRECTORY)

    def stop_chain(self) -> None:
        """Stop the chain: nodes go on without it."""
        if self.chain is not None:
            self.chain.stop()

    def start_node(self, node: NodeState) -> None:
        """Start a node's process without waiting for it."""
        if identity_of(node).is_alive():
            return
        directory = self.node_directory(node)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        # the package that runs here, installed or not
        environment["PYTHONPATH"] = str(Path(node_package.__file__).parent.parent)
        command = [sys.executable, "-m", "node", "serve", "--dir", str(directory)]
        started = spawn(command, directory / "node.log", environment)
        node.pid, node.started = started.pid, started.started
        write_state(self.directory, self.state)

    def stop_node(self, node: NodeState) -> None:
        """End a node's process in order, as an operator does."""
        stop(identity_of(node))

    def kill_node(self, node: NodeState) -> None:
        """End a node at once, as a power cut does to a process."""
        kill(identity_of(node))

    def wait_ready(self, node: NodeState) -> None:
        """Wait until a node stores what is submitted.

        Raises:
            DevnetError: Its process ended, or it took too long.
        """

        def ready() -> bool:
            if not identity_of(node).is_alive():
                return True
            try:
                return httpx.get(f"{node.url}/readyz", timeout=5, trust_env=False).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        if not wait_until(ready, _READY_S) or not identity_of(node).is_alive():
            log = self.node_directory(node) / "node.log"
            tail = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
            raise DevnetError(f"node {node.name} does not get ready; the end of {log}:\n{tail}")

    def down(self) -> None:
        """Stop all of it; the state stays."""
        self._stop(except_for=set())

    def _running(self) -> set[str]:
        """Return the names of what runs: nodes, and `chain`."""
        running = {node.name for node in self.state.nodes if identity_of(node).is_alive()}
        return running | ({CHAIN_DIRECTORY} if self.chain is not None and self.chain.is_alive() else set())

    def _stop(self, except_for: set[str]) -> None:
        self.disconnect()
        for node in self.state.nodes:
            if node.name not in except_for:
                stop(identity_of(node))
        if self.chain is not None and CHAIN_DIRECTORY not in except_for:
            self.chain.stop()

    def describe(self) -> dict[str, object]:
        """Describe it for programs: what `concord-devnet up --json` prints."""
        return {
            "institutions": [
                {
                    "name": each.name,
                    "role": each.role,
                    "url": node.url,
                    "log_url": self.log_url(each.name),
                    "vkey": self.vkey(each.name),
                    "api_key": each.api_key,
                }
                for node, each in self.institutions.values()
            ],
            "chain": None if self.chain is None else {"rpc_url": self.chain.rpc_url, "chain_id": self.chain.chain_id},
            "trust_root": str(self.trust_root),
        }

    def _start(self) -> None:
        self._create_keys()
        self.start_chain()
        if self.chain is None:
            raise DevnetError("the chain has not started")
        if not self.trust_root.exists():
            self._found(self.chain.rpc_url)
        for node in self.state.nodes:
            self._create_node(node, self.chain.rpc_url)
        for node in self.state.nodes:
            self.start_node(node)
        for node in self.state.nodes:
            self.wait_ready(node)

    def _create_keys(self) -> None:
        for node in self.state.nodes:
            keys = self.node_directory(node) / "keys"
            keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_node_keys(keys)
            for each in node.institutions:
                create_institution_keys(keys, each.name)
        if not self.locator_secret.exists():
            write_key(self.locator_secret, secrets.token_bytes(32))

    def _accounts(self) -> Iterator[bytes]:
        for node in self.state.nodes:
            yield address_of(read_key(self.node_directory(node) / "keys" / RELAY_KEY))
        for node, each in self.institutions.values():
            keys = InstitutionKeys(self.node_directory(node) / "keys", each.name)
            yield address_of(keys.read("chain.key"))
            yield address_of(keys.read("anchor.key"))

    def _found(self, rpc_url: str) -> None:
        hosted = list(self.institutions.values())
        deployment = found_consortium(
            rpc_url,
            founders=[self._institution_plan(node, each) for node, each in hosted if each.founder],
            members=[self._institution_plan(node, each) for node, each in hosted if not each.founder],
            threshold=_THRESHOLD,
            deployment_file=self.directory / "deployment.json",
        )
        note = make_trust_root(
            self.state.nodes,
            self.directory / NODES_DIRECTORY,
            deployment,
            trust_signers(self.directory / "signers"),
            datetime.now(UTC),
        )
        temporary = self.trust_root.with_suffix(".new")
        temporary.write_bytes(note)
        temporary.replace(self.trust_root)

    def _institution_plan(self, node: NodeState, each: InstitutionState) -> InstitutionPlan:
        directory = self.node_directory(node) / "keys"
        keys = InstitutionKeys(directory, each.name)
        public = {
            KeyKind.ANCHOR: address_of(keys.read("anchor.key")),
            KeyKind.LOG: _ed25519_public(keys.read("log.seed")),
            KeyKind.COSIGN: _ed25519_public(keys.read("cosign.seed")),
            KeyKind.EXCHANGE: exchange_public_key(directory, each.name),
            KeyKind.REQUEST: _ed25519_public(keys.read("request.seed")),
        }
        if each.role == "regulator":
            public[KeyKind.AUDIT] = exchange_public_key(directory, each.name)
        return InstitutionPlan(
            institution=InstitutionId(each.name),
            roles=Role[each.role.replace("-", "_").upper()],
            chain_key=keys.read("chain.key"),
            keys=public,
            origins=(OriginPlan(Origin(each.origin), node.url),),
        )

    def _create_node(self, node: NodeState, rpc_url: str) -> None:
        directory = self.node_directory(node)
        shutil.copyfile(self.trust_root, directory / TRUST_ROOT)
        if not (directory / FILE_NAME).exists():
            hosted = [InstitutionSettings(id=each.name, name=each.label, origin=each.origin) for each in node.institutions]
            write_settings(
                directory,
                hosted,
                server={"port": node.port, "public_log": True},
                chain={"rpc_url": rpc_url, "anchor_interval_s": self.state.anchor_interval_s},
                relocation={"window_s": 0},
                codes=_code_settings(node),
                following={"poll_interval_s": _POLL_INTERVAL_S},
                supervision={"receipt_grace_s": _RECEIPT_GRACE_S, "withdrawn_grace_s": _WITHDRAWN_GRACE_S},
                # the nodes share one machine
                work={"prepare_processes": 1},
                recognition={"check_leaf_period_s": _CHECK_LEAF_PERIOD_S},
            )
        settings = load_settings(directory)
        init_node(settings, locator_secrets={1: read_key(self.locator_secret)})
        if not all(each.api_key for each in node.institutions):
            for each, issued in zip(node.institutions, issue_clients(settings, "devnet"), strict=True):
                each.api_key = issued.api_key
            write_state(self.directory, self.state)


def _code_settings(node: NodeState) -> dict[str, object]:
    """Return what makes the node of the code service one."""
    if all(each.name != codes.INSTITUTION for each in node.institutions):
        return {}
    return {"institution": codes.INSTITUTION, "custodians": codes.CUSTODIANS, "regulator": codes.REGULATOR}


@contextmanager
def running_devnet(directory: Path, *, engine: str = "embedded", anchor_interval_s: float = 1.0) -> Iterator[Devnet]:
    """Run a devnet for a while: stopped at the end, whatever happens; its state stays in the directory."""
    devnet = Devnet.up(directory, engine=engine, anchor_interval_s=anchor_interval_s)
    try:
        yield devnet
    finally:
        devnet.down()


def identity_of(node: NodeState) -> ProcessIdentity:
    """Return a node's process; one that never started is not alive."""
    return ProcessIdentity(node.pid, node.started) if node.pid else ProcessIdentity(-1, "never")


def _ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
