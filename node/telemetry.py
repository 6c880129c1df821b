"""Logs and metrics. Logs are JSON lines on stderr; no event carries patient data, identities or keys.

Used from services up. Metrics are registered once a process.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST

SUBMISSIONS = Counter("concord_records_total", "Records submitted, by institution and outcome", ["institution", "outcome"])
REFUSALS = Counter("concord_refusals_total", "Documents refused, by institution and error", ["institution", "error"])
LOG_SIZE = Gauge("concord_log_size", "Entries in the last signed checkpoint", ["origin"])
ANCHORED_SIZE = Gauge("concord_anchored_size", "Entries covered by the last anchored head", ["origin"])
CHECKPOINT_ENTRIES = Histogram(
    "concord_checkpoint_entries",
    "Entries that a checkpoint added",
    ["origin"],
    buckets=(1, 10, 100, 1_000, 10_000, 100_000),
)
CHAIN_UP = Gauge("concord_chain_up", "Whether the chain answered last time")
FOLLOWED_SIZE = Gauge("concord_followed_size", "Entries in the last trusted checkpoint of a followed log", ["origin"])
FROZEN_LOGS = Gauge("concord_frozen_logs", "Followed logs that contradicted themselves or the chain")
WITHHELD_HEADERS = Gauge("concord_withheld_headers", "Headers of followed logs that did not come within the grace period")
WITNESSED_SIZE = Gauge("concord_witnessed_size", "Entries that a quorum of other institutions has cosigned", ["origin"])
CONSENT_STALENESS = Gauge("concord_consent_staleness_seconds", "Age of what is known of the consents on chain")
OPEN_EMERGENCIES = Gauge("concord_open_emergencies", "Emergencies that nobody has reviewed yet")
WRITER_QUEUE = Gauge("concord_writer_queue", "Items that wait for the writer")
RETRIEVALS = Counter("concord_retrievals_total", "Requests for records of others, by how an attempt ended", ["state"])
RETRIEVALS_OPEN = Gauge("concord_retrievals_open", "Requests for records of others that their holders have not answered")
DISCLOSURES = Counter("concord_disclosures_total", "Requests of others for records, by outcome", ["institution", "outcome"])
EMERGENCY_ACCESSES = Counter(
    "concord_emergency_accesses_total", "Accesses without consent, at the holder and at the requester", ["institution", "side"]
)
OUTBOX_WAITING = Gauge("concord_outbox_waiting", "Messages to other members that are not acknowledged yet")
OUTBOX_OLDEST = Gauge("concord_outbox_oldest_seconds", "Age of the oldest message that is not acknowledged yet")
NOTICES_UNACKNOWLEDGED = Gauge(
    "concord_notices_unacknowledged", "Notices of amendments, withdrawals and recalls that nobody has acknowledged", ["institution"]
)
NOTICES_OVERDUE = Gauge(
    "concord_notices_overdue", "Those of them that have waited for longer than the settings allow", ["institution"]
)


def render_metrics() -> bytes:
    """Return the metrics in Prometheus' text format."""
    return generate_latest()


def configure_logging(stream: TextIO = sys.stderr, *, level: int = logging.INFO) -> None:
    """Send structured log lines to a stream."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
