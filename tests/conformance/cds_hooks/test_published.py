"""What HL7 publishes of CDS Hooks: its examples are read here, and its models validate what the tests of the API send and get."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from node.wire.recognition.cds_feedback import parse_feedback
from node.wire.recognition.cds_hooks import discovery_document, parse_hook
from tests.conformance.cds_hooks.models import INVARIANTS, VECTORS, faults, load_model, published_invariants

Json = dict[str, Any]


def read(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def request(hook: str) -> Json:
    """Return the published example of a hook's context in a request, with the patient that this service prefetches."""
    context = read(f"{hook}-r4.json")["context"]
    identifier = [{"system": "urn:mrn", "value": "00042"}]
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": "http://hooks.smarthealthit.org:9080",
        "context": context,
        "prefetch": {"patient": {"resourceType": "Patient", "id": context["patientId"], "identifier": identifier}},
    }


def names(pattern: str) -> list[str]:
    return sorted(path.name for path in VECTORS.glob(pattern))


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_the_published_example_of_a_hook_is_accepted(hook: str) -> None:
    sent = request(hook)
    assert list(faults(load_model("CDSHooksRequest"), sent)) == []
    asked = parse_hook(json.dumps(sent).encode())
    assert asked.staff_number == sent["context"]["userId"].partition("/")[2]
    assert asked.encounter == "89284"
    assert asked.orders == ()  # a diet and a drug: neither is examined


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_the_context_is_read_as_its_table_says(hook: str) -> None:
    """What the published table requires is required, what it makes optional may be absent, in its type."""
    rows = re.findall(r"^`(\w+)` \| (\w+) \| \w+ ?\| \*(\w+)\*", Path(VECTORS / f"{hook}-context.md").read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} >= {"userId", "patientId", "encounterId", "draftOrders"}
    for name, optionality, kind in rows:
        sent = request(hook)
        assert isinstance(sent["context"][name], {"string": str, "array": list, "object": dict}[kind])
        del sent["context"][name]
        if optionality == "OPTIONAL":
            parse_hook(json.dumps(sent).encode())
        else:
            with pytest.raises(Exception, match=r"body|context"):
                parse_hook(json.dumps(sent).encode())


@pytest.mark.parametrize("name", names("feedback-*.json"))
def test_published_feedback_is_read(name: str) -> None:
    sent = read(name)
    assert list(faults(load_model("CDSHooksFeedback"), sent)) == []
    (said,) = parse_feedback(json.dumps(sent).encode())
    (given,) = sent["feedback"]
    assert said.card == given["card"]
    assert said.is_accepted == (given["outcome"] == "accepted")
    assert said.reason_code == given.get("overrideReason", {}).get("reason", {}).get("code", "")


@pytest.mark.parametrize("name", names("cards-*.json"))
def test_the_models_hold_for_published_cards(name: str) -> None:
    assert list(faults(load_model("CDSHooksResponse"), read(name))) == []


def test_the_discovery_document_fits_its_model() -> None:
    assert list(faults(load_model("CDSHooksServices"), discovery_document())) == []


def test_every_published_invariant_is_checked() -> None:
    models = [load_model(name) for name in ("CDSHooksRequest", "CDSHooksResponse", "CDSHooksFeedback", "CDSHooksServices")]
    attached: set[str] = set()
    while models:
        model = models.pop()
        attached.update(model.obeys)
        models += [each for each in model.children.values() if each is not model]
        model.children = {}
    assert attached == published_invariants() == set(INVARIANTS)


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (lambda card: card.pop("summary"), "summary: missing"),
        (lambda card: card.update(indicator="hard-stop"), "indicator: not a code"),
        (lambda card: card.update(uuid="no uuid"), "uuid: not a uuid"),
        (lambda card: card.update(more=1), "more: not in the model"),
        (lambda card: card.update(links=[{"label": "x", "url": "https://x", "type": "absolute", "appContext": "y"}]), "cds-resp-3"),
        (lambda card: card.update(suggestions=[{"label": "x"}]), "cds-resp-6"),
        (lambda card: card.update(overrideReasons=[{"code": "1", "system": "urn:x"}]), "cds-resp-4"),
    ],
    ids=["missing", "code", "uuid", "unknown", "app-context", "selection", "display"],
)
def test_the_models_find_faults(bend: Any, told: str) -> None:  # noqa: ANN401 - a lambda
    body = read("cards-example.json")
    body["cards"][0].pop("selectionBehavior", None)
    body["cards"][0].pop("suggestions", None)
    bend(body["cards"][0])
    assert any(told in each for each in faults(load_model("CDSHooksResponse"), body))
