"""joined.py: a second host, a network namespace of its own, joins over CURVE, takes its share of the
conversations, is lost in the middle of a flood, and is cut off in the middle of another: the counts stay exact.

joined.py SWITCHBOARD
"""

import json
import os
import signal
import subprocess
import sys

from flood import Flood
from lab import Lab, main, until

NEAR, FAR = f"sb-home-{os.getpid()}", f"sb-away-{os.getpid()}"
HOME, AWAY = "10.78.0.1", "10.78.0.2"


def inside(space, *command):
    return ["nsenter", f"--net=/run/netns/{space}", *command]


def shell(*command):
    subprocess.run(command, check=True)


def open_spaces():
    for space in (NEAR, FAR):
        shell("ip", "netns", "add", space)
    shell("ip", "link", "add", "v0", "netns", NEAR, "type", "veth", "peer", "name", "v0", "netns", FAR)
    for space, address in ((NEAR, HOME), (FAR, AWAY)):
        shell(*inside(space, "ip", "addr", "add", f"{address}/24", "dev", "v0"))
        for device in ("lo", "v0"):
            shell(*inside(space, "ip", "link", "set", device, "up"))


def close_spaces():
    for space in (NEAR, FAR):
        subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)


def entries():
    """What the heartbeat knows of each node."""
    page = lab.ask("call", "heartbeat", "beat.list{}")
    return {e["name"]: e for e in page["entries"]}


def handled():
    return entries()["away"].get("handled", 0)


def join(name, key):
    return subprocess.Popen(
        inside(FAR, lab.switchboard, "node", "--name", name, "--bus", f"tcp://{HOME}:7700", "--key", key,
               "--host", "dedupe", "--address", AWAY),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def flood(messages, seed):
    return subprocess.Popen(
        [lab.switchboard, "load", "whatsapp", "--state", lab.state, "--n", str(messages), "--dup-exact", "20",
         "--dup-concurrent", "10", "--dup-newid", "5", "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verdict(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{process.returncode}\n{out}{err}"
    print(f"       {out.splitlines()[-1]}")


def a_second_host_takes_its_share():
    lab.key = os.path.join(lab.state, "keys", "away.cert_secret")
    lab.run("keys", "new", "away", "--host", "dedupe")
    lab.far = join("away", lab.key)
    until("the far node", 20, lambda: "away" in entries())
    verdict(flood(20000, 1))
    until("its share", 20, lambda: entries()["away"]["handled"] > 1000)


def it_is_lost_in_a_flood():
    before = entries()["away"]["handled"]
    sender = flood(30000, 2)
    until("its share", 30, lambda: entries()["away"]["handled"] > before + 100)
    lab.far.send_signal(signal.SIGKILL)
    lab.far.wait()
    verdict(sender)


def cable(state):
    shell(*inside(FAR, "ip", "link", "set", "v0", state))


def told(what):
    """How often the hub has said so."""
    return sum(f"{what} node=away" in line for line in lab.lines)


def a_cut_cable_heals():
    """It is given up within 3 s and its share moves; its writes are fenced; mended, it comes back by itself."""
    lab.far = join("away", lab.key)
    until("the far node", 20, lambda: "away" in entries())
    taken = handled()
    joins, leaves, flood = told("joined"), told("left"), Flood(lab, 40000, 3)
    until("its share", 30, lambda: handled() > taken + 100)
    cable("down")
    _, took = until("given up", 5, lambda: told("left") > leaves)
    print(f"       given up after {took:.2f} s", flush=True)
    assert took <= 3, took
    flood.ends_exact()  # without it: all that it held has moved
    taken = handled()
    cable("up")
    _, took = until("back", 20, lambda: told("joined") > joins)
    print(f"       back {took:.2f} s after the cable was mended", flush=True)
    assert lab.far.poll() is None, "it is the same process"
    until("its new entry", 20, lambda: handled() < taken)  # counted from nothing
    Flood(lab, 20000, 4).ends_exact()
    until("its share", 20, lambda: handled() > 1000)


def nobody_else_ends():
    """Mended at the worst moment, when some have given it up and some have not: only the one that was cut off ends."""
    for _ in range(3):
        joins, leaves = told("joined"), told("left")
        cable("down")
        until("given up", 5, lambda: told("left") > leaves)
        cable("up")
        until("back", 20, lambda: told("joined") > joins)
    until("all up", 20, lab.all_up)
    ended = [line for line in lab.lines if "declared this incarnation dead" in line]
    assert not ended, ended
    lab.far.kill()
    lab.far.wait()


def a_key_of_another_system_is_refused():
    joins = told("joined")
    other = os.path.join(lab.folder, "other")
    subprocess.run([lab.switchboard, "keys", "new", "away", "--state", other, "--json"], check=True,
                   stdout=subprocess.DEVNULL)
    stranger = join("away", os.path.join(other, "keys", "away.cert_secret"))
    try:
        stranger.wait(5)  # it may give up, or keep asking; it is never let in
    except subprocess.TimeoutExpired:
        pass
    finally:
        stranger.kill()
        stranger.wait()
    assert told("joined") == joins


if len(sys.argv) == 2:
    try:
        open_spaces()
        code = subprocess.run(inside(NEAR, sys.executable, *sys.argv, "inside", str(os.getpid()))).returncode
    finally:
        close_spaces()
    sys.exit(code)

NEAR, FAR = f"sb-home-{sys.argv[3]}", f"sb-away-{sys.argv[3]}"
lab = Lab(sys.argv[1], config=f"bus\n    listen = {HOME}:7700\n")
with lab:
    main(a_second_host_takes_its_share, it_is_lost_in_a_flood, a_cut_cable_heals,
         nobody_else_ends, a_key_of_another_system_is_refused)
