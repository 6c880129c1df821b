from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.notes import NoteSigner, encode_verifier_key, sign_note
from node.domain.trust import Closure, Finality, TrustRoot, ValidatorCheckpoint
from node.errors import (
    MalformedTrustRootError,
    TrustRootExpiredError,
    TrustRootSerialError,
    TrustRootSignatureError,
    UnknownFormatError,
)
from node.wire.trust_root import (
    add_trust_root_signatures,
    parse_trust_root,
    sign_trust_root,
    update_trust_root,
    verify_trust_root,
)
from tests.unit.evidence_verify.world import COSIGNERS, INSTITUTIONS, SIGNERS, A, B, make_root

ROOT = make_root()
STRANGERS = [NoteSigner.from_seed(f"stranger-{n}.example", bytes([90 + n]) * 32) for n in range(3)]


def full_root() -> TrustRoot:
    chain = replace(
        ROOT.chain,
        finality=Finality(12),
        validators=ValidatorCheckpoint(100, b"\x05" * 32, (b"\x06" * 20, b"\x07" * 20)),
    )
    return replace(ROOT, chain=chain, logs={**ROOT.logs, A: replace(ROOT.logs[A], closed=Closure(70, B))})


def edited(change: Callable[[dict[str, Any]], None]) -> bytes:
    text = json.loads(sign_trust_root(full_root(), SIGNERS).split(b"\n\n")[0])
    change(text)
    return sign_note(json.dumps(text) + "\n", *SIGNERS)


@pytest.mark.parametrize("root", [ROOT, full_root()])
def test_a_trust_root_reads_back_as_it_was_signed(root: TrustRoot) -> None:
    assert parse_trust_root(sign_trust_root(root, SIGNERS[:2])) == root


def test_the_text_is_a_signed_note_of_json() -> None:
    text, _, signatures = sign_trust_root(ROOT, SIGNERS).partition(b"\n\n")
    assert json.loads(text)["format"] == "concord/trust-root"
    assert signatures.count(b"\xe2\x80\x94 signer-") == 3


def test_too_few_of_its_own_signers() -> None:
    with pytest.raises(TrustRootSignatureError) as caught:
        parse_trust_root(sign_trust_root(ROOT, SIGNERS[:1]))
    assert (caught.value.signed, caught.value.threshold) == (1, 2)
    with pytest.raises(TrustRootSignatureError):
        parse_trust_root(sign_trust_root(ROOT, STRANGERS))


def test_one_signer_twice_is_one_signer() -> None:
    with pytest.raises(TrustRootSignatureError):
        parse_trust_root(sign_trust_root(ROOT, [SIGNERS[0], SIGNERS[0]]))


def test_signatures_can_be_gathered_one_by_one() -> None:
    data = sign_trust_root(ROOT, SIGNERS[:1])
    assert parse_trust_root(add_trust_root_signatures(data, SIGNERS[2:])) == ROOT


def test_a_broken_signature_of_a_signer_refuses_all() -> None:
    good = sign_trust_root(ROOT, SIGNERS)
    other = sign_trust_root(replace(ROOT, serial=4), SIGNERS)
    with pytest.raises(TrustRootSignatureError):
        parse_trust_root(good.rsplit(b"\n", 2)[0] + b"\n" + other.rsplit(b"\n", 2)[1] + b"\n")


def test_every_byte_of_the_text_is_signed() -> None:
    data = sign_trust_root(ROOT, SIGNERS)
    for at in range(0, data.index(b"\n\n"), 7):
        with pytest.raises((MalformedTrustRootError, TrustRootSignatureError, UnknownFormatError)):
            parse_trust_root(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_expiry() -> None:
    verify_trust_root(ROOT, ROOT.expires_at - timedelta(seconds=1))
    with pytest.raises(TrustRootExpiredError) as caught:
        verify_trust_root(ROOT, ROOT.expires_at)
    assert caught.value.serial == 3


def test_an_update_is_signed_by_the_old_signers_and_its_own() -> None:
    new = replace(ROOT, serial=4, signers=tuple(each.verifier_key for each in STRANGERS), threshold=3)
    assert update_trust_root(ROOT, sign_trust_root(new, [*SIGNERS[:2], *STRANGERS])) == new
    with pytest.raises(TrustRootSignatureError, match="signers of serial 3"):
        update_trust_root(ROOT, sign_trust_root(new, STRANGERS))
    with pytest.raises(TrustRootSignatureError, match="signers of serial 3"):
        update_trust_root(ROOT, sign_trust_root(new, [SIGNERS[0], *STRANGERS]))
    with pytest.raises(TrustRootSignatureError, match="its own signers"):
        update_trust_root(ROOT, sign_trust_root(new, SIGNERS))


@pytest.mark.parametrize("serial", [1, 2, 3])
def test_an_update_that_is_not_newer_is_a_replay(serial: int) -> None:
    with pytest.raises(TrustRootSerialError):
        update_trust_root(ROOT, sign_trust_root(replace(ROOT, serial=serial), SIGNERS))


def test_an_expired_root_can_be_updated() -> None:
    old = replace(ROOT, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert update_trust_root(old, sign_trust_root(replace(ROOT, serial=9), SIGNERS)).serial == 9


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(UnknownFormatError, match="trust root version"):
        parse_trust_root(edited(lambda text: text.update(version=2)))


WITNESS_KEY = encode_verifier_key(COSIGNERS[INSTITUTIONS[0]].verifier_key)
OTHER_LOG_KEY = encode_verifier_key(NoteSigner.from_seed("other", b"\x01" * 32).verifier_key)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.update(surprise=1),
        lambda text: text.pop("kinds"),
        lambda text: text.update(format="something/else"),
        lambda text: text.update(serial=0),
        lambda text: text.update(serial="3"),
        lambda text: text.update(expires="2027-01-01"),
        lambda text: text.update(expires="2027-13-01T00:00:00Z"),
        lambda text: text.update(threshold=0),
        lambda text: text.update(threshold=4),
        lambda text: text["signers"].append(text["signers"][0]),
        lambda text: text["signers"].append("not a key"),
        lambda text: text["signers"].append(WITNESS_KEY),
        lambda text: text["chain"].update(chain_id=0),
        lambda text: text["chain"].update(genesis_hash="0x" + "01" * 31),
        lambda text: text["chain"].update(genesis_hash="0x" + "0A" * 32),
        lambda text: text["chain"].update(genesis_hash="01" * 32),
        lambda text: text["chain"].update(finality="depth:0"),
        lambda text: text["chain"].update(finality="soon"),
        lambda text: text["chain"]["contracts"].append(text["chain"]["contracts"][0]),
        lambda text: text["chain"]["contracts"][0].update(address="0x"),
        lambda text: text["chain"]["validators"].update(validators=["0x01"]),
        lambda text: text["institutions"].append(text["institutions"][0]),
        lambda text: text["institutions"].pop(0),
        lambda text: text["logs"].append(text["logs"][0]),
        lambda text: text["logs"][0].update(institution="nobody"),
        lambda text: text["logs"][0].update(endpoint="ftp://x"),
        lambda text: text["logs"][0].update(endpoint="https://" + "x" * 300),
        lambda text: text["logs"][0].update(keys=[]),
        lambda text: text["logs"][0]["keys"][0].update(vkey=WITNESS_KEY),
        lambda text: text["logs"][0]["keys"][0].update(vkey=OTHER_LOG_KEY),
        lambda text: text["logs"][0]["keys"][0].update(from_size=-1),
        lambda text: text["logs"][0]["keys"][0].update(from_size=5, to_size=4),
        lambda text: text["logs"][0]["closed"].update(final_size=-1),
        lambda text: text["logs"][0]["closed"].update(successor="nowhere"),
        lambda text: text["logs"][0]["closed"].update(successor=A),
        lambda text: text["witnesses"].update(quorum=5),
        lambda text: text["witnesses"].update(quorum=-1),
        lambda text: text["witnesses"]["keys"].append(text["witnesses"]["keys"][0]),
        lambda text: text["witnesses"]["keys"][0].update(vkey=text["signers"][0]),
        lambda text: text["witnesses"]["keys"][0].update(institution="nobody"),
        lambda text: text["audit_keys"][0].update(institution="nobody"),
        lambda text: text["audit_keys"][0].update(public_key="0x00"),
        lambda text: text["kinds"].append("exam-result"),
        lambda text: text["kinds"].append(""),
    ],
)
def test_what_contradicts_itself_or_the_format_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(MalformedTrustRootError):
        parse_trust_root(edited(change))


def test_what_is_no_note_or_no_json_is_refused() -> None:
    for data in (b"", b"{}\n", sign_note("[]\n", *SIGNERS), sign_note("{\n", *SIGNERS), sign_note('{"a":1,"a":1}\n', *SIGNERS)):
        with pytest.raises(MalformedTrustRootError):
            parse_trust_root(data)


def test_a_root_that_contradicts_itself_is_not_signed() -> None:
    with pytest.raises(MalformedTrustRootError):
        sign_trust_root(replace(ROOT, threshold=9), SIGNERS)
    with pytest.raises(MalformedTrustRootError):
        sign_trust_root(replace(ROOT, expires_at=datetime(2027, 1, 1, 0, 0, 0, 5, tzinfo=UTC)), SIGNERS)
