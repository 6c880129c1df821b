"""Measure reading a report of another hospital: consent check, both receipts and verification, between two local nodes.

Method: a devnet on loopback (embedded chain, SQLite, one process a node). A real history is ingested at hospital A; hospital B
has the patient's keys and a consent that the patient signed. Each retrieval is what a clinician's system does: `POST
/v1/retrievals`, then one `GET …?wait=true` that answers once it is verified. In between lie the durable order, the signed
request, the consent's state as the holder's node has it from the chain, its receipt, durable with the request's nonce, the sealed
stream, its verification, and the requester's receipt, durable with the kept copy. `--warm` retrievals are not counted. Finds are
beside it: `POST /v1/find` with its durable entry, over HTTP.

    python bench/retrieval.py [--retrievals N] [--warm N] [--json FILE]
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench._report import Figures, keep, machine, show  # noqa: E402 - after the path
from devnet.codes import CodeDesk, draw_card  # noqa: E402
from devnet.engines.process import wait_until  # noqa: E402
from devnet.topology import Devnet, running_devnet  # noqa: E402
from node.adapters.keys.files import read_key  # noqa: E402
from node.domain.access import ConsentId, Purpose  # noqa: E402
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee  # noqa: E402
from node.domain.consent_message import ContractDomain  # noqa: E402
from node.domain.entry import InstitutionId  # noqa: E402
from node.domain.patient import PatientSeed  # noqa: E402
from node.wire.consent.patient import grant_as_patient  # noqa: E402
from node.wire.consent.text import encode_grant  # noqa: E402
from node.wire.trust_root import parse_trust_root  # noqa: E402

HISTORY = min((ROOT / "examples" / "synthea").glob("*.json"))
READER = "hospital-b"
NUMBER = "b-4711"
ASKING = {
    "patient": {"number": NUMBER},
    "purpose": "treatment",
    "actor": {"department": "03.04", "staff_number": "b-17", "authentication": "password+token"},
}
READY_S = 30.0


def prepare(devnet: Devnet) -> tuple[httpx.Client, dict[str, Any]]:
    """File a history, release keys, grant a consent; return the reader's client and what a retrieval orders."""
    holder, reader, card = devnet.client("hospital-a"), devnet.client(READER), draw_card()
    history = json.loads(HISTORY.read_bytes())
    patient = next(each["resource"] for each in history["entry"] if each["resource"]["resourceType"] == "Patient")
    desk = CodeDesk(read_key(devnet.locator_secret))
    desk.issue(card, holder)
    desk.release(card, holder, patient["id"])
    desk.release(card, reader, NUMBER)
    holder.post("/v1/records", content=HISTORY.read_bytes(), params={"wait": "anchored"}).raise_for_status()
    consent = grant(devnet, reader, card.seed)
    assert wait_until(lambda: any(each["kind"] == "exam-result" for each in found(reader)), READY_S), "nothing is found"
    report = max((each for each in found(reader) if each["kind"] == "exam-result"), key=lambda each: len(each["parts"]))
    target = {"origin": report["origin"], "leaf_index": report["leaf_index"]}
    return reader, {**ASKING, "targets": [target], "consents": [consent]}


def grant(devnet: Devnet, reader: httpx.Client, seed: PatientSeed) -> dict[str, str]:
    """Let the patient grant the reader everything ordinary for treatment; return what is shown to the holder."""
    pin = parse_trust_root(devnet.trust_root.read_bytes()).chain
    terms = ConsentTerms(
        grantee=Grantee(InstitutionId(READER), None, None),
        kinds=None,
        items=None,
        labels=(),
        period=CarePeriod(None, None),
        purposes=(Purpose.TREATMENT,),
        expires_at_s=int(time.time()) + 86_400,
        max_uses=None,
    )
    consent, salt = ConsentId(secrets.token_bytes(32)), ConsentSalt(secrets.token_bytes(32))
    granted = grant_as_patient(seed, terms, ContractDomain(pin.chain_id, pin.contracts["consents"].address), consent, salt)
    body = {"patient": {"number": NUMBER}, "grant": json.loads(encode_grant(granted))}
    reader.post("/v1/consents", json=body).raise_for_status()
    path = f"/v1/consents/{consent.hex()}"
    assert wait_until(lambda: reader.get(path).json().get("standing") == "granted", READY_S), "the consent is not granted"
    scope = base64.b64encode(granted.presented.scope).decode()
    return {"consent_id": consent.hex(), "salt": salt.hex(), "scope": scope}


def found(reader: httpx.Client) -> list[dict[str, Any]]:
    """Return what a find shows."""
    records: list[dict[str, Any]] = reader.post("/v1/find", json=ASKING).raise_for_status().json()["records"]
    return records


def retrieve(reader: httpx.Client, order: dict[str, Any]) -> float:
    """Retrieve a report once; return how long it took, ms."""
    started = time.perf_counter()
    ordered = reader.post("/v1/retrievals", json=order).raise_for_status().json()
    shown = reader.get(f"/v1/retrievals/{ordered['retrieval_id']}", params={"wait": "true"}).raise_for_status().json()
    took = (time.perf_counter() - started) * 1e3
    (request,) = shown["requests"]
    assert request["state"] == "verified", f"{request['state']}: {request['reason']}"
    return took


def ask(reader: httpx.Client) -> float:
    """Find once; return how long it took, ms."""
    started = time.perf_counter()
    found(reader)
    return (time.perf_counter() - started) * 1e3


def percentiles(values: list[float]) -> dict[str, float]:
    """Return median, 90th and 99th percentile, and the worst."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"ms_p50": statistics.median(values), "ms_p90": cuts[89], "ms_p99": cuts[98], "ms_max": max(values)}


def measure(options: argparse.Namespace, directory: Path) -> Iterator[tuple[str, Figures]]:
    """Run everything, one line of the table after the other."""
    with running_devnet(directory) as devnet:
        reader, order = prepare(devnet)
        for _ in range(options.warm):
            retrieve(reader, order)
        yield "retrieval, one after the other", percentiles([retrieve(reader, order) for _ in range(options.retrievals)])
        yield "find, logged", percentiles([ask(reader) for _ in range(options.retrievals)])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--retrievals", type=int, default=200, help="how many are counted")
    parser.add_argument("--warm", type=int, default=20, help="how many go before")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    results: dict[str, Figures] = {}
    with TemporaryDirectory(prefix="concord-bench-") as directory:
        about = machine(Path(directory))
        for name, figures in measure(options, Path(directory)):
            results[name] = figures
            show(name, figures)
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
