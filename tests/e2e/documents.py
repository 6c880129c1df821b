"""Documents to submit: real ones from examples/, and new records made of them."""

from __future__ import annotations

import json
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
HISTORY = EXAMPLES / "synthea" / "Tony_Beer.json"


def new_report(identifier: str) -> bytes:
    """Take a report of the examples with what it refers to, and give it another id."""
    bundle = json.loads(HISTORY.read_bytes())
    report = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "DiagnosticReport")
    needed = {reference["reference"] for reference in report["result"]}
    needed |= {report["subject"]["reference"], report["encounter"]["reference"]}
    kept = [entry for entry in bundle["entry"] if entry.get("fullUrl") in needed or entry["resource"] is report]
    report["id"] = identifier
    return json.dumps({**bundle, "entry": kept}).encode()
