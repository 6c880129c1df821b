"""What becomes of entries after they were staged, as the API sees it: tombstones, relocations, notices."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.custody.relocation import RelocationService
from node.services.custody.tombstones import TombstoneService, TombstoneWatch
from node.services.records.sent_notices import RevisionNotices


@dataclass(frozen=True, slots=True)
class Custody:
    """The services."""

    tombstones: TombstoneService
    """Deleted headers, and who has deleted their copies."""
    watch: TombstoneWatch
    """Other members' deleted headers."""
    relocations: RelocationService
    """Entries that are found elsewhere from some time on."""
    notices: RevisionNotices
    """Who relies on what was amended, withdrawn or recalled, and has to take notice."""
