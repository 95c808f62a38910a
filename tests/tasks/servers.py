"""Servers on this machine that stand in for the network: one of files, and one that answers as the hub does."""

from __future__ import annotations

import hashlib
import http.server
import json
import posixpath
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from `self.server.answer(path)`: a body and headers, or None."""

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        answer = self.server.answer(path)
        body, headers = answer if answer else (b"", {})
        status = 200 if answer else 404
        if answer and (wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")):
            start, end = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
            headers = {**headers, "Content-Range": f"bytes {start}-{end}/{len(body)}"}
            status, body = 206, body[start : end + 1]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *words):
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server that notes what it was asked for."""

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(answer) -> Iterator[Server]:
    """Serve until the block ends."""
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def file_server(files: Mapping[str, bytes]):
    """Serve files by name."""
    return serving(lambda path: (files[path[1:]], {}) if path[1:] in files else None)


def hub(repo: str, revision: str, files: Mapping[str, bytes]):
    """Answer as the Hugging Face hub does for one data set."""
    return serving(lambda path: _hub_answer(path, repo, revision, files))


def _hub_answer(path, repo, revision, files):
    if path == f"/api/datasets/{repo}/revision/{revision}":
        return _json({"id": repo, "sha": revision, "tags": [], "siblings": [{"rfilename": name} for name in files]})
    if found := re.fullmatch(f"/api/datasets/{repo}/tree/{revision}/?(.*)", path):
        return _json(_tree(found[1], files))
    name = path.removeprefix(f"/datasets/{repo}/resolve/{revision}/")
    if name not in files:
        return None
    digest = hashlib.sha1(files[name]).hexdigest()
    return files[name], {"ETag": f'"{digest}"', "X-Repo-Commit": revision, "Accept-Ranges": "bytes"}


def _tree(folder, files):
    found = [
        {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for name, content in files.items()
        if posixpath.dirname(name) == folder
    ]
    folders = {posixpath.dirname(name) for name in files} - {""} if not folder else set()
    return found + [{"type": "directory", "path": name, "oid": "0" * 40} for name in sorted(folders)]


def _json(content):
    return json.dumps(content).encode(), {"Content-Type": "application/json"}
