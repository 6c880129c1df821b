"""The committed artifacts: whole, reproducible, and loaded without the compiler or a chain library."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from contracts import artifact
from contracts.artifacts import CONTRACT_NAMES
from contracts.build import COMPILER_VERSION, PACKAGE, compile_contract, main
from contracts.errors import ArtifactError
from contracts.terms import (
    MAX_CONSENT_LIFETIME_S,
    MAX_FOUNDERS,
    MAX_INSTITUTIONS,
    MAX_ORIGINS,
    MAX_OVERLAP_S,
    MAX_PROOF,
    MAX_SIZE,
    PROPOSAL_LIFETIME_S,
    Action,
    KeyKind,
    Role,
    Status,
)

MAX_CODE_BYTES = 24_576
"""EIP-170."""


def source_of(name: str) -> str:
    return resources.files("contracts").joinpath("src", f"{name}.vy").read_text("utf-8")


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_hash_length_and_compiler_are_what_the_artifact_says(name: str) -> None:
    loaded = artifact(name)
    assert keccak(loaded.runtime_code) == loaded.runtime_code_hash
    assert loaded.runtime_code in loaded.creation_code
    assert len(loaded.runtime_code) + loaded.immutables_bytes <= MAX_CODE_BYTES
    assert (loaded.compiler_version, loaded.settings) == (COMPILER_VERSION, {"evm_version": "london", "optimize": "gas"})


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_topics_and_selectors_are_those_of_the_abi(name: str) -> None:
    loaded = artifact(name)
    for entry in loaded.abi:
        if entry["type"] == "event":
            signature = f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})"
            assert loaded.event_topics[entry["name"]] == keccak(signature.encode())
    assert all(keccak(signature.encode())[:4] == selector for signature, selector in loaded.selectors.items())
    functions = {entry["name"] for entry in loaded.abi if entry["type"] == "function"}
    assert {signature.partition("(")[0] for signature in loaded.selectors} == functions


def test_immutables_follow_the_runtime_code() -> None:
    loaded = artifact("log_anchors")
    immutable = bytes(12) + bytes([7]) * 20
    assert loaded.deployed_code_hash(immutable) == keccak(loaded.runtime_code + immutable)
    with pytest.raises(ArtifactError, match="takes 32 bytes"):
        loaded.deployed_code_hash()
    consortium = artifact("consortium")
    assert consortium.deployed_code_hash() == consortium.runtime_code_hash
    with pytest.raises(ArtifactError, match="takes 0 bytes"):
        consortium.deployed_code(immutable)


def test_an_unknown_contract_is_refused_by_name() -> None:
    with pytest.raises(ArtifactError, match="contract trails: is not a contract of this release"):
        artifact("trails")


@pytest.mark.slow
def test_the_sources_give_the_committed_artifacts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--check"]) == 0
    assert "3 contracts reproduced" in capsys.readouterr().out


@pytest.mark.slow
def test_a_stale_artifact_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("src", "artifacts"):
        (tmp_path / folder).mkdir()
        for path in (PACKAGE / folder).iterdir():
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    source = tmp_path / "src" / "log_anchors.vy"
    source.write_text(source.read_text("utf-8") + "\n# changed\n", "utf-8")
    monkeypatch.setattr("contracts.build.PACKAGE", tmp_path)
    # the other contracts take seconds to compile
    monkeypatch.setattr("contracts.build.CONTRACT_NAMES", ("log_anchors",))
    assert main(["--check"]) == 1
    assert "log_anchors; run python -m contracts.build" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_another_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.build.COMPILER_VERSION", "0.0.0")
    with pytest.raises(ArtifactError, match=r"needs vyper 0\.0\.0, found"):
        compile_contract("log_anchors", source_of("log_anchors"))


def test_loading_artifacts_and_events_imports_no_chain_library() -> None:
    script = (
        "import sys, contracts.events, contracts.slots\n"
        "contracts.artifact('consortium')\n"
        "heavy = {'vyper', 'boa', 'web3', 'eth', 'eth_abi', 'eth_hash', 'Crypto', 'sqlalchemy', 'fastapi', 'httpx', 'socket'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    run = subprocess.run(  # noqa: S603 - this interpreter, a literal script
        [sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


def constants(name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for match in re.finditer(r"^([A-Z_]+): constant\(uint256\) = ([\w*+ -]+)$", source_of(name), re.MULTILINE):
        expression = match[2].replace("MAX_CHUNKS", "16")
        base, _, factor = expression.partition(" * ")
        power, _, exponent = base.partition("**")
        if exponent.isdecimal():
            found[match[1]] = int(power) ** int(exponent)
        elif base.isdecimal():
            found[match[1]] = int(base) * int(factor or 1)
    return found


def test_terms_restate_the_constants_of_the_sources() -> None:
    of_consortium, of_anchors = constants("consortium"), constants("log_anchors")
    for action in Action:
        assert of_consortium[action.name] == action
    for kind in KeyKind:
        assert of_consortium[f"KEY_{kind.name}"] == kind
    assert (of_consortium["ACTIVE"], of_consortium["SUSPENDED"]) == (Status.ACTIVE, Status.SUSPENDED)
    assert of_consortium["ALL_ROLES"] == sum(Role)
    assert of_consortium["REGULATOR"] == Role.REGULATOR
    assert of_consortium["MAX_FOUNDERS"] == MAX_FOUNDERS
    assert of_consortium["MAX_INSTITUTIONS"] == MAX_INSTITUTIONS
    assert of_consortium["MAX_ORIGINS"] == MAX_ORIGINS
    assert of_consortium["MAX_OVERLAP_S"] == MAX_OVERLAP_S
    assert of_consortium["PROPOSAL_LIFETIME_S"] == PROPOSAL_LIFETIME_S
    assert of_consortium["MAX_SIZE"] == of_anchors["MAX_SIZE"] == MAX_SIZE
    assert of_anchors["MAX_PROOF"] == MAX_PROOF
    assert constants("consents")["MAX_LIFETIME_S"] == MAX_CONSENT_LIFETIME_S


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_declaration_of_a_source_has_its_natspec(name: str) -> None:
    lines = source_of(name).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("def "):
            end = next(index for index in range(number, len(lines)) if lines[index].endswith(":") and lines[index][0] in " d)")
            assert lines[end + 1].strip() == '"""', line
            assert lines[end + 2].strip().startswith(("@notice", "@dev")), line
        elif line.startswith(("event ", "struct ", "interface ")) or ": public(" in line:
            assert lines[number - 1].startswith(("# @notice", "# @dev")), line


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_parameter_and_result_of_the_abi_is_described(name: str) -> None:
    source = source_of(name)
    for entry in artifact(name).abi:
        if entry["type"] == "function" and (start := source.find(f"def {entry['name']}(")) >= 0:
            natspec = source[start : source.index('"""', source.index('"""', start) + 3)]
            for argument in entry["inputs"]:
                assert f"@param {argument['name']} " in natspec, entry["name"]
            assert ("@return " in natspec) is bool(entry["outputs"]), entry["name"]
