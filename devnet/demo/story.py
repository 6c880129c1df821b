"""The steps of the demonstration. Nothing is scripted but the order: every value that is printed was computed."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3.exceptions import ContractLogicError

import node as node_package
from contracts.artifacts import artifact
from devnet.codes import Card, CodeDesk
from devnet.demo import tampering
from devnet.demo.offline import verify_against_chain, verify_offline, words_offline
from devnet.demo.report import Report
from devnet.demo.ward import TIMEOUT_S
from devnet.demo.words import Said, word
from devnet.engines.process import wait_until
from devnet.genesis import address_of
from devnet.topology import Devnet
from devnet.transactions import open_web3
from devnet.trust import log_signer
from ledger.checkpoints import parse_checkpoint
from ledger.hashing import TreeSize
from ledger.notes import parse_note
from ledger.store.posix import DirectoryLogReader
from ledger.tiles import bundles_of, parse_bundle
from node.adapters.keys.files import InstitutionKeys
from node.domain.entry import Origin
from node.wire.trust_root import parse_trust_root

_EXAMPLES: Final = Path(node_package.__file__).parent.parent / "examples"
HISTORIES: Final = _EXAMPLES / "synthea"
REFERRAL: Final = _EXAMPLES / "fhir-r4" / "ServiceRequest-colonoscopy.json"
_HOME: Final = "hospital-a"
_OTHER: Final = "hospital-b"
_PANEL_ROLE: Final = "observation"


@dataclass(slots=True)
class Story:
    """One run."""

    devnet: Devnet
    """The consortium."""
    output: Path
    """Where files for the reader go."""
    report: Report
    """What is printed."""
    codes: CodeDesk
    """What staff do for patients."""
    card: Card
    """One patient's."""
    panel: str = ""
    """Record id of the report that is followed."""
    unanchored: str = ""
    """Record id of what was logged while the chain was away."""

    @property
    def _home(self) -> httpx.Client:
        return self.devnet.client(_HOME)

    @property
    def evidence(self) -> Path:
        """The evidence file of the whole report."""
        return self.output / "evidence.json"

    def issue_code(self) -> None:
        """Let the code service issue a code to one of the patients, and release keys to the hospital."""
        with self.report.step("issue_code") as found:
            self.codes.issue(self.card, self._home)
            self.codes.release(self.card, self._home, patient_number())
            found.show()

    def ingest(self) -> None:
        """Submit real histories; every record gets a receipt that reaches `anchored`."""
        with self.report.step("ingest") as found:
            receipts: list[dict[str, Any]] = []
            for history in (*sorted(HISTORIES.glob("*.json")), REFERRAL):
                answer = self._submit(history.read_bytes(), wait="anchored")
                receipts += answer["receipts"]
                ignored = sum(answer["ignored"].values())
                found.details.append(f"{history.name}: {len(answer['receipts'])} records, {ignored} resources of no record kind")
            kinds = Counter(receipt["kind"] for receipt in receipts)
            levels = Counter(receipt["level"] for receipt in receipts)
            self.report.expect(set(levels) == {"anchored"}, f"not all receipts reached anchored: {dict(levels)}")
            found.show(count=len(receipts), kinds=counts(kinds), levels=counts(levels))
            self._choose_panel(receipts)

    def _choose_panel(self, receipts: Sequence[dict[str, Any]]) -> None:
        """Follow the report with the most observations."""
        sizes: dict[str, int] = {}
        for receipt in receipts:
            if receipt["kind"] == "exam-result":
                evidence = self._home.get(f"/v1/records/{receipt['record_id']}/evidence", params={"parts": ""}).json()
                sizes[receipt["record_id"]] = sum(part["role"] == _PANEL_ROLE for part in _manifest(evidence)["parts"])
        self.panel = max(sizes, key=lambda record_id: sizes[record_id])
        self.report.expect(sizes[self.panel] > 1, "no report with several observations among the examples")

    def find_by_code(self) -> None:
        """Find the patient's entries in the public log, by the code alone."""
        with self.report.step("find_by_code") as found:
            leaves = self._leaves(self.output / "log")
            mine = self.codes.find(self.card, Origin(self.devnet.institutions[_HOME][1].origin), leaves)
            self.report.expect(0 < len(mine) < len(leaves), f"{len(mine)} of {len(leaves)} entries were found")
            found.show(mine=len(mine), total=len(leaves), last=len(mine) - 1)

    def resubmit(self) -> None:
        """The same history again: the first receipts, nothing new."""
        with self.report.step("resubmit") as found:
            history = min(HISTORIES.glob("*.json"))
            outcomes = Counter(one["outcome"] for one in self._submit(history.read_bytes())["receipts"])
            self.report.expect(set(outcomes) == {"same"}, f"resubmission made something new: {dict(outcomes)}")
            found.show(count=outcomes["same"])

    def verify_whole(self) -> None:
        """Write evidence of a whole report and verify it without network."""
        with self.report.step("verify_whole") as found:
            self.evidence.write_bytes(self._evidence())
            verdict = verify_offline(self.evidence, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"not verified: {verdict.text}")
            found.details += words_offline(self.evidence, self.devnet.trust_root)
            found.show(verdict=word(verdict.report["verdict"]), level=word(verdict.report["level"]), how=verdict.how)

    def verify_anchor(self) -> None:
        """Check the stated anchor against the chain."""
        with self.report.step("verify_anchor") as found:
            self.report.expect(self.devnet.chain, "no chain")
            if self.devnet.chain is not None:
                verdict = verify_against_chain(self.evidence, self.devnet.trust_root, self.devnet.chain.rpc_url)
                self.report.expect(verdict.get("level") == "anchored", f"not anchored: {verdict}")
                found.show(verdict=word(verdict["verdict"]), level=word(verdict["level"]), anchor=word(verdict["anchor"]))

    def disclose_one(self) -> None:
        """Disclose one observation of the panel; everything else stays hidden."""
        with self.report.step("disclose_one") as found:
            manifest = _manifest(json.loads(self.evidence.read_bytes()))
            number = next(n for n, part in enumerate(manifest["parts"], start=1) if part["role"] == _PANEL_ROLE)
            path = self.output / "evidence-one-observation.json"
            path.write_bytes(self._evidence(parts=str(number)))
            verdict = verify_offline(path, self.devnet.trust_root)
            self.report.expect(verdict.exit_code == 0, f"not verified: {verdict.text}")
            shown = json.loads(path.read_bytes())["parts"]
            self.report.expect([part["number"] for part in shown] == [number], "other parts were disclosed too")
            found.show(number=number, parts=len(manifest["parts"]))

    def lose_chain(self) -> None:
        """Take the chain away: a record is stored and logged all the same."""
        with self.report.step("lose_chain") as found:
            self.devnet.stop_chain()
            answer = self._submit(_new_report("chain-away"), wait="logged")["receipts"][0]
            self.report.expect(answer["level"] == "logged", f"level {answer['level']} while the chain was away")
            self.unanchored = answer["record_id"]
            found.show(record=self.unanchored, level=word(answer["level"]))

    def await_anchored(self) -> str:
        """Wait until what was logged without a chain is anchored; return its level."""
        record = self._home.get(f"/v1/records/{self.unanchored}", params={"wait": "anchored"}).raise_for_status().json()
        self.report.expect(record["level"] == "anchored", f"level {record['level']} after the chain was back")
        return str(record["level"])

    def flip_body(self) -> None:
        """Alter a stored body under the running node."""
        with self.report.step("flip_body") as found:
            receipt = self._submit(_new_report("to-be-altered"), wait="logged")["receipts"][0]
            node, each = self.devnet.institutions[_HOME]
            database = self.devnet.node_directory(node) / "records.db"
            tampering.flip_stored_body(database, each.origin, receipt["leaf_index"])
            answer = self._home.get(f"/v1/records/{receipt['record_id']}/evidence")
            self.report.expect(answer.status_code != httpx.codes.OK, "evidence of an altered body was exported")
            found.show(error=f"{answer.json()['type']}: {answer.json()['detail']}")

    def flip_evidence(self) -> None:
        """Alter the content of a part in the evidence file."""
        with self.report.step("flip_evidence") as found:
            altered = self.output / "tampered" / "evidence.json"
            altered.parent.mkdir(exist_ok=True)
            altered.write_bytes(tampering.flip_evidence(self.evidence.read_bytes()))
            found.show(error=self._refused(altered))

    def flip_tile(self) -> None:
        """Alter a tile of a mirrored log and audit the mirror."""
        with self.report.step("flip_tile") as found:
            mirror = self.output / "tampered" / "mirror"
            self._mirror(mirror)
            audit = self._fsck(mirror)
            self.report.expect(audit.returncode == 0, f"the honest mirror was refused: {audit.stderr}")
            tile = next(path for path in sorted((mirror / "tile" / "0").rglob("*")) if path.is_file())
            tampering.flip_byte(tile, 5, tile)
            audit = self._fsck(mirror)
            self.report.expect(audit.returncode == 1, "an altered tile was accepted")
            found.show(error=audit.stderr.strip() or audit.stdout.strip())

    def lift(self) -> None:
        """Copy a commitment into another hospital's log, with that log's own key."""
        with self.report.step("lift") as found:
            node, each = self.devnet.institutions[_OTHER]
            signer = log_signer(self.devnet.node_directory(node) / "keys", each)
            lifted = self.output / "tampered" / "lifted.json"
            lifted.write_bytes(tampering.lift_into(self.evidence.read_bytes(), signer, []))
            found.show(error=self._refused(lifted))

    def fork(self) -> None:
        """Try to anchor another history of the log, with the log's own keys."""
        with self.report.step("fork") as found:
            node, each = self.devnet.institutions[_HOME]
            keys = self.devnet.node_directory(node) / "keys"
            mirror = self.output / "tampered" / "before-fork"
            leaves = self._leaves(mirror)
            head, proof = tampering.fork(log_signer(keys, each), [*leaves, leaves[-1]], len(leaves))
            pin = parse_trust_root(self.devnet.trust_root.read_bytes()).chain.contracts["log_anchors"]
            sender = to_checksum_address(address_of(InstitutionKeys(keys, _HOME).read("anchor.key")))
            if self.devnet.chain is None:
                return
            with open_web3(self.devnet.chain.rpc_url) as web3:
                contract = web3.eth.contract(to_checksum_address(pin.address), abi=list(artifact("log_anchors").abi))
                call = contract.functions.anchor(keccak(each.origin.encode()), head.size, head.root, list(proof))
                try:
                    call.call({"from": sender})
                except ContractLogicError as error:
                    found.show(error=error.message)

    def _submit(self, document: bytes, wait: str | None = None) -> Any:  # noqa: ANN401 - JSON
        params = {} if wait is None else {"wait": wait}
        answer = self._home.post("/v1/records", content=document, params=params)
        if answer.is_error:
            self.report.expect(condition=False, otherwise=f"{answer.status_code}: {answer.text}")
        return answer.json()

    def _evidence(self, **parameters: str) -> bytes:
        return self._home.get(f"/v1/records/{self.panel}/evidence", params=parameters).raise_for_status().content

    def _refused(self, evidence: Path) -> str:
        verdict = verify_offline(evidence, self.devnet.trust_root)
        self.report.expect(verdict.exit_code in (1, 2), f"it was verified: {verdict.text}")
        return f"{verdict.report['error']}: {verdict.report['detail']}"

    def _mirror(self, target: Path) -> int:
        """Copy the served log; return its size."""
        url = self.devnet.log_url(_HOME)
        size = parse_checkpoint(parse_note(self._home.get(f"{url}/checkpoint").content).text).size
        tampering.mirror_log(self._home, url, size, target)
        return size

    def _leaves(self, target: Path) -> list[bytes]:
        """Return the leaves up to the anchored head, all of them being anchored."""
        reached = wait_until(self._all_anchored, TIMEOUT_S)
        self.report.expect(reached, "not everything was anchored")
        size = self._mirror(target)
        reader = DirectoryLogReader(target, self.devnet.institutions[_HOME][1].origin)
        return [leaf for address in bundles_of(TreeSize(size)) for leaf in parse_bundle(reader.bundle(address), address)]

    def _all_anchored(self) -> bool:
        logs = self._home.get("/v1/status").raise_for_status().json()["logs"]
        home = next(log for log in logs if log["institution"] == _HOME)
        return bool(home["staged"] == home["anchored"])

    def _fsck(self, mirror: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "node", "log", "fsck", "--log-dir", str(mirror), "--vkey", self.devnet.vkey(_HOME)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - own command


def _manifest(evidence: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    return json.loads(base64.b64decode(evidence["manifest"]["content"]))


def patient_number() -> str:
    """Return hospital A's number of the patient who is followed: one of the real histories is of that person."""
    history = json.loads(min(HISTORIES.glob("*.json")).read_bytes())
    resources = (each["resource"] for each in history["entry"])
    return str(next(each["id"] for each in resources if each["resourceType"] == "Patient"))


def counts(counter: Counter[str]) -> Said:
    """Say how many there are of each."""
    found = [(word(name), count) for name, count in sorted(counter.items())]
    return Said("、".join(f"{name.zh} {count}" for name, count in found), ", ".join(f"{count} {name.en}" for name, count in found))


def _new_report(identifier: str) -> bytes:
    """Take a report of the examples and give it another id: a record that the log does not know."""
    bundle = json.loads(min(HISTORIES.glob("*.json")).read_bytes())
    resources = [entry["resource"] for entry in bundle["entry"]]
    report = next(each for each in resources if each["resourceType"] == "DiagnosticReport")
    needed = {reference["reference"] for reference in report.get("result", [])}
    needed |= {report["subject"]["reference"], report.get("encounter", {}).get("reference")}
    kept = [entry for entry in bundle["entry"] if entry.get("fullUrl") in needed or entry["resource"] is report]
    report["id"] = identifier
    return json.dumps({**bundle, "entry": kept}).encode()
