"""The catalogue's documents, connected: read, gathered, adopted, published; and what has no row in a map."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.adapters.database.catalogue.publication import SqlPublicationStore
from node.adapters.database.catalogue.unmapped import SqlUnmappedStore
from node.adapters.database.supervision.findings import SqlSupervisionStore
from node.bootstrap.foundation import Foundation
from node.bootstrap.hosting import hosted_regulators
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.errors import SettingsError, WireError
from node.ports.catalogue.publication import PublicationStore
from node.services.catalogue.adoption import AdoptionParts, DocumentAdoption, DocumentSource, last_held
from node.services.catalogue.gathering import DocumentGathering, GatheringParts
from node.services.catalogue.publishers import Publishers
from node.services.catalogue.publishing import DocumentPublishing, PublishingParts
from node.services.catalogue.rulebook import Rulebook
from node.services.catalogue.unmapped import UnmappedCodes
from node.services.loops import Loop
from node.services.surface.catalogue import Catalogue
from node.terminology.bundle import Terminology
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, load_terminology, parse_document

_GATHER_INTERVAL_S = 1.0
"""How often it is looked for documents that were published; what is new is known from memory."""
_UNMAPPED_INTERVAL_S = 5.0
_TEXTS = Path(__file__).parent.parent / "texts"
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class BuiltCatalogue:
    """The services, and their loops."""

    services: Catalogue
    """What the API uses."""
    rules: Rulebook
    """What holds, prepared."""
    loops: Sequence[Loop]
    """To be started with the node."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What holds at the start."""

    source: DocumentSource
    files: tuple[bytes, ...]
    documents: Terminology


def build_catalogue(foundation: Foundation, services: Services, sharing: Sharing) -> BuiltCatalogue | None:
    """Connect the services; nothing is started. None where nothing says who the members are.

    Raises:
        SettingsError: A document of `recognition.directory` cannot be used.
    """
    if foundation.trust_root is None and sharing.membership is None:
        return None
    stores, clock = foundation.stores, foundation.clock
    store = SqlPublicationStore(stores.readers)
    # read now, so that documents which cannot be read stop the start; prepared by a loop
    start = _start(foundation, store)
    rules = Rulebook(start.documents, read_texts())
    publishers = _publishers(foundation, services, sharing)
    adoption = DocumentAdoption(
        AdoptionParts(
            gathering=_gathering(foundation, publishers, store),
            publishers=publishers,
            store=store,
            rules=rules,
            hosted=tuple(foundation.institutions),
            writer=stores.writer,
        ),
        start.source,
        start.files,
    )
    publishing = DocumentPublishing(
        PublishingParts(
            publishers=publishers,
            adoption=adoption,
            rules=rules,
            store=store,
            origins={each.institution: each.origin for each in foundation.institutions.values()},
            progress=foundation.progress,
            staged=services.sequencing.staged,
            writer=stores.writer,
            clock=clock,
        )
    )
    unmapped = UnmappedCodes(rules, SqlUnmappedStore(stores.readers), stores.writer, clock)
    services.node.ingest.on_filed(unmapped.filed)
    services.node.status.on_documents(adoption.status)
    loops = [_adoption_loop(adoption), Loop("unmapped-codes", unmapped.step, _UNMAPPED_INTERVAL_S)]
    return BuiltCatalogue(Catalogue(publishing, adoption, store, unmapped), rules, loops)


def _publishers(foundation: Foundation, services: Services, sharing: Sharing) -> Publishers:
    following, trust_root = services.following.service, foundation.trust_root
    return Publishers(
        sharing.membership,
        {} if trust_root is None else trust_root.institutions,
        lambda: {origin: head.size for origin, head in following.anchored_heads().items()},
    )


def _gathering(foundation: Foundation, publishers: Publishers, store: PublicationStore) -> DocumentGathering:
    trust_root, stores, followed = foundation.trust_root, foundation.stores, foundation.followed
    own = {hosted.origin: hosted.institution for hosted in foundation.institutions.values()}
    logs = {} if trust_root is None else {log.origin: log.institution for log in trust_root.logs.values()}
    return DocumentGathering(
        GatheringParts(
            institutions=logs or own,
            index=followed.index,
            publishers=publishers,
            store=store,
            trust=followed.trust,
            findings=SqlSupervisionStore(stores.readers) if hosted_regulators(trust_root, foundation.identities) else None,
            writer=stores.writer,
            clock=foundation.clock,
        )
    )


def _adoption_loop(adoption: DocumentAdoption) -> Loop:
    def step() -> None:
        if adoption.step():
            loop.wake()

    loop = Loop("documents", step, _GATHER_INTERVAL_S)
    return loop


def _start(foundation: Foundation, store: PublicationStore) -> _Start:
    named = foundation.settings.recognition.directory
    if named is not None:
        return _read(DocumentSource.FOLDER, (foundation.settings.directory / named,))
    held = last_held(store)
    if held is not None:
        return _Start(DocumentSource.PUBLISHED, (), held)
    return _read(DocumentSource.SAMPLE, (PACKAGED_CATALOGUE, PACKAGED_MAPS))


def _read(source: DocumentSource, folders: Sequence[Path]) -> _Start:
    """Read the documents of folders.

    Raises:
        SettingsError: There is no such folder, or a document in it is malformed, missing, there twice, or of another release.
    """
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(f"recognition.directory: {folder} is no folder")
    files = [file for folder in folders for file in sorted(folder.glob("*.json"))]
    documents = tuple(file.read_bytes() for file in files)
    try:
        return _Start(source, documents, load_terminology(documents))
    except WireError as error:
        named = next((file.name for file, data in zip(files, documents, strict=True) if not _is_document(data)), "the folder")
        raise SettingsError(f"recognition.directory: {named}: {error}") from error


def _is_document(data: bytes) -> bool:
    try:
        parse_document(data)
    except WireError:
        return False
    return True


def read_texts() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Read the words for people, by language, table and key."""
    return {each: tomllib.loads((_TEXTS / f"{each}.toml").read_text(encoding="utf-8")) for each in _LANGUAGES}
