"""faults.py: kill -9 of every process in turn, in the middle of a flood with 35 % copies. The sender
repeats what was not answered; at the end the counts are exact: stored = unique, every answered id there.

faults.py SWITCHBOARD [MESSAGES]
"""

import json
import os
import signal
import subprocess
import sys

from lab import Lab, main, until

lab = Lab(sys.argv[1])
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
BACK_WITHIN = 3.0


def flood(messages):
    return subprocess.Popen(
        [lab.switchboard, "load", "whatsapp", "--state", lab.state, "--n", str(messages), "--dup-exact", "20",
         "--dup-concurrent", "10", "--dup-newid", "5", "--seed", str(os.getpid()), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verdict(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"the flood's verdict: {process.returncode}\n{out}{err}"
    result = json.loads(out.splitlines()[-1])
    print(f"       {json.dumps(result)}")
    return result


def serves():
    try:
        return lab.http("GET", "/readyz", timeout=5)[0] == 200
    except OSError:
        return False


def answered():
    """POSTs of the flood that were answered, by the access log."""
    return sum("path=/webhook/incoming status=200" in line for line in lab.lines)


def kill(name):
    """Kill one process; a new one must serve in its place."""
    old = lab.processes()[name]
    os.kill(old, signal.SIGKILL)
    until(f"a new {name}", 30, lambda: lab.processes().get(name, old) != old)
    _, took = until(f"service after {name} was killed", 30, serves)
    return took


def everyone_is_killed_in_a_flood():
    sender = flood(MESSAGES)
    slow = {}
    for name in sorted(lab.processes()):
        if sender.poll() is not None:
            verdict(sender)
            sender = flood(MESSAGES)
        took = kill(name)
        print(f"       {name}: serves {took:.2f} s after its successor started", flush=True)
        if took > BACK_WITHIN:
            slow[name] = took
    verdict(sender)
    assert not slow, slow


def the_port_is_served_while_one_gateway_lives():
    streets = [name for name in lab.processes() if name.startswith("street")]
    assert len(streets) > 1, "the default has two"
    os.kill(lab.processes()[streets[0]], signal.SIGKILL)
    for _ in range(50):
        assert lab.http("GET", "/livez", timeout=5)[0] == 200
    until("the killed one again", 30, lambda: len(lab.processes()) and streets[0] in lab.processes())


def the_supervisor_is_killed():
    before = answered()
    sender = flood(MESSAGES)
    until("the flood", 30, lambda: answered() > before + 5)
    lab.process.kill()
    lab.process.wait()
    lab.start()
    verdict(sender)


with lab:
    main(everyone_is_killed_in_a_flood, the_port_is_served_while_one_gateway_lives, the_supervisor_is_killed)
