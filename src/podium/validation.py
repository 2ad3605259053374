"""The base class of parameters, and lines for pydantic's errors that name the key and the nearest valid name."""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from podium.errors import did_you_mean

__all__ = ["Params", "error_lines"]


class Params(BaseModel):
    """Base class of parameter models: frozen, validated when loaded, and an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def error_lines(
    invalid: ValidationError, model: type[BaseModel], *, noun: str = "key", show_input: bool = True
) -> list[str]:
    """Return one line of text for each error of a failed validation.

    Args:
        invalid: the error that ``model`` raised.
        model: the model that was validated; it tells which names exist.
        noun: what a name is called: "key", "parameter", "hyperparameter".
        show_input: whether a line shows the invalid value. False where the value may be a secret.
    """
    return [_line(error, model, noun, show_input) for error in invalid.errors(include_url=False)]


def _line(error: Any, model: type[BaseModel], noun: str, show_input: bool) -> str:
    where, context, given = list(error["loc"]), error.get("ctx") or {}, error["input"]
    path = ".".join(map(str, where))
    if error["type"] == "extra_forbidden":
        return f"{path}: there is no such {noun}{did_you_mean(str(where[-1]), _names(model, where[:-1]))}"
    if error["type"] == "union_tag_invalid":
        known = context["expected_tags"].replace("'", "").split(", ")
        return f"{path}.kind: there is no {context['tag']!r}{did_you_mean(context['tag'], known)}; {_either(known)}"
    if error["type"] == "literal_error":
        known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{path}: {given!r}{did_you_mean(str(given), known)}; write {_either(known)}"
    shown = show_input and error["type"] != "value_error" and not isinstance(given, Mapping | list | tuple)
    got = f" (got {given!r})" if shown else ""
    return f"{path}: {error['msg'].removeprefix('Value error, ')}{got}".removeprefix(": ")


def _either(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _names(model: type[BaseModel], where: list[Any]) -> list[str]:
    """Return the field names that exist at a location inside ``model``."""
    types: list[type] = [model]
    for step in where:
        types = _below(types, step)
    return [name for each in types if issubclass(each, BaseModel) for name in each.model_fields]


def _below(types: list[type], step: Any) -> list[type]:
    """Return the types one step deeper. Only a field is a step: keys, indexes and union tags lead to the same types."""
    found: list[type] = []
    for each in types:
        if issubclass(each, BaseModel):
            field = each.model_fields.get(str(step))
            found += _leaves(field.annotation) if field else [each]
    return found


def _leaves(annotation: Any) -> list[type]:
    """Return the classes in a type annotation, such as ``str`` and ``int`` for ``dict[str, int]``."""
    if get_origin(annotation) in (Annotated, Union, UnionType, dict, list, tuple):
        return [leaf for part in get_args(annotation) for leaf in _leaves(part)]
    return [annotation] if isinstance(annotation, type) else []
