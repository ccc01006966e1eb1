"""Systems are told of decisions for as long as the service runs, if the book says whom to tell."""

from collections.abc import Iterator
from contextlib import contextmanager

from monitoring.webhooks.delivering import Courier, Desk
from monitoring.webhooks.sending import DELIVERED
from serving.observe import say
from serving.service import Service


@contextmanager
def delivering(service: Service) -> Iterator[None]:
    """Deliver until the block ends; each attempt is counted, each that failed is said."""
    if not service.webhooks:
        yield
        return

    def told(endpoint: str, outcome: str) -> None:
        service.meters.webhooks.labels(endpoint, outcome).inc()
        if outcome != DELIVERED:
            say("webhook", endpoint=endpoint, outcome=outcome)

    with Courier(Desk(service.record.engine, service.webhooks, told)):
        yield
