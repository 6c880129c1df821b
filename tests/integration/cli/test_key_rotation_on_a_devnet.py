"""A hospital rotates its exchange key on a whole consortium, by commands alone; what it decided before is looked at again.

In this order: a decision is certified; the node is stopped, its key rotated, and the node started without a word to the chain,
which it tells; the key is registered; a consent comes sealed to it, a result is retrieved, the older decision still exports.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devnet.codes import EPOCH, CodeDesk, draw_card
from devnet.topology import Devnet, running_devnet
from node.adapters.keys.files import read_key
from node.identity.codes import epoch_key, patient_code
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS
from node.wire.consent.text import encode_terms, parse_grant
from node.wire.patient.file import PatientFile, encode_patient_file
from tests.integration.cli.served_node import concord, document
from tests.integration.cli.waiting import until
from tests.unit.consents.samples import TERMS
from tests.unit.fhir_split.documents import bundle, panel

pytestmark = [pytest.mark.network, pytest.mark.slow]


@dataclass(frozen=True)
class Story:
    """A patient of two hospitals, and what hospital B decided before its key was rotated."""

    devnet: Devnet
    folder: Path
    decision: str

    def access(self, institution: str) -> tuple[str, ...]:
        return access(self.devnet, institution)

    def keyed(self, institution: str = "hospital-b") -> tuple[object, ...]:
        node, _ = self.devnet.institutions[institution]
        return "--dir", self.devnet.node_directory(node), "--institution", institution

    def own_key(self) -> str | None:
        """Return what hospital B's node says of its key."""
        report = document(concord("status", *self.access("hospital-b"), "--json"))
        return next(str(each["exchange_key"]) for each in report["logs"] if each["institution"] == "hospital-b")


def access(devnet: Devnet, institution: str) -> tuple[str, ...]:
    node, each = devnet.institutions[institution]
    return "--url", node.url, "--api-key", each.api_key


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    with running_devnet(tmp_path_factory.mktemp("devnet") / "d") as devnet:
        secret, card = read_key(devnet.locator_secret), draw_card()
        desk = CodeDesk(secret)
        desk.issue(card, devnet.client("hospital-a"))
        for institution, number in (("hospital-a", "p1"), ("hospital-b", "p2")):
            desk.release(card, devnet.client(institution), number)
        key = epoch_key(patient_code(card.seed), secret, EPOCH)
        (folder / "patient.json").write_bytes(encode_patient_file(PatientFile(card.seed, {EPOCH: key})))
        (folder / "patient.json").chmod(0o600)
        yield Story(devnet, folder, decide(devnet, folder))


def decide(devnet: Devnet, folder: Path) -> str:
    """Let hospital B order again what hospital A has, by documents that all nodes hold; return the decision's id."""
    for institution in ("hospital-a", "hospital-b"):
        assert concord("catalogue", "publish", PACKAGED_MAPS / f"{institution}.json", *access(devnet, institution)).exit_code == 0
    assert concord("catalogue", "publish", PACKAGED_CATALOGUE, *access(devnet, "regulator")).exit_code == 0
    resources = panel()
    performed = datetime.now(UTC) - timedelta(hours=2)
    resources[0] |= {"effectiveDateTime": performed.isoformat(), "issued": performed.isoformat()}
    resources[2]["valueQuantity"] = {"value": 4.2, "code": "mmol/L"}
    (folder / "panel.json").write_text(json.dumps(bundle(resources)), encoding="utf-8")
    assert concord("ingest", folder / "panel.json", *access(devnet, "hospital-a"), "--wait", "anchored").exit_code == 0
    staff = ("--staff", "b-17", *access(devnet, "hospital-b"), "--json")

    def shown() -> str | None:
        answer = document(concord("check", "o-1=ELECTRO", "--number", "p2", *staff))
        (line,) = answer["lines"]
        return str(answer["check_id"]) if [*line["offers"], *line["unrecognisable"]] else None

    taken = document(concord("decide", "reorder", until(shown), "o-1", "--reason", "4", *staff))
    return str(taken["decision_id"])


def certificate(story: Story, name: str) -> Path:
    """Export the older decision, as soon as it can be."""
    file = story.folder / name
    words = ("evidence", "--decision", story.decision, "-o", file, *story.access("hospital-b"))
    until(lambda: concord(*words).exit_code == 0)
    assert concord("verify", file, "--trust-root", story.devnet.trust_root).exit_code == 0
    return file


def test_a_key_is_rotated_registered_and_used(story: Story) -> None:
    devnet, (node, _) = story.devnet, story.devnet.institutions["hospital-b"]
    certificate(story, "before.json")
    assert until(story.own_key, lambda standing: standing != "unknown") == "registered"
    assert concord("consortium", "keys", *story.keyed()).exit_code == 0

    served = concord("keys", "rotate-exchange", *story.keyed())
    assert served.exit_code == 1  # the node is being served
    devnet.stop_node(node)
    rotated = concord("keys", "rotate-exchange", *story.keyed())
    assert (rotated.exit_code, "concord consortium register-key" in rotated.output) == (0, True), rotated.output
    compared = concord("consortium", "keys", *story.keyed(), "--json")
    standings = {each["kind"]: each["standing"] for each in document(compared)["keys"]}
    assert (compared.exit_code, standings) == (1, {"exchange": "differs", "request": "registered"})

    devnet.start_node(node)
    devnet.wait_ready(node)
    assert until(story.own_key, lambda standing: standing != "unknown") == "differs"
    until(lambda: "exchange_key_not_registered" in (devnet.node_directory(node) / "node.log").read_text(encoding="utf-8"))

    assert concord("consortium", "register-key", *story.keyed(), "--overlap", "91d").exit_code == 2
    assert concord("consortium", "register-key", *story.keyed(), "--kind", "chain").exit_code == 2
    refused = concord("consortium", "register-key", *story.keyed(), "--kind", "audit")
    assert (refused.exit_code, "NotRegulator" in refused.stderr) == (1, True), refused.output
    done = document(concord("consortium", "register-key", *story.keyed(), "--overlap", "1h", "--json"))
    assert (done["registered"], done["in_effect"], done["former_key_valid_for_s"]) == ("now", True, 3600)
    again = document(concord("consortium", "register-key", *story.keyed(), "--json"))
    assert (again["registered"], again["key"]) == ("before", done["key"])
    assert until(story.own_key, lambda standing: standing != "differs") == "registered"
    listed = document(concord("consortium", "list", *story.keyed()[:2], "--json"))
    (member,) = (each for each in listed["members"] if each["institution"] == "hospital-b")
    values = [each["value"] for each in member["keys"] if each["kind"] == "exchange"]
    assert values[-1] == done["key"]


def test_another_node_seals_to_the_new_key(story: Story) -> None:
    until(lambda: story.own_key() == "registered")
    terms = replace(TERMS, expires_at_s=int(time.time()) + 3600)
    (story.folder / "terms.json").write_bytes(encode_terms(terms))
    own = ("--patient", story.folder / "patient.json", "--trust-root", story.devnet.trust_root)
    signed = concord("consent", "sign", story.folder / "terms.json", *own, "-o", story.folder / "grant.json", "--json")
    assert signed.exit_code == 0, signed.output
    consent = str(document(signed)["consent_id"])
    granting = ("consent", "grant", "--patient", "p1", "--signed", story.folder / "grant.json", *story.access("hospital-a"))
    assert concord(*granting).exit_code == 0

    def received() -> dict[str, Any]:
        shown = concord("consent", "show", consent, *story.access("hospital-b"), "--json")
        return document(shown) if shown.exit_code == 0 else {}

    # it came sealed to the key that the chain names now
    until(received, lambda shown: bool(shown) and shown["standing"] == "granted")
    presented = parse_grant((story.folder / "grant.json").read_bytes()).presented
    shown = {"consent_id": presented.consent.hex(), "salt": presented.salt.hex(), "scope": b64encode(presented.scope).decode()}
    (story.folder / "consents.json").write_text(json.dumps([shown]), encoding="utf-8")
    reading = ("--consents", story.folder / "consents.json", *story.access("hospital-b"), "--json")
    asking = ("retrieve", "--number", "p2", "--staff", "b-17", *reading)
    read = concord(*asking)
    assert read.exit_code == 0, read.output
    assert [each["state"] for each in document(read)["requests"]] == ["verified"]


def test_an_older_decision_is_certified_and_looked_at_again(story: Story) -> None:
    file, found = certificate(story, "after.json"), story.folder / "look.json"
    own = ("--patient", story.folder / "patient.json", "--trust-root", story.devnet.trust_root)
    looked = concord("look-again", file, *own, "-o", found, "--json")
    assert looked.exit_code == 0, looked.output
    shown = document(looked)
    assert (shown["all_accounted_for"], shown["troubles"], len(shown["entries"])) == (True, [], 1)
    assert concord("verify", found, "--trust-root", story.devnet.trust_root).exit_code == 0
    copied = story.devnet.node_directory(story.devnet.institutions["hospital-a"][0])
    wrong = concord("look-again", file, *own, "--log-dir", f"hospital-a.example/log={copied}")
    assert wrong.exit_code == 3, wrong.output
