"""Commands against a node that is really served: one process, loopback, no chain."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.records.ingest_journal import DEFAULT_NAME
from tests.integration.cli.served_node import (
    HOSPITAL,
    ORIGIN,
    ServedNode,
    concord,
    document,
    free_port,
    make_node,
    report,
    write_trust_root,
)

pytestmark = [pytest.mark.network, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[3] / "examples" / "synthea"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedNode]:
    made = make_node(tmp_path_factory.mktemp("cli") / "node")
    made.start()
    yield made
    made.stop()


def ingest(node: ServedNode, *words: object) -> dict[str, Any]:
    result = concord("ingest", *words, *node.access, "--wait", "logged", "--json")
    assert result.exit_code in (0, 1), result.output
    return document(result)


def receipts_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_status_names_the_log(node: ServedNode) -> None:
    answer = document(concord("status", *node.access, "--json"))
    assert answer["ready"] is True
    assert ORIGIN in concord("status", *node.access).stdout


def test_histories_become_evidence_that_is_verified_offline(node: ServedNode, tmp_path: Path) -> None:
    histories = tmp_path / "histories"
    shutil.copytree(EXAMPLES, histories)
    summary = ingest(node, histories, "--receipts", tmp_path / "receipts")
    receipts = receipts_of(tmp_path / "receipts")
    assert (summary["files"], summary["records"], summary["refused"]) == (3, len(receipts), [])
    assert {receipt["level"] for receipt in receipts} == {"logged"}
    assert not (histories / DEFAULT_NAME).exists()

    chosen = next(receipt for receipt in receipts if receipt["kind"] == "exam-result")
    evidence, trust_root = tmp_path / "evidence.json", tmp_path / "trust-root"
    write_trust_root(trust_root, node.vkey)
    written = concord("evidence", chosen["record_id"], "--parts", "1", "-o", evidence, *node.access, "--json")
    assert written.exit_code == 0, written.output
    assert evidence.stat().st_mode & 0o077 == 0
    verdict = document(concord("verify", evidence, "--trust-root", trust_root, "--json"))
    assert (verdict["verdict"], verdict["origin"], verdict["leaf_index"]) == ("verified", ORIGIN, chosen["leaf_index"])

    again = ingest(node, histories)
    assert {row["outcome"] for row in again["outcomes"]} == {"same"}


def test_refused_documents_are_listed_and_the_rest_is_kept(node: ServedNode, tmp_path: Path) -> None:
    lines = tmp_path / "reports.ndjson"
    bad = json.loads(report("no-status"))
    del bad["entry"][3]["resource"]["status"]
    lines.write_bytes(b"\n".join([report("kept-1"), b"{nonsense", b"", json.dumps(bad).encode(), report("kept-2")]))
    (tmp_path / "single.json").write_text("[]")
    result = concord("ingest", lines, tmp_path / "single.json", *node.access, "--json")
    assert result.exit_code == 1
    summary = document(result)
    assert (summary["records"], summary["documents"]) == (2, 5)
    refused = summary["refused"]
    assert [(Path(one["file"]).name, one["line"]) for one in refused] == [
        ("reports.ndjson", 2),
        ("reports.ndjson", 4),
        ("single.json", None),
    ]
    assert refused[1]["refusals"][0]["path"] == "Bundle.entry[3].resource.status"
    shown = concord("ingest", lines, *node.access)
    assert "Bundle.entry[3].resource.status" in shown.stdout


def test_an_interrupted_run_is_taken_up_and_sends_nothing_twice(node: ServedNode, tmp_path: Path) -> None:
    lines, journal, receipts = tmp_path / "many.ndjson", tmp_path / DEFAULT_NAME, tmp_path / "receipts"
    count = 600
    lines.write_bytes(b"\n".join(report(f"many-{number}") for number in range(count)))
    words = ["ingest", str(lines), "--batch-lines", "10", "--wait", "logged", "--receipts", str(receipts), *node.access]
    with subprocess.Popen([sys.executable, "-m", "node", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:  # noqa: S603 - ours
        deadline = time.monotonic() + 60
        while not (journal.exists() and journal.read_text().count("\n") > 4):
            assert first.poll() is None, "it ended before it could be interrupted"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
    acknowledged = sum(json.loads(line)["documents"] for line in journal.read_text().splitlines()[1:] if line.endswith("}"))
    assert 0 < acknowledged < count
    summary = document(concord(*words, "--resume", "--json"))
    assert summary["documents"] == count
    assert summary["files_taken_up"] == 1
    assert {receipt["line"] for receipt in receipts_of(receipts)} == set(range(1, count + 1))
    assert summary["records"] == count
    assert not journal.exists()


def test_records_are_listed_shown_and_erased(node: ServedNode, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(report("to-erase"))
    ingest(node, tmp_path / "one.json", "--receipts", tmp_path / "receipts")
    record = receipts_of(tmp_path / "receipts")[0]["record_id"]
    page = document(concord("records", "list", "--limit", 1, *node.access, "--json"))
    assert [one["record_id"] for one in page["records"]] == [record]
    shown = document(concord("records", "show", record, *node.access, "--json"))
    assert (shown["kind"], shown["erased_at"]) == ("exam-result", None)

    unasked = concord("records", "erase", record, *node.access)
    assert (unasked.exit_code, "--yes" in unasked.stderr) == (2, True)
    assert concord("records", "erase", record, "--yes", *node.access).exit_code == 0
    gone = concord("evidence", record, "-o", tmp_path / "e", *node.access)
    assert (gone.exit_code, "erased" in gone.stderr) == (1, True)
    assert not (tmp_path / "e").exists()
    assert ingest(node, tmp_path / "one.json")["outcomes"] == [{"kind": "exam-result", "outcome": "erased", "records": 1}]
    assert concord("log", "fsck", "--url", node.log_url, "--vkey", node.vkey).exit_code == 0


def test_the_served_log_proves_what_it_holds(node: ServedNode, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(report("in-the-log"))
    ingest(node, tmp_path / "one.json", "--receipts", tmp_path / "receipts")
    receipt = receipts_of(tmp_path / "receipts")[0]
    place = ("--url", node.log_url, "--vkey", node.vkey, "--json")
    head = document(concord("log", "checkpoint", "-o", tmp_path / "head", *place))
    found = document(concord("log", "inclusion", "--leaf-hash", receipt["leaf_hash"], *place))
    assert (found["index"], found["root"]) == (receipt["leaf_index"], head["root"])
    (tmp_path / "two.json").write_bytes(report("in-the-log-later"))
    ingest(node, tmp_path / "two.json")
    grown = document(concord("log", "consistency", tmp_path / "head", *place))
    assert (grown["old_size"], grown["new_size"]) == (head["size"], int(str(head["size"])) + 1)
    trust_root = tmp_path / "trust-root"
    write_trust_root(trust_root, node.vkey)
    assert concord("log", "fsck", "--url", node.log_url, "--trust-root", trust_root).exit_code == 0
    elsewhere = concord("log", "fsck", "--url", f"{node.url}/log/hospital-x", "--vkey", node.vkey)
    assert elsewhere.exit_code == 1


def test_who_may_not_and_what_is_not_there(node: ServedNode, tmp_path: Path) -> None:
    stranger = concord("records", "list", "--url", node.url, "--api-key", "concord_nonsense", "--json")
    assert (stranger.exit_code, document(stranger)["status"]) == (1, 401)
    missing = concord("records", "show", "no-such?record", *node.access)
    assert (missing.exit_code, missing.stderr.startswith("error: No such record")) == (1, True)
    (tmp_path / "one.json").write_bytes(report("never-sent"))
    refused = concord("ingest", tmp_path / "one.json", "--url", node.url, "--api-key", "concord_nonsense")
    assert (refused.exit_code, "--resume" in refused.stderr) == (1, True)


def test_nobody_answers(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "one.json").write_bytes(report("never-sent"))
    access = ("--url", url, "--api-key", "x")
    for words in (("status",), ("records", "list"), ("ingest", tmp_path / "one.json"), ("evidence", "r", "-o", tmp_path / "e")):
        result = concord(*words, *access, "--json")
        assert (result.exit_code, "Traceback" in result.output) == (3, False), words
        assert "error" in document(result)
    assert concord("log", "fsck", "--url", url, "--vkey", "a+00000000+AA==").exit_code == 3


def test_a_directory_that_is_served_is_not_edited(node: ServedNode) -> None:
    listed = concord("clients", "list", "--dir", node.directory, "--json")
    assert listed.exit_code == 0
    issued = concord("clients", "issue", "--dir", node.directory, "--institution", HOSPITAL, "--name", "x")
    assert (issued.exit_code, "in use" in issued.stderr) == (1, True)


def test_a_restored_backup_is_recovered_from_a_mirror(tmp_path: Path) -> None:
    node = make_node(tmp_path / "node")
    backup, later = tmp_path / "backup", tmp_path / "later"
    (tmp_path / "one.json").write_bytes(report("before-the-backup"))
    (tmp_path / "two.json").write_bytes(report("after-the-backup"))
    node.start()
    try:
        ingest(node, tmp_path / "one.json")
        node.stop()
        shutil.copytree(node.directory, backup)
        node.start()
        ingest(node, tmp_path / "two.json")
    finally:
        node.stop()
    node.directory.rename(later)
    backup.rename(node.directory)
    mirror = ServedNode(later, free_port(), node.api_key, node.vkey)
    mirror.start()
    try:
        words = ("log", "recover", "--dir", node.directory, "--institution", HOSPITAL, "--from", mirror.log_url)
        result = concord(*words, "--headers", mirror.url, "--api-key", node.api_key, "--json")
        assert result.exit_code == 0, result.output
        recovered = document(result)
        assert (recovered["old_size"], recovered["new_size"]) == (1, 2)
        assert (recovered["recovered_headers"], recovered["joined_to_records"]) == (1, 1)
        assert document(concord(*words, "--json"))["recovered_entries"] == 0
    finally:
        mirror.stop()
    wrong = concord("log", "recover", "--dir", node.directory, "--institution", "hospital-x", "--from", later)
    assert wrong.exit_code == 1


def test_serving_says_where_and_stops_in_order(tmp_path: Path, node: ServedNode) -> None:
    made = make_node(tmp_path / "node")
    command = [sys.executable, "-m", "node", "serve", "--dir", str(made.directory), "--port"]
    taken = subprocess.run([*command, str(node.port)], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
    assert (taken.returncode, f"port {node.port}" in taken.stderr) == (2, True)
    with subprocess.Popen([*command, "0"], stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stderr is not None
        serving = json.loads(process.stderr.readline())
        assert serving["event"] == "serving"
        assert document(concord("status", "--url", f"http://127.0.0.1:{serving['port']}", "--api-key", made.api_key, "--json"))[
            "ready"
        ]
        process.send_signal(signal.SIGTERM)
        assert json.loads(process.stderr.readlines()[-1])["event"] == "stopped"
    assert process.returncode == 0
