"""What a model takes."""

import pytest

from duragent.file_types import ATTACHMENT_MAX_BYTES
from duragent.models.base import ModelChoice
from duragent.models.file_limits import taken_files
from tests.support.stub_ollama import Pulled, StubOllama


@pytest.mark.parametrize(
    ("provider", "name", "images", "pdfs"),
    [
        ("anthropic", "claude-sonnet-4-5", True, True),
        ("openai", "gpt-4o", True, True),
        ("openai", "gpt-3.5-turbo", False, False),
        ("gemini", "gemini-2.5-pro", True, True),
        ("openrouter", "anthropic/claude-sonnet-4.5", True, True),
        ("deepseek", "deepseek-chat", False, False),
        ("openai", "what-a-person-serves", None, False),
        ("demo", "demo", False, False),
    ],
)
def test_what_is_known_of_models(provider: str, name: str, images: bool | None, pdfs: bool) -> None:
    taken = taken_files(ModelChoice(provider, name))
    assert (taken.images, taken.pdfs) == (images, pdfs)


def test_an_image_for_anthropic_is_counted_as_base64() -> None:
    for choice in (ModelChoice("anthropic", "claude-x"), ModelChoice("openrouter", "anthropic/claude-x")):
        limits = taken_files(choice).limits
        assert -(-limits.image_bytes // 3) * 4 <= 5 * 1024 * 1024
        assert limits.total_bytes * 4 // 3 <= 30_000_000


def test_a_file_of_the_largest_size_is_not_more_than_openai_takes() -> None:
    assert taken_files(ModelChoice("openai", "gpt-4o")).limits.image_bytes == ATTACHMENT_MAX_BYTES


def test_an_ollama_says_whether_its_model_sees() -> None:
    with StubOllama(granite=Pulled(sees=True), llava=Pulled()) as ollama:
        seen = [taken_files(ModelChoice("ollama", name, ollama.url)).images for name in ("granite", "llava", "gone")]
    assert seen == [True, False, None]
    # Nobody answers any more; what is not known is taken from the name.
    assert taken_files(ModelChoice("ollama", "bakllava", ollama.url)).images is True
