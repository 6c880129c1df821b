"""The code service: who a patient is stays with it, and with nobody alone (docs/spec/code-service.md).

It keeps documents as keyed hashes and cards that two of three custodians open. Whatever it does with a code is logged where
the patient finds it, durable before an answer leaves. Left out: signatures of requests (`signed_requests`), what a hospital
does with keys (`code_desk`).
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from node.domain.access import Actor, CodeContent, RequestId
from node.domain.codes import TREATING_ROLES, CodeEvent, CodeMac, CodeOperation, DocumentMac, IdentityDocument
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.patient import PatientKeys, PatientSeed
from node.domain.record import Kind, Part
from node.errors import (
    ChainError,
    CodeRefusedError,
    CodeTakenError,
    MalformedPatientCodeError,
    UnknownDocumentError,
    UnknownFormatError,
)
from node.identity.code_text import PatientCard, encode_card, parse_card
from node.identity.codes import draw_seed, epoch_key, patient_code, person_pseudonym, public_keys
from node.ports.clock import Clock, unix_ms
from node.ports.codes.registers import CardRow, CodeRegister, ReleaseRow
from node.ports.keys.signing import NodeKeys
from node.ports.members.membership import KeyDirectory
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.codes.card_vault import CardVault
from node.services.codes.custodians import Opening
from node.services.codes.sealing import MemberSeals
from node.services.members.outbox import Outbox
from node.services.records.entries import ActEntry, EntryComposer
from node.wire.locator import PRIVATE, pairwise_key
from node.wire.members.codes import MAX_LAYERS, CodeAnswer, CodeRequest, ReissuedKeys, encode_reissued

KEYS_MESSAGE: Final = "code-keys"
"""Kind of the message by which keys are sent on the code service's own account."""
CODE_RECEIPT: Final = Kind("code-receipt")

_DOCUMENT: Final = "code-document"
_CODE: Final = "code"
_NOBODY: Final = ("", "0", "", "automatic", "")

log = structlog.get_logger(__name__)

EmergencyOpener = Callable[[bytes], InstitutionId | None]
"""Returns who opened an emergency on chain, or None where the chain has none of this id; raises a `ChainError`."""


@dataclass(frozen=True, slots=True)
class CodeServiceParts:
    """What the code service stands on."""

    institution: InstitutionId
    """The code service."""
    locator_secrets: Mapping[int, bytes]
    """The consortium's, by epoch."""
    regulator: str
    """For whom pseudonyms are."""
    unseal: Callable[[bytes], bytes]
    """Opens what was sealed to it."""
    register: CodeRegister
    """Cards and releases."""
    vault: CardVault
    """Opens cards, with another custodian."""
    directory: KeyDirectory
    """Who the members are."""
    seals: MemberSeals
    """Seals to them."""
    outbox: Outbox
    """Tells them."""
    composer: EntryComposer
    """Logs what the patient reads."""
    keys: NodeKeys
    """Makes the keyed hashes."""
    writer: RecordsWriter
    """The one writer of the records."""
    clock: Clock
    """Tells the time."""
    emergency: EmergencyOpener
    """Looks an emergency up."""
    holders: Callable[[PatientKeys], frozenset[InstitutionId]]
    """Returns whose followed logs hold entries that keys find."""


class CodeService:
    """Issues codes, releases keys, changes codes."""

    def __init__(self, parts: CodeServiceParts) -> None:
        self._parts = parts
        self._staged: Callable[[Origin], None] = lambda _: None

    @property
    def institution(self) -> InstitutionId:
        """The institution that is the code service."""
        return self._parts.institution

    def on_news(self, staged: Callable[[Origin], None]) -> None:
        """Let `staged` be told which log has entries that wait for a checkpoint."""
        self._staged = staged

    def unseal(self, sealed: bytes) -> bytes:
        """Open what was sealed to the code service.

        Raises:
            SealedMessageError: It was sealed to another key, or altered.
        """
        return self._parts.unseal(sealed)

    def answer(self, request: CodeRequest) -> CodeAnswer:
        """Do what an institution asks, whose signature was verified.

        Raises:
            CodeRefusedError: Not for this institution, or the emergency is not one.
            UnknownDocumentError: There is no code for the document.
            CodeTakenError: The code is another document's.
            MalformedPatientCodeError: The card is none.
            CustodiansAwayError: No two custodians answer.
        """
        member = self._parts.directory.member(request.actor.institution)
        if member is None or TREATING_ROLES.isdisjoint(member.roles):
            raise CodeRefusedError("codes are issued and released to who treats patients")
        document = self._document(request.document)
        match request.operation:
            case CodeOperation.ISSUE:
                return self._issue(request, document)
            case CodeOperation.CHANGE:
                return self._change(request, document)
            case CodeOperation.EMERGENCY:
                self._check_emergency(request)
                return self._release(request, document, CodeEvent.EMERGENCY_RELEASED)
            case CodeOperation.RELEASE:
                return self._release(request, document, CodeEvent.MERGED if request.merges else CodeEvent.RELEASED)

    def reissue(self) -> int:
        """Send the keys of the newest epoch to every institution that has older ones of a patient.

        Returns:
            How many keys were sent.

        Raises:
            CustodiansAwayError, CodeRefusedError: The cards cannot be opened now; doing it again goes on where this stopped.
        """
        newest, after, sent = max(self._parts.locator_secrets), None, 0
        while rows := self._parts.register.cards(after, MAX_LAYERS):
            after = rows[-1].document
            due: dict[DocumentMac, list[ReleaseRow]] = {}
            for release in self._parts.register.releases([row.document for row in rows]):
                if release.newest_epoch < newest:
                    due.setdefault(release.document, []).append(release)
            wanted = [row for row in rows if row.document in due]
            if wanted:
                request_id = _draw_request_id()
                cards = self._parts.vault.open(wanted, Opening(CodeEvent.REISSUED, request_id, ()))
                for row, card in zip(wanted, cards, strict=True):
                    sent += self._send(card, due[row.document], CodeEvent.REISSUED, request_id)
        return sent

    def _issue(self, request: CodeRequest, document: DocumentMac) -> CodeAnswer:
        card, seed = self._new_card(request)
        row = CardRow(document, self._parts.vault.seal(card, document), unix_ms(self._parts.clock))
        self._write(request, [(card, CodeEvent.ISSUED)], lambda tx: self._put(tx, card, row, None))
        return CodeAnswer(encode_card(card), seed, None)

    def _release(self, request: CodeRequest, document: DocumentMac, event: CodeEvent) -> CodeAnswer:
        row = self._known(document)
        (card,) = self._parts.vault.open([row], Opening(request.operation, request.request_id, ()))
        keys = self._keys(card)
        self._write(request, [(card, event)], lambda tx: self._put_release(tx, request, document, keys))
        return CodeAnswer("", None, keys)

    def _change(self, request: CodeRequest, document: DocumentMac) -> CodeAnswer:
        former_row = self._known(document)
        (former,) = self._parts.vault.open([former_row], Opening(request.operation, request.request_id, ()))
        card, seed = self._new_card(request)
        row = CardRow(document, self._parts.vault.seal(card, document), former_row.issued_at_ms)
        told = [
            one
            for one in self._parts.register.releases([document])
            if (one.institution, one.reference) != (request.actor.institution, request.reference)
        ]
        self._note_strangers(former, told, request.actor.institution)
        keys = self._keys(card)

        def work(transaction: RecordsTransaction) -> None:
            self._put(transaction, card, row, former_row)
            self._put_release(transaction, request, document, keys)
            self._tell(transaction, card, told, CodeEvent.CHANGED)

        # under both codes: the patient may have the new seed already, or only the old one
        self._write(request, [(former, CodeEvent.CHANGED), (card, CodeEvent.CHANGED)], work)
        return CodeAnswer(encode_card(card), seed, keys)

    def _send(self, card: PatientCard, releases: Sequence[ReleaseRow], event: CodeEvent, request_id: RequestId) -> int:
        actor = Actor(self.institution, *_NOBODY)

        def work(transaction: RecordsTransaction) -> None:
            self._log(transaction, request_id, actor, None, [(card, event)])
            self._tell(transaction, card, releases, event)

        self._parts.writer.submit(work).result()
        self._staged_news()
        return len(releases)

    def _tell(self, transaction: RecordsTransaction, card: PatientCard, releases: Sequence[ReleaseRow], event: CodeEvent) -> None:
        """Send keys to those who have older ones, and to nobody else."""
        keys = self._keys(card)
        for release in releases:
            sealed = self._parts.seals.seal(encode_reissued(ReissuedKeys(release.reference, event, keys)), release.institution)
            body = msgspec.json.encode({"sealed": sealed.hex()})
            subject = secrets.token_hex(16)  # names nothing: a reference would join messages of one patient
            self._parts.outbox.tell(transaction, self.institution, [release.institution], KEYS_MESSAGE, subject, body)
            self._parts.register.put_release(
                transaction, ReleaseRow(release.document, release.institution, release.reference, max(keys.epoch_keys))
            )

    def _note_strangers(self, former: PatientCard, told: Sequence[ReleaseRow], asker: InstitutionId) -> None:
        """Let the operator know of logs that hold entries of a patient whose keys their institution was never given."""
        known = {one.institution for one in told} | {asker, self.institution}
        for institution in sorted(self._parts.holders(self._keys(former)) - known):
            log.warning("holder_without_release", institution=institution)

    def _known(self, document: DocumentMac) -> CardRow:
        row = self._parts.register.card(document)
        if row is None:
            raise UnknownDocumentError
        return row

    def _put(self, transaction: RecordsTransaction, card: PatientCard, row: CardRow, former: CardRow | None) -> None:
        code = CodeMac(self._parts.keys.mac(_CODE, card.code))
        if not self._parts.register.claim_code(transaction, code, row.document):
            raise CodeTakenError
        if not self._parts.register.put_card(transaction, row, former):
            raise CodeRefusedError("the document has a code already" if former is None else "the code was changed meanwhile")

    def _put_release(self, transaction: RecordsTransaction, request: CodeRequest, document: DocumentMac, keys: PatientKeys) -> None:
        if request.reference is not None:
            release = ReleaseRow(document, request.actor.institution, request.reference, max(keys.epoch_keys))
            self._parts.register.put_release(transaction, release)

    def _write(
        self,
        request: CodeRequest,
        logged: Sequence[tuple[PatientCard, CodeEvent]],
        work: Callable[[RecordsTransaction], None],
    ) -> None:
        """Log what happens and do it, in one transaction: nothing is answered that the patient could not read."""

        def both(transaction: RecordsTransaction) -> None:
            work(transaction)
            self._log(transaction, request.request_id, request.actor, request.emergency_id, logged)

        self._parts.writer.submit(both).result()
        self._staged_news()

    def _staged_news(self) -> None:
        for registered in self._parts.directory.origins(self.institution):
            self._staged(registered.origin)

    def _log(
        self,
        transaction: RecordsTransaction,
        request_id: RequestId,
        actor: Actor,
        emergency_id: bytes | None,
        logged: Sequence[tuple[PatientCard, CodeEvent]],
    ) -> None:
        now_ms = unix_ms(self._parts.clock)
        entries = [
            ActEntry(
                entry_type=EntryType.ACCESS_RECEIPT,
                kind=CODE_RECEIPT,
                content=CodeContent(event, actor.institution, actor, emergency_id, request_id, now_ms),
                parts=(Part("application/json", CODE_RECEIPT, "", msgspec.json.encode({"what": event}), ""),),
                performed_at_ms=now_ms,
                patient=self._keys(card),
                tag_class=PRIVATE,
            )
            for card, event in logged
        ]
        self._parts.composer.stage(transaction, self.institution, entries)

    def _new_card(self, request: CodeRequest) -> tuple[PatientCard, PatientSeed | None]:
        """Return the card of the patient's own tool, or one of a seed that is drawn here and forgotten."""
        if not request.card:
            seed = draw_seed()
            return PatientCard(patient_code(seed), public_keys(seed)), seed
        try:
            card = parse_card(request.card)
            # a key of small order would give every institution the same pairwise key
            pairwise_key(secrets.token_bytes(32), card.public_keys.exchange)
        except (UnknownFormatError, ValueError) as error:
            raise MalformedPatientCodeError("patient code: not a card that a patient's tool makes") from error
        return card, None

    def _keys(self, card: PatientCard) -> PatientKeys:
        secrets_by_epoch = self._parts.locator_secrets
        return PatientKeys(
            epoch_keys={epoch: epoch_key(card.code, secret, epoch) for epoch, secret in secrets_by_epoch.items()},
            exchange_public_key=card.public_keys.exchange,
            signing_public_key=card.public_keys.signing,
            pseudonym=person_pseudonym(card.code, self._parts.regulator),
            provisional_code=None,
        )

    def _check_emergency(self, request: CodeRequest) -> None:
        """Check that the emergency is the asker's; with the chain away its signed word counts, and stays in the log."""
        if request.emergency_id is None:
            raise CodeRefusedError("an emergency release cites the id of its emergency")
        try:
            opener = self._parts.emergency(request.emergency_id)
        except ChainError:
            log.warning("emergency_unchecked", institution=request.actor.institution, emergency=request.emergency_id.hex())
            return
        if opener != request.actor.institution:
            raise CodeRefusedError("the chain has no emergency of this id by the institution that cites it")

    def _document(self, document: IdentityDocument) -> DocumentMac:
        fields = [_normalised(document.kind), _normalised(document.number)]
        if not all(fields):
            raise CodeRefusedError("a document has a kind and a number")
        message = b"".join(len(each).to_bytes(4, "big") + each for each in fields)
        return DocumentMac(self._parts.keys.mac(_DOCUMENT, message))


def _normalised(text: str) -> bytes:
    """Return a text as everybody types it: full-width digits, spaces and letters in either case are one."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split()).encode()


def _draw_request_id() -> RequestId:
    return RequestId(secrets.token_hex(16))
