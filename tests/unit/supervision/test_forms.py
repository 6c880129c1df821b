from __future__ import annotations

from datetime import date

from node.domain.recognition import ItemCode, RegionCode
from node.supervision.liaoning import MODALITIES, LiaoningRow, liaoning_form
from node.supervision.time_to_anchor import AnchorDelay, AnchorDelays
from node.terminology.marks import Certificate, CertificateList
from tests.unit.supervision.world import CHINA, CT, START_MS, A, B, C, checked, figures_of, line, recognised, retrieved
from tests.unit.terminology import world


def form(*certificates: Certificate, day: date = date(2026, 11, 30)) -> dict[str | None, LiaoningRow]:
    figures = figures_of(
        [
            checked("1", line()),
            recognised("2", line()),
            checked("3", line(order="2", orderable="CHEST"), (CT,)),
            recognised("4", line(order="2", orderable="CHEST"), (CT,), saving=20000),
            checked("5", line(2, of=A, order="9")),
            recognised("6", line(2, of=A, order="9"), saving=100),
            retrieved("7"),
            retrieved("8", of=A, days=40),
        ]
    )
    documents = world.terminology(certificates=CertificateList(world.head(), certificates))
    return {row.institution: row for row in liaoning_form(figures, documents, "2026-11", day)}


def test_a_row_for_each_hospital_and_one_for_all() -> None:
    rows = form()
    assert list(rows) == [A, B, C, world.D, None]
    counts = {each.modality: (each.recognised, each.saving_fen) for each in rows[B].counts}
    assert counts == {"DR": (0, 0), "MR": (0, 0), "CT": (1, 20000), "LAB": (1, 5000)}
    assert tuple(counts) == MODALITIES
    assert (rows[B].recognised, rows[B].saving_fen, rows[B].retrievals) == (2, 25000, 1)
    assert (rows[None].recognised, rows[None].saving_fen, rows[None].retrievals, rows[None].zh) == (3, 25100, 1, "合计")
    assert (rows[A].institution_class, rows[A].recognition_required, rows[world.D].recognition_required) == ("3A", True, False)


def test_assessments_are_counted_by_level_and_valid_on_the_day() -> None:
    certificates = (
        world.certificate(B, world.ALT, world.COUNTRY),
        world.certificate(B, world.AST, world.COUNTRY, valid_to=date(2026, 11, 29)),
        world.certificate(B, world.GLU, world.COUNTRY, withdrawn=date(2026, 11, 30)),
        world.certificate(B, world.ALT, world.PROVINCE),
        world.certificate(B, world.CT, world.CITY),
        world.certificate(B, ItemCode("NEVER"), world.COUNTRY),
        world.certificate(B, world.ALT, RegionCode("XX")),
    )
    row = form(*certificates)[B]
    assert (row.national_eqa_items, row.provincial_eqa_items, row.imaging_qc_items) == (1, 1, 1)
    assert form(*certificates, day=date(2026, 11, 29))[B].national_eqa_items == 3


def test_time_to_anchor_is_exact_to_the_second() -> None:
    delays = AnchorDelays(CHINA)
    for seconds in range(1, 101):
        delays.take(A, START_MS, START_MS + seconds * 1000 - 1)
    delays.take(B, START_MS, START_MS - 5)  # a clock that is ahead
    assert delays.delay(A) == AnchorDelay(100, 50, 95, 100)
    assert delays.delay(A, "2026-11") == delays.delay(A)
    assert delays.delay(B) == AnchorDelay(1, 0, 0, 0)
    assert delays.delay() == AnchorDelay(101, 50, 95, 100)
    assert delays.delay(C) is None
    assert delays.delay(A, "2026-10") is None
