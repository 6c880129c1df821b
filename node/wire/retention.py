"""Retention periods, by region and kind of care, from `node/data/retention` (docs/spec/consent.md "Withdrawal")."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.domain.retention import Care, Retention
from node.errors import SettingsError

_VERSION: Final = 1
_YEARS = Annotated[int, Meta(ge=0, le=200)]


class _Years(msgspec.Struct, forbid_unknown_fields=True):
    outpatient: _YEARS
    inpatient: _YEARS


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    region: str
    years: _Years


def load_retention(region: str) -> Retention:
    """Read a region's periods.

    Raises:
        SettingsError: There is no such region, or its file is not one of this release.
    """
    folder = resources.files("node").joinpath("data", "retention")
    known = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    if region not in known:
        raise SettingsError(f"retention region {region!r}: there are {', '.join(known)}")
    try:
        parsed = tomllib.loads(folder.joinpath(f"{region}.toml").read_text("utf-8"))
        file = msgspec.convert(parsed, type=_File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"retention file {region}.toml: {error}") from error
    if file.version != _VERSION:
        raise SettingsError(f"retention file {region}.toml: version {file.version} is unknown")
    return Retention(region, {Care.OUTPATIENT: file.years.outpatient, Care.INPATIENT: file.years.inpatient})
