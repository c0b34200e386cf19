import http.server
import socket
import threading
import time

import pytest

from runner.datasets.published import download


def test_a_silent_server_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(OSError, match=r"no answer|timed out"):
            download(f"http://127.0.0.1:{silent.getsockname()[1]}/", answer_seconds=0.3, total_seconds=0.3)
    assert time.monotonic() - started < 3


def test_a_trickling_download_is_given_up_in_time() -> None:
    class Trickle(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b".")
                time.sleep(0.1)

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickle) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(TimeoutError, match=r"not complete within 0\.5 s"):
            download(f"http://127.0.0.1:{server.server_port}/", answer_seconds=5, total_seconds=0.5)
        server.shutdown()
