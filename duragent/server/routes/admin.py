"""The server itself: is it alive, is it well, which one is it; stop it, let it read its agents again."""

from starlette.requests import Request
from starlette.responses import Response

from duragent.client.proof import UNIX_SOCKET, proof
from duragent.server.auth import is_authorized
from duragent.server.dependencies import Dependencies
from duragent.server.params import ReadyQuery, query_of
from duragent.server.problems import RequestRefused
from duragent.server.responses import answer, text
from duragent.wire import Descriptors, Ready


async def livez(dependencies: Dependencies, request: Request) -> Response:
    return text("ok")


async def readyz(dependencies: Dependencies, request: Request) -> Response:
    """503 only when nothing can be stored: a damaged session or a broken agent leaves all others working.

    A request with the token gets names and reasons, any other one only counts.
    """
    query, known = query_of(request, ReadyQuery), is_authorized(request.scope)
    trouble, files = await dependencies.trouble(), dependencies.descriptors()
    damaged, broken = sorted(dependencies.sessions.damaged()), sorted(dependencies.catalog.broken)
    ready = Ready(
        status="degraded" if trouble or files.problem or damaged or broken else "ok",
        workspace_hash=dependencies.workspace_hash,
        damaged=damaged if known else [],
        broken_agents=broken if known else [],
        problem=(trouble or files.problem) if known else None,
        damaged_count=len(damaged),
        broken_agents_count=len(broken),
        proof=_proof(dependencies, request, query.challenge),
        descriptors=Descriptors(used=files.used, limit=files.limit),
    )
    return answer(ready, 503 if trouble else 200)


def _proof(dependencies: Dependencies, request: Request, challenge: str | None) -> str | None:
    if challenge is None or not dependencies.proof_key:
        return None
    host, port = request.scope["server"]
    address = UNIX_SOCKET if port is None else f"{host}:{port}"
    return proof(dependencies.proof_key, challenge, dependencies.workspace_hash, address)


async def version(dependencies: Dependencies, request: Request) -> Response:
    return answer(dependencies.version)


async def shutdown(dependencies: Dependencies, request: Request) -> Response:
    if not dependencies.shutdown():
        raise RequestRefused("already-stopping", "Shutdown already in progress")
    return text("Shutdown initiated")


async def reload_agents(dependencies: Dependencies, request: Request) -> Response:
    reloaded = await dependencies.reload_agents()
    faults = "".join(f"\n{name}: {reason}" for name, reason in reloaded.broken.items())
    return text(f"Reloaded {reloaded.loaded} agents{faults}")
