from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from node.errors import MalformedManifestError, UnknownFormatError
from node.wire.manifest import encode_manifest, parse_manifest
from tests.unit.wire_formats.samples import AMENDMENT, prepared

MANIFEST = prepared(assignment=AMENDMENT).manifest

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    tree = json.loads(MANIFEST)
    change(tree)
    return json.dumps(tree).encode()


def test_round_trip() -> None:
    assert encode_manifest(parse_manifest(MANIFEST)) == MANIFEST


def test_it_need_not_be_written_as_we_write_it() -> None:
    tree = json.loads(MANIFEST)
    other = json.dumps(dict(reversed(tree.items())), indent=2).encode()
    assert parse_manifest(other) == parse_manifest(MANIFEST)


@pytest.mark.parametrize("key", list(json.loads(MANIFEST)))
def test_every_field_is_needed(key: str) -> None:
    with pytest.raises(MalformedManifestError):
        parse_manifest(changed(lambda tree: tree.pop(key)))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda tree: tree.update(more=1), id="unknown field"),
        pytest.param(lambda tree: tree["identity"].update(more=1), id="unknown field of the identity"),
        pytest.param(lambda tree: tree["parts"][0].update(more=1), id="unknown field of a part"),
        pytest.param(lambda tree: tree["supersedes"].update(index=1), id="unknown field of the reference"),
        pytest.param(lambda tree: tree.update(format="concord/other"), id="another format"),
        pytest.param(lambda tree: tree.update(version="2"), id="a number as text"),
        pytest.param(lambda tree: tree.update(version=2.0), id="a number with a fraction"),
        pytest.param(lambda tree: tree.update(version=True), id="a boolean for a number"),
        pytest.param(lambda tree: tree.update(version=0), id="a record without version"),
        pytest.param(lambda tree: tree.update(version=-1), id="a negative version"),
        pytest.param(lambda tree: tree.update(identity=None), id="a version without identity"),
        pytest.param(lambda tree: tree.update(origin=""), id="no origin"),
        pytest.param(lambda tree: tree.update(origin=None), id="null origin"),
        pytest.param(lambda tree: tree.update(kind=""), id="no kind"),
        pytest.param(lambda tree: tree.update(count=4), id="count of fewer parts"),
        pytest.param(lambda tree: tree.update(count=6), id="count of more parts"),
        pytest.param(lambda tree: tree["parts"].pop(), id="fewer parts than counted"),
        pytest.param(lambda tree: tree.update(patient_part=0), id="the manifest as patient"),
        pytest.param(lambda tree: tree.update(patient_part=5), id="a patient part that is not there"),
        pytest.param(lambda tree: tree["parts"][0].update(length_bytes=-1), id="negative length"),
        pytest.param(lambda tree: tree["parts"][0].update(media_type=""), id="no media type"),
        pytest.param(lambda tree: tree["supersedes"].update(leaf_hash="00" * 31), id="short hash"),
        pytest.param(lambda tree: tree["supersedes"].update(leaf_hash="AA" * 32), id="hash in capitals"),
        pytest.param(lambda tree: tree["supersedes"].update(leaf_hash="00" * 32 + "\n"), id="hash and line feed"),
        pytest.param(lambda tree: tree.update(performed_at_ms=2**54), id="a time beyond exact doubles"),
    ],
)
def test_what_is_no_manifest_is_refused(change: Change) -> None:
    with pytest.raises(MalformedManifestError):
        parse_manifest(changed(change))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda tree: tree.update(format_version=2, more=1), "manifest version"),
        (lambda tree: tree.update(entry_type=13), "manifest entry type"),
    ],
)
def test_the_unknown_is_refused_by_name(change: Change, name: str) -> None:
    with pytest.raises(UnknownFormatError, match=name):
        parse_manifest(changed(change))


def test_duplicate_keys_are_refused() -> None:
    with pytest.raises(MalformedManifestError, match="/origin"):
        parse_manifest(MANIFEST[:-1] + b',"origin":"hospital-b.example/log"}')


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", MANIFEST[:-1], MANIFEST + b"x", b"\xff"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedManifestError):
        parse_manifest(data)


def test_an_endless_one_is_not_read() -> None:
    with pytest.raises(MalformedManifestError, match="the limit"):
        parse_manifest(MANIFEST + b" " * (16 * 1024 * 1024))
