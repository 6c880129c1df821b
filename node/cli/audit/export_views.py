"""The views of an export (`concord audit export`): the questions that a regulator asks first, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VIEWS: Final[Mapping[str, str]] = {
    "rates": """
        SELECT dimension, value, period, recognised, opportunities,
               round(100.0 * recognised / nullif(opportunities, 0), 1) AS item_rate_percent,
               persons_recognised, persons,
               round(100.0 * persons_recognised / nullif(persons, 0), 1) AS person_rate_percent,
               saving_fen / 100.0 AS saving_cny
        FROM figures
    """,
    "campus_rates": """
        SELECT institutions.institution, institutions.name, substr(value, instr(value, '/') + 1) AS campus, period,
               recognised, opportunities, round(100.0 * recognised / nullif(opportunities, 0), 1) AS item_rate_percent,
               saving_fen / 100.0 AS saving_cny
        FROM figures
        LEFT JOIN institutions ON institutions.institution = substr(value, 1, instr(value, '/') - 1)
        WHERE dimension = 'campus'
    """,
    "open_findings": """
        SELECT finding, severity, zh, en, institutions, subject, raised_at
        FROM findings WHERE settled_at IS NULL
    """,
    "institution_findings": """
        SELECT blamed.institution, institutions.name, findings.code, findings.severity,
               count(*) AS findings, sum(findings.settled_at IS NULL) AS open
        FROM finding_institutions AS blamed
        JOIN findings USING (finding)
        LEFT JOIN institutions USING (institution)
        GROUP BY blamed.institution, findings.code
    """,
    "requests": """
        SELECT request_id,
               max(CASE side WHEN 'holder' THEN institution ELSE counterpart END) AS holder,
               max(CASE side WHEN 'requester' THEN institution ELSE counterpart END) AS requester,
               max(purpose) AS purpose,
               group_concat(CASE side WHEN 'holder' THEN outcome END) AS holder_says,
               group_concat(CASE side WHEN 'requester' THEN outcome END) AS requester_says,
               min(occurred_at) AS asked_at
        FROM receipts GROUP BY request_id
    """,
    "evidence": """
        SELECT findings.finding, findings.code, findings.severity, entries.entry, entries.entry_type,
               entries.leaf_hash, shown.tree_size, entries.seen_at
        FROM finding_entries AS shown
        JOIN findings USING (finding)
        JOIN entries USING (entry)
    """,
}
"""SQL by name."""
