"""Recognition, connected: the check at order time, its leaves, decisions and what others tell of theirs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from node.adapters.database.checks import SqlCheckStore
from node.adapters.database.decisions import SqlDecisionStore, SqlHeardDecisionStore, SqlVerifiedRetrievals
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.services import Foundation, Services
from node.bootstrap.sharing import Sharing
from node.errors import ConcordError, SettingsError, WireError
from node.services.checking import CheckLeaves, CheckParts, OrderChecking
from node.services.deciding import Deciding, DecidingParts
from node.services.heard_decisions import HeardDecisions
from node.services.loops import Loop
from node.services.order_results import OrderResults
from node.services.reading import Reading
from node.services.recognition import Recognition
from node.services.rulebook import Rulebook
from node.terminology.bundle import Terminology
from node.wire.catalogue import PACKAGED_CATALOGUE, PACKAGED_MAPS, load_terminology, parse_document
from node.wire.decision_message import DECISION_KIND

log = structlog.get_logger(__name__)

_LEAF_INTERVAL_S = 60.0
"""How often it is looked whether an hour has ended."""
_TEXTS = Path(__file__).parent.parent / "texts"
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class BuiltRecognition:
    """The services, and their loops."""

    services: Recognition
    """What the API uses."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_recognition(
    foundation: Foundation, services: Services, sharing: Sharing, exchange: BuiltExchange | None, reading: Reading | None
) -> BuiltRecognition | None:
    """Connect the services; nothing is started. None where nothing says who the members are."""
    if exchange is None or reading is None:
        return None
    stores, settings = foundation.stores, foundation.settings.recognition
    origins = {each.institution: each.origin for each in foundation.institutions.values()}
    directory = None if settings.directory is None else foundation.settings.directory / settings.directory
    # read now, so that documents which cannot be read stop the start; prepared by the loop
    rules = Rulebook(read_terminology(directory), _texts())
    parts = CheckParts(
        rules=rules,
        results=OrderResults(reading.finding, services.following.service),
        store=SqlCheckStore(stores.readers),
        keys=foundation.keys,
        writer=stores.writer,
        clock=foundation.clock,
    )
    checking = OrderChecking(parts)
    leaves = CheckLeaves(parts, sharing.composer, origins, services.sequencing.staged)
    deciding = Deciding(
        DecidingParts(
            rules=rules,
            checking=checking,
            retrievals=SqlVerifiedRetrievals(stores.readers),
            store=SqlDecisionStore(),
            composer=sharing.composer,
            outbox=exchange.services.outbox,
            keys=foundation.keys,
            writer=stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
            origins=origins,
            max_check_age_ms=int(settings.max_check_age_s * 1000),
        )
    )
    heard = HeardDecisions(SqlHeardDecisionStore(stores.readers), origins)
    exchange.services.inbox.register(DECISION_KIND, heard.heard)
    loop = Loop("check-leaves", lambda: _step(rules, leaves, foundation), _LEAF_INTERVAL_S)
    return BuiltRecognition(Recognition(rules, checking, leaves, deciding, heard), [loop])


def read_terminology(directory: Path | None) -> Terminology:
    """Read the documents of a folder; without one the sample documents that come with the node.

    Raises:
        SettingsError: There is no such folder, or a document in it is malformed, missing, there twice, or of another release.
    """
    if directory is not None and not directory.is_dir():
        raise SettingsError(f"recognition.directory: {directory} is no folder")
    folders = (PACKAGED_CATALOGUE, PACKAGED_MAPS) if directory is None else (directory,)
    files = [file for folder in folders for file in sorted(folder.glob("*.json"))]
    documents = [file.read_bytes() for file in files]
    try:
        return load_terminology(documents)
    except WireError as error:
        named = next((file.name for file, data in zip(files, documents, strict=True) if not _is_document(data)), "the folder")
        raise SettingsError(f"recognition.directory: {named}: {error}") from error


def _is_document(data: bytes) -> bool:
    try:
        parse_document(data)
    except WireError:
        return False
    return True


def _step(rules: Rulebook, leaves: CheckLeaves, foundation: Foundation) -> None:
    for institution in foundation.institutions:
        try:
            # the first time: before a clinician waits for it
            rules.ordering(institution)
        except ConcordError as error:
            log.debug("no_checks_for_institution", institution=institution, reason=str(error))
    leaves.step()


def _texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return {each: tomllib.loads((_TEXTS / f"{each}.toml").read_text(encoding="utf-8")) for each in _LANGUAGES}
