"""Safeguards at the doors of the server."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ASKED,
    AUTH,
    FRAMES,
    LINE,
    SETTINGS,
    STORE_FILES,
    T_AUTH,
    T_CONFIG,
    T_FRAMES,
    T_PARAMS,
    T_SERVER_ROUTES_EVENTS,
    T_STORE_SAFEGUARDS,
)

SERVER: tuple[Mutant, ...] = (
    without(
        "the token is not checked",
        "the token: any program on the machine may use the server",
        Edit(
            AUTH,
            "        elif not hmac.compare_digest(shown, self._api):",
            "        elif False:",
        ),
        f"{T_AUTH}::test_wrong_token_is_refused",
    ),
    without(
        "the admin token is not checked",
        "the admin token: any client may stop the server",
        Edit(
            AUTH,
            "            if not hmac.compare_digest(shown, self._admin):",
            "            if False:",
        ),
        f"{T_AUTH}::test_admin_route_wants_the_admin_token_however_it_is_spelt",
    ),
    without(
        "what begins like a public path is public",
        "the exact list of paths that need no token",
        Edit(
            AUTH,
            "        if path in PUBLIC_PATHS:",
            "        if path.startswith(tuple(PUBLIC_PATHS)):",
        ),
        f"{T_AUTH}::test_path_that_only_looks_public_wants_a_token",
    ),
    without(
        "one good token of several is enough",
        "a header that is there twice counts as absent",
        Edit(
            AUTH,
            "    return values[0] if len(values) == 1 else None",
            "    return values[0] if values else None",
        ),
        f"{T_AUTH}::test_two_tokens_are_none",
    ),
    without(
        "the Host header is not checked",
        "DNS rebinding: a web page under a name of its own reaches the server",
        Edit(
            AUTH,
            "        self._check_host(headers)\n",
            "",
        ),
        f"{T_AUTH}::test_foreign_host_is_refused_everywhere",
    ),
    without(
        "the Origin header is not checked",
        "the origin of a request: a web page in the person's browser reaches the server",
        Edit(
            AUTH,
            "        _check_origin(headers)\n",
            "",
        ),
        f"{T_AUTH}::test_foreign_origin_is_refused",
    ),
    without(
        "bodies may be of any type",
        "JSON content type: a form in a web page can post",
        Edit(
            AUTH,
            "    if has_body and typed and not is_of(content_type, expected):",
            "    if False:",
        ),
        f"{T_AUTH}::test_body_that_is_not_said_to_be_json_is_refused",
    ),
    Mutant(
        "bodies have no bound",
        "the limit of two MiB, however a body is framed",
        (
            Edit(
                AUTH,
                "int(length[:20]) > limit",
                "False",
            ),
            Edit(
                AUTH,
                "        if received > limit:",
                "        if False:",
            ),
        ),
        (f"{T_AUTH}::test_body_of_three_mebibytes_is_too_large",),
    ),
    without(
        "bodies without a length have no bound",
        "the limit for bodies that come in chunks",
        Edit(
            AUTH,
            "        if received > limit:",
            "        if False:",
        ),
        f"{T_AUTH}::test_body_of_three_mebibytes_is_too_large",
    ),
    without(
        "session ids are not checked",
        "the form of an id, before it comes near a path",
        Edit(
            ASKED,
            "    if not STREAM_ID.match(session_id):",
            "    if False:",
        ),
        f"{T_PARAMS}::test_odd_session_id_is_not_found_on_every_route",
    ),
    without(
        "the store takes any id",
        "the same in the store itself: `..` leads out of the sessions folder",
        Edit(
            STORE_FILES,
            "        if not self._kind.has(stream_id):\n            raise self._kind.not_found",
            "        if False:\n            raise self._kind.not_found",
        ),
        f"{T_STORE_SAFEGUARDS}::test_store_opens_nothing_outside_of_its_folder",
    ),
    without(
        "keys of any form are taken",
        "the form of an Idempotency-Key",
        Edit(
            ASKED,
            "    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):",
            "    if False:",
        ),
        f"{T_PARAMS}::test_odd_idempotency_key_is_a_bad_request",
    ),
    without(
        "a server for all the world needs no token",
        "the refusal to listen beyond this machine without a token of its own",
        Edit(
            SETTINGS,
            '        if token is None and host != "localhost" and not _address(host).is_loopback:',
            "        if False:",
        ),
        f"{T_CONFIG}::test_open_host_needs_a_token",
    ),
    without(
        "pieces of an answer have an id",
        "ids on durable events only: a client resumes behind what it never got",
        Edit(
            FRAMES,
            '    return ServerSentEvent(to_json(fields).decode(), event=event, sep="\\n").encode()',
            '    return ServerSentEvent(to_json(fields).decode(), event=event, id="9", sep="\\n").encode()',
        ),
        f"{T_SERVER_ROUTES_EVENTS}::test_pieces_of_an_answer_come_without_an_id_and_to_one_who_comes_late",
    ),
    without(
        "records have no id",
        "the id of a durable event is its seq",
        Edit(
            FRAMES,
            'b"id: %b\\nevent: %b\\ndata: %b}\\n\\n" % (seq, name, head)',
            'b"event: %b\\ndata: %b}\\n\\n" % (name, head)',
        ),
        f"{T_SERVER_ROUTES_EVENTS}::test_stream_greets_replays_catches_up_and_goes_on",
    ),
    without(
        "Last-Event-ID does not count",
        "the place where a client was when it comes back",
        Edit(
            ASKED,
            "    return int(value)\n",
            "    return None\n",
        ),
        f"{T_SERVER_ROUTES_EVENTS}::test_last_event_id_wins_over_after_and_tail_begins_near_the_end",
    ),
    without(
        "a type may have line ends in it",
        "the form of an event's name: a record makes events of its own",
        Edit(
            LINE,
            '_NOT_IN_NAMES.sub("_", str(fields["type"])).encode()',
            'str(fields["type"]).encode()',
        ),
        f"{T_FRAMES}::test_odd_type_cannot_leave_its_line",
    ),
)
