"""What may stand between a browser and a server: it passes on all, or holds HTTP back."""

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress


class Passing(socketserver.StreamRequestHandler):
    """Passes on every byte, both ways."""

    def handle(self):
        behind = ("127.0.0.1", self.server.target)
        # Nobody may listen there, and a browser may leave.
        with suppress(OSError), socket.create_connection(behind) as target:
            self.answer(target)

    def answer(self, target):
        threading.Thread(target=copy, args=(self.connection, target)).start()
        copy(target, self.connection)


class Buffering(Passing):
    """Holds back each response until it is whole, but not a WebSocket."""

    def answer(self, target):
        head = [*iter(lambda: self.rfile.readline().strip(), b"")]
        headers = dict(line.lower().split(b": ", 1) for line in head[1:])
        body = self.rfile.read(int(headers.get(b"content-length", 0)))
        if headers.get(b"upgrade") == b"websocket":
            target.sendall(b"\r\n".join([*head, b"", b""]))
            super().answer(target)
        elif head:
            head = [line for line in head if not line.lower().startswith(b"connection:")]
            target.sendall(b"\r\n".join([*head, b"Connection: close", b"", body]))
            self.wfile.write(b"".join(iter(lambda: target.recv(65536), b"")))


def copy(source, target):
    with suppress(OSError):
        for data in iter(lambda: source.recv(65536), b""):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(handler, port, host="127.0.0.1"):
    """The port, on this host, of what stands in front of that port of 127.0.0.1."""

    class Front(socketserver.ThreadingTCPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads, block_on_close, target = True, False, port

    with Front((host, 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
