"""A connection to the chain's node whose identity was checked against the trust root.

Nothing is asked when a connection is built, so that a node starts while its chain is away. The first call, and the first
one after the chain was away, checks chain id, genesis hash and the code of the pinned contracts: whoever answers under
the same address later may be another chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests
import structlog
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import BadResponseFormat, ContractLogicError, TransactionIndexingInProgress, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

from contracts.artifacts import artifact
from node.adapters.chain.reverts import reverted
from node.domain.trust import ChainPin, ContractPin
from node.errors import ChainAwayError, ChainRefusedError, ContractMismatchError, WrongChainError

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0
ATTEMPTS: Final = 2

_log = structlog.get_logger(__name__)


def _was_dropped(error: BaseException) -> bool:
    """Tell whether a kept-alive connection broke: then the same request may succeed on a new one at once."""
    return isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout)


class ChainProvider(HTTPProvider):
    """web3's HTTP provider with short time-outs and this package's errors.

    Every request is repeated once on a fresh connection: reads change nothing, and a signed transaction that is sent
    twice is one transaction.
    """

    def __init__(self, rpc_url: str, read_timeout_s: float, when_away: Callable[[], None]) -> None:
        self._session = requests.Session()
        # a proxy of the environment is none of the consortium's: its chain's address is taken as it is written
        self._session.trust_env = False
        super().__init__(
            rpc_url,
            request_kwargs={"timeout": (CONNECT_TIMEOUT_S, read_timeout_s)},
            session=self._session,
            exception_retry_configuration=None,
        )
        self.global_ccip_read_enabled = False
        self._rpc_url = rpc_url
        self._when_away = when_away

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - web3's signature
        """Send one request.

        Raises:
            ChainAwayError: No answer, or none that is JSON-RPC.
        """
        attempts = Retrying(stop=stop_after_attempt(ATTEMPTS), retry=retry_if_exception(_was_dropped), reraise=True)
        try:
            return attempts(super().make_request, method, params)
        except requests.Timeout as error:
            raise self._away("it did not answer in time") from error
        except requests.HTTPError as error:
            status = "an error" if error.response is None else error.response.status_code
            raise self._away(f"it answers with HTTP status {status}") from error
        except requests.RequestException as error:
            raise self._away("no connection") from error
        except ValueError as error:
            raise self._away("its answer is not JSON") from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _away(self, reason: str) -> ChainAwayError:
        self._when_away()
        return ChainAwayError(self._rpc_url, reason)


class ChainConnection:
    """One endpoint of the pinned chain."""

    def __init__(self, rpc_url: str, pin: ChainPin, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.pin: Final = pin
        self.rpc_url: Final = rpc_url
        self._provider = ChainProvider(rpc_url, read_timeout_s, self._forget_identity)
        # blocks of proof-of-authority engines carry more extra data than web3 allows otherwise; nothing else is wanted
        # of its middleware: it would ask the node behind our back
        self._web3 = Web3(self._provider, middleware=[ExtraDataToPOAMiddleware])
        self._contracts = {name: self._bind(contract) for name, contract in pin.contracts.items()}
        self._is_identified = False

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._provider.close()

    @contextmanager
    def calling(self, call: str) -> Iterator[Web3]:
        """Give web3 for one call, and turn what it raises into errors of this node.

        Args:
            call: What is asked, for messages.

        Raises:
            ChainAwayError: The chain does not answer.
            WrongChainError: Another chain answers.
            ContractMismatchError: A contract's code is not the pinned one.
            TransactionRevertedError: A contract refused.
            ChainRefusedError: The chain's node answers with an error.
        """
        if not self._is_identified:
            self.identify()
        with _translated(self.rpc_url, call):
            yield self._web3

    def contract(self, name: str) -> Contract:
        """Return a pinned contract's calls.

        Raises:
            ContractMismatchError: The trust root pins none of this name.
        """
        try:
            return self._contracts[name]
        except KeyError as error:
            raise ContractMismatchError(name, "no address", "the trust root does not name it") from error

    def identify(self) -> None:
        """Check chain id, genesis and contracts now.

        Raises:
            ChainAwayError: The chain does not answer.
            WrongChainError: Another chain answers.
            ContractMismatchError: A contract's code is not the pinned one.
        """
        was_identified = self._is_identified
        with _translated(self.rpc_url, "its identity"):
            self._check_chain()
            if not was_identified:
                for contract in self.pin.contracts.values():
                    self._check_code(contract)
        self._is_identified = True
        if not was_identified:
            _log.info("chain identified", rpc_url=self.rpc_url, chain_id=self.pin.chain_id)

    def _forget_identity(self) -> None:
        self._is_identified = False

    def _bind(self, pin: ContractPin) -> Contract:
        return self._web3.eth.contract(address=_checksum(pin.address), abi=list(artifact(pin.name).abi))

    def _check_chain(self) -> None:
        chain_id = self._web3.eth.chain_id
        if chain_id != self.pin.chain_id:
            self._forget_identity()
            raise WrongChainError("chain id", str(self.pin.chain_id), str(chain_id))
        genesis = bytes(self._web3.eth.get_block(0)["hash"])
        if genesis != self.pin.genesis_hash:
            self._forget_identity()
            raise WrongChainError("genesis", f"0x{self.pin.genesis_hash.hex()}", f"0x{genesis.hex()}")

    def _check_code(self, pin: ContractPin) -> None:
        address = _checksum(pin.address)
        code = bytes(self._web3.eth.get_code(address))
        if not code:
            raise ContractMismatchError(pin.name, address, "there is no contract on this chain")
        if keccak(code) != pin.code_hash:
            reason = f"its code has hash 0x{keccak(code).hex()}, not 0x{pin.code_hash.hex()}"
            raise ContractMismatchError(pin.name, address, reason)


def _checksum(address: bytes) -> ChecksumAddress:
    return to_checksum_address(address)


@contextmanager
def _translated(rpc_url: str, call: str) -> Iterator[None]:
    try:
        yield
    except ContractLogicError as error:
        raise reverted(error) from error
    except TransactionIndexingInProgress as error:
        # geth for a moment after its start: what it does not find it may still have
        raise ChainAwayError(rpc_url, "it is still indexing its transactions") from error
    except Web3RPCError as error:
        raise ChainRefusedError(call, _message(error)) from error
    except BadResponseFormat as error:
        raise ChainAwayError(rpc_url, "its answer is not JSON-RPC") from error


def _message(error: Web3RPCError) -> str:
    response = error.rpc_response
    reported = response.get("error") if response else None
    return str(reported["message"]) if isinstance(reported, dict) and "message" in reported else error.message
