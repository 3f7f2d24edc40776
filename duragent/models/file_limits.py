"""Which files a model takes, and how large they may be: by the table of models, or by what its Ollama says."""

import os
from dataclasses import dataclass

from duragent.models.base import ModelChoice
from duragent.models.facts import takes_images, takes_pdfs
from duragent.models.local_servers import TOLD
from duragent.models.providers import OLLAMA, ollama_url

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What a provider takes in one request. Sizes are of the bytes themselves: as base64 they are longer by a third."""

    image_bytes: int
    """Of one image."""
    image_side: int
    """Pixels of its longer side."""
    images: int = 20
    """How many images and PDFs. With more than 20 Anthropic wants them smaller."""
    total_bytes: int = 14 * _MIB
    """Of all files together."""


_USUAL = FileLimits(image_bytes=5 * _MIB, image_side=8_000)

_BY_PROVIDER = {
    # 5 MB of base64, and 32 MB for the whole request.
    "anthropic": FileLimits(image_bytes=5 * _MIB * 3 // 4, image_side=8_000, total_bytes=20 * _MIB),
    "bedrock": FileLimits(image_bytes=5 * _MIB * 3 // 4, image_side=8_000),
    "openai": FileLimits(image_bytes=20 * _MIB, image_side=16_000, total_bytes=36 * _MIB),
    # 20 MB for the whole request.
    "gemini": FileLimits(image_bytes=14 * _MIB, image_side=16_000),
    "vertex_ai": FileLimits(image_bytes=5 * _MIB, image_side=8_000),
    # 4 MB of base64, and five images.
    "groq": FileLimits(image_bytes=3 * _MIB, image_side=5_500, images=5),
}


@dataclass(frozen=True, slots=True)
class TakenFiles:
    """What a model takes."""

    images: bool | None
    """Whether it sees; None: nothing is known of it."""
    pdfs: bool
    """Whether its provider takes PDF files."""
    limits: FileLimits
    """How large they may be."""


def taken_files(choice: ModelChoice) -> TakenFiles:
    """What is known of the model. Blocks: it may read litellm's table, or ask Ollama."""
    if choice.provider == "demo":
        return TakenFiles(False, False, _USUAL)
    is_claude = choice.provider == "openrouter" and choice.name.startswith("anthropic/")
    limits = _BY_PROVIDER.get("anthropic" if is_claude else choice.provider, _USUAL)
    return TakenFiles(_sees(choice), takes_pdfs(choice) is True, limits)


def _sees(choice: ModelChoice) -> bool | None:
    if choice.provider in OLLAMA:
        told = TOLD.window(choice.base_url or ollama_url(os.environ), choice.name).sees
        if told is not None:
            return told
    return takes_images(choice)
