"""tour.py: how a first day ends. A flood with 35 % copies; two taps watch, and nobody reads what they print; a
second host, a network namespace of its own, joins over CURVE and takes about half the conversations; a node at
home is killed in the middle, and then the second host. The verdict is exact, and the taps have stayed.

tour.py SWITCHBOARD [MESSAGES]
"""

import json
import os
import signal
import subprocess
import sys
import threading

from flood import Flood
from lab import Lab, main, until

HOME, AWAY = "10.79.0.1", "10.79.0.2"


def inside(space, *command):
    return ["nsenter", f"--net=/run/netns/{space}", *command]


def open_spaces(near, far):
    for space in (near, far):
        subprocess.run(["ip", "netns", "add", space], check=True)
    subprocess.run(["ip", "link", "add", "v0", "netns", near, "type", "veth", "peer", "name", "v0", "netns", far],
                   check=True)
    for space, address in ((near, HOME), (far, AWAY)):
        subprocess.run(inside(space, "ip", "addr", "add", f"{address}/24", "dev", "v0"), check=True)
        for device in ("lo", "v0"):
            subprocess.run(inside(space, "ip", "link", "set", device, "up"), check=True)


def close_spaces(near, far):
    for space in (near, far):
        subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)


def entries():
    return {e["name"]: e for e in lab.ask("call", "heartbeat", "beat.list{}")["entries"]}


def join():
    lab.run("keys", "new", "away", "--host", "dedupe")
    return subprocess.Popen(
        inside(FAR, lab.switchboard, "node", "--name", "away", "--bus", f"tcp://{HOME}:7700", "--key",
               os.path.join(lab.state, "keys", "away.cert_secret"), "--host", "dedupe", "--address", AWAY),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def partitions():
    """How many of the 64 each node owns (the load's 200 conversations leave a few out), by their leases: the
    database's word, not the nodes'."""
    rows = lab.sql("select split_part(owner, '#', 1), count(*) from lease where until > now() and name like 'dedupe/%'"
                   " group by 1")
    return {owner: int(n) for owner, n in rows}


def tap(*args):
    """Nobody reads what it prints until the test does, at the end."""
    return subprocess.Popen([lab.switchboard, "tap", "wa.*", "--state", lab.state, *args, "--json"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    out, err = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    print(f"       tap: {len(lines)} lines; {err.strip()}", flush=True)
    assert process.returncode == 0, (process.returncode, err)
    assert err.startswith(f"{len(lines)} messages in "), (len(lines), err)
    return lines, err


def still_there(node):
    """Its hub has not given it up, and no other life of it has come."""
    told = [line for line in lab.lines if line.rstrip().endswith(f"node={node}")]
    return len(told) == 1 and " joined " in told[0]


def the_tour():
    away = join()
    taps, flood = [], None
    try:
        until("the far node", 20, lambda: "away" in entries())
        taps = [tap("--limit", "1000"), tap("--limit", "1000000", "--rate", "20000")]
        until("the taps", 20, lambda: all(still_there(f"tap.{t.pid}") for t in taps))
        flood = Flood(lab, MESSAGES, 1, "--rate", "5000")
        until("its share", 30, lambda: entries()["away"].get("handled", 0) > 100)
        owned, _ = until("most owned", 20, lambda: (p := partitions()) and sum(p.values()) >= 50 and p)
        print(f"       partitions: {owned}", flush=True)
        assert len(owned) == 2 and min(owned.values()) >= 16, owned
        victim = lab.processes()["ingest.1"]
        os.kill(victim, signal.SIGKILL)
        assert flood.running(), "the flood was over before the node at home was killed"
        _, took = until("back", 20, lambda: lab.processes().get("ingest.1", victim) != victim and lab.all_up())
        print(f"       ingest.1 back after {took:.2f} s", flush=True)
        handled = entries()["away"]["handled"]
        away.kill()
        assert flood.running(), "the flood was over before the far node was killed"
        print(f"       away had handled {handled} and is lost", flush=True)
        flood.ends_exact()
        assert len(ended(taps[0])[0]) == 1000
        # The other has printed more than a pipe holds, to nobody, and never left.
        assert taps[1].poll() is None and still_there(f"tap.{taps[1].pid}")
        taps[1].send_signal(signal.SIGINT)
        assert len(ended(taps[1])[0]) > 1000
    finally:
        for process in (away, *taps, flood and flood.process):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def a_tap_that_stood_still_comes_back():
    """Held to be dead by the bus, as a laptop that was closed: it joins again and goes on."""
    sleeper = subprocess.Popen([lab.switchboard, "tap", "beat.list", "--state", lab.state], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    name = f"node=tap.{sleeper.pid}"

    def told(word):
        return sum(line.rstrip().endswith(name) and f" {word} " in line for line in lab.lines)

    try:
        until("the tap joined", 20, lambda: told("joined") == 1)
        sleeper.send_signal(signal.SIGSTOP)
        until("given up", 30, lambda: told("left") == 1)
        sleeper.send_signal(signal.SIGCONT)
        until("joined again", 20, lambda: told("joined") == 2)
        seen = []
        threading.Thread(target=lambda: seen.append(sleeper.stdout.readline()), daemon=True).start()
        until("it hears", 20, lambda: entries() and seen)
        sleeper.send_signal(signal.SIGINT)
        assert sleeper.wait(20) == 0, sleeper.stderr.read()
    finally:
        if sleeper.poll() is None:
            sleeper.kill()
            sleeper.wait()


if sys.argv[-1] != "inside":
    spaces = f"sb-tour-home-{os.getpid()}", f"sb-tour-away-{os.getpid()}"
    try:
        open_spaces(*spaces)
        code = subprocess.run(inside(spaces[0], sys.executable, sys.argv[0], sys.argv[1],
                                     *(sys.argv[2:] or ["20000"]), spaces[1], "inside")).returncode
    finally:
        close_spaces(*spaces)
    sys.exit(code)

MESSAGES, FAR = int(sys.argv[2]), sys.argv[3]
lab = Lab(sys.argv[1], config=f"bus\n    listen = {HOME}:7700\n")
with lab:
    main(the_tour, a_tap_that_stood_still_comes_back)
