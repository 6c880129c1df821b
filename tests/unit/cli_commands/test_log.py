from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.hashing import hash_leaf, root_of_leaves
from ledger.notes import NoteSigner, encode_verifier_key
from ledger.proofs import parse_tlog_proof, verify_tlog_proof
from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore, create_posix_log
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard
from tests.unit.cli_commands.conftest import ENTRIES, VKEY, Concord

pytestmark = pytest.mark.slow

LEAVES = [hash_leaf(entry) for entry in ENTRIES]


def grow(log: Path, entries: list[bytes]) -> None:
    with PosixLogStore(log, ORIGIN) as store:
        store.stage(entries)
        Sequencer(SIGNER, ScriptedGuard()).step(store, len(entries))


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_checkpoint_shows_the_verified_head(concord: Concord, log: Path, tmp_path: Path) -> None:
    result = concord("log", "checkpoint", "--log-dir", log, "--vkey", VKEY, "-o", tmp_path / "head", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["origin"], document["size"], document["root"]) == (ORIGIN, 600, root_of_leaves(LEAVES).hex())
    assert document["signed_by"] == [VKEY]
    assert (tmp_path / "head").read_bytes() == (log / "public" / "checkpoint").read_bytes()


def test_a_checkpoint_of_another_key_is_refused(concord: Concord, log: Path) -> None:
    other = encode_verifier_key(NoteSigner.from_seed(ORIGIN, b"\x09" * 32).verifier_key)
    result = concord("log", "checkpoint", "--log-dir", log, "--vkey", other)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


def test_a_log_that_the_trust_root_does_not_name_is_refused(concord: Concord, log: Path, trust_root: Path) -> None:
    result = concord("log", "checkpoint", "--log-dir", log, "--trust-root", trust_root)
    assert result.exit_code == 1
    assert ORIGIN in result.stderr


@pytest.mark.parametrize("index", [0, 255, 256, 599])
def test_inclusion_writes_a_proof_that_others_verify(concord: Concord, log: Path, tmp_path: Path, index: int) -> None:
    by_index = concord("log", "inclusion", index, "--log-dir", log, "--vkey", VKEY, "-o", tmp_path / "proof", "--json")
    by_hash = concord("log", "inclusion", "--leaf-hash", LEAVES[index].hex(), "--log-dir", log, "--vkey", VKEY, "--json")
    assert by_index.exit_code == by_hash.exit_code == 0, by_index.output
    found = json.loads(by_hash.stdout)
    assert (found["verdict"], found["index"]) == ("included", index)
    proof = parse_tlog_proof((tmp_path / "proof").read_bytes())
    assert verify_tlog_proof(proof, leaf=LEAVES[index], key=SIGNER.verifier_key, origin=ORIGIN).size == 600


def test_an_entry_that_is_not_there_is_not_included(concord: Concord, log: Path) -> None:
    place = ("--log-dir", log, "--vkey", VKEY)
    assert concord("log", "inclusion", 600, *place).exit_code == 2
    missing = concord("log", "inclusion", "--leaf-hash", "0" * 64, *place)
    assert (missing.exit_code, "no entry" in missing.stderr) == (1, True)
    assert concord("log", "inclusion", "--leaf-hash", "xyz", *place).exit_code == 2
    assert concord("log", "inclusion", *place).exit_code == 2
    assert concord("log", "inclusion", 1, "--leaf-hash", "0" * 64, *place).exit_code == 2


def test_consistency_between_sizes_and_kept_checkpoints(concord: Concord, log: Path, tmp_path: Path) -> None:
    place = ("--log-dir", log, "--vkey", VKEY, "--json")
    concord("log", "checkpoint", "-o", tmp_path / "old", *place)
    grow(log, [b"more"])
    for old, new in (("600", None), (tmp_path / "old", None), ("0", "601"), ("7", "300"), ("601", "601")):
        result = concord("log", "consistency", old, *(() if new is None else (new,)), *place)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["verdict"] == "consistent"
    assert json.loads(concord("log", "consistency", 300, *place).stdout)["old_root"] == root_of_leaves(LEAVES[:300]).hex()


def test_a_log_that_was_rewritten_is_inconsistent_with_a_kept_checkpoint(concord: Concord, log: Path, tmp_path: Path) -> None:
    place = ("--log-dir", log, "--vkey", VKEY)
    kept = tmp_path / "old"
    concord("log", "checkpoint", "-o", kept, *place)
    other = tmp_path / "other"
    other.mkdir()
    create_posix_log(other / "log", ORIGIN)
    grow(other / "log", [b"another history", *ENTRIES])
    result = concord("log", "consistency", kept, "--log-dir", other / "log", "--vkey", VKEY, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "ConsistencyError"


def test_consistency_with_what_is_no_head_is_wrong_usage(concord: Concord, log: Path) -> None:
    for old, new in (("nonsense", "600"), ("-1", "600"), ("0600", "600"), ("601", "600"), ("600", "300")):
        result = concord("log", "consistency", "--log-dir", log, "--vkey", VKEY, "--", old, new)
        assert result.exit_code == 2, (old, new)


def test_fsck_accepts_what_was_signed(concord: Concord, log: Path) -> None:
    result = concord("log", "fsck", "--log-dir", log, "--vkey", VKEY, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["verdict"], document["size"], document["bundles"], document["tiles"]) == ("sound", 600, 3, 4)


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        ("tile/0/000", "tile/0/000:"),
        ("tile/0/001", "tile/0/001:"),
        ("tile/0/002.p/88", "tile/0/002.p/88:"),
        ("tile/1/000.p/2", "tile/1/000.p/2:"),
        ("tile/entries/000", "tile/entries/000:"),
        ("tile/entries/001", "tile/entries/001:"),
        ("tile/entries/002.p/88", "tile/entries/002.p/88:"),
    ],
)
def test_fsck_names_the_altered_resource_and_no_other(concord: Concord, log: Path, resource: str, named: str) -> None:
    flip(log / "public" / resource, 7)
    result = concord("log", "fsck", "--log-dir", log, "--vkey", VKEY, "--json")
    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    assert [fault["resource"] for fault in faults] == [resource]
    assert result.stderr.startswith(f"error: {named}")


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [shorten, remove])
@pytest.mark.parametrize("resource", ["tile/0/000", "tile/entries/000", "tile/entries/002.p/88", "tile/1/000.p/2"])
def test_fsck_names_what_is_cut_off_or_gone(concord: Concord, log: Path, resource: str, harm: Callable[[Path], None]) -> None:
    harm(log / "public" / resource)
    result = concord("log", "fsck", "--log-dir", log, "--vkey", VKEY)
    assert result.exit_code == 1
    assert resource in result.stderr


def test_fsck_of_a_checkpoint_that_was_swapped_for_an_older_log(concord: Concord, log: Path, tmp_path: Path) -> None:
    """A signed head of the same size over other entries: tiles and entries agree, and the signature is real."""
    create_posix_log(tmp_path / "fork", ORIGIN)
    grow(tmp_path / "fork", [b"x", *ENTRIES[1:]])
    (log / "public" / "checkpoint").write_bytes((tmp_path / "fork" / "public" / "checkpoint").read_bytes())
    result = concord("log", "fsck", "--log-dir", log, "--vkey", VKEY, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "RootMismatchError"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--vkey", VKEY),
        ("--url", "http://x", "--log-dir", "x", "--vkey", VKEY),
        ("--log-dir", "x"),
        ("--log-dir", "x", "--vkey", "y"),
    ],
)
def test_options_that_do_not_fit_together_are_wrong_usage(concord: Concord, options: tuple[str, ...]) -> None:
    result = concord("log", "fsck", *options, "--json")
    assert result.exit_code in (1, 2)
    assert "error" in json.loads(result.stdout)
    assert "Traceback" not in result.output


def test_a_log_that_is_not_there(concord: Concord, tmp_path: Path) -> None:
    result = concord("log", "checkpoint", "--log-dir", tmp_path, "--vkey", VKEY)
    assert (result.exit_code, "no checkpoint" in result.stderr) == (1, True)
