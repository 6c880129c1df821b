"""What can go wrong with a chain engine, as one tree.

```
EngineError
├── EngineMissingError        the engine's binary is not there
├── EngineStartError          the process ended, or did not answer in time
├── EngineDirectoryError      the directory belongs to another engine, chain id or running process
├── EngineStopError           the process did not end
└── EngineRpcError            the engine's JSON-RPC endpoint does not answer, or answers an error
```
"""

from __future__ import annotations

from pathlib import Path


class EngineError(Exception):
    """The root of the tree."""


class EngineMissingError(EngineError):
    """The engine's binary is not there.

    Attributes:
        name: The engine.
        path: Where its binary was looked for.
    """

    def __init__(self, name: str, path: Path, remedy: str) -> None:
        super().__init__(f"{name}: no executable at {path}; {remedy}")
        self.name = name
        self.path = path


class EngineStartError(EngineError):
    """The process ended before it was ready, or did not answer in time.

    Attributes:
        name: The engine.
        log_path: The file that holds what it printed.
        log_tail: The end of that file.
    """

    def __init__(self, name: str, reason: str, log_path: Path, log_tail: str) -> None:
        super().__init__(f"{name}: {reason}; the end of {log_path}:\n{log_tail}")
        self.name = name
        self.log_path = log_path
        self.log_tail = log_tail


class EngineDirectoryError(EngineError):
    """The directory cannot be used as asked.

    Attributes:
        directory: The engine's directory.
    """

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"{directory}: {reason}")
        self.directory = directory


class EngineStopError(EngineError):
    """The process did not end.

    Attributes:
        pid: The process.
    """

    def __init__(self, pid: int, waited_s: float) -> None:
        super().__init__(f"process {pid} is still there {waited_s:g} s after it was told to end")
        self.pid = pid


class EngineRpcError(EngineError):
    """The engine's JSON-RPC endpoint does not answer, or answers an error.

    Attributes:
        url: The endpoint.
        method: What was asked.
    """

    def __init__(self, url: str, method: str, reason: str) -> None:
        super().__init__(f"{url}: {method}: {reason}")
        self.url = url
        self.method = method
