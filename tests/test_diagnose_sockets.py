"""What only a bare connection shows, and that it shows it in time."""

import socket
import threading
import time

import httpx

from labserver.diagnosis.sockets import bytes_beyond


def test_line_ends_after_the_end_are_bounded():
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def flood():
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                try:
                    for _ in range(1000):
                        line.sendall(b"\n" * 2**20)
                        sent.append(1)
                except OSError:
                    pass

        thread = threading.Thread(target=flood)
        thread.start()
        url = httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        assert set(bytes_beyond(url, httpx.Headers(), 2, 60.0)) == {*b"\n"}
        thread.join(60)
    assert len(sent) < 100, "the server was left, not read to its end"


def test_headers_that_drip_are_bounded():
    dripped = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                try:
                    for _ in range(1000):
                        line.sendall(b"x")
                        dripped.append(1)
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        url = httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        assert bytes_beyond(url, httpx.Headers(), 5, 1.0) == b""
        thread.join(60)
    assert len(dripped) < 900, "the server was left, not waited for"
