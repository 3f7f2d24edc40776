"""A session as one file, over HTTP."""

import httpx

from tests.support.http_house import House

ZIP = {"Content-Type": "application/zip"}


IMPORTS = "/api/v1/imports"


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("urn:duragent:problem:")


async def talked(house: House) -> str:
    session_id = await house.create()
    assert (await house.say(session_id, "hi")).status_code == 200
    return session_id


async def zipped(house: House, session_id: str) -> bytes:
    response = await house.http.get(f"/api/v1/sessions/{session_id}/export")
    assert response.status_code == 200
    return response.content
