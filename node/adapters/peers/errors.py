"""Errors of reading from peers.

```
ledger.errors.StorageError
└── PeerError
    ├── PeerAwayError        no answer (also a ConnectionError)
    └── PeerAnswerError      an answer that no log gives
```
"""

from __future__ import annotations

from ledger.errors import StorageError


class PeerError(StorageError):
    """What a peer did not give."""


class PeerAwayError(PeerError, ConnectionError):
    """A peer does not answer.

    Attributes:
        url: What was asked for.
        reason: What went wrong.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} does not answer: {reason}")
        self.url = url
        self.reason = reason


class PeerAnswerError(PeerError):
    """A peer answers what no log answers.

    Attributes:
        url: What was asked for.
        reason: What it answered.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason
