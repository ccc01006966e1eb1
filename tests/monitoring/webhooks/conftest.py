"""The check that receivers are shown."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


@pytest.fixture(scope="session")
def verified() -> Callable[..., bool]:
    """What docs/webhooks.md tells receivers to check by."""
    shown = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = {}
    exec(shown[0], made)
    found: Callable[..., bool] = made["verified"]
    return found
