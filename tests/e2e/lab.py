"""lab.py: a running switchboard on a state folder of its own, for tests that act as its operators do.

    with Lab(sys.argv[1]) as lab:
        connector = lab.ask("connector", "add", "--business", "acme", "--kind", "baileys")
        status, body = lab.webhook(connector, [lab.text("A1", "hello")])

Everything a lab starts ends with it, by its pid. Nothing sleeps for a fixed time: what is waited for is
a line, an answer, or a deadline that fails the test.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, seconds, check, pause=0.02):
    """The first true value of check(), looked at again and again; how long it took comes with it."""
    start = time.monotonic()
    while True:
        value = check()
        took = time.monotonic() - start
        if value:
            return value, took
        if took > seconds:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)


class Lab:
    def __init__(self, switchboard, *args, config=None, env=None, disk_mb=0):
        self.switchboard = os.path.abspath(switchboard)
        self.folder = tempfile.mkdtemp(prefix="lab-")
        os.chmod(self.folder, 0o755)  # the private PostgreSQL runs as somebody else
        self.state = os.path.join(self.folder, "state")
        self.port = free_port()
        self.args = list(args)
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.key = None
        self.disk = None  # where the database lies, if on a file system of its own
        self.disk_mb = disk_mb
        if config:
            path = os.path.join(self.folder, "lab.cfg")
            with open(path, "w") as f:
                f.write(config)
            self.args += ["--config", path]

    # ---- life ------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            if self.disk_mb:
                self.mount()
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        if self.process:
            self.stop()
        if kind and not (kind is SystemExit and error.code == 0):
            self.show_log()
        self.remove()

    def remove(self):
        """Its folders: of root's systems the database lies elsewhere, where its user may reach it."""
        if self.disk:
            subprocess.run(["umount", "-l", self.disk], check=True)
        database = self.database()
        for folder in {os.path.realpath(os.path.join(database, "run")), database, self.folder}:
            shutil.rmtree(folder, ignore_errors=True)

    def database(self):
        """Folder of the private PostgreSQL."""
        folder = os.path.join(self.state, "db")
        link = os.path.join(folder, "elsewhere")
        return os.path.realpath(link if os.path.islink(link) else folder)

    def mount(self):
        """A file system for the database alone, in memory: it can be filled, and what others write to the disk is
        not felt. The supervisor finds a link to it. Where mounting is not allowed, there is none."""
        folder = os.path.join(self.folder, "disk")
        os.makedirs(os.path.join(self.state, "db"))
        os.chmod(self.state, 0o700)
        os.mkdir(folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.disk_mb}m,mode=755", "none", folder]).returncode:
            print("       no file system may be mounted here: the database lies on the disk of all", flush=True)
            return
        self.disk = folder
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        os.symlink(folder, os.path.join(self.state, "db", "elsewhere"))

    def start(self, seconds=60):
        self.lines = []
        self.process = subprocess.Popen(
            [self.switchboard, "up", "--state", self.state, "--listen", f"127.0.0.1:{self.port}", *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env)
        ready = threading.Event()

        def read(stream):
            for line in stream:
                self.lines.append(line)
                if line.startswith("ready http"):
                    ready.set()
            ready.set()

        threading.Thread(target=read, args=(self.process.stdout,), daemon=True).start()
        assert ready.wait(seconds), "up: not ready in time"
        assert any(line.startswith("ready http") for line in self.lines), "up ended before it was ready"

    def stop(self, how=signal.SIGTERM, seconds=40):
        self.process.send_signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"up did not end within {seconds} s of {how.name}")
        finally:
            self.process = None
        return code

    def show_log(self, lines=80):
        """The last lines but those of requests that went well: of these there are thousands."""
        told = [line for line in self.lines if "msg=request" not in line or " status=200 " not in line]
        sys.stderr.write("".join(told[-lines:]))

    # ---- as an operator --------------------------------------------------------------------------

    def run(self, *args, code=0, stdin=None):
        done = subprocess.run([self.switchboard, *args, "--state", self.state], input=stdin, text=True,
                              capture_output=True, timeout=120)
        assert done.returncode == code, f"{' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *args, code=0):
        return json.loads(self.run(*args, "--json", code=code))

    def ask_lines(self, *args):
        return [json.loads(line) for line in self.run(*args, "--json").splitlines()]

    def children(self):
        """What the supervisor says of each process; nothing while it cannot be asked."""
        done = subprocess.run([self.switchboard, "status", "--state", self.state, "--json"], capture_output=True,
                              text=True, timeout=60)
        status = json.loads(done.stdout)  # its code is 1 while somebody is down
        return {p["name"]: p for p in status.get("children", [])}

    def processes(self):
        """Name to pid of everything the supervisor keeps alive."""
        return {name: p["pid"] for name, p in self.children().items() if p.get("pid")}

    def all_up(self):
        """All that is wished for is; what was scaled away is down."""
        states = [p["state"] for p in self.children().values() if p["name"] != "migrate"]
        return "up" in states and all(state in ("up", "down") for state in states)

    def sql(self, query):
        """Rows of the private database as lists of texts, read past everything of ours."""
        socket_folder = os.path.realpath(os.path.join(self.database(), "run"))
        done = subprocess.run(["psql", "-h", socket_folder, "-U", "postgres", "-d", "switchboard", "-XAtF", "\t", "-v",
                               "ON_ERROR_STOP=1", "-c", "set search_path = switchboard", "-c", query],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines() if line != "SET"]

    # ---- from the street -------------------------------------------------------------------------

    def http(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, json.loads(raw) if "json" in kind and raw else raw

    def api(self, method, path, key=None, body=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        return self.http(method, path, body, headers)

    def webhook(self, connector, messages, kind="notify", secret=None, timeout=30):
        body = json.dumps({"messages": messages, "type": kind})
        secret = secret or connector["secret"]
        signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
        return self.http("POST", "/webhook/incoming", body, {
            "Content-Type": "application/json",
            "X-Connector": str(connector["id"]),
            "X-Hub-Signature-256": f"sha256={signature}",
        }, timeout)


def text(ident, body, chat="4915100000001@s.whatsapp.net", at=None, mine=False):
    """One private text message, as Baileys hands it over."""
    return {
        "key": {"remoteJid": chat, "fromMe": mine, "id": ident, "participant": ""},
        "messageTimestamp": int(at if at is not None else time.time()),
        "pushName": "Ann",
        "message": {"conversation": body},
    }


def main(*tests):
    """Run the test functions; the last line is cmocka's, which tools/test counts."""
    failed = []
    for test in tests:
        start = time.monotonic()
        try:
            test()
            word = "ok"
        except Exception:
            traceback.print_exc()
            failed.append(test.__name__)
            word = "FAILED"
        print(f"{word:6} {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"[  PASSED  ] {len(tests) - len(failed)} test(s).")
    if failed:
        print(f"[  FAILED  ] {len(failed)} test(s), listed below:")
        print("\n".join(failed))
    sys.exit(1 if failed else 0)
