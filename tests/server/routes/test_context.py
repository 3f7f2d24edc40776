"""`/context` through the door: a request that was sent is made again from the log."""

from tests.server.requests import is_problem
from tests.support.http_house import House


async def test_each_request_is_made_again_and_is_the_one_that_was_sent(house: House) -> None:
    session = await house.create()
    for text in ("one", "two"):
        await house.http.post(f"/api/v1/sessions/{session}/messages", json={"content": text})
    url = f"/api/v1/sessions/{session}/context"
    newest = (await house.http.get(url)).json()
    assert (newest["equal"], newest["forgotten"], newest["lost_blobs"]) == (True, False, [])
    first = (await house.http.get(url, params={"at": newest["seq"] - 1})).json()
    assert first["seq"] < newest["seq"]
    assert [message["content"] for message in first["messages"]] == ["one"]
    assert newest["messages"][0] == first["messages"][0]
    assert newest["messages"][-1]["content"] == "two"
    assert newest["sections"] == first["sections"] != []


async def test_before_the_first_question_there_is_none(house: House) -> None:
    session = await house.create()
    is_problem(await house.http.get(f"/api/v1/sessions/{session}/context"), 422, "invalid-request")


async def test_request_whose_records_were_redacted_says_which(house: House) -> None:
    session = await house.create()
    for text in ("one", "the code is 4711", "three"):
        await house.http.post(f"/api/v1/sessions/{session}/messages", json={"content": text})
    url = f"/api/v1/sessions/{session}/context"
    done = await house.http.post(f"/api/v1/sessions/{session}/redact", json={"match": "code is 4711"})
    [seq] = done.json()["seqs"]
    newest = (await house.http.get(url)).json()
    assert (newest["equal"], newest["redacted"], newest["forgotten"]) == (False, [seq], False)
    first = (await house.http.get(url, params={"at": seq - 1})).json()
    assert (first["equal"], first["redacted"]) == (True, [])
