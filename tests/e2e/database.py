"""database.py: what becomes of a flood when PostgreSQL is stopped at once, restarted, frozen, slow, or its disk
is full: clear errors, nothing answered that is not stored, service returns by itself, and the counts are exact.

database.py SWITCHBOARD [MESSAGES]

The database lies on a file system of its own, small enough to be filled: mounting it needs root, and where that
is not allowed the test of the full disk fails and says so.
"""

import contextlib
import os
import signal
import sys
import threading
import time

from flood import Flood, Probe
from lab import Lab, main, until

# The pause grows to a second, not to five: so the database dies often enough to be given up, if it were.
lab = Lab(sys.argv[1], config="supervise\n    pause_most = 1s\n", disk_mb=512)
MESSAGES = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
BACK_WITHIN = 3.0


def servers():
    """The postmaster and all its children."""
    postmaster = lab.processes()["database"]
    with open(f"/proc/{postmaster}/task/{postmaster}/children") as f:
        return [postmaster, *map(int, f.read().split())]


def in_a_flood(seed, fault):
    """Run the fault while it rains, one probe after the other before, during and after; then count."""
    flood, probe = Flood(lab, MESSAGES, seed), Probe(lab, f"probe{seed}")
    assert probe.post(), probe.statuses
    fault(probe)
    assert probe.back_after(lambda: None) < BACK_WITHIN
    until("all up", 30, lab.all_up)
    flood.ends_exact()
    probe.check()
    return probe


def stopped_at_once():
    def fault(probe):
        took = probe.back_after(lambda: os.kill(lab.processes()["database"], signal.SIGQUIT))
        print(f"       back within {took:.2f} s", flush=True)
        assert took < BACK_WITHIN, took

    in_a_flood(21, fault)


def restarted():
    def fault(probe):
        took = probe.back_after(lambda: lab.run("restart", "database"))
        print(f"       back within {took:.2f} s", flush=True)
        assert took < BACK_WITHIN, took

    in_a_flood(22, fault)


def frozen():
    """Nothing of it runs, its connections stand: only time tells."""

    def fault(probe):
        pids = servers()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            start = time.monotonic()
            assert not probe.post(timeout=30)
            took = time.monotonic() - start
            status, body = lab.http("GET", "/readyz", timeout=30)
            live = lab.http("GET", "/livez", timeout=5)[0]
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        print(f"       an answer after {took:.2f} s: {probe.statuses}; readyz {status}, livez {live}", flush=True)
        assert took < 15 and 0 not in probe.statuses, (took, probe.statuses)
        assert (status, live) == (503, 200), (status, live, body)

    in_a_flood(23, fault)


def slow():
    """Somebody holds a lock on the table for seconds: statements wait, and are ended in their time."""

    def fault(probe):
        holder = threading.Thread(target=lab.sql, args=(
            "begin; lock table wa_message in access exclusive mode; select pg_sleep(7); commit",))
        holder.start()
        try:
            until("the lock", 10, lambda: lab.sql(
                "select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted"))
            while holder.is_alive():
                probe.post(timeout=30)
        finally:
            holder.join()
        print(f"       while it was held: {probe.statuses}", flush=True)
        assert 0 not in probe.statuses, probe.statuses

    in_a_flood(24, fault)


def fill(f):
    """All but a megabyte; no: the flood has taken some of it meanwhile."""
    free = os.statvfs(lab.disk)
    with contextlib.suppress(OSError):
        os.posix_fallocate(f.fileno(), 0, max(free.f_bavail * free.f_bsize - (1 << 20), 4096))
        return True
    return False


def disk_is_full():
    """Filled up in the middle of the flood, and emptied again."""

    def fault(probe):
        ballast = os.path.join(lab.disk, "ballast")
        with open(ballast, "wb") as f:
            until("the disk is full", 30, lambda: fill(f))
        # No room for rows, then none for the log either: PostgreSQL panics, and cannot recover.
        until("an error", 60, lambda: not probe.post())
        with contextlib.suppress(AssertionError):  # the server that is asked for more log is gone
            for _ in range(40):
                lab.sql("select pg_switch_wal() from pg_logical_emit_message(true, 'full', 'x')")
        while lab.children()["database"]["deaths"] < 12:
            probe.post()
        print(f"       full: {probe.statuses}; {lab.children()['database']['last']}", flush=True)
        assert set(probe.statuses) <= {200, 503, 504, 507}, probe.statuses
        os.unlink(ballast)
        took = probe.back_after(lambda: None, 60)
        print(f"       back within {took:.2f} s of new space", flush=True)
        assert took < 10, took

    assert lab.disk, "NOT TESTED: no file system may be mounted here, so none can be filled"
    in_a_flood(25, fault)


with lab:
    main(stopped_at_once, restarted, frozen, slow, disk_is_full)
