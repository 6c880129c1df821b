"""Compile the contracts and write their artifacts, or prove that the committed ones are what the sources give.

`python -m contracts.build` writes `contracts/artifacts/*.json`; `--check` compares and writes nothing, exit 1 if one
differs. The compiler's version and settings are pinned by a pragma in each source; the compiler refuses any other.
The only module here that imports the compiler.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import vyper
from vyper import compile_code
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.utils import keccak256, method_id

from contracts.artifacts import CONTRACT_NAMES, ArtifactFile
from contracts.errors import ArtifactError

PACKAGE: Final = Path(__file__).parent
COMPILER_VERSION: Final = "0.4.3+commit.bff19ea2"
EVM_VERSION: Final = "london"
OUTPUTS: Final = ["abi", "bytecode", "bytecode_runtime", "layout", "method_identifiers"]


def compile_contract(name: str, source: str) -> ArtifactFile:
    """Compile one source with the pinned settings.

    Raises:
        ArtifactError: If the installed compiler is another one.
        vyper.exceptions.VyperException: If the source does not compile.
    """
    version = f"{vyper.__version__}+commit.{vyper.__commit__}"
    if version != COMPILER_VERSION:
        raise ArtifactError(name, f"needs vyper {COMPILER_VERSION}, found {version}; install requirements/dev.lock")
    settings = Settings(evm_version=EVM_VERSION, optimize=OptimizationLevel.GAS)
    output = compile_code(source, contract_path=f"{name}.vy", output_formats=OUTPUTS, settings=settings)
    runtime = bytes.fromhex(output["bytecode_runtime"].removeprefix("0x"))
    layout = output["layout"]
    return ArtifactFile(
        name=name,
        compiler_version=version,
        settings={"evm_version": EVM_VERSION, "optimize": "gas"},
        source_sha256="0x" + hashlib.sha256(source.encode()).hexdigest(),
        runtime_code_hash="0x" + keccak256(runtime).hex(),
        immutables_bytes=sum(variable["length"] for variable in layout.get("code_layout", {}).values()),
        abi=output["abi"],
        event_topics=_event_topics(output["abi"]),
        selectors={
            signature: f"0x{int.from_bytes(method_id(signature), 'big'):08x}" for signature in sorted(output["method_identifiers"])
        },
        storage_layout=layout.get("storage_layout", {}),
        bytecode=output["bytecode"],
        bytecode_runtime=output["bytecode_runtime"],
    )


def _event_topics(abi: list[dict[str, Any]]) -> dict[str, str]:
    topics = {}
    for entry in abi:
        if entry["type"] == "event":
            signature = f"{entry['name']}({','.join(argument['type'] for argument in entry['inputs'])})"
            topics[entry["name"]] = "0x" + keccak256(signature.encode()).hex()
    return dict(sorted(topics.items()))


def encode_artifact(file: ArtifactFile) -> bytes:
    """Encode an artifact, indented, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the artifacts, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description="Compile the contracts.")
    parser.add_argument("--check", action="store_true", help="compare with the committed artifacts, write nothing")
    check = parser.parse_args(arguments).check
    stale = []
    for name in CONTRACT_NAMES:
        built = encode_artifact(compile_contract(name, (PACKAGE / "src" / f"{name}.vy").read_text("utf-8")))
        path = PACKAGE / "artifacts" / f"{name}.json"
        if not check:
            path.write_bytes(built)
        elif not path.exists() or path.read_bytes() != built:
            stale.append(name)
    if stale:
        sys.stderr.write(f"artifacts differ from their sources: {', '.join(stale)}; run python -m contracts.build\n")
        return 1
    sys.stdout.write(f"{len(CONTRACT_NAMES)} contracts {'reproduced' if check else 'written'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
