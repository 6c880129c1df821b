"""Errors to HTTP problems (RFC 9457): one table, read from the top; the first class that fits wins."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ledger.errors import LedgerError, MalformedError, ResourceMissingError
from node import errors

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_URN = "urn:concord:problem:"

TABLE: tuple[tuple[type[Exception], HTTPStatus, str, str], ...] = (
    (errors.UnauthenticatedError, HTTPStatus.UNAUTHORIZED, "unauthenticated", "No valid API key"),
    (errors.RateLimitedError, HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
    (errors.ForbiddenError, HTTPStatus.FORBIDDEN, "forbidden", "The API key may not do this"),
    (errors.MalformedSignatureError, HTTPStatus.UNAUTHORIZED, "signature-malformed", "Not signed as members sign"),
    (errors.UnknownRequestKeyError, HTTPStatus.UNAUTHORIZED, "key-not-registered", "No key of an active member"),
    (errors.RequestTimeError, HTTPStatus.UNAUTHORIZED, "signature-time", "The signature's time is refused"),
    (errors.AlteredRequestError, HTTPStatus.UNAUTHORIZED, "signature-refuted", "The signature does not verify"),
    (errors.ReplayedRequestError, HTTPStatus.UNAUTHORIZED, "replayed", "The request came before"),
    (errors.WrongAudienceError, HTTPStatus.FORBIDDEN, "wrong-audience", "For another institution"),
    (errors.NotPublisherError, HTTPStatus.FORBIDDEN, "not-publisher", "Another's to publish"),
    (errors.AccessDeniedError, HTTPStatus.FORBIDDEN, "not-disclosed", "Not disclosed"),
    (errors.TooManyDenialsError, HTTPStatus.TOO_MANY_REQUESTS, "too-many-denials", "Denied too often"),
    (errors.RecordLockedError, HTTPStatus.LOCKED, "record-locked", "The record is locked"),
    (errors.RequestConflictError, HTTPStatus.CONFLICT, "request-conflict", "Another request has this id"),
    (errors.UnknownRetrievalError, HTTPStatus.NOT_FOUND, "unknown-retrieval", "No such retrieval"),
    (errors.SupersededTargetError, HTTPStatus.CONFLICT, "superseded", "No longer the latest"),
    (errors.MessageConflictError, HTTPStatus.CONFLICT, "message-conflict", "Another message has this id"),
    (errors.UnknownMessageKindError, HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-message-kind", "Nothing acts on this kind"),
    (errors.UnknownDocumentError, HTTPStatus.NOT_FOUND, "unknown-document", "No code for this document"),
    (errors.CodeTakenError, HTTPStatus.CONFLICT, "code-taken", "Another document's code"),
    (errors.CodeRefusedError, HTTPStatus.FORBIDDEN, "code-refused", "The code service refuses"),
    (errors.HeaderKeptError, HTTPStatus.CONFLICT, "header-kept", "The header is never deleted"),
    (errors.CustodiansAwayError, HTTPStatus.SERVICE_UNAVAILABLE, "custodians-away", "Two custodians are needed"),
    (errors.UnknownRecordError, HTTPStatus.NOT_FOUND, "unknown-record", "No such record"),
    (errors.UnknownPatientEntryError, HTTPStatus.NOT_FOUND, "unknown-patient-entry", "Nothing of yours here"),
    (errors.UnknownFindingError, HTTPStatus.NOT_FOUND, "unknown-finding", "No such finding"),
    (errors.UnknownPartError, HTTPStatus.NOT_FOUND, "unknown-part", "No such part"),
    (errors.UnknownOriginError, HTTPStatus.NOT_FOUND, "unknown-origin", "No such log"),
    (errors.UnknownInstitutionError, HTTPStatus.NOT_FOUND, "unknown-institution", "No such institution"),
    (errors.NoProfileError, HTTPStatus.NOT_FOUND, "no-profile", "No profile or no map of the institution"),
    (errors.PrefetchMissingError, HTTPStatus.PRECONDITION_FAILED, "prefetch-missing", "The request lacks FHIR data"),
    (errors.UnknownCheckError, HTTPStatus.NOT_FOUND, "unknown-check", "No such check"),
    (errors.PinnedDocumentGoneError, HTTPStatus.GONE, "document-gone", "A pinned document is not here any more"),
    (errors.ExchangeKeyGoneError, HTTPStatus.GONE, "exchange-key-gone", "A former exchange key is not here any more"),
    (errors.UnknownNoticeError, HTTPStatus.NOT_FOUND, "unknown-notice", "No such notice"),
    (errors.UnknownRecallError, HTTPStatus.NOT_FOUND, "unknown-recall", "No such recall"),
    (errors.RecallConflictError, HTTPStatus.CONFLICT, "recall-conflict", "Another recall has this id"),
    (errors.TooManyRecallsError, HTTPStatus.CONFLICT, "too-many-recalls", "Too many recalls stand"),
    (errors.UnknownViewError, HTTPStatus.NOT_FOUND, "unknown-link", "No such link"),
    (errors.SlipRefusedError, HTTPStatus.CONFLICT, "no-slip", "Nothing to print"),
    (errors.UnknownCardError, HTTPStatus.NOT_FOUND, "unknown-card", "No such card"),
    (errors.ViewGoneError, HTTPStatus.GONE, "link-gone", "The link opens no more"),
    (errors.UnknownDecisionError, HTTPStatus.NOT_FOUND, "unknown-decision", "No such decision"),
    (errors.UnknownOrderLineError, HTTPStatus.NOT_FOUND, "unknown-order-line", "No such order line"),
    (errors.StaleCheckError, HTTPStatus.CONFLICT, "stale-check", "The check is too old"),
    (errors.DecisionStandsError, HTTPStatus.CONFLICT, "decision-stands", "The order line was decided"),
    (errors.ReversedDecisionError, HTTPStatus.CONFLICT, "decision-reversed", "The decision was taken back already"),
    (errors.RevisedResultError, HTTPStatus.CONFLICT, "revised-result", "A result was amended, withdrawn or recalled"),
    (errors.DecisionError, HTTPStatus.UNPROCESSABLE_ENTITY, "decision-refused", "The decision is refused"),
    (errors.SerialTakenError, HTTPStatus.CONFLICT, "serial-taken", "Not above what is published"),
    (errors.UnknownPinError, HTTPStatus.NOT_FOUND, "unknown-pin", "No such document"),
    (errors.SheetRefusedError, HTTPStatus.UNPROCESSABLE_ENTITY, "sheet-refused", "The table cannot be imported"),
    (errors.UnknownConsentError, HTTPStatus.NOT_FOUND, "unknown-consent", "No such consent"),
    (errors.UnknownEmergencyError, HTTPStatus.NOT_FOUND, "unknown-emergency", "No such emergency"),
    (errors.UnknownPatientError, HTTPStatus.NOT_FOUND, "unknown-patient", "No such patient"),
    (errors.EmergencyRateError, HTTPStatus.TOO_MANY_REQUESTS, "too-many-emergencies", "Too many emergencies"),
    (errors.RecordErasedError, HTTPStatus.GONE, "record-erased", "The record was erased"),
    (errors.VersionConflictError, HTTPStatus.CONFLICT, "version-conflict", "The version holds other content"),
    (errors.NotYetLoggedError, HTTPStatus.CONFLICT, "not-yet-logged", "Stored and not logged yet"),
    (errors.DocumentTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "Too large"),
    (errors.BodyTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "Too large"),
    (errors.LimitExceededError, HTTPStatus.UNPROCESSABLE_ENTITY, "limit-exceeded", "Over a limit"),
    (errors.DocumentRefusedError, HTTPStatus.UNPROCESSABLE_ENTITY, "document-refused", "The document lacks something"),
    (errors.WireError, HTTPStatus.BAD_REQUEST, "malformed", "Not what it claims to be"),
    (errors.InputError, HTTPStatus.UNPROCESSABLE_ENTITY, "refused", "Refused"),
    (errors.CommitmentError, HTTPStatus.INTERNAL_SERVER_ERROR, "body-altered", "What is stored is not what was committed to"),
    (errors.VerificationError, HTTPStatus.UNPROCESSABLE_ENTITY, "refuted", "What was claimed does not hold"),
    (errors.MemberError, HTTPStatus.BAD_GATEWAY, "member", "Another member did not do its part"),
    (errors.ConsentStateUnknownError, HTTPStatus.SERVICE_UNAVAILABLE, "consent-unknown", "The consent's state cannot be known now"),
    (errors.ChainError, HTTPStatus.SERVICE_UNAVAILABLE, "chain", "The chain cannot be used now"),
    (errors.NodeStoppingError, HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "The node is stopping"),
    (errors.PreparationLostError, HTTPStatus.SERVICE_UNAVAILABLE, "not-prepared", "The document could not be prepared"),
    (errors.SettingsError, HTTPStatus.SERVICE_UNAVAILABLE, "not-set-up", "This node is not set up for that"),
    (errors.LogHaltedError, HTTPStatus.SERVICE_UNAVAILABLE, "log-halted", "The log does not sign"),
    (errors.ConcordError, HTTPStatus.INTERNAL_SERVER_ERROR, "operator", "The operator must act"),
    (ResourceMissingError, HTTPStatus.NOT_FOUND, "not-in-log", "Not in the log"),
    (MalformedError, HTTPStatus.BAD_REQUEST, "malformed", "Not what it claims to be"),
    (LedgerError, HTTPStatus.INTERNAL_SERVER_ERROR, "log", "The log cannot answer"),
)
"""Error class, HTTP status, slug of the problem type, title."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document."""

    type: str
    """URN that names the kind of problem."""
    title: str
    """The same for every problem of this type."""
    status: int
    """The HTTP status."""
    detail: str
    """Place and remedy; never patient data."""
    extensions: Mapping[str, object]
    """Members of this type, such as `refusals`."""

    def document(self) -> dict[str, object]:
        """Return the JSON object."""
        core = {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail}
        return {**core, **self.extensions}


def problem_of(error: BaseException) -> Problem:
    """Translate an error. One that no row names is a fault of ours: nothing of it is told, its place is logged."""
    problem = _translate(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        own = isinstance(error, errors.ConcordError | LedgerError)
        # messages of our trees hold no patient data; of others only the kind and the place are logged
        log.error("request_failed", error=type(error).__name__, reason=str(error) if own else None, at=_place(error))
    return problem


def _translate(error: BaseException) -> Problem:
    for kind, status, slug, title in TABLE:
        if isinstance(error, kind):
            # of our own faults only this one is told: whoever asked has to learn that the node's record was altered
            told = status is not HTTPStatus.INTERNAL_SERVER_ERROR or kind is errors.CommitmentError
            detail = str(error) if told else "the node's log has the reason"
            return Problem(_URN + slug, title, status, detail, _extensions(error))
    return Problem(_URN + "internal", "Internal error", 500, "the node's log has the reason", {})


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name} ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""


def _extensions(error: BaseException) -> dict[str, object]:
    if isinstance(error, errors.DocumentRefusedError):
        return {"refusals": [{"path": refusal.path, "reason": refusal.reason} for refusal in error.refusals]}
    if isinstance(error, errors.AccessDeniedError):
        return {"reason": error.told}
    if isinstance(error, errors.DecisionStandsError):
        return {"decision_id": error.decision_id}
    if isinstance(error, errors.LimitExceededError):
        return {"limit": error.limit, "allowed": error.allowed}
    if isinstance(error, errors.RecordErasedError | errors.VersionConflictError):
        return {"record_id": error.record_id}
    return {}


def problem_response(problem: Problem) -> Response:
    """Return a problem as a response."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    return Response(msgspec.json.encode(problem.document()), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


async def handle_error(request: Request, error: Exception) -> Response:
    """Answer a request that raised an error of one of the trees."""
    del request
    return problem_response(problem_of(error))


async def handle_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: unknown paths, wrong methods."""
    del request
    if not isinstance(error, HTTPException):
        return problem_response(problem_of(error))
    title = HTTPStatus(error.status_code).phrase
    slug = title.lower().replace(" ", "-")
    return problem_response(Problem(_URN + slug, title, error.status_code, f"{title}: see /openapi.json", {}))


async def handle_invalid_parameters(request: Request, error: Exception) -> Response:
    """Answer parameters that do not validate; their values are not repeated."""
    del request
    found = error.errors() if isinstance(error, RequestValidationError) else []
    refusals = [{"path": ".".join(map(str, item["loc"])), "reason": item["msg"]} for item in found]
    detail = "; ".join(f"{refusal['path']}: {refusal['reason']}" for refusal in refusals)
    return problem_response(Problem(_URN + "invalid-parameter", "Invalid parameter", 422, detail, {"refusals": refusals}))
