"""The third chapter: what is done elsewhere is recognised at the moment of ordering, or refused with the reason.

Every line is what a node answered over the API that a hospital's system would use. What was done is counted as it goes on
(`Tally`), and the regulator's figures have to come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from devnet.codes import REGULATOR
from devnet.demo.documents import DemoDocument, demo_documents
from devnet.demo.laboratory import ALL, LabReport, fhir_bundle
from devnet.demo.offline import run_concord, verify_offline
from devnet.demo.report import DemoFailedError, Report
from devnet.demo.sharing import HOLDER, READER, Sharing, problem_of
from devnet.demo.story import patient_number
from devnet.demo.ward import TIMEOUT_S, Checked, Ward
from devnet.demo.words import Said, word
from devnet.engines.process import wait_until
from devnet.topology import Devnet
from node.domain.money import yuan

CENTRE: Final = "primary-care-a"
CENTRES_NUMBER: Final = "p-0815"
_GENERAL_PRACTITIONER: Final = {"department": "02", "staff_number": "p-03", "authentication": "password", "role": "physician"}
SLIP: Final = "slip.html"
"""What is printed for the medical record."""
_QR: Final = b"class='qr'"
_OTHER: Final = 6
_UNRETRIEVABLE: Final = "unretrievable"


@dataclass(slots=True)
class Tally:
    """What the story did, as the regulator's figures name it."""

    opportunities: int = 0
    """Order lines for which another institution's result was offered, each of an encounter of its own orderable."""
    recognised: int = 0
    """Of these, recognised."""
    reordered: int = 0
    """Of these, ordered again."""
    without_reason: int = 0
    """Of the re-ordered, those without a reason."""
    saving_fen: int = 0
    """What the recognitions saved."""

    def offered(self) -> None:
        """Count an order line with an offer."""
        self.opportunities += 1

    def decided(self, decision: Mapping[str, Any], *, reasoned: bool = True) -> None:
        """Count a decision on such a line."""
        if decision["outcome"] == "recognised":
            self.recognised += 1
            self.saving_fen += decision["saving_fen"]
        else:
            self.reordered += 1
            self.without_reason += not reasoned


@dataclass(slots=True)
class Recognition:
    """One run of the chapter."""

    devnet: Devnet
    """The consortium."""
    output: Path
    """Where files for the reader go."""
    report: Report
    """What is printed."""
    sharing: Sharing
    """Whose ward and consent these are."""
    tally: Tally = field(default_factory=Tally)
    """What was done so far."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the chapter began: reports are so and so old from then."""
    decisions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What hospital B decided, by what was ordered."""
    liver: Checked | None = None
    """The check of the liver panel."""

    def documents(self) -> None:
        """Publish what checks rest on, each document in its publisher's own log, and see every node adopt it."""
        with self.report.step("documents") as found:
            digests = {self._publish(each) for each in demo_documents(self.started.date())}
            nodes = [self.devnet.client(hosted) for hosted in (HOLDER, READER, REGULATOR)]
            reached = wait_until(lambda: all(_in_force(node) == digests for node in nodes), TIMEOUT_S)
            self.report.expect(reached, "the nodes do not hold what was published")
            found.show(count=len(digests), nodes=len(nodes))

    def laboratory(self) -> None:
        """Let hospital A's laboratory report, and hospital B's node follow."""
        with self.report.step("laboratory") as found:
            receipts = self.file_reports(ALL)
            self.report.expect(len(receipts) == len(ALL), f"{len(receipts)} records of {len(ALL)} reports")
            newest = max(each["leaf_index"] for each in receipts)

            def followed() -> bool:
                return any(record["leaf_index"] == newest for record in self._ward.find(HOLDER))

            self.report.expect(wait_until(followed, TIMEOUT_S), "hospital B does not see the reports")
            level = receipts[0]["level"]
            found.show(count=len(receipts), items=sum(len(each.values) for each in ALL), level=word(level))

    def file_reports(self, reports: Sequence[LabReport]) -> list[dict[str, Any]]:
        """Let hospital A's laboratory report; return the receipts."""
        document = fhir_bundle(reports, patient_number(), self.started)
        answer = self.devnet.client(HOLDER).post("/v1/records", content=document, params={"wait": "logged"})
        receipts: list[dict[str, Any]] = answer.raise_for_status().json()["receipts"]
        return receipts

    def order_liver(self) -> None:
        """Check an order that results of hospital A answer."""
        with self.report.step("order_liver") as found:
            self.liver = checked = self._check("o-liver", "LIVER")
            self.report.expect(checked.line["coverage"] == "covered", f"it is {checked.line['coverage']}")
            self.tally.offered()
            found.details += [line for language in ("zh", "en") for line in checked.warning(language)]
            found.show(ms=f"{checked.took_ms:.1f}", warning=_first_words(checked))

    def retrieve_liver(self) -> None:
        """Retrieve what was offered, and verify it offline."""
        with self.report.step("retrieve_liver") as found:
            request, took_ms = self._retrieve(self._liver)
            path = self.output / "recognised-result.json"
            path.write_bytes(self._ward.evidence(request))
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"not verified: {verdict.text}")
            found.show(state=word(request["state"]), ms=f"{took_ms:.0f}", how=verdict.how)

    def recognise_liver(self) -> None:
        """Recognise it: nothing is done again."""
        with self.report.step("recognise_liver") as found:
            decision = self._recognise(self._liver)
            found.show(
                outcome=word(decision["outcome"]),
                items=len(decision["items"]),
                saved=yuan(decision["saving_fen"]),
                told=", ".join(decision["told"]),
            )

    def print_slip(self) -> None:
        """Print what goes into the medical record, once the decision is logged and a QR code can prove it."""
        with self.report.step("slip") as found:
            path = self.output / SLIP
            _, reader = self.devnet.institutions[READER]
            address = ("--url", str(self.devnet.client(READER).base_url))
            decision = self.decisions["LIVER"]["decision_id"]

            def has_proof() -> bool:
                run_concord("decide", "slip", decision, *address, "--out", str(path), api_key=reader.api_key)
                return _QR in path.read_bytes()

            self.report.expect(wait_until(has_proof, TIMEOUT_S), "the slip has no QR code")
            found.show(bytes=path.stat().st_size)

    def recognise_part(self) -> None:
        """Recognise what is there of a panel that is covered in part."""
        with self.report.step("recognise_part") as found:
            checked = self._check("o-renal", "RENAL")
            self.report.expect(checked.line["coverage"] == "partly", f"it is {checked.line['coverage']}")
            self.tally.offered()
            self._retrieve(checked)
            decision = self._recognise(checked)
            found.details += [line for language in ("zh", "en") for line in checked.warning(language)]
            found.show(
                warning=_first_words(checked),
                outcome=word(decision["outcome"]),
                items=len(decision["items"]),
                saved=yuan(decision["saving_fen"]),
                price=yuan(checked.line["price_fen"]),
            )

    def preliminary(self) -> None:
        """A result that is not final is no offer."""
        self._refused("preliminary", "ELECTRO", "preliminary")

    def wrong_unit(self) -> None:
        """A result in a unit that does not compare is no offer."""
        self._refused("wrong_unit", "L-GLU", "unit-not-comparable")

    def expired_mark(self) -> None:
        """A result that was performed after the certificate had ended is no offer."""
        self._refused("expired_mark", "L-HBA1C", "no-mark")

    def without_reason(self) -> None:
        """Let a health centre order again without a reason, as its district's rule lets it; hospital B's does not."""
        with self.report.step("without_reason") as found:
            client = self.devnet.client(CENTRE)
            self.sharing.desk.release(self.sharing.card, client, CENTRES_NUMBER)
            centre = Ward(client, CENTRES_NUMBER, "visit-2", _GENERAL_PRACTITIONER)
            checked = centre.check("o-liver", "LIVER")
            self.report.expect(checked.offers, "nothing was offered to the health centre")
            self.tally.offered()
            decision = centre.reorder(checked)
            self.tally.decided(decision, reasoned=False)
            self.report.expect(decision["warned"], "nobody warned")
            refused = self._refused_without_reason()
            found.details.append(refused.json()["detail"])
            found.show(outcome=word(decision["outcome"]), refused=word(problem_of(refused)))

    def holder_away(self) -> None:
        """Stop the holder's node: the retrieval fails, and the order proceeds with the reason that it failed."""
        node = self.devnet.institutions[HOLDER][0]
        with self.report.step("holder_away") as found:
            checked = self._check("o-lipids", "LIPID")
            self.report.expect(checked.offers, "no lipids were offered")
            self.tally.offered()
            self.devnet.stop_node(node)
            try:
                request = self._failed_retrieval(checked)
                decision = self._ward.reorder(checked, reason=_OTHER, sub_reason=_UNRETRIEVABLE)
            finally:
                self.devnet.start_node(node)
            self.tally.decided(decision)
            self.devnet.wait_ready(node)
            found.show(
                state=word(request["state"]),
                reason=request["reason"],
                outcome=word(decision["outcome"]),
                code=_OTHER,
                sub_reason=word(_UNRETRIEVABLE),
            )

    def _publish(self, document: DemoDocument) -> str:
        client = self.devnet.client(document.publisher)
        answer = client.post("/v1/catalogue/documents", content=document.content)
        self.report.expect(not answer.is_error, f"{document.name} was not published: {answer.text}")
        return str(answer.json()["digest"])

    @property
    def _ward(self) -> Ward:
        return self.sharing.ward

    @property
    def _liver(self) -> Checked:
        if self.liver is None:
            raise DemoFailedError("the liver panel was not checked")
        return self.liver

    def _check(self, order_id: str, orderable: str) -> Checked:
        return self._ward.check(order_id, orderable)

    def _retrieve(self, checked: Checked) -> tuple[dict[str, Any], float]:
        begun = datetime.now(UTC)
        targets = [each["retrieve"] for each in checked.offers]
        requests = self._ward.retrieve(targets, consents=self.sharing.consents)
        took_ms = (datetime.now(UTC) - begun).total_seconds() * 1000
        states = {each["state"] for each in requests}
        self.report.expect(states == {"verified"}, f"the retrievals are {states}")
        return requests[0], took_ms

    def _recognise(self, checked: Checked) -> dict[str, Any]:
        decision = self._ward.recognise(checked)
        self.tally.decided(decision)
        self.decisions[checked.line["orderable"]] = decision
        return decision

    def _refused(self, step: str, orderable: str, obstacle: str) -> None:
        """Order something of which hospital A has a result that does not count, and show why."""
        with self.report.step(step) as found:
            checked = self._check(f"o-{step}", orderable)
            self.report.expect(not checked.offers, f"{orderable} was offered")
            refusals = [item["obstacle"] for each in checked.line["unrecognisable"] for item in each["items"]]
            self.report.expect(obstacle in refusals, f"{orderable} is refused for {sorted(set(refusals))}")
            found.show(reason=_first_words(checked))

    def _refused_without_reason(self) -> httpx.Response:
        """Try the same at hospital B."""
        checked = self._check("o-lipids", "LIPID")
        answer = self._ward.ask_decision(checked, outcome="reordered")
        self.report.expect(answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, f"hospital B's rule lets it pass: {answer.text}")
        return answer

    def _failed_retrieval(self, checked: Checked) -> dict[str, Any]:
        targets = [each["retrieve"] for each in checked.offers]
        ordered = self._ward.order_retrieval(targets, consents=self.sharing.consents)

        def failed() -> bool:
            return bool(self._ward.requests(ordered)[0]["state"] == "holder-away")

        self.report.expect(wait_until(failed, TIMEOUT_S), "the holder answered")
        return self._ward.requests(ordered)[0]


def _in_force(node: httpx.Client) -> set[str]:
    """Return the digests of the documents that hold at a node, if they were published."""
    answer = node.get("/v1/catalogue/documents", params={"in_force": "true"}).raise_for_status().json()
    return {each["digest"] for each in answer["documents"]} if answer["source"] == "published" else set()


def _first_words(checked: Checked) -> Said:
    return Said(checked.warning("zh")[0], checked.warning("en")[0])
