"""Measure a node that holds many entries: how soon it signs after a start, and the memory of the process that serves it.

Method: a directory is grown by the node's own writer, store and sequencer, one of each size in `--entries`. One more entry is
then staged and left unsigned, as a crash leaves it; "opening" runs `node.bootstrap.open_node` in a new process and ends when
the log's checkpoint covers that entry: from then on the node signs. The first opening also sweeps record secrets without an
entry, among all that were stored since the node was made: the most that a sweep can have to do. The later openings are the
ordinary case. "Serving" starts `concord serve` as a shell does, waits for /readyz, then submits example reports over HTTP until
each is logged, fetches the evidence of each and reads tiles and headers all over the log; memory is the resident set of the
serving process before and after, workers beside it. The system's file cache is warm throughout: a cold start adds the disk's time.

    python bench/open_node.py [--entries N,N...] [--openings N] [--dir DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - after the path

from bench._grown_node import HOSPITAL, ORIGIN, create, grow  # noqa: E402
from bench._report import Figures, keep, machine, peak_mb, resident_mb, show  # noqa: E402
from node.bootstrap.maintenance import issue_clients  # noqa: E402
from node.bootstrap.operation import open_node  # noqa: E402
from node.domain.entry import Level  # noqa: E402
from node.settings import load_settings  # noqa: E402

EXAMPLE = ROOT / "examples" / "fhir-r4" / "ServiceRequest-colonoscopy.json"
SUBMISSIONS = 100
READS = 500
READY_S = 60.0


def opening(directory: Path) -> dict[str, float]:
    """Open the node; return how long until its checkpoint covers what is staged, and the memory then."""
    settings = load_settings(directory)
    started = time.perf_counter()
    running = open_node(settings)
    opened = time.perf_counter()
    try:
        staged = running.node.reader.entry_count(ORIGIN)
        running.node.progress.reached(ORIGIN, staged - 1, Level.LOGGED).result(READY_S)
        signed = time.perf_counter()
        found = {"opened_ms": (opened - started) * 1e3, "signs_ms": (signed - started) * 1e3}
        return {**found, "rss_mb": resident_mb(), "peak_rss_mb": peak_mb()}
    finally:
        running.close()


def serving(directory: Path) -> dict[str, float]:
    """Serve the node as a process, use it, and return its memory."""
    key = issue_clients(load_settings(directory), "bench")[0].api_key
    port = free_port()
    command = [sys.executable, "-m", "node", "serve", "--dir", str(directory), "--port", str(port)]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=READY_S) as client:
                wait_until(lambda: answers(client))
                ready_ms = (time.perf_counter() - started) * 1e3
                at_rest = resident_mb(server.pid)
                size = use(client)
            found = {"tree_size": float(size), "process_to_ready_ms": ready_ms, "rss_mb_at_rest": at_rest}
            return {**found, "rss_mb_used": resident_mb(server.pid), "peak_rss_mb": peak_mb(server.pid), **workers(server.pid)}
        finally:
            server.terminate()


def use(client: httpx.Client) -> int:
    """Submit, fetch evidence, read all over the log; return the log's size."""
    example = json.loads(EXAMPLE.read_bytes())
    ids = []
    for number in range(SUBMISSIONS):
        example["id"] = f"bench-{time.time_ns()}-{number}"
        example.pop("identifier", None)
        ids.append(checked(client.post("/v1/records?wait=logged", json=example)).json()["receipts"][0]["record_id"])
    for record_id in ids:
        checked(client.get(f"/v1/records/{record_id}/evidence"))
    size = int(checked(client.get(f"/log/{HOSPITAL}/checkpoint")).text.split("\n")[1])
    for number in range(READS):
        tile = number * 7_919 % (size // 256)
        for kind in ("0", "entries"):
            checked(client.get(f"/log/{HOSPITAL}/tile/{kind}/{tile_path(tile)}"))
        if number % 10 == 0:
            checked(client.get(f"/v1/headers/{ORIGIN}", params={"from": tile * 256, "count": 256}))
    return size


def checked(answer: httpx.Response) -> httpx.Response:
    """Refuse an answer that is an error."""
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return answer


def tile_path(index: int) -> str:
    """Write a tile's index as tlog-tiles does."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def answers(client: httpx.Client) -> bool:
    """Tell whether the node is ready."""
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


def workers(pid: int) -> dict[str, float]:
    """Return how many child processes there are and the memory of the largest."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {"children": float(len(children)), "child_rss_mb": max(map(resident_mb, children), default=0.0)}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + READY_S
    while not condition():
        assert time.monotonic() < deadline, "the node did not get ready"
        time.sleep(0.01)


def growing(directory: Path, count: int) -> dict[str, float]:
    """Make a node with so many entries; return how many a second."""
    settings = create(directory)
    started = time.perf_counter()
    grow(settings, count, sign=True)
    took_s = time.perf_counter() - started
    return {"added": float(count), "seconds": took_s, "entries_per_s": count / took_s}


def staging(directory: Path) -> dict[str, float]:
    """Leave one entry staged and unsigned."""
    grow(load_settings(directory), 1, sign=False)
    return {}


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "grow": lambda directory, count: growing(Path(directory), int(count)),
    "stage": lambda directory: staging(Path(directory)),
    "open": lambda directory: opening(Path(directory)),
    "serve": lambda directory: serving(Path(directory)),
}


def in_process(task: str, *arguments: object) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--task", task, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    # log lines come before
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(options: argparse.Namespace, directory: Path) -> Iterator[tuple[str, Figures]]:
    """Run everything, one line of the table after the other."""
    for target in options.entries:
        # a node of its own each: a sweep looks at what came after the last one
        node = directory / f"node-{target}"
        node.mkdir()
        yield f"grow to {target}", in_process("grow", node, target)
        in_process("stage", node)
        yield f"first opening at {target}", in_process("open", node)
        later = []
        for _ in range(options.openings):
            in_process("stage", node)
            later.append(in_process("open", node))
        yield f"later openings at {target}", best_and_median(later)
        yield f"serving at {target}", in_process("serve", node)
        yield f"files at {target}", {f"{path.name}_mb": path.stat().st_size / 2**20 for path in sorted(node.glob("*.db"))}
        if options.keep_nodes is None:
            shutil.rmtree(node)
        else:
            shutil.move(node, options.keep_nodes)


def best_and_median(found: list[dict[str, float]]) -> dict[str, float]:
    """Return smallest and median of each figure."""
    best = {f"{name}_best": min(one[name] for one in found) for name in found[0]}
    return {**best, "signs_ms_median": statistics.median(one["signs_ms"] for one in found)}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=lambda text: [int(one) for one in text.split(",")], default=[100_000, 300_000])
    parser.add_argument("--openings", type=int, default=5, help="ordinary openings at each size")
    parser.add_argument("--dir", type=Path, help="where to write")
    parser.add_argument("--keep-nodes", type=Path, help="move the grown nodes there instead of removing them")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--task", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(TASKS[options.task[0]](*options.task[1:])))
        return
    about = machine(options.dir)
    results: dict[str, Figures] = {}
    with TemporaryDirectory(dir=options.dir, prefix="concord-bench-") as directory:
        for name, found in measure(options, Path(directory)):
            results[name] = found
            show(name, found)
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
