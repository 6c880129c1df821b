"""Units of results: UCUM, by ucumvert on pint. Two units are comparable if one converts into the other by a factor.

Arbitrary units ([IU], [arb'U]) are dimensions of their own to UCUM and mere numbers to pint: of units in brackets both
sides must hold the same ones, customary units such as [lb_av] among them, which results do not come in.
Amounts of mass and of substance (mg/dL, mmol/L) convert where the item states its molar mass. A scale with an offset or
a logarithm (Cel, [pH]) compares with itself only.

The library takes about two seconds to load its definitions: it is loaded when the first unit is looked at, which is when
a catalogue is prepared or checked, never at order time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

MAX_UNIT_CHARS: Final = 40

_BRACKETED: Final = re.compile(r"\[[^\[\]]*\]")
_ANNOTATION: Final = re.compile(r"\{[^{}]*\}")
_MASS: Final = "[mass]"
_SUBSTANCE: Final = "[substance]"
_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Measure:
    """What a unit measures; units of one measure convert into each other by a factor."""

    dimension: tuple[tuple[str, float], ...]
    """Base dimensions and their powers, sorted."""
    bracketed: tuple[str, ...]
    """Units in brackets that it holds, sorted."""


@lru_cache(maxsize=4096)
def measure_of(unit: str) -> Measure | None:
    """Return what a UCUM unit measures; None where it is no UCUM unit, or has no factor."""
    if not unit or len(unit) > MAX_UNIT_CHARS or not unit.isascii() or not unit.isprintable():
        return None
    if not _ANNOTATION.sub("", unit):
        return Measure((), ())  # an annotation alone is the unit 1
    with _LOCK:
        dimension = _dimension(unit)
    if dimension is None:
        return None
    bracketed = sorted(each.replace("[iU]", "[IU]") for each in _BRACKETED.findall(_ANNOTATION.sub("", unit)))
    return Measure(tuple(sorted(dimension.items())), tuple(bracketed))


def is_ucum(unit: str) -> bool:
    """Tell whether a text is a unit of UCUM, with a factor or without one."""
    if measure_of(unit) is not None:
        return True
    with _LOCK:
        return 0 < len(unit) <= MAX_UNIT_CHARS and _is_parsed(unit)


def are_comparable(unit: str, other: str, molar_mass: str = "") -> bool:
    """Tell whether results in two UCUM units can be compared.

    Args:
        unit: A unit.
        other: The other.
        molar_mass: g/mol where mass and substance of the item convert into each other; else empty.
    """
    if unit == other:
        return bool(unit)
    one, two = measure_of(unit), measure_of(other)
    if one is None or two is None or one.bracketed != two.bracketed:
        return False
    return one == two or (bool(molar_mass) and _as_substance(one) == _as_substance(two))


def _as_substance(measure: Measure) -> tuple[tuple[str, float], ...]:
    """Replace one power of mass above the line by one of substance."""
    powers = dict(measure.dimension)
    if powers.get(_MASS) == 1 and _SUBSTANCE not in powers:
        powers[_SUBSTANCE] = powers.pop(_MASS)
    return tuple(sorted(powers.items()))


def _dimension(unit: str) -> dict[str, float] | None:
    """Parse a unit; None for anything that the library does not take, or takes as a scale without a factor."""
    try:
        quantity = _parser()(unit)
        if not quantity._is_multiplicative:  # noqa: SLF001 - pint has no public name for it
            return None
        return {str(name): float(power) for name, power in quantity.dimensionality.items()}
    except Exception:  # noqa: BLE001 - the parser raises errors of three libraries, some of them AttributeError
        return None


def _is_parsed(unit: str) -> bool:
    from lark.exceptions import LarkError  # noqa: PLC0415 - comes with ucumvert
    from ucumvert import InvalidUcumError, get_ucum_parser  # noqa: PLC0415 - as `_parser`

    try:
        get_ucum_parser().parse(unit)
    except (InvalidUcumError, LarkError):
        return False
    return True


@cache
def _parser() -> Callable[[str], Any]:
    from ucumvert import PintUcumRegistry  # noqa: PLC0415 - two seconds; only where a unit is looked at

    # no cache folder: a node writes nowhere but into its own directory
    parse: Callable[[str], Any] = PintUcumRegistry(cache_folder=None).from_ucum
    return parse
