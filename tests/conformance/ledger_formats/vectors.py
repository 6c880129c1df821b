"""Where the vectors are, and how to read them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


def read_json(path: str) -> dict[str, Any]:
    content = json.loads((VECTORS / path).read_text())
    assert isinstance(content, dict)
    return content


def read_bytes(path: str) -> bytes:
    return (VECTORS / path).read_bytes()


def read_packed(path: str) -> dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in read_json(path).items()}
