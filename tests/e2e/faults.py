"""faults.py: kill -9 of every process, in turn and at random, in the middle of a flood with 35 % copies. The
sender repeats what was not answered; at the end the counts are exact: stored = unique, every answered id
there; and each time a POST to every partition is answered again within 3 s.

faults.py SWITCHBOARD [MESSAGES [SEED …]]      by night: faults.py build/switchboard 100000 1 2 3
"""

import os
import random
import signal
import sys

from flood import Flood, Probe
from lab import Lab, main, until

# A random hour kills one process more often than an operator would stand it.
lab = Lab(sys.argv[1], config="supervise\n    times = 64\n", disk_mb=4096)
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
SEEDS = [int(seed) for seed in sys.argv[3:]] or [int.from_bytes(os.urandom(4), "big")]
BACK_WITHIN = 3.0


def answered():
    """POSTs that were answered with 200, by the access log."""
    return sum("path=/webhook/incoming status=200" in line for line in lab.lines)


class Killer:
    """Kills, and keeps the times until service was back."""

    def __init__(self):
        self.probe = Probe(lab, f"probe{len(lab.lines)}")
        self.took = {}

    def kill(self, *names):
        running = lab.processes()
        pids = [running[name] for name in names if name in running]
        took = self.probe.back_after(lambda: [os.kill(pid, signal.SIGKILL) for pid in pids])
        self.took.setdefault("+".join(names), []).append(took)
        until(f"all up after {names}", 30, lab.all_up)

    def check(self):
        for names, took in sorted(self.took.items(), key=lambda item: max(item[1])):
            print(f"       {names}: {len(took)} times, back within {max(took):.2f} s", flush=True)
        self.probe.check()
        slow = {names: max(took) for names, took in self.took.items()
                if max(took) > BACK_WITHIN * len(names.split("+"))}  # two at once wait for each other
        assert not slow, slow


def killable():
    return sorted(name for name, p in lab.children().items() if name != "migrate")


def each_is_killed_in_turn():
    flood, killer = Flood(lab, MESSAGES, SEEDS[0]), Killer()
    for name in killable():
        if not flood.running():
            flood.ends_exact()
            flood = Flood(lab, MESSAGES, SEEDS[0])
        killer.kill(name)
    flood.ends_exact()
    killer.check()


def some_are_killed_at_random():
    """One or two at a time, after as many answers as chance will have it."""
    kills = max(10, MESSAGES // 2500)
    for seed in SEEDS:
        print(f"       seed {seed}", flush=True)
        chance, names = random.Random(seed), killable()
        flood, killer = Flood(lab, MESSAGES, seed), Killer()
        for _ in range(kills):
            if not flood.running():
                flood.ends_exact()
                flood = Flood(lab, MESSAGES, seed)
            enough = answered() + chance.randrange(1, 1 + MESSAGES // 100 // 10)
            until("the flood", 60, lambda: answered() >= enough or not flood.running())
            killer.kill(*chance.sample(names, chance.choice((1, 1, 1, 2))))
        flood.ends_exact()
        killer.check()


def the_hub_is_not_missed():
    """Messages go past the hub: while it is killed again and again, no answer fails and none is late."""
    calm = Flood(lab, MESSAGES, 7).ends_exact()
    flood, kills = Flood(lab, MESSAGES, 8), 0
    while flood.running() and kills < 20:  # not so often that it is given up
        pid = lab.processes().get("hub")
        if pid:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        until("a new hub", 30, lambda: lab.processes().get("hub", pid) != pid)
    stormy = flood.ends_exact()
    print(f"       hub killed {kills} times: worst POST {stormy['worst_ms']:.0f} ms, without {calm['worst_ms']:.0f} ms")
    assert kills > 0 and not stormy.get("repeats"), (kills, stormy)
    assert stormy["worst_ms"] < calm["worst_ms"] + 500, (calm, stormy)


def the_port_is_served_while_one_gateway_lives():
    streets = [name for name in lab.processes() if name.startswith("street")]
    assert len(streets) > 1, "the default has two"
    os.kill(lab.processes()[streets[0]], signal.SIGKILL)
    for _ in range(50):
        assert lab.http("GET", "/livez", timeout=5)[0] == 200
    until("the killed one again", 30, lambda: len(lab.processes()) and streets[0] in lab.processes())


def the_supervisor_is_killed():
    before = answered()
    flood = Flood(lab, MESSAGES, SEEDS[-1])
    until("the flood", 30, lambda: answered() > before + 5)
    lab.process.kill()
    lab.process.wait()
    lab.start()
    flood.ends_exact()


with lab:
    main(each_is_killed_in_turn, some_are_killed_at_random, the_hub_is_not_missed,
         the_port_is_served_while_one_gateway_lives, the_supervisor_is_killed)
