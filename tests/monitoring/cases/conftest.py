"""Cases that open early."""

import pytest
from desk import opens_early


@pytest.fixture(autouse=True)
def _opens_early(monkeypatch: pytest.MonkeyPatch) -> None:
    opens_early(monkeypatch)
