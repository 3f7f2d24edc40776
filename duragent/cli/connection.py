"""A command's way to its server: the one named by --server, else the workspace's own, started when there is none."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.place import FIRST_AGENT, find_config, make_workspace, need_config, serve_arguments
from duragent.cli.session_ids import SHOWN_MATCHES, check_part, not_one
from duragent.errors import AgentNotFound, InvalidRequest

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.client.launch import LocalServer
    from duragent.config import Config
    from duragent.wire import AgentList, SessionInfo


@dataclass(frozen=True)
class Where:
    """The options that say which workspace or server; each is None when it was not given."""

    config: Path | None = None
    """`--config`: a duragent.yaml."""

    workspace: Path | None = None
    """`--workspace`: a `.duragent` folder."""

    server: str | None = None
    """`--server`: a URL."""

    token_file: Path | None = None
    """`--token-file`: holds the token for that URL."""


@dataclass(frozen=True)
class Connection:
    """A client, and what is known of its server."""

    client: "Client"

    config: "Config | None" = None
    """Of the workspace; None for a server that was named by URL."""

    local: "LocalServer | None" = None
    """The workspace's own server; None for one that was named by URL."""


@asynccontextmanager
async def connect(
    where: Where, *, make: bool = False, start: bool = True, note: Callable[[str], None] = view.note
) -> AsyncIterator[Connection]:
    """A client of the server that the options mean.

    `make`: make a workspace when there is none. `start`: start a server when none runs. `note`: gets a sentence for the
    person about each of these.
    """
    from duragent.client.address import TokenSource, always, endpoint_of_url
    from duragent.client.client import Client
    from duragent.client.launch import LocalServer
    from duragent.client.transport import PATIENCE_SECONDS

    if where.server is not None:
        endpoint = endpoint_of_url(where.server, where.token_file)
        async with Client(always(endpoint), source="cli") as client:
            yield Connection(client)
        return
    if where.token_file is not None:
        raise InvalidRequest("--token-file belongs to --server")
    config = _config(where, make, note)
    tokens = TokenSource(config.server.api_token, config.server.admin_token)
    local = LocalServer(config.workspace, (lambda: serve_arguments(config)) if start else None, note, tokens)
    # A server that is not there and may not be started is not worth waiting for.
    async with Client(local, patience_seconds=PATIENCE_SECONDS if start else 0.0, source="cli") as client:
        yield Connection(client, config, local)


def _config(where: Where, make: bool, note: Callable[[str], None]) -> "Config":
    # A workspace that was named is not made: its name may be a slip.
    if not make or where.workspace is not None:
        return need_config(where.config, where.workspace)
    config = find_config(where.config, where.workspace)
    if config is None:
        config, sentences = make_workspace(Path.cwd())
        for sentence in sentences:
            note(sentence)
    return config


async def find_session(client: "Client", part: str) -> "SessionInfo":
    """The session with that id, or the only one whose id has that part. Raises SessionNotFound, AmbiguousId."""
    check_part(part)
    listed = await client.sessions(match=part, limit=SHOWN_MATCHES)
    sessions = listed.sessions
    matches = [session for session in sessions if session.session_id in (part, f"session_{part}")] or sessions
    if len(matches) != 1:
        raise not_one(part, [session.session_id for session in sessions], more=listed.next_cursor is not None)
    # To ask for a session by its id has the server read it.
    return await client.session(matches[0].session_id) if matches[0].unread else matches[0]


def choose_agent(known: "AgentList", name: str | None) -> str:
    """The agent of that name, else the only one, else the first workspace's. Raises AgentNotFound.

    A broken one is an answer too, where there is no better: the server says what is wrong with it.
    """
    names = [agent.name for agent in known.agents]
    if name is not None:
        if name in names or any(agent.name == name for agent in known.broken):
            return name
        raise AgentNotFound(name, names)
    if len(names) == 1 or FIRST_AGENT in names:
        return names[0] if len(names) == 1 else FIRST_AGENT
    if not names and known.broken:
        return known.broken[0].name
    if not names:
        raise AgentNotFound("")
    raise InvalidRequest(f"which agent? There are {', '.join(names)}: choose one with --agent")
