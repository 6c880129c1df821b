"""geth 1.13.15 with Clique and one signer, as an `Engine` of the devnet: a chain by people who never heard of Concord.

Genesis is London (Clique allows nothing later) with a base fee of 0. It stays 0 until a block is more than half full, when
EIP-1559 lifts it to 1 wei for good; the gas limit is set high so that it does not happen, and accounts that must be able to pay
even then are named in `funded`. Finality: with one signer nobody else can write a competing block, so the head is final.

The signer's key is made in the directory, owns nothing and signs blocks only. geth keeps it unlocked in its process, so whoever
reaches the RPC port on loopback could have it sign transactions of that empty account: fine on a devnet, and nowhere else.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account

from devnet.engines.build_geth import VERSION, binary_path
from devnet.engines.errors import EngineDirectoryError, EngineMissingError, EngineStartError
from devnet.engines.protocol import DEFAULT_CHAIN_ID, FUNDED_BALANCE_WEI
from devnet.engines.running import LOG_NAME, EngineProcess, Launch, choose_port, launch, refuse_if_running

GAS_LIMIT = 500_000_000
"""Gas limit of every block: half of it is never used here, so the base fee stays 0."""
GENESIS_NAME = "genesis.json"
PASSWORD_NAME = "signer-password"  # noqa: S105 - the name of a file
CONFIG_NAME = "config.toml"
INIT_TIMEOUT_S = 60
# Without a listening address geth opens no peer-to-peer port, which would be open to the network.
CONFIG = """[Node.P2P]
MaxPeers = 0
NoDiscovery = true
ListenAddr = ""
"""


@dataclass(frozen=True, slots=True)
class GethEngine:
    """Settings of a Clique chain with one signer."""

    chain_id: int = DEFAULT_CHAIN_ID
    """EIP-155 chain id."""
    funded: tuple[str, ...] = ()
    """Addresses that own ether at genesis, 0x-prefixed hex."""
    port: int | None = None
    """Port on 127.0.0.1; None for that of the last run, or a free one."""
    period_s: int = 0
    """Seconds between blocks; 0 makes one when there are transactions."""
    binary: Path | None = None
    """The geth binary; None for `CONCORD_GETH`, else `.cache/bin/geth`."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        return "geth"

    def start(self, directory: Path) -> EngineProcess:
        """Start it on `directory`, made if absent, or go on with the chain that is there.

        Raises:
            EngineMissingError: there is no geth binary.
            EngineDirectoryError: the directory belongs to another engine or chain id, or an engine runs in it already.
            EngineStartError: the process ended, or did not answer in time.
        """
        binary = self.binary or binary_path()
        if not os.access(binary, os.X_OK):
            raise EngineMissingError("geth", binary, "build it with `make engines` (needs Go), or name one in CONCORD_GETH")
        directory.mkdir(parents=True, exist_ok=True)
        port = choose_port(refuse_if_running(directory, self.name), self.port)
        if not (directory / GENESIS_NAME).exists():
            self._initialise(directory, binary)
        _check_chain_id(directory, self.chain_id)
        command = [str(binary.resolve()), *self._arguments(directory, port)]
        return launch(Launch(self.name, directory, self.chain_id, command, dict(os.environ), port))

    def _arguments(self, directory: Path, port: int) -> list[str]:
        signer = _signer(directory)
        return [
            *("--config", str(directory / CONFIG_NAME), "--datadir", str(directory / "data")),
            *("--networkid", str(self.chain_id), "--nodiscover", "--maxpeers", "0", "--nat", "none", "--ipcdisable"),
            *("--syncmode", "full", "--gcmode", "archive", "--state.scheme", "hash", "--cache", "64"),
            *("--http", "--http.addr", "127.0.0.1", "--http.port", str(port), "--http.api", "eth,net,web3"),
            *("--authrpc.addr", "127.0.0.1", "--authrpc.port", "0"),
            *("--mine", "--miner.etherbase", signer, "--unlock", signer, "--allow-insecure-unlock"),
            *("--password", str(directory / PASSWORD_NAME)),
            *("--miner.gasprice", "0", "--miner.gaslimit", str(GAS_LIMIT), "--txpool.pricelimit", "1"),
            *("--txpool.accountslots", "4096", "--txpool.globalslots", "16384", "--txpool.accountqueue", "4096"),
            *("--rpc.gascap", "30000000", "--verbosity", "3"),
        ]

    def _initialise(self, directory: Path, binary: Path) -> None:
        """Make signer, configuration and block 0; the genesis file comes last, and says that all of it is there."""
        signer = Account.from_key(secrets.token_bytes(32))
        password = secrets.token_hex(16)
        keystore = directory / "data" / "keystore"
        shutil.rmtree(directory / "data", ignore_errors=True)  # of an initialisation that was cut off
        keystore.mkdir(parents=True)
        _write_private(directory / PASSWORD_NAME, password + "\n")
        # geth's own light parameters: the default ones cost seconds and 256 MB at every start, and guard an empty account.
        encrypted = Account.encrypt(signer.key, password, kdf="scrypt", iterations=4096)
        _write_private(keystore / f"UTC--{signer.address[2:].lower()}", json.dumps(encrypted))
        (directory / CONFIG_NAME).write_text(CONFIG, encoding="utf-8")
        genesis = json.dumps(self._genesis(signer.address), indent=2)
        scratch = directory / f".{GENESIS_NAME}"
        scratch.write_text(genesis, encoding="utf-8")
        _run_init(directory, [str(binary.resolve()), "--datadir", str(directory / "data"), "init", str(scratch)])
        scratch.replace(directory / GENESIS_NAME)

    def _genesis(self, signer: str) -> dict[str, object]:
        forks = ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul")
        blocks = {f"{fork}Block": 0 for fork in (*forks, "berlin", "london")}
        return {
            "config": {"chainId": self.chain_id, **blocks, "clique": {"period": self.period_s, "epoch": 30000}},
            "timestamp": hex(int(time.time())),
            # Clique: 32 bytes of vanity, the signers' addresses, 65 bytes for a seal that block 0 has not.
            # Random vanity: two chains made in the same second must differ.
            "extraData": "0x" + secrets.token_hex(32) + signer[2:].lower() + "00" * 65,
            "gasLimit": hex(GAS_LIMIT),
            "difficulty": "0x1",
            "baseFeePerGas": "0x0",
            "alloc": {address.removeprefix("0x"): {"balance": hex(FUNDED_BALANCE_WEI)} for address in self.funded},
        }


def _run_init(directory: Path, command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the binary that the caller named
            command, check=False, capture_output=True, text=True, timeout=INIT_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise EngineStartError("geth", f"init took over {INIT_TIMEOUT_S} s", directory / LOG_NAME, "") from error
    if done.returncode != 0:
        raise EngineStartError("geth", f"init failed with {done.returncode}", directory / LOG_NAME, done.stderr[-2000:])


def _check_chain_id(directory: Path, chain_id: int) -> None:
    found = json.loads((directory / GENESIS_NAME).read_text(encoding="utf-8"))["config"]["chainId"]
    if found != chain_id:
        raise EngineDirectoryError(directory, f"it holds chain {found}, not {chain_id}; name the other or use a new one")


def _signer(directory: Path) -> str:
    files = list((directory / "data" / "keystore").glob("UTC--*"))
    if len(files) != 1:
        raise EngineDirectoryError(directory, f"its keystore holds {len(files)} keys, not one; use a new directory")
    return "0x" + files[0].name.removeprefix("UTC--")


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


__all__ = ["VERSION", "GethEngine"]
