"""WebSockets against the gateway, byte by byte: usage: wires.py WIRES_LAB

Raw sockets, plain and TLS: the handshakes and frames of RFC 6455 as a stranger may get them wrong,
many at once, resets, readers that stall, owners that die, drains; then the other way, dialled: each
way in which a service may fail us, with the reason that is told.
"""
import base64
import contextlib
import hashlib
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 20.0
LAB = sys.argv[1]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ROOM = tempfile.mkdtemp(prefix="wires.")


def check(held, what):
    if not held:
        raise AssertionError(what)


# ---- the lab ---------------------------------------------------------------------------------------


class Lab:
    """A gateway in a process of its own."""

    def __init__(self, **settings):
        settings.setdefault("access_log", os.path.join(ROOM, "access"))
        open(settings["access_log"], "w").close()
        self.access = settings["access_log"]
        self.secure = "tls_cert" in settings
        self.process = subprocess.Popen(
            [LAB] + [f"{k}={v}" for k, v in settings.items()], stdout=subprocess.PIPE, text=True
        )
        self.lines = []
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.port = int(self.wait(r"port (\d+)").group(1))

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.strip())
                self.news.notify_all()

    def wait(self, pattern, times=1):
        """Until so many lines fit; the last of them."""
        end = time.monotonic() + PATIENCE
        with self.news:
            while True:
                found = [m for m in (re.match(pattern, line) for line in self.lines) if m]
                if len(found) >= times:
                    return found[-1]
                check(time.monotonic() < end, f"never said {pattern} {times} times: {self.lines[-5:]}")
                self.news.wait(0.2)

    def count(self, pattern):
        with self.news:
            return sum(1 for line in self.lines if re.match(pattern, line))

    def metric(self, name):
        with self.socket() as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            text = b""
            while more := s.recv(65536):
                text += more
        found = re.search(rf"^{re.escape(name)} ([\d.]+)$", text.decode(), re.M)
        return float(found.group(1)) if found else 0.0

    def socket(self, **options):
        s = socket.socket()
        s.settimeout(PATIENCE)
        for name, value in options.items():
            s.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        s.connect(("127.0.0.1", self.port))
        if self.secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            s = context.wrap_socket(s)
        return s

    def close(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        check(self.process.wait(PATIENCE * 2) == 0, f"ended with {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None:
            self.close()
        else:
            self.process.kill()
        return False


# ---- a stranger ------------------------------------------------------------------------------------


def head(path="/ws/echo", method="GET", version="HTTP/1.1", leave=(), **lines):
    """A handshake with each line that can be put wrong."""
    have = {
        "Host": "h",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "echo",
    }
    have.update({k.replace("_", "-"): v for k, v in lines.items()})
    text = f"{method} {path} {version}\r\n"
    for name, value in have.items():
        if name not in leave:
            text += f"{name}: {value}\r\n"
    return (text + "\r\n").encode()


def frame(op, data=b"", fin=True, mask=True, rsv=0, length=None):
    n = len(data) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | op
    size = bytes([n]) if n < 126 else struct.pack(">BH", 126, n) if n < 65536 else struct.pack(">BQ", 127, n)
    size = bytes([size[0] | (0x80 if mask else 0)]) + size[1:]
    key = b"\x37\xfa\x21\x3d"
    if mask:
        data = bytes(c ^ key[i % 4] for i, c in enumerate(data))
    return bytes([first]) + size + (key if mask else b"") + data


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Peer:
    """One socket, read frame by frame."""

    def __init__(self, s):
        self.s = s
        self.left = b""

    def say(self, op, data=b"", **how):
        self.s.sendall(frame(op, data, **how))

    def text(self, text):
        self.say(TEXT, text.encode())

    def need(self, n):
        while len(self.left) < n:
            more = self.s.recv(65536)
            if not more:
                return False
            self.left += more
        return True

    def take(self, n):
        if not self.need(n):
            return None
        got, self.left = self.left[:n], self.left[n:]
        return got

    def hear(self):
        """(op, data), or None at the end."""
        start = self.take(2)
        if start is None:
            return None
        n = start[1] & 127
        check(start[0] & 0x70 == 0 and start[1] & 128 == 0 and start[0] & 128, f"a bad frame {start}")
        if n > 125:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        return start[0] & 15, self.take(n) if n else b""

    def answer(self):
        """Status and head of an HTTP answer."""
        while b"\r\n\r\n" not in self.left:
            more = self.s.recv(65536)
            check(more, f"no answer but {self.left}")
            self.left += more
        text, self.left = self.left.split(b"\r\n\r\n", 1)
        return int(text.split(b" ")[1]), text.decode()

    def closes(self):
        """The code of the close frame that comes next, and that the end follows; 1006: none."""
        code = 1006
        try:
            while (got := self.hear()) is not None:
                if got[0] == CLOSE:
                    code = int.from_bytes(got[1][:2], "big") if got[1] else 1005
                    with contextlib.suppress(OSError):
                        self.say(CLOSE, got[1][:2])
        except ConnectionResetError:
            pass
        return code


def knock(lab, path="/ws/echo", **options):
    p = Peer(lab.socket(**options))
    p.s.sendall(head(path, leave=("Sec-WebSocket-Protocol",) if path != "/ws/echo" else ()))
    status, text = p.answer()
    check(status == 101, text)
    check("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in text, text)
    return p


# ---- handshakes and frames -----------------------------------------------------------------------------

HANDSHAKES = [
    ("good", head(), 101),
    ("another protocol", head(Sec_WebSocket_Protocol="x, other"), 101),
    ("a good origin", head(Origin="https://a.example"), 101),
    ("extensions offered", head(Sec_WebSocket_Extensions="permessage-deflate"), 101),
    ("no upgrade", head(leave=("Upgrade", "Connection")), 426),
    ("version 12", head(Sec_WebSocket_Version="12"), 426),
    ("no version", head(leave=("Sec-WebSocket-Version",)), 426),
    ("no key", head(leave=("Sec-WebSocket-Key",)), 400),
    ("a short key", head(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25j"), 400),
    ("no key at all", head(Sec_WebSocket_Key="hello"), 400),
    ("POST", head(method="POST", Content_Length="0"), 405),
    ("HTTP/1.0", head(version="HTTP/1.0"), 400),
    ("no Host", head(leave=("Host",)), 400),
    ("a foreign origin", head(Origin="https://b.example"), 403),
    ("no protocol", head(leave=("Sec-WebSocket-Protocol",)), 400),
    ("an unknown protocol", head(Sec_WebSocket_Protocol="soap"), 400),
    ("h2c", head(Upgrade="h2c"), 400),
    ("no such place", head("/ws/none"), 404),
    ("a body", head(Content_Length="5") + b"hello", 400),
]

DEAD = b"\x03\xe8"
FRAMES = [
    ("text", [frame(TEXT, b"hello")], (TEXT, b"hello")),
    ("binary", [frame(BINARY, b"\xff\0")], (BINARY, b"\xff\0")),
    ("empty", [frame(TEXT)], (TEXT, b"")),
    ("fragments", [frame(TEXT, b"he", fin=False), frame(0, b"llo")], (TEXT, b"hello")),
    ("a ping between", [frame(TEXT, b"he", fin=False), frame(PING, b"p"), frame(0, b"llo")], (PONG, b"p")),
    ("ping", [frame(PING, b"x")], (PONG, b"x")),
    ("ten pings", [frame(PING, b"%d" % i) for i in range(10)], [(PONG, b"%d" % i) for i in range(10)]),
    ("a pong nobody asked for", [frame(PONG, b"x"), frame(TEXT, b"a")], (TEXT, b"a")),
    ("64 KiB", [frame(BINARY, b"a" * 65536)], (BINARY, b"a" * 65536)),
    ("64 KiB and one", [frame(BINARY, b"a" * 65537)], 1009),
    ("fragments of 64 KiB and one", [frame(BINARY, b"a" * 65536, fin=False), frame(0, b"a")], 1009),
    ("2^40 bytes", [frame(BINARY, b"", length=1 << 40)], 1009),
    ("not masked", [frame(TEXT, b"a", mask=False)], 1002),
    ("rsv1", [frame(TEXT, b"a", rsv=4)], 1002),
    ("rsv2", [frame(TEXT, b"a", rsv=2)], 1002),
    ("rsv3", [frame(TEXT, b"a", rsv=1)], 1002),
    ("opcode 3", [frame(3)], 1002),
    ("opcode 11", [frame(11)], 1002),
    ("a long ping", [frame(PING, b"a" * 126)], 1002),
    ("a cut ping", [frame(PING, fin=False)], 1002),
    ("nothing to continue", [frame(0, b"a")], 1002),
    ("a message in a message", [frame(TEXT, b"a", fin=False), frame(TEXT, b"a")], 1002),
    ("bad UTF-8", [frame(TEXT, b"\xff")], 1007),
    ("bad UTF-8 before the end", [frame(TEXT, b"\xed\xa0", fin=False)], 1007),
    ("close", [frame(CLOSE)], 1005),
    ("close 1000", [frame(CLOSE, b"\x03\xe8bye")], 1000),
    ("close 1001", [frame(CLOSE, b"\x03\xe9")], 1001),
    ("close 1012", [frame(CLOSE, b"\x03\xf4")], 1012),
    ("close 1013", [frame(CLOSE, b"\x03\xf5")], 1013),
    ("close 1014", [frame(CLOSE, b"\x03\xf6")], 1014),
    ("close 4999", [frame(CLOSE, b"\x13\x87")], 4999),
    ("close with one byte", [frame(CLOSE, b"\x03")], 1002),
    ("close 1005", [frame(CLOSE, b"\x03\xed")], 1002),
    ("close 1015", [frame(CLOSE, b"\x03\xf7")], 1002),
    ("close 999", [frame(CLOSE, b"\x03\xe7")], 1002),
    ("close with a bad reason", [frame(CLOSE, b"\x03\xe8\xff")], 1007),
    ("a frame behind the close", [frame(CLOSE, DEAD), frame(TEXT, b"a")], 1000),
    ("the owner says good-bye", [frame(TEXT, b"bye")], 4001),
    ("the route says good-bye", [frame(TEXT, b"end")], 4002),
    ("the owner breaks", [frame(TEXT, b"fault")], 1011),
    ("the owner leaves", [frame(TEXT, b"exit")], 1001),
    ("five are kept", [frame(TEXT, b"hold")] * 5, 1008),
    ("four are kept, in order", [frame(TEXT, b"hold")] * 3 + [frame(TEXT, b"a")],
     [(TEXT, b"hold")] * 3 + [(TEXT, b"a")]),
    ("nothing in time", [frame(TEXT, b"hold")], 1008),
    ("silence", [], 1008),
]


def probes(secure):
    settings = dict(tls_cert=f"{ROOM}/good.pem", tls_key=f"{ROOM}/good.key") if secure else {}
    with Lab(origins="https://a.example https://c.example", **settings) as lab:
        for name, bytes_, want in HANDSHAKES:
            p = Peer(lab.socket())
            p.s.sendall(bytes_)
            status, text = p.answer()
            check(status == want, f"{name}: {text}")
            check("extensions" not in text.lower(), text)
            if status == 426:
                check("Upgrade: websocket" in text and "Sec-WebSocket-Version: 13" in text, text)
            if status == 101:
                proto = "other" if name == "another protocol" else "echo"
                check(f"Sec-WebSocket-Protocol: {proto}" in text, text)
            p.s.close()
        for name, parts, want in FRAMES:
            for cut in (False, True):
                p = knock(lab)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    for part in parts:
                        step = 3 if cut and len(part) < 300 else len(part)
                        for at in range(0, len(part), step):
                            p.s.sendall(part[at : at + step])
                if isinstance(want, int):
                    got = p.closes()
                    check(got == want, f"{name}: closed with {got}, not {want}")
                else:
                    for one in want if isinstance(want, list) else [want]:
                        got = p.hear()
                        check(got == one, f"{name}: {str(got)[:60]}, not {str(one)[:60]}")
                    p.say(CLOSE, DEAD)
                    check(p.closes() == 1000, f"{name}: no good-bye")
                p.s.close()
        for path in ("/ws/free", "/ws/ask"):
            p = knock(lab, path)
            size = 60000 if path == "/ws/ask" else 90000
            p.say(BINARY, b"b" * size)
            check(p.hear() == (BINARY, b"b" * size), "a long message")
            p.s.close()
        # what is glued to the handshake was sent before our 101: whole, or in part
        for glued in (frame(TEXT, b"hello"), frame(TEXT, b"hello")[:5], b"\x81"):
            p = Peer(lab.socket())
            p.s.sendall(head() + glued)
            check(p.answer()[0] == 101 and p.closes() == 1002, "an early frame")
            p.s.close()
        # the handshake in pieces, behind another request
        p = Peer(lab.socket())
        for byte in b"GET /livez HTTP/1.1\r\nHost: h\r\n\r\n" + head():
            p.s.sendall(bytes([byte]))
        check(p.answer()[0] == 200, "the first request")
        p.left = p.left[p.left.index(b"HTTP/1.1 101") :] if b"HTTP/1.1 101" in p.left else p.left
        while b"101 Switching" not in p.left:
            p.left += p.s.recv(65536)
        p.left = p.left[p.left.index(b"HTTP/1.1 101") :]
        check(p.answer()[0] == 101, "an upgrade on a kept connection")
        p.text("late")
        check(p.hear() == (TEXT, b"late"), "said back")
        p.s.close()
    check(lab.count("closed .*other=1") == 0, "no wire but strangers'")


# ---- many ---------------------------------------------------------------------------------------------


def crowd(secure, n):
    """Everyone says much at once, and hears exactly that; a third resets in the middle."""
    settings = dict(tls_cert=f"{ROOM}/good.pem", tls_key=f"{ROOM}/good.key") if secure else {}
    with Lab(wire_rate=0, wire_queue_kb=1024, **settings) as lab:
        peers = [knock(lab) for _ in range(n)]
        check(lab.metric('wire_live{by="peer"}') == n, "all are live")
        for i, p in enumerate(peers):
            p.s.sendall(b"".join(frame(BINARY, b"%d.%d" % (i, k) + b"x" * (k * 7)) for k in range(40)))
        for i, p in enumerate(peers):
            if i % 3 == 0:
                p.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                p.s.close()
                continue
            for k in range(40):
                got = p.hear()
                check(got == (BINARY, b"%d.%d" % (i, k) + b"x" * (k * 7)), f"{i}.{k}: {str(got)[:60]}")
        for i, p in enumerate(peers):
            if i % 3:
                p.say(CLOSE, DEAD)
                check(p.closes() == 1000, "good-bye")
                p.s.close()
        gone = lab.count("ghost")
        lab.wait("closed ", n - gone)
        check(lab.metric('wire_live{by="peer"}') == 0, "all are gone")
        check(lab.metric('wire_closed_total{code="1000"}') == n - len(range(0, n, 3)), "by good-byes")
    check(lab.count("closed ") + lab.count("ghost") == n, "each has exactly one last word")
    lines = open(lab.access).read()
    check(lines.count("msg=wire_closed") == n, "each has its line")
    check(len(re.findall(r"path=/ws/echo status=101", lines)) == n, "and one at its begin")


def stalled():
    """A reader that does not read: the bounds bind, kernel included, and there is room again."""
    with Lab(wire_queue_kb=64) as lab:
        p = knock(lab, SO_RCVBUF=8192)
        for _ in range(20):
            p.text("flood 100 2000")
        # what was sent and shed becomes known when there is room: read all of it
        q = knock(lab)
        q.text("alive")
        check(q.hear() == (TEXT, b"alive"), "others are served")
        end = time.monotonic() + PATIENCE
        while lab.metric("wire_shed_total") + lab.metric('wire_messages_total{way="out"}') < 2001:
            check(time.monotonic() < end, "not all was said")
        shed_seen = lab.metric("wire_shed_total")
        check(shed_seen > 1000, f"most of it is shed: {shed_seen}")
        got = 0
        p.s.settimeout(1.0)
        with contextlib.suppress(TimeoutError, socket.timeout):
            while p.hear():
                got += 1
        p.s.settimeout(PATIENCE)
        check(got + lab.metric("wire_shed_total") == 2000, f"{got} arrived, the rest was told")
        check(got * 2000 < 64 * 1024 + 600 * 1024, f"{got} were in kernels")
        deadline = time.monotonic() + PATIENCE
        while True: # room is told within a tick or two
            p.text("look")
            p.s.settimeout(0.3)
            with contextlib.suppress(TimeoutError, socket.timeout):
                text = p.hear()[1].decode()
                break
            check(time.monotonic() < deadline, "no room")
        m = re.match(r"level (\d+) (\d+) shed=(\d+) audio=(\d+) rooms=(\d+)", text)
        check(m and int(m[3]) == 2000 - got and int(m[4]) == 20 * int(m[3]) and int(m[5]) == 1, text)
        # one who stalls for good is no burden: an owner's close ends it in time
        r = knock(lab, SO_RCVBUF=8192)
        r.text("flood 1000 2000")
        r.text("bye")
        lab.wait(r"closed .*code=1006 .*unsent=1")
        for s in (p, q, r):
            s.s.close()


def rates_and_pings():
    with Lab(wire_rate=50, ping_ms=200) as lab:
        p = knock(lab)
        p.s.sendall(b"".join(frame(TEXT, b"a") for _ in range(60)))
        check(p.closes() == 1008, "too many a second")
        p = knock(lab)
        p.text("a")
        heard = [p.hear() for _ in range(2)]  # a gateway that comes late closes after one
        check((PING, b"") in heard, "pings come")
        lab.wait(r"closed .*code=1006 .*reason=silent")
        p.s.close()
        p = knock(lab)
        p.text("a")
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            got = p.hear()
            check(got, "who answers pings stays")
            if got[0] == PING:
                p.say(PONG, got[1])
        p.s.close()


def slow_handshake():
    with Lab(head_ms=300) as lab:
        p = Peer(lab.socket())
        p.s.sendall(head()[:60])
        check(p.answer()[0] == 408, "a head that never ends")


def drains():
    """Live wires stay until they end; those that do not are closed with 1012; new ones are refused."""
    with Lab(drain_ms=15000) as lab:
        p, keep = knock(lab), lab.socket()
        p.text("a")
        check(p.hear() == (TEXT, b"a"), "it has an owner")
        lab.process.send_signal(signal.SIGTERM)
        while True: # accepting has stopped
            try:
                socket.create_connection(("127.0.0.1", lab.port), 1).close()
            except ConnectionRefusedError:
                break
            p.text("b")
            check(p.hear() == (TEXT, b"b"), "a live wire goes on")
            if lab.count("drained"):
                break
            if keep:
                keep.close()
                keep = None
            break
        p.text("c")
        check(p.hear() == (TEXT, b"c"), "it still goes on")
        p.say(CLOSE, DEAD)
        check(p.closes() == 1000, "good-bye")
        lab.wait("drained cut=0")
        check(lab.process.wait(PATIENCE) == 0, "the end")
        lab.close = lambda: None
    with Lab(drain_ms=300) as lab:
        p = knock(lab)
        p.text("a")
        check(p.hear() == (TEXT, b"a"), "it has an owner")
        lab.process.send_signal(signal.SIGTERM)
        check(p.hear() == (CLOSE, b"\x03\xf4restarting"), "1012 when the time is up")
        lab.wait("drained cut=1")
        check(lab.process.wait(PATIENCE) == 0, "the end")
        lab.close = lambda: None
    # no drain: cut, but with a close frame
    lab = Lab()
    p = knock(lab)
    p.text("a")
    check(p.hear() == (TEXT, b"a"), "it has an owner")
    lab.close(signal.SIGINT)
    check(p.closes() == 1012, "a stop says so")
    # and kill -9: the kernel says it
    lab = Lab()
    p = knock(lab)
    p.text("a")
    check(p.hear() == (TEXT, b"a"), "it has an owner")
    lab.process.kill()
    check(p.closes() == 1006, "a kill")
    lab.process.wait()


# ---- the other way: dialled ------------------------------------------------------------------------------


class Service(threading.Thread):
    """Takes connections and plays `act` with each: act(peer, head)."""

    def __init__(self, act, context=None, read_head=True):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=400)
        self.port = self.listener.getsockname()[1]
        self.act, self.context, self.read_head = act, context, read_head
        self.start()

    def run(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError, AssertionError):
            if self.context:
                s = self.context.wrap_socket(s, server_side=True)
            p = Peer(s)
            p.hear = lambda: hear_masked(p)
            text = b""
            while self.read_head and b"\r\n\r\n" not in text:
                more = s.recv(65536)
                if not more:
                    return
                text += more
            self.act(p, text.decode())
            s.close()


def hear_masked(p):
    start = p.take(2)
    if start is None:
        return None
    n = start[1] & 127
    check(start[1] & 128, "a client masks")
    if n > 125:
        n = int.from_bytes(p.take(2 if n == 126 else 8), "big")
    key = p.take(4)
    return start[0] & 15, bytes(c ^ key[i % 4] for i, c in enumerate(p.take(n) if n else b""))


def accept_of(text):
    key = re.search(r"Sec-WebSocket-Key: (\S+)", text).group(1).encode()
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def welcome(p, text, behind=b"", lines=b""):
    p.s.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_of(text) + b"\r\n" + lines + b"\r\n" + behind
    )


def echoes(p, text):
    welcome(p, text)
    while (got := p.hear()) is not None:
        if got[0] == CLOSE:
            p.s.sendall(frame(CLOSE, got[1], mask=False))
            return
        if got[0] in (TEXT, BINARY):
            p.s.sendall(frame(got[0], got[1], mask=False))


GREETING = b'{"type":"session.created"}' + b"g" * 5000


def greets(p, text):
    """A whole frame and half of the next are glued to the 101; the rest comes when we know that."""
    whole = frame(TEXT, GREETING, mask=False)
    welcome(p, text, whole + whole[:2000])
    time.sleep(0.05)  # not synchronisation: two segments, so that there is a half to be lost
    p.s.sendall(whole[2000:])
    while p.hear():
        pass


def refuses(bytes_):
    def act(p, text):
        p.s.sendall(bytes_)

    return act


def hangs(p, text):
    """Reads whatever comes, answers nothing."""
    with contextlib.suppress(OSError):
        while p.s.recv(4096):
            pass


def wrong_accept(p, text):
    p.s.sendall(
        b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )


def order(p, url, within_ms=5000, **more):
    ask = dict(url=url, within_ms=within_ms, frame_max=65536, queue_max=65536, **more)
    p.text("dial " + json.dumps(ask))
    return p.hear()[1].decode()


def certificates():
    """A CA; a certificate of it for localhost and 127.0.0.1, one for another name; one of nobody's."""
    def run(*args):
        subprocess.run(["openssl", *args], cwd=ROOM, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("req", "-x509", *ec, "-days", "2", "-subj", "/CN=lab ca", "-keyout", "ca.key", "-out", "ca.pem")
    run("req", "-x509", *ec, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", "foreign.key", "-out", "foreign.pem")
    for name, alt in (("good", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:other.example")):
        run("req", *ec, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        with open(f"{ROOM}/{name}.ext", "w") as f:
            f.write(f"subjectAltName={alt}\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def context(name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(f"{ROOM}/{name}.pem", f"{ROOM}/{name}.key")
    return c


def dials():
    plain, tls = Service(echoes), Service(echoes, context("good"))
    other, foreign = Service(echoes, context("other")), Service(echoes, context("foreign"))
    taken = socket.create_server(("127.0.0.1", 0))
    refused_port = taken.getsockname()[1]
    taken.close()

    def at(service, scheme="ws", host="127.0.0.1"):
        return f"{scheme}://{host}:{service if isinstance(service, int) else service.port}/v1?m=x"

    many = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nslow down"
    table = [
        ("plain", at(plain), r"dialled 1 101 retry=0 why= "),
        ("TLS by address", at(tls, "wss"), r"dialled 1 101 "),
        ("TLS by name", at(tls, "wss", "localhost"), r"dialled 1 101 |dialled 0 0 retry=0 why=connect"),
        ("refused", at(refused_port), r"dialled 0 0 .*why=connect: Connection refused"),
        ("refused, TLS", at(refused_port, "wss"), r"dialled 0 0 .*why=connect: Connection refused"),
        ("silent", at(Service(hangs, read_head=False)), r"dialled 0 0 .*why=no answer in time: the handshake"),
        ("silent to TLS", at(Service(hangs, read_head=False), "wss"), r"dialled 0 0 .*why=no answer in time: TLS"),
        ("hangs", at(Service(hangs)), r"dialled 0 0 .*why=no answer in time: the handshake"),
        ("closes", at(Service(lambda p, t: None)), r"dialled 0 0 .*why=the other end closed without"),
        ("no HTTP", at(Service(refuses(b"SSH-2.0-x\r\n"))), r"dialled 0 0 .*why=the answer is no HTTP"),
        ("wrong accept", at(Service(wrong_accept)), r"dialled 0 101 .*why=Sec-WebSocket-Accept is wrong"),
        ("a protocol not offered",
         at(Service(lambda p, t: welcome(p, t, lines=b"Sec-WebSocket-Protocol: y\r\n"))),
         r"dialled 0 101 .*why=the subprotocol"),
        ("401", at(Service(refuses(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"))),
         r"dialled 0 401 retry=0 .*body=\{\}"),
        ("429", at(Service(refuses(many))), r"dialled 0 429 retry=7 .*body=slow down"),
        ("a refusal whose body never ends",
         at(Service(lambda p, t: (p.s.sendall(b"HTTP/1.1 503 x\r\n\r\nabc"), hangs(p, t)))),
         r"dialled 0 503 .*body=abc"),
        ("wrong host name", at(other, "wss"), r"dialled 0 0 .*why=certificate verify failed: .*mismatch"),
        ("another CA", at(foreign, "wss"), r"dialled 0 0 .*why=certificate verify failed: "),
        ("TLS to a plain one", at(Service(refuses(b"HTTP/1.1 400 x\r\n\r\n"), read_head=False), "wss"),
         r"dialled 0 0 .*why=\S+"),
        ("unknown host", "wss://no-such-name.invalid/", r"dialled 0 0 .*why=the name is not known"),
        ("plain, to another machine", "ws://192.0.2.1/", r"dialled 0 0 .*why=ws:// is for this machine"),
        ("no address", "http://x/", r"refused INVALID"),
        ("a user in it", "ws://u@127.0.0.1/", r"refused INVALID"),
    ]
    with Lab(ca_file=f"{ROOM}/ca.pem") as lab:
        for name, url, want in table:
            p = knock(lab)
            began = time.monotonic()
            got = order(p, url, within_ms=700)
            check(re.match(want, got), f"{name}: {got}")
            check(time.monotonic() - began < 3, f"{name} took {time.monotonic() - began}")
            if got.startswith("dialled 1"):
                p.text("to hello")
                check(p.hear() == (TEXT, b"hello"), f"{name}: said back through both")
                p.text("hang up")
                check(p.hear()[1].startswith(b"other closed 1000"), f"{name}: closed")
            p.say(CLOSE, DEAD)
            check(p.closes() == 1000, "good-bye")
            p.s.close()
        check(lab.metric('wire_live{by="us"}') == 0, "none is left")
        for secure in (False, True):
            hello = Service(greets, context("good") if secure else None)
            p = knock(lab)
            check(order(p, at(hello, "wss" if secure else "ws")).startswith("dialled 1"), "greeted")
            for _ in range(2):
                check(p.hear() == (TEXT, GREETING), "nothing is lost behind the 101")
            # its owner ends: the dialled wire is closed, too
            p.text("exit")
            check(p.closes() == 1001, "the owner left")
        headers = {}
        seen = Service(lambda p, t: (headers.update(text=t), welcome(p, t, lines=b"Sec-WebSocket-Protocol: realtime\r\n"), hangs(p, t)))
        p = knock(lab)
        got = order(p, at(seen), protocol="realtime", headers=[{"name": "Authorization", "value": "Bearer k"}])
        check(got.startswith("dialled 1") and "Authorization: Bearer k\r\n" in headers["text"], got)
        check("Sec-WebSocket-Protocol: realtime\r\n" in headers["text"], headers["text"])
        check("GET /v1?m=x HTTP/1.1\r\n" in headers["text"], headers["text"])
        got = order(p, at(seen), headers=[{"name": "Host", "value": "x"}])
        check(got == "refused INVALID", got)
        got = order(p, at(seen), headers=[{"name": "X", "value": "a\r\nY: b"}])
        check(got == "refused INVALID", got)
        p.s.close()
        # asked for and gone: the stranger leaves while its dial hangs
        p = knock(lab)
        p.text("dial " + json.dumps(dict(url=at(Service(hangs)), within_ms=60000, frame_max=1000, queue_max=1024)))
        p.text("exit")
        check(p.closes() == 1001, "the owner left")
        end = time.monotonic() + PATIENCE
        while lab.metric('wire_live{by="us"}'):
            check(time.monotonic() < end, "its dial ends with it")


def proxied():
    """Through a proxy by CONNECT; one that refuses says so."""
    tls = Service(echoes, context("good"))

    def relay(p, text):
        check(text.startswith(f"CONNECT far.example:{tls.port} HTTP/1.1\r\n"), text)
        far = socket.create_connection(("127.0.0.1", tls.port))
        p.s.sendall(b"HTTP/1.1 200 fine\r\n\r\n")
        while True:
            for s in select.select([p.s, far], [], [])[0]:
                got = s.recv(65536)
                if not got:
                    return
                (far if s is p.s else p.s).sendall(got)

    for act, want in ((relay, "certificate verify failed: .*mismatch"), (refuses(b"HTTP/1.1 407 no\r\n\r\n"), "the proxy refused: 407")):
        with Lab(ca_file=f"{ROOM}/ca.pem", proxy=f"127.0.0.1:{Service(act).port}") as lab:
            p = knock(lab)
            got = order(p, f"wss://far.example:{tls.port}/")
            check(re.search(want, got), got)  # the name is checked through the proxy, too
            got = order(p, f"wss://127.0.0.1:{tls.port}/")
            check(got.startswith("dialled 1"), f"this machine needs no proxy: {got}")
            p.s.close()


def many_dials():
    """Hundreds of TLS dials at once, as after a restart, do not hold the loop."""
    tls = Service(echoes, context("good"))
    with Lab(ca_file=f"{ROOM}/ca.pem", dial_rate=500) as lab:
        peers = [knock(lab) for _ in range(120)]
        for p in peers:
            p.text("dial " + json.dumps(dict(url=f"wss://127.0.0.1:{tls.port}/", within_ms=15000, frame_max=1000, queue_max=8192)))
        for p in peers:
            check(p.hear()[1].startswith(b"dialled 1"), "each is open")
        for i, p in enumerate(peers):
            p.text(f"to {i}")
        for i, p in enumerate(peers):
            check(p.hear() == (TEXT, b"%d" % i), "and is its own")
        for p in peers:
            p.s.close()
        lab.wait("closed ", 120)


def main():
    certificates()
    tests = [
        ("probes, plain", lambda: probes(False)),
        ("probes, TLS", lambda: probes(True)),
        ("crowd, plain", lambda: crowd(False, 200)),
        ("crowd, TLS", lambda: crowd(True, 60)),
        ("stalled reader", stalled),
        ("rates and pings", rates_and_pings),
        ("slow handshake", slow_handshake),
        ("drains", drains),
        ("dials", dials),
        ("proxy", proxied),
        ("many dials", many_dials),
    ]
    for name, run in tests:
        if len(sys.argv) > 2 and sys.argv[2] not in name:
            continue
        began = time.monotonic()
        try:
            run()
        except BaseException:
            print("FAILED", name, flush=True)
            raise
        print(f"ok {name} {time.monotonic() - began:.1f} s", flush=True)


try:
    main()
finally:
    shutil.rmtree(ROOM)
