"""A real HTTP proxy in front of an S3 server that takes headers off requests: a store that ignores conditions.

The headers are part of a request's signature, so the proxy signs again, with keys of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "expect"}
DROPPED = HOP_BY_HOP | {"host", "authorization", "x-amz-date", "content-length"}


@contextmanager
def ignoring_headers(
    env: dict[str, str], ignored: set[str], *, hides_missing: bool = False
) -> Iterator[dict[str, str]]:
    """AWS_* variables that reach the same S3 server by way of a proxy that takes these headers off.

    With `hides_missing` it answers 403 for 404, as AWS does to keys that may not list the whole bucket.
    """
    target = urlsplit(env["AWS_ENDPOINT_URL_S3"])
    credentials = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ignored | DROPPED}
            url = f"{env['AWS_ENDPOINT_URL_S3']}{self.path}"
            signed = AWSRequest(self.command, url, headers=kept, data=body)
            S3SigV4Auth(credentials, "s3", env["AWS_REGION"]).add_auth(signed)
            upstream = HTTPConnection(target.hostname or "", target.port, timeout=20)
            try:
                upstream.request(self.command, self.path, body, dict(signed.headers.items()))
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            hidden = hides_missing and answer.status == 404
            if hidden:
                content = content.replace(b"NoSuchKey", b"AccessDenied")
            self.send_response(403 if hidden else answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on

        def log_message(self, *_: object) -> None:
            """Nothing: the output belongs to the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {**env, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
