#!/bin/sh
# bench.sh BINARY — switchboard bench measures, compares, and says so in both forms; what is not there
# is named and not left out.
set -eu
bin=$1

# holds ROWS FILTER: the filter is true of them all; if not, they are shown.
holds() {
	echo "$1" | jq -es "$2" >/dev/null && return
	printf 'not so: %s\n%s\n' "$2" "$1" >&2
	exit 1
}

refused() {
	! "$bin" bench "$@" 2>/dev/null || { echo "taken, and should not be: bench $*" >&2; exit 1; }
}

rows=$("$bin" bench --json --rounds 2 --ms 2 ping-pong-usual 'fan-in-u*' ask)
holds "$rows" 'length == 3
	and all(.[]; .figure > 0 and .least <= .figure and .figure <= .most and .rounds == 2)
	and all(.[].beside[]; .figure > 0 and .ratio > 0)
	and (.[0].beside[1] | .goal == 0.4 and .verdict == (if .ratio >= .goal then "met" else "not_met" end))'

between=$(PATH=/nowhere "$bin" bench --json --rounds 1 --ms 2 trip-ipc trip-bulk one-way-curve fan-out)
holds "$between" 'length == 4 and all(.[]; .figure > 0)'
PATH=/nowhere "$bin" bench --rounds 1 --ms 1 supervised | grep -q 'Erlang/OTP .*not installed'
"$bin" bench --list | grep -q '^ring-10000 '
refused nosuch

# Phone calls by the bare bridge, which is always there: exact, its cost counted, the goals named. On a
# busy machine the ladder ends where the p99 passes its bound.
calls=$("$bin" bench calls --json --seconds 3 --only 'bare*' 5 10)
holds "$calls" 'map(select(.calls)) | length == (if .[0].p99_ms < 60 then 2 else 1 end)
	and all(.[]; .exact and .server == "bare C bridge" and .p50_ms > 0)'
holds "$calls" 'map(select(.what)) | length > 5 and all(.[]; .verdict == "failed" or .figure > 0)'
refused calls 10 5
