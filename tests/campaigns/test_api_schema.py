"""schemathesis against the real server: what `/openapi.json` says is what the server does, whatever it is asked.

It runs as its own program, in all its phases. Besides the document it gets two things: names that exist, since
only a workspace knows them, and which operations it leaves out, because they end the server or take files.
`/events` answers it with pages, because only a request for a stream by name gets one; `/stream` ends with its turn.
"""

import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from duragent.client.address import Endpoint
from tests.campaigns.campaign import Campaign
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer, make_workspace

pytest.importorskip("schemathesis")

FILE = b"a text of a message"
MEMORY = "  memory: {}\n"
LEFT_OUT = ("/api/admin/v1/shutdown", "/api/v1/imports")
CONFIG = """
request-timeout = 30
[phases.examples]
enabled = true
[checks]
# Some of what no schema can say is a 422 as well: a title on two lines, two queries that exclude each other.
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]
# An admin path tells a stranger nothing, also not that a token would help: it is a 403 there, and not a 401.
[[operations]]
include-path-regex = "^/api/admin/"
checks.missing_required_header.enabled = false
"""


@dataclass(frozen=True)
class Asked:
    """How a run ended, and what it said."""

    code: int
    said: str
    cases: int


def told_names(document: dict[str, Any], sessions: list[str]) -> dict[str, Any]:
    """The document with names that exist, and with the problems that it names as the only ones."""
    found = copy.deepcopy(document)
    found["components"]["schemas"]["CreateSession"]["properties"]["agent"]["enum"] = ["assistant"]
    names = {
        "name": ["assistant", "worldMemory", "nobody"],
        "note": ["m_3f9k2a7c", "..%2fm_", "😀"],
        "seq": ["1", "99", "none"],
        "goal": ["1", "none"],
        "session_id": [*sessions, "session_none", "a%2f..%2fb", "😀"],
        "sha256": [hashlib.sha256(FILE).hexdigest(), "0" * 64, "..%2fstate.yaml", "😀"],
    }
    for methods in found["paths"].values():
        for operation in methods.values():
            assert operation["responses"].pop("default")
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"] = {"type": "string", "enum": names[parameter["name"]]}
    return found


def ask(server: RealServer, endpoint: Endpoint, folder: Path, number: int, *options: str) -> Asked:
    good = {"Authorization": f"Bearer {endpoint.token}"}
    with httpx.Client(base_url=endpoint.url, headers=good, timeout=LIMIT_SECONDS) as http:
        document = http.get("/openapi.json").json()
        made = [http.post("/api/v1/sessions", json={"agent": "assistant"}).json()["session_id"] for _ in range(3)]
        for session_id in made:
            assert (
                http.post(f"/api/v1/sessions/{session_id}/attachments", content=FILE).status_code == httpx.codes.CREATED
            )
    (folder / "openapi.json").write_text(json.dumps(told_names(document, made)))
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", "openapi.json",
        "--url", endpoint.url, "--header", f"Authorization: {good['Authorization']}",
        "--seed", str(number), "--generation-database", "none", "--no-color", "--continue-on-failure",
        *(word for path in LEFT_OUT for word in ("--exclude-path", path)), *options,
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NO_PROXY": "*"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    said = done.stdout + done.stderr
    counted = re.search(r"(?m)^\s*([\d,]+) generated", said)
    return Asked(done.returncode, said, int(counted[1].replace(",", "")) if counted else 0)


async def run(campaign: Campaign, server: RealServer, numbers: range, least: int, *options: str) -> None:
    folder = server.workspace.parent
    server.start()
    try:
        endpoint = await server.locate()
        for number in campaign.cases(numbers):
            with campaign.case(number):
                found = ask(server, endpoint, folder, number, *options)
                assert found.code == 0, found.said[-20_000:]
                assert found.cases >= least, found.said[-20_000:]
                print(f"{found.cases} requests")  # noqa: T201  # a campaign says what it did
        assert server.process is not None
        assert server.process.poll() is None, "the server has ended"
        log = server.log.read_text()
        assert "Traceback" not in log, log[-5_000:]
    finally:
        server.stop()


async def test_server_does_what_its_document_says(campaign: Campaign, tmp_path: Path) -> None:
    server = make_workspace(tmp_path, MEMORY)
    server.environ["DURAGENT_DEMO_SPEED"] = "1000"
    await run(campaign, server, range(1), 100, "--phases", "coverage")


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(2))
async def test_server_does_what_its_document_says_in_every_phase(
    campaign: Campaign, tmp_path: Path, shard: int
) -> None:
    await run(campaign, make_workspace(tmp_path, MEMORY), range(1 + shard, 6 + shard, 2), 1_000, "--max-examples", "60")
