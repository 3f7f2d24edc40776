"""What every mapping in a file that people write has in common."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict

from duragent.yaml.model import PathText


class YamlSection(BaseModel):
    """A mapping that people write."""

    model_config = ConfigDict(
        defer_build=True,
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
    )


def _on_or_off(value: object) -> object:
    return ("on" if value else "off") if isinstance(value, bool) else value


def _scalar(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("must be a text, a number, or true or false")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


_is_filled = BeforeValidator(lambda value: _not_blank(value) if isinstance(value, str) else value)
Filled = Annotated[str, _is_filled]
FilledPath = Annotated[PathText, _is_filled]
Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
OnOff = BeforeValidator(_on_or_off)
"""For a setting with `on` or `off` among its words: YAML reads these, when they are bare, as true and false."""
# YAML gives lists; the models keep tuples, which cannot be changed.
Texts = Annotated[tuple[str, ...], Strict(False)]
