"""Cosign the logs of the consortium, and those that the operator adds, as C2SP tlog-witness has it.

Each hosted institution is a witness of its own, with a key of its own and its own memory of what it cosigned. A log that is
frozen here is not cosigned: its signatures are believed by nobody at this node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog

from ledger.cosignatures import Cosigner
from ledger.forks import SizedKey
from ledger.witness import Answer, Witness
from node.domain.entry import InstitutionId, Origin
from node.errors import UnknownInstitutionError
from node.ports.clock import Clock
from node.ports.logs.trust import TrustStore

log = structlog.get_logger(__name__)


class WitnessService:
    """The witnesses of this node; any thread."""

    def __init__(
        self,
        cosigners: Mapping[InstitutionId, Cosigner],
        logs: Mapping[Origin, tuple[SizedKey, ...]],
        trust: TrustStore,
        clock: Clock,
        is_frozen: Callable[[Origin], bool],
    ) -> None:
        self._logs = logs
        self._clock = clock
        self._is_frozen = is_frozen
        self._witnesses = {
            institution: Witness(cosigner, trust.witness(cosigner.verifier_key.name), self._keys)
            for institution, cosigner in cosigners.items()
        }

    def add_checkpoint(self, institution: InstitutionId, request: bytes) -> Answer:
        """Answer an `add-checkpoint` request to an institution's witness.

        Raises:
            UnknownInstitutionError: It is not hosted here.
        """
        witness = self._witnesses.get(institution)
        if witness is None:
            raise UnknownInstitutionError(institution)
        answer = witness.add_checkpoint(request, int(self._clock.now().timestamp()))
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            log.warning("cosignature_refused", institution=institution, status=int(answer.status))
        return answer

    def _keys(self, origin: str) -> tuple[SizedKey, ...] | None:
        keys = self._logs.get(Origin(origin))
        # no key of a frozen log counts: the witness then answers 403, as for a signature that it does not trust
        return () if keys is not None and self._is_frozen(Origin(origin)) else keys
