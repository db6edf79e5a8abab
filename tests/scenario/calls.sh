#!/bin/sh
# calls — switchboard send and call against a running system: answers, errors with their place, ends.
#
#   usage: calls.sh SWITCHBOARD
set -u
. "$(dirname "$0")/system.sh"
hub
begin node ' joined$' "$switchboard" node --host heartbeat --bus "$bus"

ask() {
	code=$1 out=$2 err=$3
	shift 3
	try "$code" "$out" "$err" "$switchboard" "$@" --bus "$bus"
}

ask 0 '^beat.page\{entries=\[\] more=false\}$' '' call heartbeat 'beat.list{prefix="me"}'
ask 0 '' '' send '*' 'beat.alive{name="me" every_ms=3600000 note="well"}'
ask 0 '' '' send heartbeat 'beat.alive{name="him" every_ms=3600000}'
# the hub and the node take them in order of arrival: ask until both are there, and no longer
for try in 1 2 3 4 5 6 7 8 9; do
	"$switchboard" call heartbeat 'beat.list{}' --bus "$bus" | grep -q '"him".*"me"' && break
done
ask 0 '^beat.page\{entries=\[\{name="him" state=alive .*name="me" .*note="well"\}\] more=false\}$' '' \
	call heartbeat 'beat.list{}'
ask 0 '^\{"entries":\[\{"name":"him","state":"alive",.*"more":false\}$' '' call heartbeat 'beat.list{}' --json

# what is not understood: the line, a caret under the place, and 2
ask 2 '' '^                          \^$' call heartbeat 'beat.list{prefix="ümlaut" nope=3}'
ask 2 '' 'column 28: expected a field of this message' call heartbeat 'beat.list{prefix="ümlaut" nope=3}'
ask 2 '' 'column 11: expected .*received the end' call heartbeat 'beat.list{'
ask 2 '^\{"error":"USAGE","detail":"column 1: ' '' call heartbeat 'beet.list{}' --json
ask 2 '' 'beat.ended has no answer: switchboard send' call heartbeat 'beat.ended{name="x"}'
ask 2 '' '--timeout 5: not a duration' call heartbeat 'beat.list{}' --timeout 5

# how it ends: exit.h
ask 69 '' 'nobody on the bus is called nobody$' call nobody 'beat.list{}'
ask 69 '' 'nobody on the bus is called nobody$' send nobody 'beat.list{}'
ask 1 '' 'heartbeat: not a type that is taken here \(TYPE\)' call heartbeat 'sys.restart{name="x"}'
try 69 '' 'no hub let us in' "$switchboard" call heartbeat 'beat.list{}' --bus "ipc://$dir/nothing"
try 3 '' 'no switchboard runs on' "$switchboard" call heartbeat 'beat.list{}'

end node || complain "the node ended with $?"
end hub || complain "the hub ended with $?"
exit $bad
