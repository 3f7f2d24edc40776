from collections.abc import Iterator

import pytest

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.testing.stub_llm import StubLlm
from tests.models.litellm.asking import ENVIRON, Door
from tests.models.litellm.gemini import Gemini


@pytest.fixture(scope="module")
def stub() -> Iterator[StubLlm]:
    with StubLlm() as running:
        yield running


@pytest.fixture(scope="module")
def gemini() -> Iterator[Gemini]:
    with Gemini() as running:
        yield running


@pytest.fixture(params=["openai", "anthropic"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    anthropic = request.param == "anthropic"
    with StubLlm() as stub:
        name, url = ("claude-sonnet-4-5", stub.anthropic_url) if anthropic else ("gpt-4o-mini", stub.openai_url)
        yield Door(stub, LitellmModel(ModelChoice(request.param, name, url), ENVIRON), anthropic)
