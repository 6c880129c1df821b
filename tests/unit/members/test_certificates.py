from tests.unit.members.patients import ACTOR
from pathlib import Path
from typer.testing import CliRunner
from node.cli.main import app
from tests.unit.members.certificates import *
from tests.unit.members.orders import *
def test_try(patient: Patient, tmp_path: Path) -> None:
    file_electrolytes(patient, status="preliminary")
    file_electrolytes(patient)
    answer = check(patient)
    patient.retrieve(patient.grant())
    (offer,) = answer.outcome.lines[0].offers
    decided= decide(patient, answer, Recognise((offer.leaf,)))
    number = f"E-{patient.number}-1"
    patient.neighbours.clock.advance(minutes=10)
    file_electrolytes(patient, identifier=[{"system": "urn:filler", "value": number}], status="corrected", conclusion="mended")
    recognition(patient.neighbours.there).deciding.reverse(OTHER, decided.decision_id, ACTOR)
    patient.neighbours.clock.advance(hours=1)
    recognition(patient.neighbours.there).leaves.step()
    data = export(patient.neighbours, decided.decision_id)
    f = tmp_path/"c.json"; f.write_bytes(data)
    for lang in ("en","zh"):
        r = CliRunner().invoke(app, ["verify", str(f), "--trust-root", str(patient.neighbours.there.directory/"trust-root.note"), "--lang", lang])
        print(r.output, r.exit_code)
    assert 0
