from tests.unit.members.certificates import *
def test_try(patient: Patient) -> None:
    answer, decided = recognise(patient)
    data = export(patient.neighbours, decided.decision_id)
    print(len(data))
    v = verify(patient.neighbours, parse_certificate(data))
    print(v)
    assert 0
