"""python -m labserver: serve the finished app, record or diagnose a stream, in a terminal."""

import argparse
import base64
import functools
import io
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from labserver import current, recorder
from labserver.diagnosis import Level, examine
from labserver.masking import masked
from labserver.printing import tell
from labserver.recording import Bounds, Chunk, Ending, RecordedEvent
from labserver.table import Table


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; returns its exit code.

    0 for a whole body, a bound that was asked for or a stream without a fault; 1 for a body cut
    short, a fault, no connection or a port that cannot be used; 2 for wrong usage; 130 for Ctrl+C;
    141 for a pipe that was closed.
    """
    options, rest = _parser().parse_known_args(arguments)
    if rest:
        options.refuse(_unknown(rest))
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it: print(file=None) goes to stdout
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        with _interruptible():
            return run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, RuntimeError) as error:
        print(_reason(error), file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2


def serve(options: argparse.Namespace) -> int:
    """Serve the finished app until Ctrl+C."""
    from labserver.app import app  # not needed for recording, and slow to import

    running = current.serve(app, options.port)
    with suppress(KeyboardInterrupt), running:
        print("Ctrl+C stops it.", flush=True)
        while running.running:
            time.sleep(0.2)  # a wait without an end could not be interrupted on Windows
    if running.log:
        print(running.log, file=sys.stderr)
    return 0


def record(options: argparse.Namespace) -> int:
    """Record a stream, a row a chunk or event."""
    done = recorder.record_watched(
        JsonTable() if options.json else Table(),
        options.url,
        _method(options),
        Bounds(options.max_chunks, options.seconds),
        keep_data=False,
        headers=options.header + _json_type(options),
        content=_body(options),
    )
    return {Ending.INTERRUPTED: 130, Ending.CUT: 1}.get(done.ending or Ending.WHOLE, 0)


def diagnose(options: argparse.Namespace) -> int:
    """Ask a stream several times and say what is wrong with it, if anything."""
    say = functools.partial(print, file=sys.stderr) if options.json else tell
    done = examine(
        options.url,
        _method(options),
        options.seconds,
        say,
        options.header + _json_type(options),
        options.direct,
        content=_body(options),
    )
    for finding in done.findings if options.json else ():
        print(json.dumps(finding._asdict()), flush=True)
    return 130 if done.interrupted else int(any(f.level is Level.FAULT for f in done.findings))


class JsonTable(Table):
    """A table whose rows are lines of JSON; what is no row goes to stderr."""

    def say(self, line: str) -> None:
        """Print a line that is no row."""
        print(line, file=sys.stderr, flush=True)

    def chunk(self, chunk: Chunk) -> bool:
        """Print a chunk; data that is not UTF-8 as base64."""
        try:
            data = {"data": chunk.data.decode()}
        except UnicodeDecodeError:
            data = {"base64": base64.b64encode(chunk.data).decode()}
        return self._print_row({"at": chunk.at, "size": chunk.size, **data})

    def event(self, event: RecordedEvent) -> bool:
        """Print an event."""
        return self._print_row(event._asdict())

    def _print_row(self, row: dict[str, object]) -> bool:
        print(json.dumps(row), flush=True)
        return False


class _Parser(argparse.ArgumentParser):
    """A parser that quotes no secret of a command line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit."""
        # A word in the place of another may be a header's value.
        told = re.sub(r"(choice|argument):? (['\"]).*?\2(?= \(choose|$)", r"\1", masked(message))
        super().error(told)


def _parser() -> _Parser:
    parser = _Parser("python -m labserver", description=serve.__doc__)
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.set_defaults(run=serve, refuse=parser.error)
    commands = parser.add_subparsers(title="instead of serving")
    recording = commands.add_parser("record", help=record.__doc__, description=record.__doc__)
    recording.set_defaults(run=record, refuse=recording.error)
    recording.add_argument("--max-chunks", type=int, metavar="N", help="end after N rows")
    recording.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    diagnosis = commands.add_parser(
        "diagnose", help=diagnose.__doc__, description=diagnose.__doc__
    )
    diagnosis.set_defaults(run=diagnose, refuse=diagnosis.error)
    diagnosis.add_argument(
        "--seconds", type=float, metavar="S", default=30.0, help="for all; default: %(default)g"
    )
    diagnosis.add_argument(
        "--direct", type=_url, metavar="URL", help="the same service past its proxy, to compare"
    )
    for command in (recording, diagnosis):
        command.add_argument("url", type=_url, help="http:// or https://")
        command.add_argument("--json", action="store_true", help="one JSON object a line")
        command.add_argument("-X", dest="method", help="the method; default: GET, with -d POST")
        command.add_argument("-d", dest="data", action="append", help="the body; no @file is read")
        command.add_argument(
            "-H",
            dest="header",
            action="append",
            type=_header,
            default=[],
            metavar="NAME:VALUE",
            help="a header; as often as needed",
        )
    return parser


def _unknown(words: list[str]) -> str:
    """What to say of words that are no part of a command: options by name, for secrets follow."""
    options = [word for word in words if word.startswith("-")]
    names = [word.partition("=")[0] if word[:2] == "--" else word[:2] for word in options]
    return f"there is no {', '.join(names)} here" if names else "more words than it takes"


def _body(options: argparse.Namespace) -> bytes | None:
    return None if options.data is None else os.fsencode("&".join(options.data))  # as curl does


def _json_type(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The Content-Type of a body that is JSON, where the command names no type."""
    named = any(name.lower() == "content-type" for name, _ in options.header)
    try:
        # int refuses NaN and Infinity, which are no JSON (RFC 8259, 6).
        json.loads(_body(options) or b"", parse_constant=int)
    except (ValueError, RecursionError):
        return []
    return [] if named else [("Content-Type", "application/json")]


def _method(options: argparse.Namespace) -> str:
    if options.method is not None:
        return str(options.method)
    return "GET" if options.data is None else "POST"


def _url(text: str) -> str:
    if text.startswith("/"):  # record() asks the lab's server for a path, and here is none
        raise argparse.ArgumentTypeError(
            f"a whole URL, such as http://127.0.0.1:8000{masked(text)}"
        )
    return _text(text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = _text(text).partition(":")
    if not colon or not name.strip():
        # What was given may be a secret.
        raise argparse.ArgumentTypeError("a header is NAME:VALUE, with a colon")
    return name.strip(), value.strip()


def _text(text: str) -> str:
    with suppress(UnicodeEncodeError):
        text.encode()
        return text
    try:
        return os.fsencode(text).decode()  # where the locale reads ASCII alone
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError("text in UTF-8 is needed") from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt, and at the end do what they did before.

    A script's `command &` starts with SIGINT ignored, and Python leaves it ignored.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


if __name__ == "__main__":
    sys.exit(main())
