"""What the schedule runs: tonight is the ledger's last known day."""

from pathlib import Path

from prefect import flow

from features.ledger import Ledger
from pipelines.flows import nightly_run


@flow(name="tonight")
def tonight(book: str = "book", mlruns: str = "mlruns") -> str:
    """Run the night for the last day the ledger knows of; returns the run's folder."""
    run = nightly_run(book, Ledger(Path(book)).known_through, mlruns)
    return str(run.folder)
