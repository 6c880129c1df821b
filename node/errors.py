"""Every error that a node raises, as one tree. Messages name the place and the remedy, never patient data.

```
ConcordError
├── InputError                      the sender can mend it; nothing was changed
│   ├── WireError                   bytes that are not what they claim to be
│   │   ├── MalformedJsonError      not JSON, or JSON that two readers could read differently
│   │   │   └── DuplicateKeyError, NestingTooDeepError
│   │   └── MalformedLeafError, MalformedManifestError, MalformedHeaderError, MalformedBodyError,
│   │       MalformedPublicEntryError, MalformedRelocationError, MalformedCodeMessageError, MalformedSealedCardError,
│   │       MalformedLocatorSecretError, MalformedPatientCodeError, MalformedPatientFileError,
│   │       MalformedPatientEntriesError, MalformedPatientKeysError, MalformedEvidenceError,
│   │       MalformedForkEvidenceError, MalformedCompletenessError, MalformedBundleError, MalformedFindingError,
│   │       MalformedCertificateError, MalformedTrustRootError, MalformedConsentError, MalformedMessageError,
│   │       MalformedDisclosureError, MalformedKindError, MalformedCatalogueError, UnknownFormatError,
│   │       MalformedReadLogsError, MalformedLookError
│   ├── LimitExceededError          a limit of the settings was exceeded
│   │   └── DocumentTooLargeError
│   ├── ConsentInputError           a consent cannot be granted, revoked or shown as asked
│   │   └── UnknownConsentError, UnknownEmergencyError, UnknownPatientError, SelfAssertedError, EmergencyRateError,
│   │       SecondPersonError
│   ├── DecisionError               a decision that cannot be taken as it was asked for. Nothing was logged
│   │   └── UnknownDecisionError, PinnedDocumentGoneError, ExchangeKeyGoneError, UnknownOrderLineError, StaleCheckError,
│   │       DecisionStandsError, NotOfferedError, RetrievalMissingError, ReasonMissingError, MalformedReasonError,
│   │       RevisedResultError, ReversedDecisionError
│   └── DocumentRefusedError, MalformedParameterError, VersionConflictError, RecordErasedError, RecordLockedError,
│       UnknownRecordError, UnknownPatientEntryError, MalformedEventsError, UnknownFindingError, UnknownPartError,
│       NotYetLoggedError, UnknownOriginError, UnknownMessageKindError, RequestConflictError, UnknownRetrievalError,
│       NotFoundByKeysError, SupersededTargetError, MessageConflictError, UnknownInstitutionError, HeaderKeptError,
│       NoProfileError, SerialTakenError, UnknownPinError, SheetRefusedError, PrefetchMissingError, UnknownCheckError,
│       UnknownViewError, ViewGoneError, UnknownCardError, SlipRefusedError, QrTooLargeError, UnknownNoticeError,
│       UnknownRecallError, RecallConflictError, TooManyRecallsError, RefilingRefusedError, UnknownDocumentError,
│       CodeTakenError, CodeRefusedError, BodyTooLargeError
├── VerificationError               what was claimed does not hold
│   ├── CommitmentError             parts do not open the commitment
│   │   └── PartNotCommittedError, BodySealError, MisplacedManifestError
│   ├── HeaderVerificationError     a sealed header does not open, or its digest differs
│   │   └── NotARecordError, HeaderDigestError, HeaderWrapError, HeaderKeyError, HeaderSealError
│   ├── ConsentRefutedError         a consent that was presented is not the one on chain, or not the patient's
│   │   └── ConsentDigestError, ConsentAuthorityError
│   ├── DisclosureRefutedError      what a holder sent is not what was asked for; nothing of it is shown or kept
│   │   └── DisclosureSealError, ForeignDisclosureError, OutdatedDisclosureError
│   ├── EvidenceRefutedError        an evidence file claims what is not so
│   │   └── UnknownLogError, LogKeyRangeError, LogSignatureError, ClosedOriginError, LogInclusionError,
│   │       OpeningRefutedError, ForeignManifestError, ManifestMismatchError, KindNotAllowedError,
│   │       CosignatureRefutedError, AnchorRefutedError, EvidenceTooOldError, ForkRefutedError, SeriesTagError,
│   │       SeriesOrderError, BundleLineError, CertificateContradictedError, ForeignPatientError, PinMismatchError,
│   │       RetrievalUnprovedError, ResultRefutedError, RefusalRefutedError, DecisionRefutedError,
│   │       DocumentPublisherError, SummaryRefutedError, LookRefutedError, ForeignKeysError
│   ├── TrustRootError              a trust root is expired, or is not signed by those whom its predecessor names
│   │   └── TrustRootExpiredError, TrustRootSignatureError, TrustRootSerialError
│   └── SealedMessageError, CardSealError, LocatorSecretRefusedError, ResponseSignatureError
├── AccessError                     the caller may not do this
│   ├── RequestSignatureError       a request that only members may send is not signed by one (RFC 9421)
│   │   └── MalformedSignatureError, UnknownRequestKeyError, RequestTimeError, AlteredRequestError,
│   │       ReplayedRequestError, WrongAudienceError
│   └── UnauthenticatedError, RateLimitedError, ForbiddenError, NotPublisherError, AccessDeniedError,
│       TooManyDenialsError
├── MemberError                     another member did not do its part; what was to be sent stays, and is tried again
│   └── MemberAwayError, CustodiansAwayError, MemberRefusedError, MemberAnswerError
├── WitnessError                    a witness does not cosign a checkpoint of this node's logs
│   └── WitnessAheadError, WitnessContradictsError, WitnessRefusesError
├── ChainError                      the chain cannot be used as configured, or refused a transaction
│   └── ChainAwayError, WrongChainError, ContractMismatchError, TransactionRevertedError, ConsentStateUnknownError,
│       NonceTakenError, ChainRefusedError, TransactionMissingError, AnchorPendingError, AnchorBaseGoneError
└── NodeError                       the operator must act
    ├── SettingsError               the settings cannot be used
    │   └── ConsentsOffError
    └── SecretUnreadableError, KeyFileError, SchemaVersionError, DirectoryInUseError, NodeStoppingError,
        PreparationLostError, LogHaltedError, IndexGapError, ForeignPermitError
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ConcordError(Exception):
    """The root of the tree."""

    def __reduce__(self) -> tuple[object, ...]:
        """Let errors cross from a worker process with their typed attributes, whatever their constructors take."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[ConcordError], args: tuple[object, ...], attributes: dict[str, object]) -> ConcordError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InputError(ConcordError):
    """The sender can mend it; nothing was changed."""


class WireError(InputError):
    """Bytes that are not what they claim to be."""


class MalformedJsonError(WireError):
    """Not JSON, or JSON that two readers could read differently.

    Attributes:
        place: Where, as a JSON pointer or a byte offset.
        reason: What is wrong there.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class DuplicateKeyError(MalformedJsonError):
    """An object names a key twice: readers differ in which one they take."""


class NestingTooDeepError(MalformedJsonError):
    """Arrays and objects nest deeper than the limit."""


class MalformedLeafError(WireError):
    """Not a leaf."""


class MalformedManifestError(WireError):
    """Not a manifest."""


class MalformedHeaderError(WireError):
    """Not a sealed header."""


class MalformedBodyError(WireError):
    """Not the encoding of a record's parts."""


class MalformedPublicEntryError(WireError):
    """Not the public slot of a leaf of type 8 or 9, or not the statement that its kind promises."""


class MalformedRelocationError(WireError):
    """Not the statement of a relocation."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"relocation: {reason}")
        self.reason = reason


class MalformedCodeMessageError(WireError):
    """Not a message between an institution and the code service."""

    def __init__(self, what: str) -> None:
        super().__init__(f"code service: not a {what} of docs/spec/code-service.md")
        self.what = what


class MalformedSealedCardError(WireError):
    """Not a sealed card."""

    def __init__(self) -> None:
        super().__init__("sealed card: cut off, or with bytes that no sealed card has")


class MalformedLocatorSecretError(WireError):
    """Not the file of a locator secret."""

    def __init__(self) -> None:
        super().__init__("not the file that `concord locator rotate` writes, or cut off")


class MalformedPatientCodeError(WireError):
    """Not a patient code, or its checksum is wrong."""


class MalformedPatientFileError(WireError):
    """Not a patient's file."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"patient file: {reason}; it holds what `concord patient new` wrote")
        self.reason = reason


class MalformedPatientEntriesError(WireError):
    """Not what a patient's tool asks a node, or not what it is answered."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"patient's entries: {reason}")
        self.reason = reason


class MalformedPatientKeysError(WireError):
    """Not the encoding of a patient's keys."""


class MalformedEvidenceError(WireError):
    """Not an evidence file."""


class MalformedForkEvidenceError(WireError):
    """Not a file of evidence against a log."""


class MalformedCompletenessError(WireError):
    """Not a proof that a patient's entries are contiguous."""


class MalformedBundleError(WireError):
    """Not a patient's bundle."""


class MalformedFindingError(WireError):
    """Not a finding of supervision with its evidence."""


class MalformedReadLogsError(WireError):
    """What should say how far logs had been read does not."""

    def __init__(self) -> None:
        super().__init__("read logs: not a list of logs and sizes in their order; ask for the certificate again")


class MalformedCertificateError(WireError):
    """Not a decision certificate."""


class MalformedLookError(WireError):
    """Not a file of what was found when logs were read again for a certificate."""


class MalformedTrustRootError(WireError):
    """Not a trust root."""


class MalformedConsentError(WireError):
    """Not a consent's scope, consent document or presented consent."""


class MalformedMessageError(WireError):
    """Not a message between members.

    Attributes:
        reason: What is wrong with it, without any of its values.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a message between members: {reason}")
        self.reason = reason


class MalformedDisclosureError(WireError):
    """Not a request for disclosure, or not the answer to one.

    Attributes:
        reason: What is wrong with it, without any of its values.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a disclosure: {reason}")
        self.reason = reason


class MalformedKindError(WireError):
    """Not a kind file.

    Attributes:
        file: Its name.
        reason: What is wrong there.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class MalformedCatalogueError(WireError):
    """Not a catalogue, map or other document of that family, or one that contradicts itself.

    Attributes:
        document: Its kind.
        place: Where, as a JSON pointer.
        reason: What is wrong there.
    """

    def __init__(self, document: str, place: str, reason: str) -> None:
        super().__init__(f"{document}: {place}: {reason}")
        self.document = document
        self.place = place
        self.reason = reason


class UnknownFormatError(WireError):
    """A version or type that this release does not know.

    Attributes:
        what: The format, such as "leaf version".
        value: What was found.
    """

    def __init__(self, what: str, value: object) -> None:
        super().__init__(f"unknown {what}: {value!r}; a newer release may know it")
        self.what = what
        self.value = value


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that a document lacks."""

    path: str
    """FHIR path, such as `Bundle.entry[3].resource.status`."""
    reason: str
    """What is wrong there, without any value of the document."""


class DocumentRefusedError(InputError):
    """A document that lacks what its kind needs. Nothing of it was stored.

    Attributes:
        refusals: Every place, in document order.
    """

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(f"{refusal.path}: {refusal.reason}" for refusal in refusals))
        self.refusals = tuple(refusals)


class MalformedParameterError(InputError):
    """A parameter of a request or command is not what it has to be."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        self.reason = reason


class LimitExceededError(InputError):
    """A limit of the settings was exceeded.

    Attributes:
        limit: The setting's name.
        allowed: Its value.
    """

    def __init__(self, limit: str, allowed: int) -> None:
        super().__init__(f"over the limit {limit} = {allowed}; send less, or ask the operator to raise it")
        self.limit = limit
        self.allowed = allowed


class DocumentTooLargeError(LimitExceededError):
    """A document or line has too many bytes: it was not even read whole."""


class BodyTooLargeError(InputError):
    """The body of a request has more bytes than any such request needs: it was not even read whole."""

    def __init__(self, allowed_bytes: int) -> None:
        super().__init__(f"body: more than {allowed_bytes} bytes; send less in one request")
        self.allowed_bytes = allowed_bytes


class VersionConflictError(InputError):
    """The document states a version that other content already holds."""

    def __init__(self, record_id: str, version: int) -> None:
        super().__init__(f"record {record_id} has other content as version {version}; give this one its own version")
        self.record_id = record_id
        self.version = version


class RecordErasedError(InputError):
    """The record was erased: its commitment can no longer be opened."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"record {record_id} was erased; the log proves that something was there, not what")
        self.record_id = record_id


class RecordLockedError(InputError):
    """The patient withdrew consent: a retention period keeps the record, and nobody reads it."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"record {record_id} is locked: its patient has withdrawn; it is erased when its retention period is over")
        self.record_id = record_id


class UnknownRecordError(InputError):
    """No such record of this institution."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"no record {record_id} here")
        self.record_id = record_id


class UnknownPatientEntryError(InputError):
    """Nothing here has this tag for whoever signed."""

    def __init__(self) -> None:
        super().__init__("nothing here has this tag for whoever signed; what was erased or is locked is answered alike")


class MalformedEventsError(InputError):
    """Kept events of figures that are none."""

    def __init__(self) -> None:
        super().__init__(
            "what is kept of figures does not read; restore records.db, or delete its tables figure_* to read all logs anew"
        )


class UnknownFindingError(InputError):
    """No such finding, or what showed it is not kept any more."""

    def __init__(self, finding_id: str) -> None:
        super().__init__(f"no finding {finding_id} here, or what showed it is gone; list them with /v1/supervision/findings")
        self.finding_id = finding_id


class UnknownPartError(InputError):
    """A record has no such part."""

    def __init__(self, part: int, count: int) -> None:
        super().__init__(f"there is no part {part}: parts are numbered from 1 to {count - 1}, 0 being the manifest")
        self.part = part
        self.count = count


class NotYetLoggedError(InputError):
    """No signed checkpoint covers the record yet: it is stored, and there is nothing to prove it with."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"record {record_id} is stored and not logged yet; ask again, or submit with ?wait=logged")
        self.record_id = record_id


class UnknownOriginError(InputError):
    """No log of this origin is kept here."""

    def __init__(self, origin: str) -> None:
        super().__init__(f"no log {origin} is kept here")
        self.origin = origin


class ConsentInputError(InputError):
    """A consent cannot be granted, revoked or shown as asked."""


class UnknownConsentError(ConsentInputError):
    """No such consent of this institution."""

    def __init__(self, consent: str) -> None:
        super().__init__(f"no consent {consent} here")
        self.consent = consent


class UnknownEmergencyError(ConsentInputError):
    """No such emergency of this institution."""

    def __init__(self, emergency: str) -> None:
        super().__init__(f"no emergency {emergency} here")
        self.emergency = emergency


class UnknownPatientError(ConsentInputError):
    """The institution has no keys of the patient that is named."""

    def __init__(self) -> None:
        super().__init__("no patient of this number is registered here; register the keys with POST /v1/patients first")


class SelfAssertedError(ConsentInputError):
    """The institution asserts a consent to itself, which the settings refuse."""

    def __init__(self, institution: str) -> None:
        super().__init__(
            f"{institution} may not assert a consent to itself (consents.refuse_self_asserted); let the patient sign it"
        )
        self.institution = institution


class EmergencyRateError(ConsentInputError):
    """A person opens emergencies more often than the settings allow."""

    def __init__(self, max_per_hour: int) -> None:
        super().__init__(f"at most {max_per_hour} emergencies an hour for each person (consents.max_emergencies_per_hour)")
        self.max_per_hour = max_per_hour


class SecondPersonError(ConsentInputError):
    """Whoever opened an emergency reviews it: another person has to."""

    def __init__(self) -> None:
        super().__init__("an emergency is reviewed by another person than the one who opened it")


class UnknownMessageKindError(InputError):
    """Nothing here acts on messages of this kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no messages of kind {kind!r} are acted on here; a newer release may know them")
        self.kind = kind


class RequestConflictError(InputError):
    """A request for disclosure has the id of another one."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request {request_id} came before with other content; give each request an id of its own")
        self.request_id = request_id


class UnknownRetrievalError(InputError):
    """No such retrieval of this institution."""

    def __init__(self, retrieval_id: str) -> None:
        super().__init__(f"no retrieval {retrieval_id} here")
        self.retrieval_id = retrieval_id


class NotFoundByKeysError(InputError):
    """A target is no entry that the patient's keys find."""

    def __init__(self, origin: str, leaf_index: int) -> None:
        super().__init__(f"entry {leaf_index} of {origin} is not found by this patient's keys: find it first")
        self.origin = origin
        self.leaf_index = leaf_index


class SupersededTargetError(InputError):
    """A target was amended, withdrawn or deleted since."""

    def __init__(self, origin: str, leaf_index: int) -> None:
        super().__init__(f"entry {leaf_index} of {origin} is no longer the latest of its record: find it anew")
        self.origin = origin
        self.leaf_index = leaf_index


class MessageConflictError(InputError):
    """A message has the id of another one."""

    def __init__(self, message_id: str) -> None:
        super().__init__(f"message {message_id} came before with other content; give each message an id of its own")
        self.message_id = message_id


class UnknownInstitutionError(InputError):
    """No institution of this id is hosted here."""

    def __init__(self, institution: str) -> None:
        super().__init__(f"no institution {institution} is hosted here")
        self.institution = institution


class HeaderKeptError(InputError):
    """An entry of a type whose header is never deleted."""

    def __init__(self, entry_type: str) -> None:
        super().__init__(
            f"the header of an entry of type {entry_type} is kept: receipts, decisions and consents are the audit trail"
        )
        self.entry_type = entry_type


class NoProfileError(InputError):
    """The table of institutions or the maps do not have this institution."""

    def __init__(self, institution: str) -> None:
        super().__init__(f"no profile or no map of institution {institution}; publish both before it orders")
        self.institution = institution


@dataclass(frozen=True, slots=True)
class CellFault:
    """One cell that cannot be imported."""

    sheet: str
    """Its sheet, or the file's name for CSV."""
    row: int
    """Row, from 1, the headings being row 1; 0 for the sheet as a whole."""
    column: str
    """Heading of its column, or empty for the row as a whole."""
    what: str
    """What is wrong."""
    remedy: str
    """What to write instead."""


class SerialTakenError(InputError):
    """A version of a document that is not above what is published already.

    Attributes:
        kind: The kind of document.
        serial: Its serial.
        newest: The serial that is published already.
    """

    def __init__(self, kind: str, serial: int, newest: int) -> None:
        self.kind = kind
        self.serial = serial
        self.newest = newest
        super().__init__(f"{kind}: serial {serial} is not above {newest}, which is published already; raise /head/serial")


class UnknownPinError(InputError):
    """No document of this digest is kept here."""

    def __init__(self) -> None:
        super().__init__("this node never had a document of this digest")


class SheetRefusedError(InputError):
    """A table that cannot be imported. Nothing of it was.

    Attributes:
        faults: Every cell, in reading order.
    """

    def __init__(self, faults: Sequence[CellFault]) -> None:
        places = (f"{each.sheet}, row {each.row}, {each.column or 'row'}: {each.what}; {each.remedy}" for each in faults)
        super().__init__("; ".join(places))
        self.faults = tuple(faults)


class DecisionError(InputError):
    """A decision that cannot be taken as it was asked for. Nothing was logged."""


class PrefetchMissingError(InputError):
    """A CDS Hooks request lacks what the service's discovery document asks for.

    Attributes:
        key: The prefetch key.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"prefetch.{key}: {reason}; send it as GET /cds-services asks for it")
        self.key = key


class UnknownCheckError(InputError):
    """The institution made no such check, or it is no longer kept."""

    def __init__(self, check_id: str) -> None:
        super().__init__(f"no check {check_id} of this institution, or it is no longer kept; check the order again")
        self.check_id = check_id


class UnknownViewError(InputError):
    """No one-time link has this token, or it expired long ago."""

    def __init__(self) -> None:
        super().__init__("no such link: check the order again for a new one")


class ViewGoneError(InputError):
    """A one-time link that was used, or has expired."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the link {'was used' if why == 'used' else 'has expired'}: check the order again for a new one")
        self.why = why


class UnknownCardError(InputError):
    """Feedback on a card that the institution was not shown, or that is no longer kept."""

    def __init__(self, at: int) -> None:
        super().__init__(f"feedback[{at}]: no such card of this institution, or no such suggestion on it; nothing was taken")
        self.at = at


class SlipRefusedError(InputError):
    """A slip was asked for of a decision that recognises nothing, or not any more."""

    def __init__(self, decision_id: str, why: str) -> None:
        super().__init__(f"no slip of decision {decision_id}: {why}")
        self.decision_id = decision_id
        self.why = why


class QrTooLargeError(InputError):
    """What is to be put into a QR code does not fit the largest."""

    def __init__(self, length_chars: int, limit_chars: int) -> None:
        super().__init__(f"{length_chars} characters fit no QR code, which has {limit_chars}; hand out the evidence file")
        self.length_chars = length_chars
        self.limit_chars = limit_chars


class UnknownDecisionError(DecisionError):
    """The institution took no such decision."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(f"no decision {decision_id} of this institution")
        self.decision_id = decision_id


class ReversedDecisionError(DecisionError):
    """The decision was taken back already."""

    def __init__(self, decision_id: str) -> None:
        super().__init__(f"decision {decision_id} was taken back already; the order line can be decided again")
        self.decision_id = decision_id


class PinnedDocumentGoneError(DecisionError):
    """A document that a decision pins is not kept here any more: nobody can be shown what the decision rests on.

    Attributes:
        kind: Its kind.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} that the decision pins is not at this node any more; publish it again, or give it the file")
        self.kind = kind


class ExchangeKeyGoneError(DecisionError):
    """The exchange key under which a decision was logged is not kept any more: nobody here can open its entry.

    Attributes:
        institution: Whose key.
    """

    def __init__(self, institution: str) -> None:
        super().__init__(
            f"the decision is in the log of {institution} under an exchange key that is not at this node any more; "
            "restore it from the key backup into keys/INSTITUTION/former-exchange, and start the node again"
        )
        self.institution = institution


class UnknownOrderLineError(DecisionError):
    """The check holds no such order line, or no decision stands for it."""

    def __init__(self) -> None:
        super().__init__("no such order line in the check, or no decision that stands for it; check the order again")


class StaleCheckError(DecisionError):
    """The check is too old to decide on, or newer than the decision."""

    def __init__(self) -> None:
        super().__init__("the check is too old to decide on; check the order again")


class DecisionStandsError(DecisionError):
    """The order line was decided already.

    Attributes:
        decision_id: The decision that stands: whoever lost the answer to it learns its name here.
    """

    def __init__(self, decision_id: str) -> None:
        super().__init__(f"decision {decision_id} stands for this order line; reverse it first")
        self.decision_id = decision_id


class NotOfferedError(DecisionError):
    """A result was not offered for this order line, or none was named."""

    def __init__(self) -> None:
        super().__init__("only results that the check offered for this line can be recognised; name at least one")


class RetrievalMissingError(DecisionError):
    """A result was not retrieved and verified."""

    def __init__(self) -> None:
        super().__init__("a result is recognised after it was retrieved and verified; retrieve it first")


class ReasonMissingError(DecisionError):
    """An offer stood, and no reason was given."""

    def __init__(self) -> None:
        super().__init__("a result was offered: ordering again needs one of the six reasons")


class MalformedReasonError(DecisionError):
    """No such reason, or one that contradicts what is known.

    Attributes:
        field: `reason`, `sub_reason` or `free_text`.
        reason: What is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class RevisedResultError(DecisionError):
    """A result that was to be recognised has been amended, withdrawn or recalled since."""

    def __init__(self) -> None:
        super().__init__("a result was amended, withdrawn or recalled since: see `concord notices list`, and check again")


class UnknownNoticeError(InputError):
    """Nobody here was told that, or was sent it."""

    def __init__(self, notice: str) -> None:
        super().__init__(f"no notice {notice} was sent to or by this institution")
        self.notice = notice


class UnknownRecallError(InputError):
    """The institution announced no such recall."""

    def __init__(self, recall_id: str) -> None:
        super().__init__(f"this institution announced no recall {recall_id}")
        self.recall_id = recall_id


class RecallConflictError(InputError):
    """Another recall has this id."""

    def __init__(self, recall_id: str) -> None:
        super().__init__(f"the recall {recall_id} was announced with other criteria: draw another id")
        self.recall_id = recall_id


class TooManyRecallsError(InputError):
    """As many recalls of a log stand as its readers hold against results.

    Attributes:
        limit: How many.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} recalls stand already: lift those that have done their work, or announce wider ones")
        self.limit = limit


class RefilingRefusedError(InputError):
    """A record cannot be filed under another patient like this.

    Attributes:
        reason: Why, and what to do instead.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the record is not filed anew: {reason}")
        self.reason = reason


class UnknownDocumentError(InputError):
    """The code service knows no code for a document."""

    def __init__(self) -> None:
        super().__init__("the code service has no code for this document; issue one, or go on with a provisional code")


class CodeTakenError(InputError):
    """A code belongs to another document already: nobody shares a code, a newborn neither."""

    def __init__(self) -> None:
        super().__init__("this code is another document's, or was; draw a new seed for this patient")


class CodeRefusedError(InputError):
    """The code service refuses an operation.

    Attributes:
        reason: Why, without anything of the patient.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the code service refuses: {reason}")
        self.reason = reason


class VerificationError(ConcordError):
    """What was claimed does not hold."""


class CommitmentError(VerificationError):
    """Parts do not open the commitment."""


class PartNotCommittedError(CommitmentError):
    """A part is not what the commitment commits to at its number.

    Attributes:
        number: The part; 0 is the manifest.
        reason: What differs, as far as it can be told.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"part {number} does not open the commitment: {reason}")
        self.number = number
        self.reason = reason


class BodySealError(CommitmentError):
    """A sealed body does not open: altered, another record's, or its secret is gone."""

    def __init__(self) -> None:
        super().__init__("the sealed body does not open under its record's secret: altered, or another record's")


class MisplacedManifestError(CommitmentError):
    """A manifest is for another log, another type of leaf or other parts than those it came with.

    Attributes:
        what: What contradicts it: `origin`, `entry type`, or a part.
    """

    def __init__(self, what: str, stated: object, found: object) -> None:
        super().__init__(f"the manifest states {what} {stated!r}, but it came with {found!r}")
        self.what = what
        self.stated = stated
        self.found = found


class HeaderVerificationError(VerificationError):
    """A sealed header does not open, or its digest differs."""


class SealedMessageError(VerificationError):
    """What was sealed to an institution does not open with its key."""

    def __init__(self, institution: str) -> None:
        super().__init__(f"a sealed message to {institution} does not open: sealed to another key, or altered")
        self.institution = institution


class ConsentRefutedError(VerificationError):
    """A consent that was presented is not the one on chain, or not the patient's."""


class ConsentDigestError(ConsentRefutedError):
    """The scope is not the one whose digest the chain holds."""

    def __init__(self) -> None:
        super().__init__("the consent's scope and salt do not make the digest on chain: altered, or another consent's")


class ConsentAuthorityError(ConsentRefutedError):
    """The scope is not granted by whom it names, or not for this patient.

    Attributes:
        reason: What does not hold.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the consent does not stand on the word that it names: {reason}")
        self.reason = reason


class CardSealError(VerificationError):
    """A sealed card does not open."""

    def __init__(self) -> None:
        super().__init__("the sealed card does not open: another card's key, another document's, or altered")


class LocatorSecretRefusedError(VerificationError):
    """The locator secret of a new epoch is not to be taken over.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the locator secret is refused: {reason}")
        self.reason = reason


class DisclosureRefutedError(VerificationError):
    """What a holder sent is not what was asked for; nothing of it is shown or kept."""


class DisclosureSealError(DisclosureRefutedError):
    """A frame does not open: altered, out of order, or sealed for another request."""

    def __init__(self) -> None:
        super().__init__("a frame of the disclosure does not open: altered, out of order, or of another request")


class ForeignDisclosureError(DisclosureRefutedError):
    """It is another entry than the one that was asked for: another patient's, perhaps.

    Attributes:
        what: What differs.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the disclosure is of another entry than was asked for: {what}")
        self.what = what


class OutdatedDisclosureError(DisclosureRefutedError):
    """It is another version than the header that was found says."""

    def __init__(self, stated: int, found: int) -> None:
        super().__init__(f"the manifest is version {stated} of the record, its header says {found}")
        self.stated = stated
        self.found = found


class NotARecordError(HeaderVerificationError):
    """A header describes an act where a record's was expected."""

    def __init__(self) -> None:
        super().__init__("the header describes an act, not a record")


class HeaderDigestError(HeaderVerificationError):
    """A header is not the one that the leaf names."""

    def __init__(self) -> None:
        super().__init__("the header's digest is not the one in the leaf: altered, or another entry's")


class HeaderWrapError(HeaderVerificationError):
    """No wrap of a header opens with this key."""

    def __init__(self, reader: str) -> None:
        super().__init__(f"no wrap of the header opens with this {reader} key: it was sealed for someone else")
        self.reader = reader


class HeaderKeyError(HeaderVerificationError):
    """A wrap holds another data key than the header commits to: its readers would not all see the same."""

    def __init__(self) -> None:
        super().__init__("the header's wrap holds another data key than the header commits to")


class HeaderSealError(HeaderVerificationError):
    """A header's content does not open under its data key for this log, type and tag."""

    def __init__(self) -> None:
        super().__init__("the header does not open for this log, entry type and tag: altered, or moved")


class EvidenceRefutedError(VerificationError):
    """An evidence file claims what is not so."""


class UnknownLogError(EvidenceRefutedError):
    """The trust root names no log of this origin."""

    def __init__(self, origin: str, serial: int) -> None:
        super().__init__(f"the trust root (serial {serial}) names no log {origin!r}: not of this consortium, or newer")
        self.origin = origin
        self.serial = serial


class LogKeyRangeError(EvidenceRefutedError):
    """The log had no valid key at this size."""

    def __init__(self, origin: str, size: int) -> None:
        super().__init__(f"the trust root names no key of log {origin!r} that may sign a checkpoint of size {size}")
        self.origin = origin
        self.size = size


class LogSignatureError(EvidenceRefutedError):
    """No key of the log that is valid at this size signed the checkpoint, or its signature fails."""

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(f"the checkpoint is not signed by log {origin!r}: {reason}")
        self.origin = origin
        self.reason = reason


class ClosedOriginError(EvidenceRefutedError):
    """The consortium closed the log at an earlier size."""

    def __init__(self, origin: str, index: int, final_size: int) -> None:
        super().__init__(
            f"log {origin!r} was closed at size {final_size}: neither entry {index} nor a checkpoint beyond that size "
            "counts; ask the institution for evidence from a checkpoint up to that size, or from the successor log"
        )
        self.origin = origin
        self.index = index
        self.final_size = final_size


class LogInclusionError(EvidenceRefutedError):
    """The entry is not in the log."""

    def __init__(self, origin: str, index: int, size: int) -> None:
        super().__init__(f"the entry is not at index {index} of log {origin!r} at size {size}")
        self.origin = origin
        self.index = index
        self.size = size


class OpeningRefutedError(EvidenceRefutedError):
    """The manifest or a part is not what the log's commitment commits to."""

    def __init__(self, part: int, reason: str) -> None:
        super().__init__(f"part {part} does not open the commitment of the entry: {reason}")
        self.part = part
        self.reason = reason


class ForeignManifestError(EvidenceRefutedError):
    """The record was committed for another log: its commitment was lifted into this one."""

    def __init__(self, manifest_origin: str, checkpoint_origin: str) -> None:
        super().__init__(
            f"the manifest is for log {manifest_origin!r}, the checkpoint is of log {checkpoint_origin!r}: "
            "a commitment lifted out of another institution's log"
        )
        self.manifest_origin = manifest_origin
        self.checkpoint_origin = checkpoint_origin


class ManifestMismatchError(EvidenceRefutedError):
    """Manifest, leaf and parts contradict each other."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the manifest does not fit: {what}")
        self.what = what


class KindNotAllowedError(EvidenceRefutedError):
    """The consortium has not registered the record's kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the trust root does not allow records of kind {kind!r}")
        self.kind = kind


class CosignatureRefutedError(EvidenceRefutedError):
    """A cosignature under the name of a witness of the trust root fails."""

    def __init__(self, witness: str, reason: str) -> None:
        super().__init__(f"the cosignature of witness {witness!r} fails: {reason}")
        self.witness = witness
        self.reason = reason


class AnchorRefutedError(EvidenceRefutedError):
    """The anchor contradicts the checkpoint, the trust root or the chain."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the anchor does not hold: {what}")
        self.what = what


class EvidenceTooOldError(EvidenceRefutedError):
    """The evidence is older than the verifier accepts, or cannot be shown to be as recent."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; ask the holder for evidence against a newer head, or check the anchor with --rpc")
        self.reason = reason


class ForkRefutedError(EvidenceRefutedError):
    """What is said to contradict in a log does not."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the log does not contradict itself by this evidence: {reason}")
        self.reason = reason


class SeriesTagError(EvidenceRefutedError):
    """An entry is not the one that a key's counter names: one was left out, or it is another patient's."""

    def __init__(self, origin: str, counter: int, index: int) -> None:
        super().__init__(
            f"entry {index} of log {origin!r} is not number {counter} under its key: one is left out, or it is foreign"
        )
        self.origin = origin
        self.counter = counter
        self.index = index


class SeriesOrderError(EvidenceRefutedError):
    """Counters and places in the log rise together; here they do not."""

    def __init__(self, origin: str, counter: int, index: int) -> None:
        super().__init__(f"number {counter} under its key stands at entry {index} of log {origin!r}, not after the one before it")
        self.origin = origin
        self.counter = counter
        self.index = index


class BundleLineError(EvidenceRefutedError):
    """A line of a patient's bundle shows other things than the log's entry commits to."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line} of the bundle does not hold: {what}")
        self.line = line
        self.what = what


class CertificateContradictedError(EvidenceRefutedError):
    """The entries of a decision certificate, or what they say, do not belong together.

    Attributes:
        what: What does not fit.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the certificate contradicts itself: {what}")
        self.what = what


class ForeignPatientError(EvidenceRefutedError):
    """An entry of a decision certificate is another person's: the pseudonyms for supervision differ.

    Attributes:
        part: The part that the entry plays.
    """

    def __init__(self, part: str) -> None:
        super().__init__(f"the entry of the {part} is of another person than the decision")
        self.part = part


class PinMismatchError(EvidenceRefutedError):
    """A document of a decision certificate is not one that the decision pins, or one is missing.

    Attributes:
        kind: Its kind.
        subject: Whose it is: an institution for maps, else empty.
    """

    def __init__(self, kind: str, subject: str, what: str) -> None:
        super().__init__(f"{kind}{f' of {subject}' if subject else ''}: {what}")
        self.kind = kind
        self.subject = subject


class RetrievalUnprovedError(EvidenceRefutedError):
    """No receipt shows that a result was retrieved and verified before it was recognised.

    Attributes:
        origin: The result's log.
        leaf_hash: The result's entry, hexadecimal.
    """

    def __init__(self, origin: str, leaf_hash: str) -> None:
        super().__init__(
            f"no receipt before the decision shows that result {leaf_hash[:16]} of {origin!r} was retrieved and verified"
        )
        self.origin = origin
        self.leaf_hash = leaf_hash


class ResultRefutedError(EvidenceRefutedError):
    """By the pinned documents a result could not be recognised as it was offered.

    Attributes:
        origin: The result's log.
        leaf_hash: The result's entry, hexadecimal.
        reason: Why not: an obstacle, or what differs.
    """

    def __init__(self, origin: str, leaf_hash: str, reason: str) -> None:
        super().__init__(f"by the pinned documents, result {leaf_hash[:16]} of {origin!r} could not be offered like that: {reason}")
        self.origin = origin
        self.leaf_hash = leaf_hash
        self.reason = reason


class RefusalRefutedError(EvidenceRefutedError):
    """By the pinned documents a result stands that was told not to count, or does not count for another reason.

    Attributes:
        origin: The result's log.
        leaf_hash: The result's entry, hexadecimal.
        stated: The stated obstacle.
        found: What the rules say instead.
    """

    def __init__(self, origin: str, leaf_hash: str, stated: str, found: str) -> None:
        super().__init__(f"result {leaf_hash[:16]} of {origin!r} was refused as {stated}; by the pinned documents: {found}")
        self.origin = origin
        self.leaf_hash = leaf_hash
        self.stated = stated
        self.found = found


class DecisionRefutedError(EvidenceRefutedError):
    """By the pinned documents and rules the check or the decision is another one than was logged.

    Attributes:
        what: What differs, such as `price_fen`.
    """

    def __init__(self, what: str, stated: object = None, found: object = None) -> None:
        differs = "" if stated is None and found is None else f": stated {stated}, by the pinned documents {found}"
        super().__init__(f"the decision does not follow from what it rests on: {what}{differs}")
        self.what = what


class DocumentPublisherError(EvidenceRefutedError):
    """A document that a decision rests on was published by somebody who may not publish it.

    Attributes:
        kind: Its kind.
        subject: Whose map it is; empty for the others.
        publisher: Whose log it stands in.
    """

    def __init__(self, kind: str, subject: str, publisher: str, serial: int) -> None:
        named = f"{kind} of {subject}" if subject else kind
        super().__init__(f"the {named} is published in the log of {publisher}, which may not by the trust root (serial {serial})")
        self.kind = kind
        self.subject = subject
        self.publisher = publisher


class SummaryRefutedError(EvidenceRefutedError):
    """What a slip says of a decision is not what was decided.

    Attributes:
        what: What differs, such as `saving_fen`.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"the summary says something else than the signed decision: {what}; go by the decision")
        self.what = what


class LookRefutedError(EvidenceRefutedError):
    """What is said to be found when logs were read again does not belong to the certificate.

    Attributes:
        what: What does not fit.
        origin: The log that it is about; empty where it is about none.
    """

    def __init__(self, what: str, origin: str = "") -> None:
        super().__init__(f"{f'log {origin!r}: ' if origin else ''}{what}")
        self.what = what
        self.origin = origin


class ForeignKeysError(EvidenceRefutedError):
    """None of the results that a certificate shows is found under the keys with which logs are read again."""

    def __init__(self) -> None:
        super().__init__(
            "no result of the certificate is found under these keys: they are another patient's, lack the epoch, or the code was "
            "changed since; use the patient's file of that time"
        )


class TrustRootError(VerificationError):
    """A trust root is expired, or is not signed by those whom its predecessor names."""


class TrustRootExpiredError(TrustRootError):
    """The trust root's time is over."""

    def __init__(self, serial: int, expired_at: str) -> None:
        super().__init__(f"the trust root (serial {serial}) expired at {expired_at}; update it from the consortium")
        self.serial = serial
        self.expired_at = expired_at


class TrustRootSignatureError(TrustRootError):
    """Too few of the signers who count signed."""

    def __init__(self, whose: str, signed: int, threshold: int) -> None:
        super().__init__(f"{signed} valid signatures by {whose}, {threshold} are needed; the file is not to be trusted")
        self.whose = whose
        self.signed = signed
        self.threshold = threshold


class TrustRootSerialError(TrustRootError):
    """An update that is not newer than what it would replace: a replay."""

    def __init__(self, old: int, new: int) -> None:
        super().__init__(f"the update has serial {new}, the trusted root has {old}; only a greater one replaces it")
        self.old = old
        self.new = new


class ResponseSignatureError(VerificationError):
    """A member's answer does not verify under its key, for the request that was sent: nothing of it is believed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the answer is not signed by the member that was asked: {reason}")
        self.reason = reason


class AccessError(ConcordError):
    """The caller may not do this."""


class UnauthenticatedError(AccessError):
    """No valid API key was given."""

    def __init__(self) -> None:
        super().__init__("send a valid API key as `Authorization: Bearer <key>`")


class RateLimitedError(AccessError):
    """Somebody asked too often."""

    def __init__(self, per_minute: int) -> None:
        super().__init__(f"more than {per_minute} requests a minute; ask again later")
        self.per_minute = per_minute


class ForbiddenError(AccessError):
    """The API key lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"this API key lacks the scope {scope}")
        self.scope = scope


class NotPublisherError(AccessError):
    """An institution publishes a document that it may not publish; nothing was logged.

    Attributes:
        kind: The kind of document.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(f"not published: {reason}")


class AccessDeniedError(AccessError):
    """Policy says no.

    Attributes:
        told: Why, as far as the requester may know: the same whether the record is hidden or never existed.
    """

    def __init__(self, told: str) -> None:
        super().__init__(f"not disclosed: {told}")
        self.told = told


class TooManyDenialsError(AccessError):
    """A requester was denied too often of late: further denials are neither told nor logged one by one."""

    def __init__(self, per_hour: int) -> None:
        super().__init__(f"more than {per_hour} requests were denied within an hour; ask again later")
        self.per_hour = per_hour


class RequestSignatureError(AccessError):
    """A request that only members may send is not signed by one (RFC 9421)."""


class MalformedSignatureError(RequestSignatureError):
    """There is no usable signature for this protocol."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"sign the request as docs/spec/retrieval.md says: {reason}")
        self.reason = reason


class UnknownRequestKeyError(RequestSignatureError):
    """The registry had no such request key, valid at that time, of an active institution."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the registry has no valid request key {key_id!r} for that time: suspended, rotated out, or not yet seen here"
        )
        self.key_id = key_id


class RequestTimeError(RequestSignatureError):
    """A signature's times are not acceptable here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the signature's time is refused: {reason}")
        self.reason = reason


class AlteredRequestError(RequestSignatureError):
    """A signature does not verify for this method, target, type and body."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the signature by {key_id!r} does not verify: altered on the way, or sent to another address than the registered one"
        )
        self.key_id = key_id


class ReplayedRequestError(RequestSignatureError):
    """The nonce was used before."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"this request by {key_id!r} came before; sign it anew, with a nonce of its own")
        self.key_id = key_id


class WrongAudienceError(RequestSignatureError):
    """The signed body names another institution than those here."""

    def __init__(self, audience: str) -> None:
        super().__init__(f"the request is for {audience!r}, which this node does not host")
        self.audience = audience


class MemberError(ConcordError):
    """Another member did not do its part; what was to be sent stays, and is tried again."""


class MemberAwayError(MemberError):
    """A member's node does not answer, or the registry names no address of it."""

    def __init__(self, institution: str, reason: str) -> None:
        super().__init__(f"the node of {institution} does not answer: {reason}")
        self.institution = institution
        self.reason = reason


class CustodiansAwayError(MemberError):
    """No two custodians of a card can be asked now."""

    def __init__(self) -> None:
        super().__init__("no two of the three custodians open cards now; go on with a provisional code, and ask again")


class MemberRefusedError(MemberError):
    """A member's node refuses a request, and signed that it does."""

    def __init__(self, institution: str, status: int, problem: str, reason: str = "") -> None:
        super().__init__(f"the node of {institution} refuses: HTTP status {status}, {problem or 'no reason'} {reason}".rstrip())
        self.institution = institution
        self.status = status
        self.problem = problem
        self.reason = reason


class MemberAnswerError(MemberError):
    """A member's node answers what its protocol does not know."""

    def __init__(self, institution: str, reason: str) -> None:
        super().__init__(f"the node of {institution} answers what it should not: {reason}")
        self.institution = institution


class WitnessError(ConcordError):
    """A witness does not cosign a checkpoint of this node's logs."""


class WitnessAheadError(WitnessError):
    """A witness has cosigned a larger head of the log than this node holds: a restored backup."""

    def __init__(self, witness: str, size: int, known_size: int) -> None:
        super().__init__(f"the witness of {witness} holds size {known_size} of this log, which has size {size} here")
        self.witness = witness
        self.size = size
        self.known_size = known_size


class WitnessContradictsError(WitnessError):
    """A witness has cosigned a head that this node's log does not extend."""

    def __init__(self, witness: str, size: int, known_size: int) -> None:
        super().__init__(f"the witness of {witness} holds a head of size {known_size} that size {size} here does not extend")
        self.witness = witness
        self.size = size
        self.known_size = known_size


class WitnessRefusesError(WitnessError):
    """A witness answers neither with a cosignature nor with a conflict."""

    def __init__(self, witness: str, reason: str) -> None:
        super().__init__(f"the witness of {witness} does not cosign: {reason}")
        self.witness = witness
        self.reason = reason


class ChainError(ConcordError):
    """The chain cannot be used as configured, or refused a transaction."""


class ChainAwayError(ChainError):
    """The chain does not answer. What is stored stays; anchoring goes on when it is back."""

    def __init__(self, rpc_url: str, reason: str) -> None:
        super().__init__(f"the chain at {rpc_url} does not answer: {reason}")
        self.rpc_url = rpc_url
        self.reason = reason


class WrongChainError(ChainError):
    """The chain that answers is not the one that the trust root names."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"the trust root names {what} {expected}, this chain has {actual}; check rpc_url and trust root")
        self.what = what
        self.expected = expected
        self.actual = actual


class ContractMismatchError(ChainError):
    """A contract's code is not what the trust root pins."""

    def __init__(self, contract: str, address: str, reason: str) -> None:
        super().__init__(f"contract {contract} at {address}: {reason}; check the trust root")
        self.contract = contract
        self.address = address


class TransactionRevertedError(ChainError):
    """A contract refused a transaction.

    Attributes:
        name: The contract's named revert, such as `Fork`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"the contract refused the transaction: {name}")
        self.name = name


class ConsentStateUnknownError(ChainError):
    """What the chain says of consents cannot be known now: it was read too long ago, and cannot be read."""

    def __init__(self, max_staleness_s: float) -> None:
        super().__init__(
            f"the chain's consents were not read in the last {max_staleness_s:g} s (consents.max_staleness_s); "
            "ask again when the chain answers"
        )
        self.max_staleness_s = max_staleness_s


class NonceTakenError(ChainError):
    """The key was used outside this node: its nonces are not this node's alone."""

    def __init__(self, address: str, expected: int, actual: int) -> None:
        super().__init__(
            f"{address} has sent {actual} transactions, this node knows of {expected}: give each node a key of its own"
        )
        self.address = address
        self.expected = expected
        self.actual = actual


class ChainRefusedError(ChainError):
    """The chain's node answers a call with an error.

    Attributes:
        call: What was asked, such as `eth_sendRawTransaction`.
        reason: The node's message.
    """

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"the chain's node refuses {call}: {reason}")
        self.call = call
        self.reason = reason


class TransactionMissingError(ChainError):
    """A transaction was sent and is not in a block in time; it may still come.

    Attributes:
        tx_hash: Its hash, 0x-prefixed hexadecimal.
    """

    def __init__(self, tx_hash: str, waited_s: float) -> None:
        super().__init__(f"transaction {tx_hash} is in no block after {waited_s:g} s; look again before sending another")
        self.tx_hash = tx_hash


class AnchorPendingError(ChainError):
    """Another head of this log is on its way to the chain."""

    def __init__(self, origin: str, size: int) -> None:
        super().__init__(f"the head of size {size} of {origin} is on its way; anchor the next one when it has settled")
        self.origin = origin
        self.size = size


class AnchorBaseGoneError(ChainError):
    """A proof starts from a head that is not the chain's."""

    def __init__(self, origin: str, base_size: int, actual_size: int) -> None:
        super().__init__(
            f"the proof for {origin} starts from size {base_size}, the chain's head has size {actual_size}; prove from that"
        )
        self.origin = origin
        self.base_size = base_size
        self.actual_size = actual_size


class NodeError(ConcordError):
    """The operator must act."""


class SecretUnreadableError(NodeError):
    """A record secret cannot be unwrapped."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"a record secret cannot be read: {reason}")
        self.reason = reason


class KeyFileError(NodeError):
    """A key file is missing, readable by others or damaged."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class SettingsError(NodeError):
    """The settings cannot be used."""


class ConsentsOffError(SettingsError):
    """The consortium has no contract for consents, or this node no chain."""

    def __init__(self) -> None:
        super().__init__(
            "consents are off: this node has no chain, or its trust root pins no contract `consents`; "
            "update the trust root when the consortium has deployed one"
        )


class SchemaVersionError(NodeError):
    """A database was written by another release."""

    def __init__(self, path: str, found: int, expected: int) -> None:
        super().__init__(f"{path} has schema {found}, this release needs {expected}; use the release that wrote it")
        self.path = path
        self.found = found
        self.expected = expected


class DirectoryInUseError(NodeError):
    """Another process serves this directory."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is in use by another `concord serve`; stop that one first")
        self.path = path


class NodeStoppingError(NodeError):
    """The node is stopping; what was refused this way was not written."""

    def __init__(self) -> None:
        super().__init__("the node is stopping: nothing was written; send it again when it is back")


class PreparationLostError(NodeError):
    """What prepared a document failed or was killed; nothing of the document was written."""

    def __init__(self) -> None:
        super().__init__("the document could not be prepared: nothing was written; send it again, alone if it came with others")


class LogHaltedError(NodeError):
    """The log refuses to sign: its state is behind or inconsistent with what others saw."""

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(f"the log {origin} does not sign: {reason}")
        self.origin = origin
        self.reason = reason


class IndexGapError(NodeError):
    """Leaves were to be indexed that do not follow those that are."""

    def __init__(self, origin: str, expected: int, actual: int) -> None:
        super().__init__(f"the index of {origin} goes on at {expected}, not at {actual}; it is read again from there")
        self.origin = origin
        self.expected = expected
        self.actual = actual


class ForeignPermitError(NodeError):
    """A body was to be opened with a permit for something else: a fault of this program."""

    def __init__(self) -> None:
        super().__init__("a permit was used for another entry or institution than it is for: report this as a fault")
