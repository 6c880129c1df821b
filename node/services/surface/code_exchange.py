"""What a node does about codes, as the API sees it: as a hospital, as a custodian, and as the code service where it hosts one."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.codes.code_desk import CodeDesk
from node.services.codes.code_service import CodeService
from node.services.codes.custodians import CustodianService
from node.services.codes.sealing import MemberSeals


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """The services."""

    desk: CodeDesk
    """Asks the code service."""
    custodians: CustodianService
    """Opens layers of cards for the code service."""
    seals: MemberSeals
    """Seals answers to who asked."""
    service: CodeService | None
    """The code service; None on nodes that host none."""
