from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.entry import EntryType
from node.errors import (
    BodySealError,
    MalformedBodyError,
    MisplacedManifestError,
    PartNotCommittedError,
    UnknownFormatError,
    UnknownPartError,
)
from node.wire.commitment import (
    BodyPart,
    DisclosedPart,
    PartLike,
    commit,
    commitment_value,
    disclose_parts,
    encode_parts,
    open_body,
    parse_parts,
    part_leaf,
    part_salt,
    seal_body,
    verify_parts,
)
from node.wire.manifest import manifest_part, parse_manifest
from node.wire.opening import check_manifest
from tests.unit.wire_formats.samples import ORIGIN, OTHER_ORIGIN, PARTS, SECRET, prepared

RECORD = prepared()
EVERYTHING = (manifest_part(RECORD.manifest), *PARTS)
COUNT = len(EVERYTHING)


def disclosed(*numbers: int) -> tuple[DisclosedPart, ...]:
    return disclose_parts(SECRET, EVERYTHING, numbers)


def test_chosen_parts_open_the_commitment_and_others_stay_closed() -> None:
    parts = disclosed(3, 0, 3)
    verify_parts(RECORD.commitment, COUNT, parts)
    assert [part.number for part in parts] == [0, 3]
    shown = b"".join([part.salt + b"".join(part.proof) for part in parts])
    for hidden in (1, 2, 4):
        assert part_salt(SECRET, hidden) not in shown
        assert EVERYTHING[hidden].content not in b"".join(part.content for part in parts)


def test_equal_parts_do_not_show_as_equal() -> None:
    """Salts differ: whoever knows one value of a panel cannot look for it among the closed parts."""
    same: list[PartLike] = [EVERYTHING[0], PARTS[2], PARTS[2]]
    one, other = disclose_parts(SECRET, same, (1, 2))
    assert one.salt != other.salt
    assert part_leaf(one.salt, 1, one) != part_leaf(one.salt, 2, other) != part_leaf(other.salt, 2, other)
    assert commit(SECRET, same).value != commit(bytes(32), same).value


@pytest.mark.parametrize("number", [-1, COUNT, 1000])
def test_parts_that_are_not_there_cannot_be_disclosed(number: int) -> None:
    with pytest.raises(UnknownPartError):
        disclosed(0, number)


def test_the_number_of_parts_is_bound() -> None:
    for count in (1, COUNT - 1, COUNT + 1, 2 * COUNT):
        with pytest.raises(PartNotCommittedError):
            verify_parts(RECORD.commitment, count, disclosed(0))
    root = commit(SECRET, EVERYTHING).root
    assert commitment_value(COUNT, root) != commitment_value(COUNT + 1, root)


def test_the_order_of_parts_is_bound() -> None:
    swapped = (EVERYTHING[0], EVERYTHING[2], EVERYTHING[1], *EVERYTHING[3:])
    assert commit(SECRET, swapped).value != RECORD.commitment
    one, other = disclosed(1, 2)
    with pytest.raises(PartNotCommittedError):
        verify_parts(RECORD.commitment, COUNT, [replace(one, number=2), replace(other, number=1)])


@pytest.mark.parametrize(
    "forged",
    [
        replace(disclosed(2)[0], full_url="urn:uuid:p"),
        replace(disclosed(2)[0], full_url=""),
        replace(disclosed(2)[0], media_type="application/json"),
        replace(disclosed(2)[0], content=EVERYTHING[2].content + b" "),
        replace(disclosed(2)[0], salt=bytes(32)),
        replace(disclosed(2)[0], salt=b"short"),
        replace(disclosed(2)[0], number=3),
        replace(disclosed(2)[0], number=-1),
        replace(disclosed(2)[0], proof=disclosed(2)[0].proof[:-1]),
        replace(disclosed(2)[0], proof=(*disclosed(2)[0].proof, bytes(32))),
        replace(disclosed(2)[0], proof=disclosed(2)[0].proof[::-1]),
        replace(disclosed(2)[0], proof=(b"short", *disclosed(2)[0].proof[1:])),
        replace(disclosed(2)[0], proof=()),
    ],
)
def test_a_forged_part_is_refused_with_its_number(forged: DisclosedPart) -> None:
    with pytest.raises(PartNotCommittedError) as caught:
        verify_parts(RECORD.commitment, COUNT, [*disclosed(0), forged])
    assert caught.value.number == forged.number


def test_nothing_proves_nothing() -> None:
    with pytest.raises(PartNotCommittedError):
        verify_parts(RECORD.commitment, COUNT, [])


def test_bytes_cannot_move_between_a_parts_fields() -> None:
    """Lengths stand before media type and fullUrl: ("ab", "c") is not ("a", "bc")."""
    salt = bytes(32)
    leaves = {
        part_leaf(salt, 1, BodyPart(media_type, full_url, content))
        for media_type, full_url, content in (("ab", "c", b"d"), ("a", "bc", b"d"), ("ab", "", b"cd"), ("abc", "", b"d"))
    }
    assert len(leaves) == 4


def test_what_the_formats_have_no_room_for_is_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        commit(SECRET, [BodyPart("x" * 65_536, "", b"")])
    with pytest.raises(ValueError, match="65535"):
        encode_parts([BodyPart("", "医" * 21_846, b"")])
    with pytest.raises(ValueError, match="32 bytes"):
        commit(b"short", EVERYTHING)
    with pytest.raises(ValueError, match="1 to"):
        commit(SECRET, [])


# The body


def test_the_body_opens_with_the_secret_and_only_with_it() -> None:
    assert open_body(SECRET, RECORD.sealed_body, RECORD.commitment).parts[1].content == PARTS[0].content
    with pytest.raises(BodySealError):
        open_body(bytes(32), RECORD.sealed_body, RECORD.commitment)
    with pytest.raises(BodySealError):
        open_body(b"", RECORD.sealed_body, RECORD.commitment)


def test_the_body_belongs_to_its_commitment() -> None:
    other = commit(SECRET, EVERYTHING[:2]).value
    with pytest.raises(BodySealError):
        open_body(SECRET, RECORD.sealed_body, other)
    lying = seal_body(SECRET, other, EVERYTHING)
    with pytest.raises(PartNotCommittedError):
        open_body(SECRET, lying, other)


def test_every_changed_byte_of_a_body_is_noticed() -> None:
    for at in range(1, len(RECORD.sealed_body)):
        changed = bytearray(RECORD.sealed_body)
        changed[at] ^= 1
        with pytest.raises(BodySealError):
            open_body(SECRET, bytes(changed), RECORD.commitment)


@pytest.mark.parametrize("sealed", [b"", b"\x00" * 40, b"\x02" + RECORD.sealed_body[1:]])
def test_unknown_bodies_are_refused_by_name(sealed: bytes) -> None:
    with pytest.raises(UnknownFormatError, match="body version"):
        open_body(SECRET, sealed, RECORD.commitment)


@pytest.mark.parametrize("length", [1, 12, 13, 28])
def test_cut_bodies_are_refused(length: int) -> None:
    with pytest.raises(BodySealError):
        open_body(SECRET, RECORD.sealed_body[:length], RECORD.commitment)


def test_nonces_are_fresh() -> None:
    assert seal_body(SECRET, RECORD.commitment, EVERYTHING) != seal_body(SECRET, RECORD.commitment, EVERYTHING)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(3),
        bytes(4),
        b"\xff" * 4,
        encode_parts(EVERYTHING)[:-1],
        encode_parts(EVERYTHING) + b"\0",
        b"\0\0\0\1" + b"\0\1\xff" + b"\0\0" + b"\0\0\0\0",
    ],
)
def test_what_does_not_encode_parts_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse_parts(data)


# The manifest, beside leaf and parts

MANIFEST = parse_manifest(RECORD.manifest)
OPENED = {part.number: part for part in disclosed(*range(COUNT))}


def test_a_manifest_fits_its_log_leaf_and_parts() -> None:
    check_manifest(MANIFEST, origin=ORIGIN, entry_type=EntryType.RECORD, parts=OPENED)
    assert MANIFEST.identity == RECORD.identity
    assert MANIFEST.count == COUNT


def test_a_commitment_lifted_into_another_log_is_refused() -> None:
    with pytest.raises(MisplacedManifestError) as caught:
        check_manifest(MANIFEST, origin=OTHER_ORIGIN, entry_type=EntryType.RECORD, parts={})
    assert (caught.value.what, caught.value.stated, caught.value.found) == ("origin", ORIGIN, OTHER_ORIGIN)


def test_a_commitment_under_another_type_of_leaf_is_refused() -> None:
    with pytest.raises(MisplacedManifestError, match="entry type"):
        check_manifest(MANIFEST, origin=ORIGIN, entry_type=EntryType.WITHDRAWAL, parts={})


@pytest.mark.parametrize(
    ("number", "part", "what"),
    [
        (1, PARTS[0]._replace(content=b"{}"), "bytes of part 1"),
        (1, PARTS[0]._replace(media_type="text/html"), "media type of part 1"),
        (0, PARTS[0], "media type of part 0"),
        (COUNT, PARTS[0], "number of parts"),
        (-1, PARTS[0], "number of parts"),
    ],
)
def test_a_manifest_that_describes_other_parts_is_refused(number: int, part: PartLike, what: str) -> None:
    with pytest.raises(MisplacedManifestError, match=what):
        check_manifest(MANIFEST, origin=ORIGIN, entry_type=EntryType.RECORD, parts={number: part})
