#!/bin/bash
# up — the process supervisor from outside: readiness, orders, death of each process, its own death,
# a second one on the same folder, a taken port, limits, and an end in order.
#
#   usage: up.sh SWITCHBOARD
#
# No sleeps: everything waits for a line or a state, with a limit.
set -u
switchboard=$(realpath "$1")
dir=$(mktemp -d /tmp/up-XXXXXX)
cd "$dir" || exit 1
unset DATABASE_URL SWITCHBOARD_LISTEN SWITCHBOARD_STATE SWITCHBOARD_LOG
supervisor=
trap '[ -z "$supervisor" ] || kill -9 "$supervisor" 2>/dev/null; rm -rf "$dir"' EXIT
checks=0

fail() {
	echo "FAILED: $*"
	echo "--- log"
	tail -n 40 log
	exit 1
}

check() { # WHAT COMMAND …
	local what=$1
	shift
	"$@" || fail "$what"
	checks=$((checks + 1))
}

within() { # SECONDS COMMAND …: until it succeeds
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
	done
}

up() { # ARG …: start, and wait until it is ready
	: >out
	"$switchboard" up --state st "$@" >out 2>>log &
	supervisor=$!
	within 20 answered || fail "not ready"
}

answered() { grep -q '^ready' out || ! kill -0 "$supervisor" 2>/dev/null; }
status() { "$switchboard" status --state st --json 2>/dev/null; }
field() { status | jq -r ".children[] | select(.name == \"$1\") | .$2 // \"\""; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
all_up() { status >/dev/null; }
came_back() { [ "$(field "$1" pid)" != "$2" ] && all_up; }
gone() { ! kill -0 "$1" 2>/dev/null; }

cat >two.cfg <<'END'
groups
    a
        hosts = heartbeat
        count = 2
        files = 200
        memory = 4G
        nice = 3
    b
        hosts = heartbeat
        count = 1
supervise
    times = 5
END
# Processor time needs control groups, and these need root and a file system that lets it.
quota=/sys/fs/cgroup/cpu
if mkdir "$quota/up.$$" 2>/dev/null; then
	rmdir "$quota/up.$$"
	sed -i 's/        nice = 3/&\n        cpu = 50/' two.cfg
fi
# An address sanitizer reserves more than any limit that is worth testing.
if nm "$switchboard" 2>/dev/null | grep -q __asan_init; then
	sed -i '/memory/d' two.cfg
fi

# It starts, says so on stdout and nothing else, and shows what runs.
up --config two.cfg
check "stdout is one line" [ "$(cat out)" = ready ]
check "status" [ "$(status | jq -r '.ready, ([.children[].name] | join(" "))' | tr '\n' ' ')" = "true hub a.1 a.2 b.1 " ]
"$switchboard" status --state st >table || fail "status for people"
check "table" grep -q 'a.2 .*up .*heartbeat' table

# Limits are the group's.
pid=$(field a.1 pid)
check "files" grep -q 'Max open files  *200  *200 ' "/proc/$pid/limits"
check "nice" [ "$(ps -o ni= -p "$pid" | tr -d ' ')" = 3 ]
if grep -q memory two.cfg; then
	check "memory" grep -q 'Max address space  *4294967296 ' "/proc/$pid/limits"
fi
if grep -q cpu two.cfg; then
	group=$(sed -n 's/^[0-9]*:cpu[^:]*:\(.*a\.1\)$/\1/p' "/proc/$pid/cgroup")
	check "cpu" [ "$(cat "$quota$group/cpu.cfs_quota_us")" = 50000 ]
fi
check "no limit" grep -q 'Max address space  *unlimited' "/proc/$(field b.1 pid)/limits"

# A second supervisor on the folder is told whose it is, and changes nothing.
"$switchboard" up --state st --config two.cfg >out2 2>err2
check "second supervisor ends" [ $? = 1 ]
check "second supervisor is told" grep -q "another switchboard (pid $supervisor) runs on the state folder" err2

# Each process in turn: killed, and back within 3 s; the others stay who they are.
for name in a.1 a.2 b.1 hub; do
	pid=$(field $name pid)
	others=$(status | jq -c "[.children[] | select(.name != \"$name\") | .pid]")
	kill -9 "$pid"
	check "$name comes back" within 3 came_back $name "$pid"
	check "others stay when $name dies" [ "$others" = "$(status | jq -c "[.children[] | select(.name != \"$name\") | .pid]")" ]
	check "its end is told" is $name last "killed by SIGKILL"
done

# Orders.
check "scale up" "$switchboard" scale --state st b=3
check "scaled up" within 5 is b.3 state up
check "scale down" "$switchboard" scale --state st b=1
check "scaled down" within 5 is b.3 state down
check "ready with fewer" within 5 all_up
pid=$(field a.2 pid)
check "restart" "$switchboard" restart --state st 'a.*'
check "restarted" within 5 came_back a.2 "$pid"
check "a restart is no death" is a.2 last "exit 0"
"$switchboard" restart --state st 'nobody' 2>err2
check "restart of nobody ends with 4" [ $? = 4 ]
"$switchboard" scale --state st nobody=2 2>err2
check "scale of nobody ends with 4" [ $? = 4 ]
"$switchboard" scale --state st b=many 2>err2
check "scale by a word ends with 2" [ $? = 2 ]

# Killed once too often it is given up, visibly, and only that one; an order brings it back.
settled() { is b.1 state up || is b.1 state given_up; }
died() { ! kill -0 "$1" 2>/dev/null && ! is b.1 pid "$1"; }
for _ in 1 2 3 4 5; do
	within 5 settled || fail "b.1 is neither up nor given up"
	is b.1 state given_up && break
	pid=$(field b.1 pid)
	kill -9 "$pid"
	within 5 died "$pid" || fail "b.1 has not died"
done
check "given up" within 5 is b.1 state given_up
check "given up is loud" grep -q 'GIVEN UP name=b.1' log
"$switchboard" status --state st >table
check "status ends with 1" [ $? = 1 ]
check "others are up" is a.1 state up
check "pardon" "$switchboard" restart --state st b.1
check "pardoned" within 5 all_up

# Killed itself, it leaves nothing behind, and the next one starts on the same folder.
pids=$(status | jq -r '.children[].pid // empty')
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null
for pid in $pids; do
	check "process $pid ends with its supervisor" within 3 gone "$pid"
done
"$switchboard" status --state st 2>err2
check "not running ends with 3" [ $? = 3 ]
up --config two.cfg
check "up again" all_up

# SIGTERM: nodes, then hub; exit 0.
: >log
kill "$supervisor"
wait "$supervisor"
check "SIGTERM ends with 0" [ $? = 0 ]
supervisor=
order=$(grep -oE 'down +name=[^ ]*' log | sed 's/.*name=//' | tail -n 1)
check "the hub ends last" [ "$order" = hub ]

# down does the same.
up --config two.cfg
check "down" "$switchboard" down --state st
old=$supervisor
up --config two.cfg
check "up straight after down" all_up
wait "$old"
check "down ends it with 0" [ $? = 0 ]
check "down again" "$switchboard" down --state st
wait "$supervisor"
supervisor=
"$switchboard" down --state st 2>err2
check "down without a system ends with 3" [ $? = 3 ]

# Two gateways share the door: one dies, the other serves meanwhile; a taken port is said to be taken.
cat >door.cfg <<'END'
groups
    street
        hosts = gateway
        count = 2
END
up --config door.cfg --listen 127.0.0.1:0
url=$(sed -n 's/^ready //p' out)
healthy() { [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "$url/api/health")" = 200 ]; }
check "the url is true" healthy
pid=$(field street.1 pid)
kill -9 "$pid"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	check "served while one gateway is gone" healthy
done
check "the gateway comes back" within 3 came_back street.1 "$pid"
"$switchboard" up --state other --config door.cfg --listen "${url#http://}" 2>err2
check "taken port ends with 1" [ $? = 1 ]
check "taken port is explained" grep -q "${url#http://} is taken by another process; --listen" err2
check "down with a door" "$switchboard" down --state st
wait "$supervisor"
check "down with a door ends with 0" [ $? = 0 ]
supervisor=

# What cannot start says why.
printf 'lisen = 1\n' >bad.cfg
"$switchboard" up --state st --config bad.cfg 2>err2
check "unknown key ends with 78" [ $? = 78 ]
check "unknown key is named" grep -q 'bad.cfg:1: unknown key "lisen"; did you mean "listen"?' err2
mkdir -m 755 open
"$switchboard" up --state open --config two.cfg 2>err2
check "open folder ends with 77" [ $? = 77 ]
check "open folder is explained" grep -q 'closed to others' err2

echo "$checks checks"
