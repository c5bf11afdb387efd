"""What pydantic wants to know of the classes: imported when pydantic asks, and never before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._native import Notifications, parse
from .exceptions import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydantic_core import CoreSchema


def core_schema(cls: Any) -> CoreSchema:
    """An instance, a dict or JSON text comes in; a dict as Graph has it goes out."""
    from pydantic_core import PydanticCustomError, PydanticSerializationUnexpectedValue
    from pydantic_core import core_schema as make

    def read(value: object) -> object:
        if isinstance(value, cls):
            return value
        try:
            return _read(cls, value)
        except ParseError as error:
            place = {"reason": error.reason, "path": error.path, "line": error.line, "column": error.column}
            raise PydanticCustomError("callredirect", "{message}", {"message": str(error), **place}) from None
        except TypeError as error:
            raise PydanticCustomError("callredirect", "{message}", {"message": str(error)}) from None

    def write(value: Any) -> dict[str, Any]:
        if not isinstance(value, cls):
            # So pydantic finds the right member of a union, and warns of what was never validated.
            raise PydanticSerializationUnexpectedValue(f"Expected {cls.__name__}, got {type(value).__name__}")
        return _write(value)

    return make.json_or_python_schema(
        json_schema=make.no_info_plain_validator_function(read),
        python_schema=make.lax_or_strict_schema(
            lax_schema=make.no_info_plain_validator_function(read),
            strict_schema=make.is_instance_schema(cls),
        ),
        serialization=make.plain_serializer_function_ser_schema(write),
    )


def json_schema(cls: Any) -> dict[str, Any]:
    """An object: members may come, go and change type, and none of it is an error."""
    about = " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
    known = {"title": cls.__name__, "description": about, "type": "object", "additionalProperties": True}
    if cls is Notifications:
        known["properties"] = {"value": {"type": "array", "items": {"type": "object"}}}
        known["required"] = ["value"]
    return known


def _read(cls: Any, value: Any) -> object:
    if cls is Notifications:
        return parse(value)
    return cls.from_dict(dict(value)) if isinstance(value, Mapping) else cls.from_json(value)


def _write(value: Any) -> dict[str, Any]:
    if isinstance(value, Notifications):
        return {"value": [item.to_dict() for item in value]}
    found: dict[str, Any] = value.to_dict()
    return found
