from __future__ import annotations

import pytest

from node.domain.entry import Origin
from node.domain.patient import PatientKeys, PatientPublicKeys, PatientSeed
from node.errors import MalformedPatientCodeError, MalformedPatientKeysError, UnknownFormatError
from node.identity.code_text import PatientCard, encode_card, parse_card
from node.identity.codes import (
    draw_seed,
    epoch_key,
    exchange_private_key,
    keys_of_seed,
    patient_code,
    person_pseudonym,
    public_keys,
)
from node.identity.hkdf import hkdf_expand
from node.identity.sealed import encode_patient_keys, parse_patient_keys
from node.wire.locator import locator_tag, pairwise_key, random_tag

SEED = PatientSeed(bytes(range(32)))
SECRETS = {1: b"1" * 32, 2: b"2" * 32}
CARD = encode_card(PatientCard(patient_code(SEED), public_keys(SEED)))


def test_what_a_hospital_keeps_of_a_registered_patient_is_not_the_code() -> None:
    keys = keys_of_seed(SEED, SECRETS, provisional=False, regulator_id="regulator.example")
    encoded = encode_patient_keys(keys)
    assert keys.provisional_code is None
    assert bytes(patient_code(SEED)) not in encoded
    assert bytes(SEED) not in encoded
    assert keys.pseudonym == person_pseudonym(patient_code(SEED), "regulator.example")
    assert set(keys.epoch_keys) == {1, 2}


def test_a_provisional_code_is_kept_until_it_is_handed_over() -> None:
    keys = keys_of_seed(SEED, SECRETS, provisional=True)
    assert keys.provisional_code == patient_code(SEED)
    assert keys.pseudonym is None


def test_every_derived_value_is_another() -> None:
    code, keys = patient_code(SEED), keys_of_seed(SEED, SECRETS, provisional=True)
    values = [SEED, code, exchange_private_key(SEED), keys.exchange_public_key, keys.signing_public_key]
    values += [*keys.epoch_keys.values(), person_pseudonym(code, "a"), person_pseudonym(code, "b")]
    values += [epoch_key(code, SECRETS[1], 2), epoch_key(code, SECRETS[2], 1)]
    assert len(set(values)) == len(values)


def test_seeds_are_random() -> None:
    assert draw_seed() != draw_seed()
    assert draw_seed(bytes) == bytes(32)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="seed has 32"):
        patient_code(PatientSeed(b"short"))
    with pytest.raises(ValueError, match="locator secret"):
        epoch_key(patient_code(SEED), b"short", 1)
    with pytest.raises(ValueError, match="at least one epoch key"):
        keys_of_seed(SEED, {}, provisional=True)
    with pytest.raises(ValueError, match="HKDF"):
        hkdf_expand(SEED, b"", 8161)
    with pytest.raises(ValueError, match="public keys have 32"):
        PatientPublicKeys(bytes(31), bytes(32))
    with pytest.raises(ValueError, match="unsigned 32-bit"):
        PatientKeys({-1: bytes(32)}, bytes(32), bytes(32), None, None)


# Kept keys

KEYS = keys_of_seed(SEED, SECRETS, provisional=True, regulator_id="r")
ENCODED = encode_patient_keys(KEYS)


@pytest.mark.parametrize("provisional", [True, False])
@pytest.mark.parametrize("regulator", [None, "regulator.example"])
def test_kept_keys_round_trip(regulator: str | None, *, provisional: bool) -> None:
    keys = keys_of_seed(SEED, SECRETS, provisional=provisional, regulator_id=regulator)
    assert parse_patient_keys(encode_patient_keys(keys)) == keys


@pytest.mark.parametrize(
    "data",
    [
        ENCODED[:1],
        ENCODED[:50],
        ENCODED[:-1],
        ENCODED + b"\0",
        b"\x01\x04" + ENCODED[2:],
        b"\x01\x00" + ENCODED[2:],
        ENCODED[:130] + b"\0\0",
        ENCODED[:132] + ENCODED[168:204] + ENCODED[132:168],
        ENCODED[:132] + ENCODED[132:168] * 2,
    ],
)
def test_what_is_no_kept_key_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedPatientKeysError):
        parse_patient_keys(data)


@pytest.mark.parametrize("data", [b"", b"\x02" + ENCODED[1:]])
def test_unknown_kept_keys_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(UnknownFormatError, match="patient keys version"):
        parse_patient_keys(data)


# The QR code's text


def test_a_card_fits_the_alphanumeric_set_and_never_holds_the_seed() -> None:
    assert set(CARD) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:")
    assert len(CARD) == 169
    assert parse_card(CARD) == PatientCard(patient_code(SEED), public_keys(SEED))


@pytest.mark.parametrize(
    "text",
    ["", "CONCORD1", "CONCORD1:", CARD[:-1], CARD + "A", CARD.lower(), " " + CARD, CARD + "\n", CARD.replace(":", " ")],
)
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(MalformedPatientCodeError) as caught:
        parse_card(text)
    assert CARD[20:40] not in str(caught.value)


def test_a_misread_character_is_noticed() -> None:
    for at in range(len("CONCORD1:"), len(CARD)):
        misread = CARD[:at] + ("B" if CARD[at] == "A" else "A") + CARD[at + 1 :]
        with pytest.raises(MalformedPatientCodeError, match="checksum"):
            parse_card(misread)


def test_unknown_cards_are_refused_by_name() -> None:
    with pytest.raises(UnknownFormatError, match="patient code version"):
        parse_card(CARD.replace("CONCORD1:", "CONCORD2:"))


# Locator


def test_tags_differ_by_log_class_counter_and_epoch() -> None:
    origins = (Origin("a"), Origin("b"))
    keys = list(KEYS.epoch_keys.values())
    tags = {locator_tag(key, o, c, i) for key in keys for o in origins for c in (0, 1) for i in range(3)}
    assert len(tags) == len(keys) * 2 * 2 * 3
    assert random_tag() != random_tag()


@pytest.mark.parametrize(("key", "origin", "tag_class"), [(b"short", "a", 0), (bytes(32), "a", 2), (bytes(32), "a\0b", 0)])
def test_tags_need_sound_input(key: bytes, origin: str, tag_class: int) -> None:
    with pytest.raises(ValueError, match="a tag needs"):
        locator_tag(key, Origin(origin), tag_class, 0)


def test_institution_and_patient_share_a_key_that_others_do_not_have() -> None:
    institution, other = PatientSeed(b"i" * 32), PatientSeed(b"o" * 32)
    shared = pairwise_key(exchange_private_key(institution), KEYS.exchange_public_key)
    assert shared == pairwise_key(exchange_private_key(SEED), public_keys(institution).exchange)
    assert shared != pairwise_key(exchange_private_key(other), KEYS.exchange_public_key)
    with pytest.raises(ValueError, match="32 bytes"):
        pairwise_key(b"short", KEYS.exchange_public_key)
