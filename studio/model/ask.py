"""A request whose answer has the expected type."""

from collections.abc import Callable
from typing import TypeVar

from engine.contract.messages import Message, Request
from studio.link.link import Link, Refusal

Answer = TypeVar("Answer", bound=Message)


async def ask(
    link: Link, build: Callable[[int], Request], kind: type[Answer]
) -> tuple[Answer, bytes]:
    """The answer of type `kind` and its payload. Raises Refusal or LinkClosed."""
    answer, payload = await link.request(build)
    if not isinstance(answer, kind):
        name = type(answer).__name__
        raise Refusal(f"The engine answered with {name} where {kind.__name__} was expected.")
    return answer, payload
