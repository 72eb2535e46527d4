"""Why an app is not served: it is none, or it did not start."""

import inspect

from labserver.masking import shown_lines


def require_app(app: object) -> None:
    """Raise TypeError for what is no ASGI app, or answers in an app alone."""
    kind = type(app).__name__
    one = f"an {kind}" if kind[0] in "AEIOaeio" else f"a {kind}"
    what = f"the class {app.__name__}" if isinstance(app, type) else one
    # An APIRouter answers in an app alone. fastapi is not imported for this: it takes a while.
    is_router = "fastapi.routing" in [cls.__module__ for cls in type(app).__mro__]
    if not callable(app) or is_router:
        raise TypeError(f"serve() takes an ASGI app such as FastAPI(), not {what}.")
    try:
        inspect.signature(app).bind("scope", "receive", "send")
    except TypeError:
        raise TypeError(
            f"serve() takes an ASGI app, called with (scope, receive, send); {what} is not."
        ) from None
    except ValueError:
        pass  # callable, without a signature to look at


def reason_of(error: BaseException | None, said: str) -> str:
    """Why an app did not start, in one line: its error, or else what it said of it."""
    return shown_lines((_told(error) if error else _told_in(said))[:500])


def _told(error: BaseException) -> str:
    """An error by its name and its message in one line; of a group, its first one, too."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = "it has no text"
    if isinstance(error, BaseExceptionGroup):
        message += f": {_told(error.exceptions[0])}"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _told_in(said: str) -> str:
    """Of a traceback its last line, of other text its first one."""
    lines = [line for line in said.splitlines() if line[:1].strip()] or ["no reason given"]
    return lines[-1 if lines[0].startswith("Traceback ") else 0]
