"""Documents of the catalogue's family, as the API sees them; there are none without a consortium."""

from __future__ import annotations

from dataclasses import dataclass

from node.ports.catalogue.publication import PublishedDocuments
from node.services.catalogue.adoption import DocumentAdoption
from node.services.catalogue.publishing import DocumentPublishing
from node.services.catalogue.unmapped import UnmappedCodes


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The services."""

    publishing: DocumentPublishing
    """Publishes documents."""
    adoption: DocumentAdoption
    """Lets published documents take over."""
    documents: PublishedDocuments
    """Gives them out, old versions too."""
    unmapped: UnmappedCodes
    """What has no row in a map."""
