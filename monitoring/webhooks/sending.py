"""One delivery, and what came of it, in a word. The receiver's answer is neither followed nor kept."""

import asyncio
import socket
import ssl

import httpx

from monitoring.webhooks.endpoints import Endpoint, permitted
from monitoring.webhooks.events import Event
from monitoring.webhooks.signing import headers
from monitoring.webhooks.state import SECOND, TIMEOUT

DELIVERED, GONE = "delivered", "gone"
NO_NAME, NO_ADDRESS, NO_ANSWER, NO_TRUST, NO_CONNECTION = "name", "address", "timeout", "certificate", "connection"
MOST = 1 << 16
"""Bytes of an answer that are read, so that the connection can be used again."""


def client() -> httpx.AsyncClient:
    """For one endpoint alone: a connection is to an address, and its certificate was checked for this endpoint's name.

    It knows no proxy and follows nowhere. Authorities are those of the machine, or of SSL_CERT_FILE.
    """
    limits = httpx.Limits(max_connections=1)
    return httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False, timeout=TIMEOUT, limits=limits)


async def post(client: httpx.AsyncClient, endpoint: Endpoint, event: Event, attempt: int, now: int) -> str:
    """Send an event: DELIVERED, GONE, ``status 500`` and the like, or why there was no answer."""
    try:
        async with asyncio.timeout(TIMEOUT):
            address = await _address(endpoint, attempt)
            return NO_ADDRESS if address is None else await _status(client, _request(client, endpoint, event, address, now))
    except (socket.gaierror, UnicodeError):
        return NO_NAME
    except (TimeoutError, httpx.TimeoutException):
        return NO_ANSWER
    except httpx.HTTPError as error:
        return NO_TRUST if _certificate(error) else NO_CONNECTION


async def _address(endpoint: Endpoint, attempt: int) -> str | None:
    """An address of the host, another at each attempt; None where it has one to which nothing may be sent.

    What was looked at is what is connected to: a name that means something else a moment later changes nothing.
    """
    url, loop = endpoint.url, asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not all(permitted(one, url.host) for one in addresses):
        return None
    return addresses[(attempt - 1) % len(addresses)]


def _request(client: httpx.AsyncClient, endpoint: Endpoint, event: Event, address: str, now: int) -> httpx.Request:
    """To the address, in the name of the host: so it is asked for in Host, in TLS, and in the certificate."""
    url, body = endpoint.url, event.body
    signed = headers(endpoint.keys, event.id(endpoint.name), now // SECOND, body)
    told = {**signed, "content-type": "application/json", "host": url.netloc.decode(), "user-agent": "loanwatch"}
    named = {"sni_hostname": url.host}
    return client.build_request("POST", url.copy_with(host=address), content=body, headers=told, extensions=named)


async def _status(client: httpx.AsyncClient, request: httpx.Request) -> str:
    answer = await client.send(request, stream=True, follow_redirects=False)
    try:
        read = 0
        async for some in answer.aiter_raw():
            read += len(some)
            if read > MOST:
                break
    finally:
        await answer.aclose()
    if answer.is_success:
        return DELIVERED
    return GONE if answer.status_code == httpx.codes.GONE else f"status {answer.status_code}"


def _certificate(error: BaseException | None) -> bool:
    """Whether it failed because the receiver could not show who it is."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
