"""Nothing but the policy makes permits, and nothing opens a body without one."""

from __future__ import annotations

import ast

from tests.architecture.sources import modules

POLICY = "node/policy/decision.py"


def test_permits_are_made_by_the_policy_alone() -> None:
    """`Permit()` raises; what goes around its constructor is found by its text."""
    makers = [module.name for module in modules() if "__new__(Permit)" in ast.unparse(module.tree)]
    assert makers == [POLICY]


def test_who_decides_is_few() -> None:
    """Whoever asks the policy is a use case: another one has to be put here, and looked at."""
    names = {"decide", "permit_own", "permit_patient"}
    callers = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "node.policy.decision" and names & {each.name for each in node.names}
    }
    assert callers == {
        "node/services/reading/disclosures.py",
        "node/services/records/evidence.py",
        "node/services/patient_view/records.py",
        "node/services/reading/retrieval.py",
    }
