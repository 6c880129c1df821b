"""What a node does for patients, connected."""

from __future__ import annotations

from node.bootstrap.services import Foundation
from node.bootstrap.sharing import Sharing
from node.services.followed_proofs import FollowedProofs
from node.services.patient_access import PatientAccess
from node.services.patient_entries import PatientEntries
from node.services.rate_limit import RateLimit


def build_patient_access(foundation: Foundation, sharing: Sharing) -> PatientAccess:
    """Connect the services."""
    followed = foundation.followed
    origins = {hosted.institution: hosted.origin for hosted in foundation.institutions.values()}
    proofs = FollowedProofs(followed.index, followed.trust, foundation.stores.reader, origins.values())
    return PatientAccess(
        entries=PatientEntries(followed.index, proofs, origins.values()),
        limit=RateLimit(foundation.settings.server.patient_requests_per_minute, foundation.clock),
        origins=origins,
        identities=foundation.identities,
        directory=sharing.membership,
    )
