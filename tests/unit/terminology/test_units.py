from __future__ import annotations

import pytest

from node.terminology.units import MAX_UNIT_CHARS, are_comparable, is_ucum


@pytest.mark.parametrize(
    ("unit", "other", "molar_mass"),
    [
        ("U/L", "U/L", ""),
        ("g/dL", "g/L", ""),
        ("10*3/uL", "10*9/L", ""),
        ("10*3/uL", "/nL", ""),
        ("%", "L/L", ""),
        ("meq/L", "mmol/L", ""),
        ("m[iU]/L", "u[IU]/mL", ""),
        ("{INR}", "1", ""),
        ("mL/min/{1.73_m2}", "mL/min", ""),
        ("mg/dL", "mmol/L", "180.16"),
        ("ug/dL", "umol/L", "55.845"),
        ("[pH]", "[pH]", ""),
    ],
)
def test_units_that_compare(unit: str, other: str, molar_mass: str) -> None:
    assert are_comparable(unit, other, molar_mass)
    assert are_comparable(other, unit, molar_mass)


@pytest.mark.parametrize(
    ("unit", "other", "molar_mass"),
    [
        ("mg/dL", "mmol/L", ""),  # mass and substance: only through a molar mass
        ("U/L", "[IU]/L", ""),  # katal and an arbitrary unit
        ("[IU]/L", "10*9/L", ""),  # both mere numbers to pint
        ("[IU]/mL", "[arb'U]/mL", ""),
        ("mg/L", "mg/g", ""),
        ("mg/dL", "U/L", "180.16"),
        ("g/L", "s", ""),
        ("Cel", "K", ""),  # an offset is no factor
        ("nonsense", "mg/L", ""),
        ("", "mg/L", ""),
        ("", "", ""),
    ],
)
def test_units_that_do_not_compare(unit: str, other: str, molar_mass: str) -> None:
    assert not are_comparable(unit, other, molar_mass)
    assert not are_comparable(other, unit, molar_mass)


def test_what_a_unit_of_ucum_is() -> None:
    assert all(is_ucum(each) for each in ("mg/dL", "[pH]", "10*9/L", "{ratio}", "Cel", "1"))
    assert not any(is_ucum(each) for each in ("", "mEq/L", "x10^9/L", "mmol/升", "m" * (MAX_UNIT_CHARS + 1), "mg/dL\n"))
