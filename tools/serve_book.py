"""Serve the built book on this machine only.

    tools/serve_book.py [--port 8000]

Takes the next free port where the wanted one is busy, and says so.
"""

import argparse
import functools
import http.server
import sys
from pathlib import Path

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
TRIES = 50


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each request, and never an old copy from the browser's cache."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Ask the browser to look again after each build."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def open_server(folder: Path, port: int, tries: int = TRIES) -> http.server.ThreadingHTTPServer:
    """A server on localhost at the first free port from `port` on.

    Raises:
        OSError: if none of the next `tries` ports is free.
    """
    handler = functools.partial(Quiet, directory=str(folder))
    for candidate in range(port, min(port + tries, 65536)):
        try:
            return http.server.ThreadingHTTPServer(("127.0.0.1", candidate), handler)
        except OSError:
            continue
    raise OSError(f"ports {port} to {port + tries - 1} are all busy: name another one, for example PORT=9000")


def main() -> int:
    """Read the command line and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve the built book on localhost.")
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (default 8000)")
    arguments = parser.parse_args()
    if not (HTML / "index.html").is_file():
        print("there is no book yet: run `make book` first")
        return 1
    if not 1 <= arguments.port <= 65535:
        print(f"the port must be between 1 and 65535, got {arguments.port}")
        return 1
    try:
        server = open_server(HTML, arguments.port)
    except OSError as error:
        print(error)
        return 1
    port = server.server_address[1]
    if port != arguments.port:
        print(f"port {arguments.port} is busy; taking {port}")
    print(f"the book is at http://localhost:{port}/  (Ctrl-C to stop)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
