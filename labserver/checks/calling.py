"""Calls what a learner wrote as a function: in a thread, with an end, plain or `async`."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from labserver.checks.exercise import SECONDS, Late, NotYet, in_words, require, shown
from labserver.checks.left_behind import note

T = TypeVar("T")


def require_function(answer: Any) -> None:
    """Raise NotYet unless the answer is a function, or what is called like one."""
    called = isinstance(answer, Iterator | AsyncIterator | Awaitable)
    if inspect.iscoroutine(answer):
        answer.close()  # else Python warns that nobody awaited it
    require(not called, "hand the check the function itself: its name, without the brackets.")
    is_function = callable(answer) and not inspect.isclass(answer)
    require(is_function, "hand the check the function that you wrote.")


def returned(function: Callable[[Any], Any], given: Any, seconds: float = SECONDS) -> Any:
    """What a learner's function returns, awaited if need be.

    Raises NotYet for one that does not end within `seconds`.
    """
    name = getattr(function, "__name__", type(function).__name__)
    future = started(lambda: awaited(function(given)))
    return ended(future, f"{name}({given!r})", seconds)


def started(call: Callable[[], T]) -> "Future[T]":
    """Call it in a thread of its own, which ends with the check if not before."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except KeyboardInterrupt as error:  # the answer's own: the stop button ends the wait
            future.set_exception(NotYet(f"your function raised {in_words(error)}"))
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    note(lambda: [thread])
    thread.start()
    return future


def ended(future: "Future[T]", what: str, seconds: float) -> T:
    """The result of a call, or its exception; NotYet where it takes longer than `seconds`."""
    wait([future], seconds)
    require(future.done(), f"{what} did not end within {seconds:.0f} s.")
    return future.result()


def judged_twice(judge: Callable[[], None], what: str, seconds: float) -> None:
    """Judge what two clients get that ask at once.

    What is late then, and not for a client alone, is no fault: one may have waited for the other.
    """

    def missing() -> NotYet | None:
        try:
            judge()
        except NotYet as missing:
            return missing
        return None

    other = started(missing)
    both = [one for one in (missing(), ended(other, what, seconds)) if one]
    if len(both) == 2:
        judge()  # it may be missing for a client alone, too
    told = [one for one in both if not isinstance(one, Late)]
    if told:
        raise NotYet(f"two clients asked at once, and one of them got something else. {told[0]}")


def items(result: Any) -> Iterator[Any]:
    """What an answer's generator yields, one after another, also one of `async def`.

    A coroutine is awaited first. Raises NotYet where nothing can be iterated over.
    """
    result = awaited(result)
    if hasattr(result, "__aiter__"):
        yield from _async_items(result)
        return
    wrong = f"your function returned {shown(result)}, expected: a generator (yield)."
    require(hasattr(result, "__iter__"), wrong)
    yield from result


def _async_items(result: Any) -> Iterator[Any]:
    loop = asyncio.new_event_loop()  # not asyncio.run, which nest_asyncio replaces
    try:
        iterator = aiter(result)
        while True:
            try:
                yield loop.run_until_complete(anext(iterator))
            except StopAsyncIteration:
                return
    finally:
        _close(loop)


def awaited(result: Any) -> Any:
    """What a function returned; of one of `async def`, its result when awaited."""
    if not inspect.isawaitable(result):
        return result
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(result)
    finally:
        _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
