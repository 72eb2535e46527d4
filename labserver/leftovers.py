"""What cancelled requests leave to the garbage collector, found again when the server stops.

A synchronous generator runs its `finally` when nothing refers to it any more. After its request
was cancelled something does:

    error  ->  traceback  ->  frame of the request  ->  generator, whose `finally` waits
      ^                         |
      +-------------------------+   a cycle: the frame has the error in a variable

Python's collector would find the cycle, but looks at every object of the kernel: a second for ten
million. So the errors of requests are noted, without being kept alive, and their frames cleared.
"""

import asyncio
import gc
import traceback
from collections.abc import Coroutine, Generator, Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakSet


class Leftovers:
    """Notes the errors that tasks of one event loop end with."""

    def __init__(self) -> None:
        self._errors: WeakSet[BaseException] = WeakSet()

    def make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> asyncio.Task[Any]:
        """Make a task as the loop would: a task factory, for `loop.set_task_factory`."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        task.add_done_callback(self._note)
        return task

    def clear(self) -> None:
        """Let go of what the errors' frames refer to. Python may have collected some already."""
        seen: set[int] = set()
        for error in list(self._errors):
            _clear(error, seen)

    def _note(self, task: asyncio.Task[Any]) -> None:
        for error in _errors_of(task):
            with suppress(TypeError):  # some built-in errors cannot be referred to weakly
                self._errors.add(error)


def _errors_of(task: asyncio.Task[Any]) -> Iterator[BaseException]:
    """The errors that a task refers to.

    task.result() would tell, too, but a task gives the error of its cancellation only once.
    """
    for thing in gc.get_referents(task):
        for value in thing.values() if type(thing) is dict else [thing]:  # a task made in Python
            if isinstance(value, BaseException):
                yield value


def _clear(error: BaseException | None, seen: set[int]) -> None:
    """Empty the frames of an error and of those that it came from, each once."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    traceback.clear_frames(error.__traceback__)
    _clear(error.__context__, seen)
    _clear(error.__cause__, seen)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        _clear(inner, seen)
