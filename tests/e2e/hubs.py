"""hubs.py: two hubs, and one of them is killed again and again in the middle of a flood: no message is lost, a new
node joins through the other, and the roster of both is the same again.

hubs.py SWITCHBOARD
"""

import os
import signal
import subprocess
import sys

from flood import Flood
from lab import Lab, main, until

lab = Lab(sys.argv[1], config="bus\n    hubs = 2\n")
HUBS = ("hub", "hub#2")


def endpoint(hub):
    with open(os.path.join(lab.state, "run", "hubs")) as f:
        return f.read().split()[HUBS.index(hub)]


def nodes():
    return {name for name in lab.processes() if "." in name}


def sees(hub):
    """Names of the nodes that one who knows this hub alone can speak to: so it has told of them."""
    names = set()
    for name in nodes() | {"guest"}:
        done = subprocess.run([lab.switchboard, "call", f"node/{name}", "sys.stats{}", "--bus", endpoint(hub), "--json"],
                              capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            names.add(name)
    return names


def guest(hub):
    """A node that knows this hub alone."""
    return subprocess.Popen([lab.switchboard, "node", "--name", "guest", "--bus", endpoint(hub), "--host", "heartbeat"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def either_may_die():
    for dies, lives in (HUBS, HUBS[::-1]):
        flood, pid = Flood(lab, 20000, 2), lab.processes()[dies]
        os.kill(pid, signal.SIGKILL)
        newcomer = guest(lives)
        try:
            until(f"a node that knows {lives} alone", 20, lambda: "guest" in sees(lives))
            stormy = flood.ends_exact()
            assert not stormy.get("repeats"), stormy
            until(f"{dies} again", 30, lambda: lab.processes().get(dies, pid) != pid and lab.all_up())
            until("one roster", 20, lambda: sees(dies) == sees(lives) - {"guest"} == nodes())
        finally:
            newcomer.kill()
            newcomer.wait()


def both_may_die():
    """Nodes that know each other go on; when the hubs are back all are joined again."""
    flood, pids = Flood(lab, 20000, 3), lab.processes()
    for hub in HUBS:
        os.kill(pids[hub], signal.SIGKILL)
    stormy = flood.ends_exact()
    assert not stormy.get("repeats"), stormy
    until("both again", 30, lambda: all(lab.processes().get(hub, pids[hub]) != pids[hub] for hub in HUBS))
    until("one roster", 20, lambda: sees(HUBS[0]) == sees(HUBS[1]) == nodes())


with lab:
    main(either_may_die, both_may_die)
