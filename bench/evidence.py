"""Measure the verification of evidence, offline: files a second in one process, and `concord verify` as a process.

Method: reports of the example histories become records of a log of `--tree` entries. Each file of evidence has a checkpoint of
its own, signed by the log and by three witnesses that the trust root names, so that no two verifications share a signature, a
proof or a part. A verification is `parse_evidence` on the file's bytes and `verify_evidence` against the trust root, which has
been parsed once; the verdict has to be `witnessed`. All files are verified `--repeats` times: best, median and worst are whole
passes, "undisturbed" takes each file's fastest pass, which is what the code costs when nobody else has the core. "Signatures
alone" is the floor: the same four Ed25519 signatures checked by the library, nothing around them. The process is what a shell
starts: interpreter, imports, both files, the verdict in words; the interpreter that runs nothing is beside it.

    python bench/evidence.py [--files N] [--tree N] [--repeats N] [--json FILE]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench._consortium import NOW, World, example_reports, make_record, make_tree  # noqa: E402 - after the path
from bench._report import Figures, keep, machine, show, spread  # noqa: E402
from ledger.cosignatures import verify_cosignatures  # noqa: E402
from ledger.notes import parse_note, verify_note  # noqa: E402
from ledger.proofs import parse_tlog_proof  # noqa: E402
from node.domain.trust import TrustRoot  # noqa: E402
from node.wire.evidence.file import parse_evidence  # noqa: E402
from node.wire.evidence.verification import verify_evidence  # noqa: E402

STARTS = 10


def verify_all(files: Sequence[bytes], trust_root: TrustRoot) -> list[float]:
    """Verify every file; return the seconds that each took."""
    took: list[float] = []
    for data in files:
        started = time.perf_counter()
        verdict = verify_evidence(parse_evidence(data), trust_root, now=NOW)
        took.append(time.perf_counter() - started)
        assert verdict.witnessed
    return took


def verify_signatures(files: Sequence[bytes], world: World) -> list[float]:
    """Check nothing but the four signatures of every file; return the seconds that each took."""
    notes = [parse_note(parse_tlog_proof(parse_evidence(data).proof).checkpoint) for data in files]
    witnesses = [cosigner.verifier_key for cosigner in world.cosigners.values()]
    took: list[float] = []
    for note in notes:
        started = time.perf_counter()
        verify_note(note, [world.signer.verifier_key])
        found = verify_cosignatures(note, witnesses)
        took.append(time.perf_counter() - started)
        assert len(found) == 3
    return took


def throughput(passes: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return verifications a second: of whole passes, and with each file's fastest pass taken."""
    files = len(passes[0])
    whole = [sum(one) for one in passes]
    return {
        "per_s_undisturbed": files / sum(map(min, zip(*passes, strict=True))),
        "per_s_best": files / min(whole),
        "per_s_median": files / statistics.median(whole),
        "per_s_worst": files / max(whole),
    }


def start_up(command: Sequence[str]) -> dict[str, float]:
    """Start a process several times; return how long it took to end well, and how much of that it was computing."""
    took: list[float] = []
    computed: list[float] = []
    for _ in range(STARTS + 1):
        before, started = children_cpu_s(), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append((time.perf_counter() - started) * 1e3)
        computed.append((children_cpu_s() - before) * 1e3)
    # the first fills the system's file cache
    return {**spread("ms", took[1:]), **spread("cpu_ms", computed[1:])}


def children_cpu_s() -> float:
    """Return what the processes that this one started and waited for have computed, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(options: argparse.Namespace, directory: Path) -> Iterator[tuple[str, Figures]]:
    """Run everything, one line of the table after the other."""
    world = World()
    reports = example_reports()
    records = [make_record(reports[at % min(8, len(reports))]) for at in range(options.files)]
    tree, places = make_tree(records, options.tree)
    whole = [len(reports[at % min(8, len(reports))].parts) for at in range(options.files)]
    cases = {"one part disclosed": [1] * options.files, "all parts disclosed": whole}
    for name, counts in cases.items():
        files = [
            world.make_evidence(record, tree, place, options.tree - at, parts)
            for at, (record, place, parts) in enumerate(zip(records, places, counts, strict=True))
        ]
        about = {"parts": statistics.mean(counts), "evidence_bytes": statistics.mean(map(len, files))}
        yield f"verify, {name}", {**about, **throughput([verify_all(files, world.trust_root) for _ in range(options.repeats)])}
    yield "four signatures alone", throughput([verify_signatures(files, world) for _ in range(options.repeats)])
    evidence, trust_root = directory / "evidence.json", directory / "trust-root.note"
    evidence.write_bytes(files[0])
    trust_root.write_bytes(world.trust_root_file())
    yield "concord verify, process", start_up([*concord(), "verify", str(evidence), "--trust-root", str(trust_root)])
    yield "python -c pass, process", start_up([sys.executable, "-c", "pass"])


def concord() -> list[str]:
    """Return the command that a user types, beside this interpreter; else the module."""
    script = Path(sys.executable).parent / "concord"
    return [str(script)] if script.exists() else [sys.executable, "-m", "node"]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=500, help="files of evidence, all different")
    parser.add_argument("--tree", type=int, default=1_000_000, help="entries of the log that they are in")
    parser.add_argument("--repeats", type=int, default=7, help="how often all are verified")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    about = machine()
    results: dict[str, Figures] = {}
    with TemporaryDirectory(prefix="concord-bench-") as directory:
        for name, found in measure(options, Path(directory)):
            results[name] = found
            show(name, found)
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
