"""The routes of the HTTP API, as one table."""

from starlette.requests import Request
from starlette.responses import Response

from duragent import wire
from duragent.server.auth import IMPORTS_PATH
from duragent.server.dependencies import Dependencies
from duragent.server.openapi import document
from duragent.server.params import (
    ApprovalsQuery,
    AttachmentQuery,
    DeleteQuery,
    DiffQuery,
    EventsQuery,
    ImportQuery,
    MessagesQuery,
    ModelQuery,
    ReadyQuery,
    RecallsQuery,
    SessionsQuery,
    StreamQuery,
    UndoQuery,
)
from duragent.server.responses import to_json
from duragent.server.routes import (
    admin,
    agents,
    approvals,
    attachments,
    copies,
    events,
    files,
    messages,
    models,
    recalls,
    sessions,
    stream,
    welcome,
)
from duragent.server.routing import ANY_FILE, ARCHIVE, Route

V1 = "/api/v1"
ONE = f"{V1}/sessions/{{session_id}}"
ADMIN = "/api/admin/v1"


async def openapi(dependencies: Dependencies, request: Request) -> Response:
    return Response(to_json(document(ROUTES, dependencies.version.version)), media_type="application/json")


ROUTES = (
    Route("GET", "/", welcome.welcome, "A page for browsers: what this is.", {200: "text/html"}),
    Route("GET", "/livez", admin.livez, "Is the process alive?", {200: "text/plain"}),
    Route("GET", "/readyz", admin.readyz, "Can it work?", {200: wire.Ready, 503: wire.Ready}, query=ReadyQuery),
    Route("GET", "/version", admin.version, "Which build is it?", {200: wire.Version}),
    Route("GET", "/openapi.json", openapi, "This document.", {200: "application/json"}),
    Route("GET", f"{V1}/agents", agents.list_agents, "The agents.", {200: wire.AgentList}),
    Route("GET", f"{V1}/agents/{{name}}", agents.get_agent, "One agent, with its prompts.", {200: wire.AgentDetail}),
    Route(
        "GET",
        f"{V1}/agents/{{name}}/model",
        models.show_named,
        "The model that a name means for a session with this agent; an error when it cannot be asked.",
        {200: wire.NamedModel},
        query=ModelQuery,
    ),
    Route(
        "POST",
        f"{V1}/agents/{{name}}/warm",
        models.warm_agent,
        "A question is about to come: load what the agent's model needs, and return when it is there.",
        {200: wire.Warmed},
        repeatable=True,
    ),
    Route("GET", f"{V1}/models", models.list_models, "The models that can be asked.", {200: wire.ModelOffers}),
    Route(
        "GET", f"{V1}/sessions", sessions.list_sessions, "The sessions.", {200: wire.SessionList}, query=SessionsQuery
    ),
    Route(
        "POST",
        f"{V1}/sessions",
        sessions.create_session,
        "Begin a session.",
        {201: wire.SessionInfo},
        body=wire.CreateSession,
    ),
    Route("GET", ONE, sessions.get_session, "One session.", {200: wire.SessionInfo}),
    Route("PATCH", ONE, sessions.change_session, "Rename it.", {200: wire.SessionInfo}, body=wire.ChangeSession),
    Route("DELETE", ONE, sessions.delete_session, "Delete it for good.", {204: None}, query=DeleteQuery),
    Route(
        "GET",
        f"{ONE}/messages",
        messages.get_messages,
        "What was said.",
        {200: wire.MessageList},
        query=MessagesQuery,
    ),
    Route(
        "POST",
        f"{ONE}/messages",
        messages.post_message,
        "Say something, and wait for the answer, or until a person has to decide; with `Prefer: respond-async` do not.",
        {200: wire.Answer, 202: (wire.Accepted, wire.Waiting)},
        body=wire.SendMessage,
    ),
    Route(
        "POST",
        f"{ONE}/stream",
        stream.post_stream,
        "Say something, and see the answer being written.",
        {200: "text/event-stream"},
        query=StreamQuery,
        body=wire.SendMessage,
    ),
    Route(
        "POST",
        f"{ONE}/attachments",
        attachments.post_attachment,
        "Store a file for the messages of this session; a message then refers to it by what this answers.",
        {201: wire.AttachmentInfo},
        query=AttachmentQuery,
        body=ANY_FILE,
        repeatable=True,
    ),
    Route(
        "GET",
        f"{ONE}/attachments/{{sha256}}",
        attachments.get_attachment,
        "The bytes of such a file, or of one of a tool's result.",
        {200: ANY_FILE},
    ),
    Route(
        "GET",
        f"{ONE}/events",
        events.get_events,
        "The records of the session, by page or as a stream that goes on.",
        {200: wire.EventList},
        query=EventsQuery,
        streams=True,
    ),
    Route(
        "POST",
        f"{ONE}/model",
        models.pick_model,
        "Choose the model that answers in this session from the next question on.",
        {200: wire.SessionInfo},
        body=wire.PickModel,
        repeatable=True,
    ),
    Route(
        "POST",
        f"{ONE}/cancel",
        sessions.cancel,
        "Stop the command of a person that runs, else the running turn.",
        {200: wire.CancelResult},
    ),
    Route(
        "POST",
        f"{ONE}/fork",
        copies.fork_session,
        "Begin a session that shares the past of this one, up to a record.",
        {201: wire.SessionInfo},
        body=wire.ForkSession,
    ),
    Route(
        "GET",
        f"{ONE}/recalls",
        recalls.get_recalls,
        "What the agent's memory gave for its messages, and why.",
        {200: wire.RecallList},
        query=RecallsQuery,
    ),
    Route(
        "GET",
        f"{ONE}/diff",
        files.get_diff,
        "What the agent changed in files.",
        {200: wire.SessionDiff},
        query=DiffQuery,
    ),
    Route(
        "GET",
        f"{ONE}/undo",
        files.get_undo,
        "What an undo of a turn would do to files; it changes nothing.",
        {200: wire.UndoPlan},
        query=UndoQuery,
    ),
    Route(
        "POST",
        f"{ONE}/undo",
        files.undo,
        "Put files back as they were before a turn, where no one else has changed them since.",
        {200: wire.Undone},
        body=wire.UndoTurn,
    ),
    Route(
        "POST",
        f"{ONE}/commands",
        files.run_command,
        "Run a command where the agent's commands run; it starts no turn, and the model sees it later.",
        {202: wire.Accepted},
        body=wire.TypedCommand,
    ),
    Route("GET", f"{ONE}/export", copies.export_session, "The session as one file.", {200: ARCHIVE}),
    Route(
        "POST",
        IMPORTS_PATH,
        copies.import_session,
        "Take in a session that was exported; what is damaged is refused.",
        {201: wire.SessionInfo},
        query=ImportQuery,
        body=ARCHIVE,
    ),
    Route(
        "POST",
        f"{ONE}/repair",
        copies.repair_session,
        "Let a damaged session go on behind its last good record; the rest is kept beside its log.",
        {200: wire.SessionInfo},
    ),
    Route(
        "GET",
        f"{V1}/approvals",
        approvals.list_approvals,
        "The calls that people have to decide about, the oldest first.",
        {200: wire.ApprovalList},
        query=ApprovalsQuery,
    ),
    Route(
        "POST",
        f"{ONE}/approve",
        approvals.approve,
        "Decide about a call, once, and wait for the rest of the turn; with `Prefer: respond-async` do not.",
        {200: wire.Completed, 202: (wire.Waiting, wire.Accepted)},
        body=wire.Decide,
    ),
    Route(
        "POST",
        f"{ONE}/revoke",
        approvals.revoke,
        "Ask again about what was allowed until the session ends.",
        {200: wire.Revoked},
        body=wire.Revoke,
        repeatable=True,
    ),
    Route("POST", f"{ADMIN}/shutdown", admin.shutdown, "Stop the server.", {200: "text/plain"}),
    Route("POST", f"{ADMIN}/reload-agents", admin.reload_agents, "Read the agents again.", {200: "text/plain"}),
)
