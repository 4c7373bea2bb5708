"""A Hugging Face hub on this machine's loopback: what its client asks for when it pushes a model
and fetches it again, and nothing else (an unknown request is answered 501 and noted).

Files of text are committed as they are, others by the Git LFS protocol, as on the hub. Its Xet
storage is left out: the client is told not to use it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_that_may_write"
GATED = "GatedRepo"
_TEXT = (".json", ".md")
_NAME = r"(?P<repo>[\w.-]+/[\w.-]+)"


class Repo:
    """A repository: the files of each commit, the newest last, and whether it is for its owner."""

    def __init__(self, private: bool = False) -> None:
        self.private, self.gated = private, False
        self.commits: dict[str, dict[str, bytes]] = {}

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def commit(self, files: dict[str, bytes]) -> str:
        """Adds files to what there is; the name of the commit."""
        before = self.commits[self.head] if self.commits else {}
        name = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[name] = before | files
        return name


class FakeHub:
    """The hub. ``repos`` by id, ``requests`` as ``METHOD /path``, ``messages`` of commits."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.cards: list[str] = []
        self.large: dict[str, bytes] = {}
        self.address = ""
        self.gone = False  # from now on nobody is answered

    def files(self, repo: str) -> dict[str, bytes]:
        """What a repository's newest commit holds."""
        return self.repos[repo].commits[self.repos[repo].head]

    @contextmanager
    def serving(self, patch: Any, cache: Path) -> Iterator[FakeHub]:
        """The hub at work, and its client pointed at it, signed in, with an empty cache."""
        hub = self

        class Handler(_Handler):
            fake = hub

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self.address = f"http://127.0.0.1:{server.server_port}"

        constants = "huggingface_hub.constants"
        patch.setattr(f"{constants}.ENDPOINT", self.address)
        patch.setattr(
            f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE",
            self.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        patch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
        patch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)
        patch.setenv("HF_TOKEN", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One request; ``fake`` is the hub that it reaches."""

    fake: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def do_HEAD(self) -> None:
        self._dispatch()

    def do_GET(self) -> None:
        self._dispatch()

    def do_POST(self) -> None:
        self._dispatch()

    def do_PUT(self) -> None:
        self._dispatch()

    def _dispatch(self) -> None:
        if self.fake.gone:
            self.close_connection = True
            return
        path = unquote(urlsplit(self.path).path)
        self.body = self._read_body()
        self.fake.requests.append(f"{self.command} {path}")
        for methods, pattern, answer in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in methods.split():
                answer(self, **match.groupdict())
                return
        self._answer(501, {"error": f"{self.command} {path} is not played"})

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    @property
    def _may(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _answer(self, status: int, value: Any, **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

    def _repo(self, name: str) -> Repo | None:
        """A repository that this user sees; the refusal was sent when it is None."""
        repo = self.fake.repos.get(name)
        if repo is None or (repo.private and not self._may):
            self._refuse(404 if self._may else 401, "RepoNotFound")
            return None
        return repo

    def _commit_of(self, repo: Repo, revision: str) -> str | None:
        name = repo.head if revision == "main" and repo.commits else revision
        if name in repo.commits:
            return name
        self._refuse(404, "RevisionNotFound")
        return None

    def root(self) -> None:
        self._answer(200, b"")

    def create(self) -> None:
        said = json.loads(self.body)
        name = f"{said['organization']}/{said['name']}"
        if not self._may:
            self._answer(401, {"error": "Invalid username or password."})
        elif name in self.fake.repos:
            address = f"{self.fake.address}/{name}"
            self._answer(409, {"error": "You already created this model repo", "url": address})
        else:
            private = said.get("visibility") == "private" or said.get("private", False)
            self.fake.repos[name] = Repo(private)
            self._answer(200, {"url": f"{self.fake.address}/{name}"})

    def validate(self) -> None:
        self.fake.cards.append(json.loads(self.body)["content"])
        self._answer(200, {"errors": [], "warnings": []})

    def preupload(self, repo: str, revision: str) -> None:
        files = [
            {
                "path": each["path"],
                "uploadMode": "regular" if each["path"].endswith(_TEXT) else "lfs",
                "shouldIgnore": False,
            }
            for each in json.loads(self.body)["files"]
        ]
        if self._repo(repo) is not None:
            self._answer(200, {"files": files})

    def batch(self, repo: str) -> None:
        objects = [
            each
            | {
                "actions": {
                    "upload": {"href": f"{self.fake.address}/large/{each['oid']}"},
                    "verify": {"href": f"{self.fake.address}/verify"},
                }
            }
            for each in json.loads(self.body)["objects"]
        ]
        if self._repo(repo) is not None:
            self._answer(200, {"transfer": "basic", "objects": objects})

    def put(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            self._answer(400, {"error": "another file"})
            return
        self.fake.large[oid] = self.body
        self._answer(200, b"")

    def verify(self) -> None:
        said = json.loads(self.body)
        there = len(self.fake.large.get(said["oid"], b"")) == said["size"]
        self._answer(200 if there else 404, {})

    def commit(self, repo: str, revision: str) -> None:
        found = self._repo(repo)
        if found is None:
            return
        if not self._may:
            self._answer(403, {"error": "Forbidden"})
            return
        files = {}
        for line in self.body.splitlines():
            said = json.loads(line)
            value = said["value"]
            match said["key"]:
                case "header":
                    self.fake.messages.append(value["summary"])
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.fake.large[value["oid"]]
        name = found.commit(files)
        address = f"{self.fake.address}/{repo}/commit/{name}"
        self._answer(200, {"commitUrl": address, "commitOid": name})

    def info(self, repo: str, revision: str | None = None) -> None:
        found = self._repo(repo)
        name = None if found is None else self._commit_of(found, revision or "main")
        if name is not None:
            self._answer(200, {"id": repo, "sha": name, "private": False, "tags": []})

    def tree(self, repo: str, revision: str) -> None:
        found = self._repo(repo)
        name = None if found is None else self._commit_of(found, revision)
        if found is None or name is None:
            return
        entries = []
        for path, data in found.commits[name].items():
            entry = {"type": "file", "path": path, "size": len(data), "oid": _git_sha1(data)}
            if not path.endswith(_TEXT):
                digest = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
            entries.append(entry)
        self._answer(200, entries)

    def resolve(self, repo: str, revision: str, path: str) -> None:
        found = self._repo(repo)
        name = None if found is None else self._commit_of(found, revision)
        if found is None or name is None:
            return
        if found.gated:
            self._refuse(403, GATED)
            return
        if path not in found.commits[name]:
            self._refuse(404, "EntryNotFound")
            return
        data = found.commits[name][path]
        digest = _git_sha1(data) if path.endswith(_TEXT) else hashlib.sha256(data).hexdigest()
        self._answer(200, data, X_Repo_Commit=name, ETag=f'"{digest}"')


def _git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_ROUTES = (
    ("HEAD", r"/?", _Handler.root),
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate),
    ("POST", rf"/api/models/{_NAME}/preupload/(?P<revision>[^/]+)", _Handler.preupload),
    ("POST", rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", "/large/(?P<oid>[0-9a-f]{64})", _Handler.put),
    ("POST", "/verify", _Handler.verify),
    ("POST", rf"/api/models/{_NAME}/commit/(?P<revision>[^/]+)", _Handler.commit),
    ("GET", rf"/api/models/{_NAME}", _Handler.info),
    ("GET", rf"/api/models/{_NAME}/revision/(?P<revision>[^/]+)", _Handler.info),
    ("GET", rf"/api/models/{_NAME}/tree/(?P<revision>[^/]+)", _Handler.tree),
    ("HEAD GET", rf"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
)
