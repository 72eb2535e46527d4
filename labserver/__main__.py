"""python -m labserver: serve the finished app, record or diagnose a stream, in a terminal."""

import argparse
import base64
import functools
import io
import json
import os
import signal
import sys
import time

from labserver import recorder, server, table
from labserver.diagnosis import Level, examine
from labserver.recording import Chunk, Ending, RecordedEvent


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; returns its exit code.

    0 for a whole body, a bound that was asked for or a stream without a fault, 1 for a body cut
    short, a fault, no connection or a port that cannot be used, 2 for wrong usage, 130 for Ctrl+C,
    141 for a pipe that was closed.
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe that is not UTF-8 ends no recording
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
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

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl+C does
    running = server.serve(app, options.port)
    try:
        print("Ctrl+C stops it.", flush=True)
        while running.running:
            time.sleep(0.2)  # a wait without an end could not be interrupted on Windows
    except KeyboardInterrupt:
        pass
    finally:
        running.stop()
        if running.log:
            print(running.log, file=sys.stderr)
    return 0


def record(options: argparse.Namespace) -> int:
    """Record a stream, a row a chunk or event."""
    done = recorder.record_watched(
        JsonLines() if options.json else table.Table(),
        options.url,
        options.method or ("GET" if options.data is None else "POST"),
        recorder.Bounds(options.max_chunks, options.seconds),
        keep_data=False,
        headers=options.header,
        content=options.data,
    )
    return {Ending.INTERRUPTED: 130, Ending.CUT: 1}.get(done.ending or Ending.WHOLE, 0)


def diagnose(options: argparse.Namespace) -> int:
    """Ask a stream several times and say what is wrong with it, if anything."""
    say = functools.partial(print, file=sys.stderr) if options.json else print
    done = examine(options.url, "GET", options.seconds, say, options.header)
    for finding in done.findings if options.json else ():
        print(json.dumps(finding._asdict()), flush=True)
    return 130 if done.interrupted else int(any(f.level is Level.FAULT for f in done.findings))


class JsonLines(table.Table):
    """Prints one JSON object a chunk or event, and everything else to stderr."""

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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m labserver", description=serve.__doc__)
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.set_defaults(run=serve)
    commands = parser.add_subparsers(title="instead of serving")
    recorder = commands.add_parser("record", help=record.__doc__, description=record.__doc__)
    recorder.set_defaults(run=record)
    recorder.add_argument("--max-chunks", type=int, metavar="N", help="end after N rows")
    recorder.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    recorder.add_argument("-X", dest="method", help="the method; default: GET, with -d POST")
    recorder.add_argument("-d", dest="data", help="the body")
    doctor = commands.add_parser("diagnose", help=diagnose.__doc__, description=diagnose.__doc__)
    doctor.set_defaults(run=diagnose)
    doctor.add_argument(
        "--seconds", type=float, metavar="S", default=30.0, help="for all; default: %(default)g"
    )
    for command in (recorder, doctor):
        command.add_argument("url", type=_url, help="http:// or https://")
        command.add_argument("--json", action="store_true", help="one JSON object a line")
        command.add_argument(
            "-H", dest="header", action="append", type=_header, default=[], metavar="NAME:VALUE"
        )
    return parser


def _url(text: str) -> str:
    if text.startswith("/"):  # record() asks a path of the lab's server, and here is none
        raise argparse.ArgumentTypeError(f"a whole URL, such as http://127.0.0.1:8000{text}")
    return text


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"a header is NAME:VALUE, not {text!r}")
    return name.strip(), value.strip()


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


if __name__ == "__main__":
    sys.exit(main())
