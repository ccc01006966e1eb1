"""A service that is called in process, heard on a port of this machine as well: for clients that speak HTTP."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from served import Served


@contextmanager
def listening(api: Served) -> Iterator[str]:
    """The URL of a service, until the block ends."""
    config = uvicorn.Config(api.client.app, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        serving = asyncio.run_coroutine_threadsafe(server.serve([door]), api.client.loop)
        while not server.started:
            assert not serving.done(), serving.exception()
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            serving.result(10)
