"""What is said of a provider that cannot be reached."""

import asyncio
import errno
import socket
import ssl

import pytest

from duragent.errors import ModelUnavailable
from duragent.models.base import ModelChoice
from duragent.models.litellm.errors import model_error
from duragent.models.litellm.model import LitellmModel
from tests.models.litellm.asking import HELLO
from tests.support.bounds import LIMIT_SECONDS


class ConnectError(Exception):
    """As httpx and aiohttp tell it: their class is known by its name, the reason is its cause."""

    host, port = "api.example.com", 443

    def __init__(self, cause: OSError) -> None:
        super().__init__("Cannot connect")
        self.__cause__ = cause


async def test_provider_that_cannot_be_reached_is_named_with_its_address_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    said = {}
    for provider in ("openai", "anthropic", "gemini", "ollama"):
        model = LitellmModel(ModelChoice(provider, "some-model", f"{url}/v1"), {"GEMINI_API_KEY": "sk-secret"})
        with pytest.raises(ModelUnavailable) as caught:
            async with asyncio.timeout(LIMIT_SECONDS):
                await anext(model.stream(HELLO))
        said[provider] = str(caught.value)
    refused = f"at {url}/v1: connection refused; check base_url, and that a server runs there"
    assert said == {
        "openai": f"cannot reach openai {refused}",
        "anthropic": f"cannot reach anthropic {refused}",
        "gemini": f"cannot reach gemini {refused}",
        "ollama": f"cannot reach Ollama at {url}/v1: is it running? (`ollama serve`)",
    }


@pytest.mark.parametrize(
    ("cause", "provider", "said"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "openai",
            "cannot reach openai at https://api.example.com: its name is not known; check the network",
        ),
        (
            OSError(errno.ENETUNREACH, "x"),
            "mistral",
            "cannot reach mistral at https://api.example.com: network is unreachable; check the network",
        ),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
            "openai",
            "cannot reach openai at https://api.example.com: no secure connection (no reason given); check the network",
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            "ollama",
            "cannot reach Ollama at https://api.example.com: its name is not known; "
            "check the address (base_url or OLLAMA_HOST)",
        ),
    ],
)
def test_address_that_litellm_chose_itself_is_told_with_the_systems_reason(
    cause: OSError, provider: str, said: str
) -> None:
    error = model_error(ConnectError(cause), ModelChoice(provider, "m"), None)
    assert (type(error), str(error)) == (ModelUnavailable, said)


def test_connection_errors_show_neither_objects_of_python_nor_secrets_of_the_address() -> None:
    choice = ModelChoice("openai", "m", "https://me:hush@example.com/v1?token=hush")
    broken = model_error(OSError("lost host:443 ssl:<ssl.SSLContext object at 0x7f9b53fe0680> [gone]"), choice, None)
    refused = model_error(ConnectError(ConnectionRefusedError(111, "x")), choice, None)
    assert [str(broken), str(refused)] == [
        "openai/m: lost host:443 [gone]",
        "cannot reach openai at https://example.com/v1: connection refused; "
        "check base_url, and that a server runs there",
    ]
