"""The rules of settlement, one case each, from facts alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ledger.hashing import RootHash, TreeSize
from node.adapters.chain.journal import Row, State, Transaction, Wanted
from node.adapters.chain.settlement import ContractHead, Facts, Receipt, Step, judge
from node.domain.entry import Origin
from node.ports.chain.anchoring import TransactionId

ROOT = RootHash(b"r" * 32)
OTHER = RootHash(b"o" * 32)
WANTED = Wanted(Origin("a.example/log"), TreeSize(8), ROOT, TreeSize(5))
SENT = Row(TransactionId(1), WANTED, State.OPEN, Transaction(b"k" * 20, 4, b"h" * 32, b"raw", 0), None)
OBSERVED = replace(SENT, transaction=None)


def head(size: int, root: RootHash = ROOT) -> ContractHead:
    return ContractHead(TreeSize(size), root, 9, 1000)


BASE = Facts(
    final_number=10,
    final_head=head(5, OTHER),
    newest_head=head(5, OTHER),
    expected_size=TreeSize(5),
    receipt=None,
    newest_count=4,
    final_count=4,
    has_rival=False,
)


@dataclass(frozen=True)
class Case:
    name: str
    facts: Facts
    step: Step
    row: Row = SENT


CASES = [
    Case("final head is it", replace(BASE, final_head=head(8), receipt=Receipt(10, has_succeeded=True)), Step.ANCHORED),
    Case("final head is it, by another's transaction", replace(BASE, final_head=head(8)), Step.COVERED, OBSERVED),
    Case(
        "receipt cannot deny contract state",
        replace(BASE, final_head=head(8), receipt=Receipt(10, has_succeeded=False)),
        Step.COVERED,
    ),
    Case("final head is larger", replace(BASE, final_head=head(9)), Step.SUPERSEDED),
    Case("final head has another root", replace(BASE, final_head=head(8, OTHER)), Step.SUPERSEDED),
    Case("observed, not final yet", replace(BASE, newest_head=head(8)), Step.WAIT, OBSERVED),
    Case("observed, and gone again", BASE, Step.SUPERSEDED, OBSERVED),
    Case("observed, and nothing left", replace(BASE, final_head=None, newest_head=None), Step.SUPERSEDED, OBSERVED),
    Case("succeeded, not final yet", replace(BASE, receipt=Receipt(11, has_succeeded=True), newest_count=5), Step.WAIT),
    Case("reverted, not final yet", replace(BASE, receipt=Receipt(11, has_succeeded=False), newest_count=5), Step.WAIT),
    Case("reverted, base still there", replace(BASE, receipt=Receipt(10, has_succeeded=False), final_count=5), Step.REFUSED),
    Case("reverted, base gone", replace(BASE, receipt=Receipt(10, has_succeeded=False), final_head=head(6)), Step.SUPERSEDED),
    Case("reverted, no head at all", replace(BASE, receipt=Receipt(10, has_succeeded=False), final_head=None), Step.SUPERSEDED),
    Case("nonce used, not final yet", replace(BASE, newest_count=5), Step.WAIT),
    Case("nonce used by its rival", replace(BASE, newest_count=5, final_count=5, has_rival=True), Step.SUPERSEDED),
    Case("nonce used by a stranger", replace(BASE, newest_count=5, final_count=5), Step.NONCE_TAKEN),
    Case("another's transaction did it, not final yet", replace(BASE, newest_head=head(8)), Step.WAIT),
    Case("not there, base is the head", BASE, Step.SEND),
    Case("not there, first head", replace(BASE, final_head=None, newest_head=None), Step.SEND),
    Case("not there, base will be the head", replace(BASE, newest_head=head(3)), Step.SEND),
    Case("not there, base has gone", replace(BASE, expected_size=TreeSize(6)), Step.SUPERSEDED),
    Case("not there, base was taken back", replace(BASE, expected_size=TreeSize(3)), Step.SUPERSEDED),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rule(case: Case) -> None:
    assert judge(case.row, case.facts) is case.step
