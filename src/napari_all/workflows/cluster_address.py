"""The address of a Dask scheduler: is it one, and does a scheduler answer there."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from napari_all.errors import UsageError

CONNECT_S = 5.0
"""How long to wait for an answer."""
_PROTOCOLS = ("tcp", "tls")


def check_address(address: str) -> None:
    """Raise `UsageError` unless a text has the form of a scheduler's address."""
    try:
        parts = urlsplit(address)
        valid = parts.scheme in _PROTOCOLS and bool(parts.hostname) and parts.port is not None
        valid = valid and not (parts.path.strip("/") or parts.query or parts.username)
    except ValueError:  # a port that is no number
        valid = False
    if not valid:
        raise UsageError(f"{address!r} is no address of a scheduler; write it as tcp://host:8786")


def check_scheduler(address: str) -> None:
    """Raise `UsageError` unless a Dask scheduler answers at an address."""
    from distributed import Security, rpc

    async def identify() -> Any:
        async with rpc(address, timeout=CONNECT_S, connection_args=Security().get_connection_args("client")) as peer:
            return await asyncio.wait_for(peer.identity(), CONNECT_S)

    try:
        kind = asyncio.run(identify())["type"]
    except Exception as error:  # whatever listens there, it speaks otherwise
        why = str(error) or "it does not answer as one"
        raise UsageError(
            f"no Dask scheduler can be reached at {address} ({why}); start one there with 'dask scheduler', and "
            "see that no firewall is between"
        ) from error
    if kind != "Scheduler":
        raise UsageError(f"at {address} there is a Dask {kind.lower()}, no scheduler; give the scheduler's address")
