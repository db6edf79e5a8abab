"""The outgoing HTTP door against servers that do as the test wants: each way in which a request can end."""

import gzip
import http.server
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

LAB = sys.argv[1]
NODE = """
const http2 = require('http2'), fs = require('fs');
const s = http2.createSecureServer({key: fs.readFileSync(process.argv[1]), cert: fs.readFileSync(process.argv[2])});
let sessions = 0, open = 0, most = 0;
s.on('session', () => sessions++);
s.on('stream', (t, h) => {
  if (h[':path'] === '/counts') { t.respond({':status': 200}); t.end(JSON.stringify({sessions, most})); return; }
  most = Math.max(most, ++open);
  setTimeout(() => { open--; t.respond({':status': 200}); t.end(h[':path']); }, 300);
});
s.listen(0, '127.0.0.1', () => console.log(s.address().port));
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        with self.server.lock:
            self.server.seen.append((self.command, self.path, dict(self.headers.items()), body))
            n = len([s for s in self.server.seen if s[1] == self.path])
        what, _, more = self.path[1:].partition("/")
        if what == "echo":
            self.answer(200, json.dumps([self.command, dict(self.headers.items()), body.decode()]).encode())
        elif what == "busy":  # so often, then well
            self.answer(*((503, b"") if n <= int(more) else (200, b"at last")))
        elif what == "later":
            self.answer(*((429, b"slow down") if n == 1 else (200, b"ok")), **({"Retry_After": more} if n == 1 else {}))
        elif what == "to":
            self.answer(int(more[:3]), b"go", Location=more[4:] if "http" in more else "/" + more[4:])
        elif what == "large":
            self.answer(200, b"x" * int(more))
        elif what == "gzip":
            self.answer(200, gzip.compress(b"\0" * int(more)), Content_Encoding="gzip")
        elif what == "endless":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(b"y" * 65536)
            except OSError:
                with self.server.lock:
                    self.server.cut += 1
        elif what == "slow":
            self.server.slow.append(self.connection)
            self.connection.recv(1)  # until the other end goes away
            with self.server.lock:
                self.server.cut += 1
            self.close_connection = True
        elif what == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif what == "short":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.close_connection = True
        elif what == "garbage":
            self.wfile.write(b"what is this\r\n\r\n")
            self.close_connection = True
        elif what == "heads":
            self.answer(200, b"", **{f"X_{i}": "z" * 4000 for i in range(30)})
        else:
            self.answer(200, b"hello")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_one

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.slow, self.cut, self.lock = [], [], 0, threading.Lock()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_port}"

    def handle_error(self, *args):
        pass


class Lab:
    def __init__(self, **settings):
        self.log = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen([LAB, *(f"{k}={v}" for k, v in settings.items())], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **ENVIRONMENT})
        self.answers, self.tags, self.rest = {}, 0, b""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.child.stdin.close()
        code = self.child.wait(20)
        self.child.stdout.close()
        assert kind or code == 0, (code, self.logged()[-2000:])

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def ask(self, url, asker="a", headers=(), body=None, business=None, leave=False, **more):
        self.tags += 1
        lines = [("lab-tag", str(self.tags)), *headers]
        lines += [("lab-body", body)] if body is not None else []
        lines += [("lab-business", str(business))] if business else []
        lines += [("lab-exit", "1")] if leave else []
        ask = {"url": url, "method": "get", "within_ms": 15000, "most": 1 << 20,
               "headers": [{"name": n, "value": v} for n, v in lines], **more}
        self.child.stdin.write(json.dumps({"asker": asker, "ask": ask}).encode() + b"\n")
        self.child.stdin.flush()
        return str(self.tags)

    def wait(self, tag, seconds=30):
        end = time.monotonic() + seconds
        while tag not in self.answers:
            assert select.select([self.child.stdout], [], [], max(0, end - time.monotonic()))[0], (tag, self.logged())
            got = os.read(self.child.stdout.fileno(), 1 << 20)
            assert got, self.logged()[-2000:]
            *lines, self.rest = (self.rest + got).split(b"\n")
            for line in lines:
                told = json.loads(line)
                assert told["tag"] not in self.answers, "two answers"
                self.answers[told["tag"]] = told
        return self.answers[tag]

    def get(self, url, **more):
        told = self.wait(self.ask(url, **more))
        return {**told["answer"], "body": told.get("body"), "bytes": told["bytes"]} if "answer" in told else told["err"]


ENVIRONMENT = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
HERE = "127.0.0.0/8"


def until(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def an_answer_is_told_whole():
    server = Server()
    with Lab(allow=HERE) as lab:
        got = lab.get(server.url + "/hello")
        assert got["trouble"] == "none" and got["status"] == 200 and got["body"] == "hello", got
        assert got["version"] == 11 and got["reached"] and got["total_us"] > 0 and not got.get("reused"), got
        assert lab.get(server.url + "/hello")["reused"]  # and no proxy of the environment
        for method in ("post", "put", "patch", "delete"):
            got = lab.get(server.url + "/echo", method=method, body="a=b", headers=[("X-Empty", ""), ("X-Key", "k")])
            said, headers, body = json.loads(got["body"])
            assert said == method.upper() and body == "a=b" and headers["X-Key"] == "k" and headers["X-Empty"] == "", got
            assert "Expect" not in headers and "Content-Type" not in headers and "gzip" in headers["User-Agent"], headers
        assert lab.get(server.url + "/hello", method="head")["bytes"] == 0
        assert lab.get(server.url + "/gzip/100000")["bytes"] == 100000
        for bad in (("Host", "x"), ("X\r\nY", "x"), ("X", "a\r\nb"), ("Content-Length", "3")):
            assert lab.get(server.url + "/hello", headers=[bad]) == "INVALID", bad
        assert lab.get(server.url + "/hello", body="no") == "INVALID"


def each_trouble_has_its_name():
    server = Server()
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    with Lab(allow=HERE) as lab:
        def trouble(path, **more):
            got = lab.get(path if "://" in path else server.url + path, **{"tries": 1, **more})
            assert got["trouble"] == "none" or got["why"], got
            return got["trouble"], got.get("reached", False)
        assert trouble("ftp://127.0.0.1/") == ("url", False)
        assert trouble("https://10.0.0.1/") == ("refused", False)
        assert trouble("https://nobody.invalid/") == ("resolve", False)
        assert trouble(f"http://127.0.0.1:{closed.getsockname()[1]}/") == ("connect", False)
        assert trouble(server.url.replace("http", "https")) == ("tls", False)
        assert trouble("/slow", within_ms=300) == ("timeout", True)
        assert trouble("/large/1001", most=1000) == ("too_large", True)
        assert trouble("/large/1000", most=1000) == ("none", True)
        assert trouble("/endless", most=200000) == ("too_large", True)
        assert trouble("/gzip/10000000", most=200000) == ("too_large", True)  # counted unpacked
        assert trouble("/heads") == ("too_large", True)
        assert trouble("/to/302/hello", redirects=0) == ("none", True)
        assert trouble("/to/302/to/302/hello", redirects=1) == ("redirects", True)
        assert trouble("/drop") == ("broken", True)
        assert trouble("/short") == ("broken", True)
        assert trouble("/garbage") == ("broken", True)
        until("what was cut is closed at the other end", lambda: server.cut >= 2)


def the_guard_judges_addresses():
    server = Server()
    names = f"inside.test=127.0.0.1,cloud.test=169.254.169.254,mixed.test=127.0.0.1,mixed.test=10.0.0.1"
    port = server.server_port
    with Lab(names=names, ports=f"443,80,{port}", plain=1) as lab:
        for url in ("http://127.0.0.1", "http://localhost", "http://inside.test", "http://[::1]", "http://cloud.test",
                    "http://[::ffff:127.0.0.1]", "http://mixed.test", "http://169.254.169.254", "http://0.0.0.0"):
            got = lab.get(f"{url}:{port}/hello", tries=1)
            assert got["trouble"] == "refused" and not got.get("reached"), (url, got)
        assert "refused" in lab.logged()
        # what the operator has set is not guarded, and its connection opens no door for others
        base = f"http://inside.test:{port}"
        assert lab.get(base + "/hello", base=base + "/any")["status"] == 200
        assert lab.get(base + "/hello", tries=1)["trouble"] == "refused"
        got = lab.get(f"{base}/to/302/http://127.0.0.1:{port}/hello", base=base, redirects=3)
        assert got["trouble"] == "refused", got
    assert len(server.seen) == 2, server.seen
    with Lab(names=names, allow=f"127.0.0.1:{port}") as lab:
        assert lab.get(f"http://inside.test:{port}/hello")["status"] == 200
        got = lab.get(f"http://inside.test:{port}/to/302/https://cloud.test/latest", redirects=3)
        assert got["trouble"] == "refused" and got["redirects"] == 1, got


def redirects_leave_secrets_behind():
    server, other = Server(), Server()
    key = [("Authorization", "Bearer canary-4711"), ("X-Api-Key", "canary-4712"), ("Accept", "text/plain")]
    with Lab(allow=HERE) as lab:
        got = lab.get(server.url + "/to/302/echo", headers=key, redirects=3)
        assert "canary-4711" in got["body"] and got["redirects"] == 1 and got["url"] == server.url + "/echo", got
        got = lab.get(f"{server.url}/to/302/{other.url}/echo", headers=key, redirects=3)
        assert "canary" not in got["body"] and "text/plain" in got["body"], got
        got = lab.get(f"{server.url}/to/303/{other.url}/echo", method="post", body="secret", redirects=3)
        assert json.loads(got["body"])[0] == "GET" and "secret" not in got["body"], got
        got = lab.get(f"{server.url}/to/307/{other.url}/echo", method="post", body="secret", redirects=3)
        assert got["trouble"] == "redirects" and len(other.seen) == 2, got
        got = lab.get(server.url + "/to/307/echo", method="post", body="again", redirects=3)
        assert json.loads(got["body"])[0] == "POST" and json.loads(got["body"])[2] == "again", got
        lab.get(server.url + "/hello?token=canary-4713", headers=key)
        lab.get("https://10.0.0.1/canary-4714", headers=key)
        assert "canary" not in lab.logged()


def only_what_is_safe_is_repeated():
    server = Server()
    with Lab(allow=HERE) as lab:
        got = lab.get(server.url + "/busy/2")
        assert got["status"] == 200 and got["tries"] == 3, got
        got = lab.get(server.url + "/busy/9", tries=2)
        assert got["status"] == 503 and got["tries"] == 2, got
        begin = time.monotonic()
        got = lab.get(server.url + "/later/1")
        assert got["status"] == 200 and time.monotonic() - begin >= 1, got
        got = lab.get(server.url + "/later/100")
        assert got["status"] == 429 and got["retry_after_s"] == 100 and got["tries"] == 1, got
        got = lab.get(server.url + "/drop", method="post", body="once", tries=3)
        assert got["trouble"] == "broken" and got["reached"] and got["tries"] == 1, got
        assert len([s for s in server.seen if s[0] == "POST"]) == 1, "sent twice"
        got = lab.get(server.url + "/drop", method="post", body="twice", repeatable=True, tries=2)
        assert got["tries"] == 2, got
        for _ in range(12):  # more than one budget can pay for
            lab.get(server.url + "/busy/999", tries=2)
        assert lab.get(server.url + "/busy/999", tries=2)["tries"] == 1


def bounds_hold():
    server = Server()
    with Lab(allow=HERE, running=8, host_running=4, waiting=8, business_running=2) as lab:
        many = [lab.ask(server.url + "/slow", within_ms=2500, tries=1) for _ in range(16)]
        until("four are under way", lambda: len(server.slow) == 4)
        assert lab.get(server.url + "/slow") == "BUSY"
        got = [lab.wait(tag)["answer"]["trouble"] for tag in many]
        assert got == ["timeout"] * 16 and len(server.slow) == 4, (got, len(server.slow))
        many = [lab.ask(server.url + "/slow", within_ms=1500, tries=1, business=7) for _ in range(4)]
        until("two of one business", lambda: len(server.slow) == 6)
        assert lab.get(server.url + "/hello", business=8)["status"] == 200
        assert [lab.wait(tag)["answer"]["trouble"] for tag in many] == ["timeout"] * 4
        assert lab.get(server.url + "/hello")["status"] == 200
    with Lab(allow=HERE, held_mb=1) as lab:
        assert lab.get(server.url + "/large/3000000", most=4000000, tries=1)["trouble"] == "full"
        assert lab.get(server.url + "/large/300000", most=4000000)["status"] == 200


def who_leaves_is_not_waited_for():
    server = Server()
    with Lab(allow=HERE) as lab:
        lab.ask(server.url + "/slow", asker="leaver")
        until("it is under way", lambda: len(server.slow) == 1)
        lab.ask("", asker="leaver", leave=True)
        until("the connection is closed", lambda: server.cut == 1)
        assert lab.get(server.url + "/hello")["status"] == 200


def a_tool_is_answered_in_words():
    server = Server()
    with Lab(allow="127.0.0.1") as lab:
        def tool(url, arguments='{"size":"XL"}'):
            return lab.wait(lab.ask(url, headers=[("lab-tool", arguments)], business=7))["output"]
        method, headers, body = json.loads(tool(server.url + "/echo"))
        assert method == "POST" and body == '{"size":"XL"}' and headers["Content-Type"] == "application/json", body
        assert tool(server.url + "/hello") == "hello" and tool(server.url + "/large/0") == '{"ok":true}'
        told = json.loads(tool(server.url + "/busy/1"))
        assert told["error"] == "the service refused" and told["status"] == 503, told
        for url, words in ((server.url + "/large/20000", "too long"), (server.url + "/drop", "not known"),
                           ("https://10.0.0.1/", "may not be called"), ("http://127.0.0.1:1/", "cannot be reached"),
                           (server.url + "/to/302/hello", "refused")):
            assert words in json.loads(tool(url))["error"], url


def streams_share_a_connection(folder):
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:good.test,IP:127.0.0.1"], check=True, capture_output=True)
    child = subprocess.Popen(["node", "-e", NODE, key, cert], stdout=subprocess.PIPE, text=True)
    try:
        port = int(child.stdout.readline())
        names = "good.test=127.0.0.1,bad.test=127.0.0.1"
        with Lab(allow=HERE, ca_file=cert, names=names) as lab:
            got = lab.get(f"https://good.test:{port}/first")
            assert got["version"] == 20 and got["body"] == "/first" and got["tls_us"] > 0, got
            many = [lab.ask(f"https://good.test:{port}/{i}") for i in range(12)]
            assert sorted(lab.wait(tag)["body"] for tag in many) == sorted(f"/{i}" for i in range(12))
            told = json.loads(lab.get(f"https://good.test:{port}/counts")["body"])
            assert told["sessions"] == 1 and told["most"] >= 8, told
            assert lab.get(f"https://bad.test:{port}/", tries=1)["trouble"] == "tls"
        with Lab(allow=HERE, names=names) as lab:  # nobody has vouched for it
            assert lab.get(f"https://good.test:{port}/", tries=1)["trouble"] == "tls"
    finally:
        child.terminate()
        child.wait(20)
        child.stdout.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for test in (an_answer_is_told_whole, each_trouble_has_its_name, the_guard_judges_addresses,
                     redirects_leave_secrets_behind, only_what_is_safe_is_repeated, bounds_hold,
                     who_leaves_is_not_waited_for, a_tool_is_answered_in_words, streams_share_a_connection):
            begin = time.monotonic()
            test(*([folder] if test is streams_share_a_connection else []))
            print(f"ok {test.__name__} {time.monotonic() - begin:.1f} s", flush=True)
