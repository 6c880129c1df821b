"""`concord audit export`: everything that a regulator's node tells, as one SQLite file to be asked in SQL.

Tables with foreign keys, full-text search over findings and institutions, and views. The shipped metadata file explains
them in Datasette. What an export holds is told, not proved: leaf hashes lead back to proofs (`concord audit evidence`).
Left out: names of patients and clinicians, and contents of records, which the node does not tell either.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from node.cli.api_client import ApiClient
from node.cli.audit.export_views import VIEWS
from node.cli.audit.report import all_findings
from node.cli.failures import UsageError
from node.cli.files import write_file
from node.cli.options import Language
from node.cli.output import progress, show
from node.cli.patient.words import describe_code
from node.cli.texts import load_texts
from node.supervision.tallies import Dimension

if TYPE_CHECKING:
    from sqlite_utils import Database

METADATA: Final = Path(__file__).parents[2] / "data" / "datasette-metadata.json"
"""Explains an export that is called `concord.sqlite`; part of the package, like its code."""

_PAGE: Final = 1000
_PRIVATE_MODE: Final = 0o600
_NAMED_IN_METADATA: Final = "concord"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What to export."""

    first: str | None
    """First month of figures by month; None: of all time only."""
    last: str | None
    """Last month."""

    def periods(self) -> list[dict[str, str]]:
        """Return the parameters of each request for figures: all time, and the months."""
        months = {name: value for name, value in (("from", self.first), ("to", self.last)) if value is not None}
        return [{}, months] if months else [{}]


def export(url: str, api_key: str, output: Path, metadata: Path | None, query: ExportQuery, *, as_json: bool) -> None:
    """Write an export, and the metadata file for its name.

    Raises:
        UsageError: The file is there.
    """
    with ApiClient(url, api_key) as client:
        counts = write_export(client, output, query, quiet=as_json)
    written = [str(output)]
    if metadata is not None:
        write_file(metadata, metadata_for(output.stem))
        written.append(str(metadata))
    show({"written": written, "rows": counts}, as_json=as_json)


def write_export(client: ApiClient, output: Path, query: ExportQuery, *, quiet: bool) -> dict[str, int]:
    """Write an export, and return how many rows each table has.

    Raises:
        UsageError: The file is there.
    """
    if output.exists():
        raise UsageError(f"{output} is there; name a new file, or remove that one")
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    # created first, so that nobody else can read what is written into it
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE))
    try:
        counts = _fill(temporary, client, query, quiet=quiet)
        temporary.replace(output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return counts


def metadata_for(database: str) -> bytes:
    """Return the metadata file for an export of this name."""
    document = json.loads(METADATA.read_bytes())
    document["databases"] = {database: document["databases"][_NAMED_IN_METADATA]}
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _fill(path: Path, client: ApiClient, query: ExportQuery, *, quiet: bool) -> dict[str, int]:
    # imported here: it imports pluggy and more, and no other command needs it
    from sqlite_utils import Database

    institutions = client.get_json("/v1/supervision/institutions")["institutions"]
    database = Database(path)
    try:
        _institutions(database, institutions)
        total = sum(log["entries"] for each in institutions for log in each["logs"])
        with progress("entries", total, quiet=quiet) as advance:
            for each in institutions:
                for log in each["logs"]:
                    _entries(database, each["institution"], _pages(client, log["origin"], advance))
        _findings(database, all_findings(client, {}))
        _figures(database, client, query)
        for name, sql in VIEWS.items():
            database.create_view(name, sql)
        return {name: database[name].count for name in sorted(TABLES)}
    finally:
        database.close()


def _pages(client: ApiClient, origin: str, advance: Callable[[int], None]) -> Iterator[list[Row]]:
    start: int | None = 0
    while start is not None:
        page = client.get_json("/v1/supervision/entries", {"origin": origin, "start": start, "limit": _PAGE})
        advance(len(page["entries"]))
        yield [{"origin": origin, **entry} for entry in page["entries"]]
        start = page["next_start"]


TABLES: Final[Mapping[str, Mapping[str, type]]] = {
    "institutions": {"institution": str, "name": str, "name_en": str, "roles": str, "region": str, "institution_class": str},
    "logs": {"origin": str, "institution": str, "entries": int, "frozen": int},
    "entries": {
        "entry": str, "origin": str, "leaf_index": int, "entry_type": str, "leaf_hash": str, "claimed_at": str, "seen_at": str,
    },
    "receipts": {
        "entry": str, "institution": str, "request_id": str, "side": str, "counterpart": str, "asked_by": str, "purpose": str,
        "outcome": str, "occurred_at": str,
    },
    "findings": {
        "finding": str, "code": str, "severity": str, "zh": str, "en": str, "subject": str, "institutions": str, "raised_at": str,
        "settled_at": str,
    },
    "finding_institutions": {"finding": str, "institution": str},
    "finding_entries": {"finding": str, "entry": str, "tree_size": int},
    "figures": {
        "dimension": str, "value": str, "period": str, "opportunities": int, "recognised": int, "reordered": int,
        "without_reason": int, "persons": int, "persons_recognised": int, "saving_fen": int, "cancelled_fen": int, "own": int,
        "own_recognised": int, "unchecked": int, "reversed": int, "retrievals": int,
    },
    "time_to_anchor": {
        "institution": str, "period": str, "entries": int, "median_s": int, "p95_s": int, "longest_s": int,
    },
}  # fmt: skip
"""Tables and their columns."""

_KEYS: Final[Mapping[str, str | tuple[str, ...]]] = {
    "institutions": "institution",
    "logs": "origin",
    "entries": "entry",
    "receipts": "entry",
    "findings": "finding",
    "finding_institutions": ("finding", "institution"),
    "finding_entries": ("finding", "entry"),
    "figures": ("dimension", "value", "period"),
    "time_to_anchor": ("institution", "period"),
}
_FOREIGN: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "logs": [("institution", "institutions", "institution")],
    "entries": [("origin", "logs", "origin")],
    "receipts": [("entry", "entries", "entry"), ("institution", "institutions", "institution")],
    "finding_institutions": [("finding", "findings", "finding"), ("institution", "institutions", "institution")],
    "finding_entries": [("finding", "findings", "finding"), ("entry", "entries", "entry")],
}
_SEARCHED: Final[Mapping[str, Sequence[str]]] = {
    "institutions": ["institution", "name", "name_en"],
    "findings": ["code", "zh", "en", "subject", "institutions"],
}
_INDEXED: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "entries": [["origin", "leaf_index"], ["leaf_hash"]],
    "receipts": [["request_id"]],
    "findings": [["code"]],
}


def _create(database: Database) -> None:
    for name, columns in TABLES.items():
        table = database.table(name)
        table.create(dict(columns), pk=_KEYS[name], foreign_keys=list(_FOREIGN.get(name, ())))
        for indexed in _INDEXED.get(name, ()):
            table.create_index(list(indexed))
        if name in _SEARCHED:
            # runs of three characters: Chinese has no blanks between words
            table.enable_fts(list(_SEARCHED[name]), create_triggers=True, tokenize="trigram")


def _institutions(database: Database, institutions: Sequence[Mapping[str, Any]]) -> None:
    _create(database)
    columns = TABLES["institutions"]
    database.table("institutions").insert_all(
        {**{name: each[name] for name in columns}, "roles": ", ".join(each["roles"])} for each in institutions
    )
    database.table("logs").insert_all(
        {**log, "frozen": int(log["frozen"]), "institution": each["institution"]} for each in institutions for log in each["logs"]
    )


def _entries(database: Database, institution: str, pages: Iterator[list[Row]]) -> None:
    for page in pages:
        receipts = []
        for entry in page:
            receipt = entry.pop("receipt")
            entry["entry"] = f"{entry['origin']}#{entry['leaf_index']}"
            if receipt is not None:
                receipts.append({"entry": entry["entry"], "institution": institution, **receipt})
        database.table("entries").insert_all(page)
        database.table("receipts").insert_all(receipts)


def _findings(database: Database, findings: Sequence[Row]) -> None:
    zh, en = load_texts(Language.ZH), load_texts(Language.EN)
    for each in findings:
        row = {
            "finding": each["finding_id"],
            "zh": describe_code(each["code"], each["values"], zh),
            "en": describe_code(each["code"], each["values"], en),
            "institutions": ", ".join(each["institutions"]),
        }
        row |= {name: each[name] for name in ("code", "severity", "subject", "raised_at", "settled_at")}
        database.table("findings").insert(row)
        blamed = [{"finding": each["finding_id"], "institution": name} for name in each["institutions"]]
        database.table("finding_institutions").insert_all(blamed)
        places = {f"{place['origin']}#{place['leaf_index']}": place["tree_size"] for place in each["entries"]}
        shown = [{"finding": each["finding_id"], "entry": entry, "tree_size": size} for entry, size in places.items()]
        database.table("finding_entries").insert_all(shown)


def _figures(database: Database, client: ApiClient, query: ExportQuery) -> None:
    for period in query.periods():
        for dimension in Dimension:
            answer = client.get_json("/v1/supervision/figures", {**period, "by": dimension.value})
            columns = list(TABLES["figures"])[1:]
            database.table("figures").insert_all(
                {"dimension": dimension.value, **{name: row[name] for name in columns}} for row in answer["rows"]
            )
            if dimension is Dimension.ALL:
                delays = [{**row, "institution": row["institution"] or ""} for row in answer["time_to_anchor"]]
                database.table("time_to_anchor").insert_all(delays)
