"""The check as a central PostgreSQL answers it: the results of all hospitals in one table, beside which `check` measures a node."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bench._checked_world import DAY_MS, ORDERED, PANELS, Results, documents, institution_of
from bench._grown_index import ENTRIES, Patient
from bench._latency import measure
from bench._report import Figures
from node.domain.recognition import ItemCode

CENTRAL_ITEMS = 4
"""Rows of the central table for each entry: a panel has so many items."""


class Central:
    """Everybody's results in one table."""

    _SCHEMA = (
        """CREATE TABLE results (patient int, item text, performed_at timestamptz, institution text, mark text, status text,
            unit text, value text, record uuid)""",
        """CREATE TABLE orderable_items (institution text, orderable text, item text, window_days int,
            PRIMARY KEY (institution, orderable, item))""",
        "CREATE TABLE checks (asked_at timestamptz DEFAULT now(), patient int, clinician text, encounter text, answer bytea)",
    )
    _ASK = sa.text(
        "SELECT o.orderable, r.item, r.institution, r.performed_at, r.mark, r.unit, r.record"
        " FROM orderable_items o JOIN results r ON r.item = o.item AND r.patient = :patient"
        " WHERE o.institution = :institution AND o.orderable = ANY(:orderables) AND r.status = 'final' AND r.mark <> ''"
        " AND r.performed_at > now() - make_interval(days => o.window_days) ORDER BY o.orderable, r.performed_at DESC"
    )
    _KEEP = sa.text("INSERT INTO checks (patient, clinician, encounter, answer) VALUES (:patient, 'b-17', :encounter, :answer)")

    _OWN = sa.text(
        "INSERT INTO results SELECT :patient, :item, now() - make_interval(secs => :days * 86400), :institution, '全国HR', 'final',"
        " 'mmol/L', '4.2', gen_random_uuid()"
    )
    _OTHERS = sa.text(
        "INSERT INTO results SELECT :after + n / :each, (CAST(:names AS text[]))[1 + n % :known],"
        " now() - make_interval(mins => n % 500000), 'hospital-' || n % :logs, '全国HR', 'final', 'mmol/L', '4.2',"
        " gen_random_uuid() FROM generate_series(1, :rows) n"
    )

    def __init__(self, engine: sa.Engine, options: argparse.Namespace) -> None:
        self._engine = engine
        self._patients = options.patients
        with engine.begin() as connection:
            for statement in self._SCHEMA:
                connection.execute(sa.text(statement))

    def fill(self, options: argparse.Namespace) -> None:
        """Insert the same results, and those of everybody else, eight entries each."""
        terminology = documents(1)
        panels = {each.code: each.items for each in terminology.maps[institution_of(0)].orderables}
        items = [{"o": panel, "i": item} for panel in {*ORDERED, *PANELS} for item in panels[panel]]
        results = Results(terminology)
        now_ms = datetime.now(UTC).timestamp() * 1000
        rows = [
            {
                "patient": number,
                "item": item,
                "days": (now_ms - results.content(Patient(number, (b"", b"")), entry).performed_at_ms) / DAY_MS,
                "institution": institution_of(entry),
            }
            for number in range(options.patients)
            for entry in range(ENTRIES)
            for item in panels[PANELS[entry % len(PANELS)]]
        ]
        names: list[ItemCode] = sorted({each.code for each in terminology.catalogue.items})
        others = {
            "after": options.patients,
            "each": ENTRIES * CENTRAL_ITEMS,
            "names": names,
            "known": len(names),
            "logs": options.logs,
            "rows": options.headers * CENTRAL_ITEMS,
        }
        orderables = sa.text("INSERT INTO orderable_items VALUES (:who, :o, :i, 30)")
        with self._engine.begin() as connection:
            connection.execute(orderables, [each | {"who": institution_of(0)} for each in items])
            connection.execute(self._OWN, rows)
            connection.execute(self._OTHERS, others)
            connection.execute(sa.text("CREATE INDEX ON results (patient, item, performed_at DESC)"))
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))

    def figures(self, asked: int) -> dict[str, Figures]:
        """Measure the question, and the question with a row that says that it was asked."""
        with self._engine.connect() as connection:

            def ask(number: int) -> list[Any]:
                values = {"patient": number % self._patients, "institution": institution_of(0), "orderables": list(ORDERED)}
                found = connection.execute(self._ASK, values).all()
                connection.rollback()
                return list(found)

            def ask_and_keep(number: int) -> None:
                answer = ask(number)
                connection.execute(
                    self._KEEP,
                    {"patient": number % self._patients, "encounter": f"encounter-{number}", "answer": repr(answer).encode()},
                )
                connection.commit()

            assert ask(0)
            return {"postgresql": measure(ask, asked), "postgresql_and_kept": measure(ask_and_keep, asked)}
