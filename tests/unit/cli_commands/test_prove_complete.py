"""`concord prove-complete` on a log in a directory, and its file in `concord verify`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore, create_posix_log
from node.domain.patient import LocatorTag
from node.wire.patient.file import PatientFile, encode_patient_file, parse_patient_file
from tests.simulators import ScriptedGuard
from tests.unit.cli_commands.conftest import Concord
from tests.unit.completeness_proof.patient_logs import EXCHANGE_KEY, PRIVATE, RECORDS, SEED, mixed, tag
from tests.unit.evidence_verify.world import LOG_SIGNERS, A

pytestmark = pytest.mark.slow


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    path = tmp_path / "patient.json"
    path.touch(mode=0o600)
    path.write_bytes(encode_patient_file(PatientFile(SEED, {1: RECORDS.key})))
    path.chmod(0o600)
    return path


def make_log(root: Path, tags: Sequence[LocatorTag]) -> Path:
    create_posix_log(root, A)
    with PosixLogStore(root, A) as store:
        store.stage(mixed(tags))
        Sequencer(LOG_SIGNERS[A], ScriptedGuard()).step(store, 10_000)
    return root


def arguments(log: Path, trust_root: Path, patient: Path) -> tuple[object, ...]:
    options = ("--log-dir", log, "--trust-root", trust_root, "--patient", patient)
    return ("prove-complete", *options, "--exchange-key", EXCHANGE_KEY.hex())


def test_what_is_complete_is_said_and_written(concord: Concord, tmp_path: Path, trust_root: Path, patient: Path) -> None:
    log = make_log(tmp_path / "log", [tag(RECORDS, 0), tag(PRIVATE, 0), tag(RECORDS, 1)])
    file = tmp_path / "file"
    result = concord(*arguments(log, trust_root, patient), "-o", file)
    assert result.exit_code == 0, result.output
    assert "nothing that was logged under these keys is missing" in result.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    verified = concord("verify", file, "--trust-root", trust_root, "--json")
    assert verified.exit_code == 0
    assert [len(series["indices"]) for series in json.loads(verified.stdout)["series"]] == [2, 1]


def test_what_is_missing_is_named_and_nothing_is_written(concord: Concord, tmp_path: Path, trust_root: Path, patient: Path) -> None:
    log = make_log(tmp_path / "log", [tag(RECORDS, 0), tag(RECORDS, 2), tag(PRIVATE, 1)])
    file = tmp_path / "file"
    result = concord(*arguments(log, trust_root, patient), "-o", file, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["verdict"], document["written"]) == ("incomplete", None)
    assert [series["missing"] for series in document["series"]] == [[1], [0]]
    assert not file.exists()
    assert "SOMETHING IS MISSING" in concord(*arguments(log, trust_root, patient)).stdout
    assert "有缺失" in concord(*arguments(log, trust_root, patient), "--lang", "zh").stdout


@pytest.mark.parametrize(
    "change",
    [["--rpc", "http://127.0.0.1:1"], ["--exchange-key", "00"], ["--exchange-key", "0" * 64]],
    ids=["both", "no key", "small order"],
)
def test_keys_that_are_none_are_wrong_usage(
    concord: Concord, tmp_path: Path, trust_root: Path, patient: Path, change: list[str]
) -> None:
    log = make_log(tmp_path / "log", [])
    assert concord(*arguments(log, trust_root, patient), *change).exit_code == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format":"concord/patient","version":2}'], ids=["empty", "object", "newer"])
def test_what_is_no_patients_file_is_unreadable(
    concord: Concord, tmp_path: Path, trust_root: Path, patient: Path, content: bytes
) -> None:
    patient.write_bytes(content)
    assert concord(*arguments(make_log(tmp_path / "log", []), trust_root, patient)).exit_code == 2


def test_a_refused_patients_file_is_not_repeated(concord: Concord, tmp_path: Path, trust_root: Path, patient: Path) -> None:
    document = json.loads(patient.read_bytes())
    seed = document["seed"]
    patient.write_text(json.dumps({**document, "seed": seed[:-4]}))
    result = concord(*arguments(make_log(tmp_path / "log", []), trust_root, patient))
    assert result.exit_code == 2
    assert seed[:16] not in result.output


def test_a_patients_file_survives_being_written_and_read(patient: Path) -> None:
    assert parse_patient_file(patient.read_bytes()) == PatientFile(SEED, {1: RECORDS.key})
