"""The server itself: is it alive, is it well, which one is it; stop it, let it read its agents again."""

from starlette.requests import Request
from starlette.responses import Response

from duragent.descriptors import descriptors
from duragent.server.answers import answer, text
from duragent.server.doors import Doors
from duragent.server.problems import Refused
from duragent.wire import Descriptors, Ready


async def livez(doors: Doors, request: Request) -> Response:
    return text("ok")


async def readyz(doors: Doors, request: Request) -> Response:
    """503 only when nothing can be stored: a damaged session or a broken agent leaves all others working."""
    trouble, files = await doors.trouble(), descriptors()
    damaged, broken = sorted(doors.sessions.damaged()), sorted(doors.catalog.broken)
    ready = Ready(
        status="degraded" if trouble or files.problem or damaged or broken else "ok",
        workspace_hash=doors.workspace_hash,
        damaged=damaged,
        broken_agents=broken,
        problem=trouble or files.problem,
        descriptors=Descriptors(used=files.used, limit=files.limit),
    )
    return answer(ready, 503 if trouble else 200)


async def version(doors: Doors, request: Request) -> Response:
    return answer(doors.version)


async def shutdown(doors: Doors, request: Request) -> Response:
    if not doors.shutdown():
        raise Refused("already-stopping", "Shutdown already in progress")
    return text("Shutdown initiated")


async def reload_agents(doors: Doors, request: Request) -> Response:
    reloaded = await doors.reload_agents()
    faults = "".join(f"\n{name}: {reason}" for name, reason in reloaded.broken.items())
    return text(f"Reloaded {reloaded.loaded} agents{faults}")
