"""What holds for every shape of the API."""

import pytest
from pydantic import BaseModel

from duragent import wire


@pytest.mark.parametrize(
    "shape",
    [each for each in map(wire.__getattr__, wire.__all__) if isinstance(each, type) and issubclass(each, BaseModel)],
)
def test_every_field_of_every_shape_is_described(shape: type[BaseModel]) -> None:
    assert [name for name, field in shape.model_fields.items() if not field.description] == []
