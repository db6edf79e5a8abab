#!/bin/sh
# say — a .say file is what the tap printed, and a test: what comes back as written passes, all else fails.
#
#   usage: say.sh SWITCHBOARD
set -u
here=$(realpath "$(dirname "$0")")
. "$here/system.sh"
hub
begin node ' joined$' "$switchboard" node --host heartbeat --bus "$bus"

script() {
	printf '%s\n' "$2" >"$1"
	set -- "$switchboard" say "$1" --bus "$bus"
}
play() {
	code=$1 out=$2 err=$3 name=$4
	try "$code" "$out" "$err" "$switchboard" say "$name" --bus "$bus"
}

cp "$here/heartbeat.say" .
play 0 '^heartbeat.say: 6 said, 4 answered as written$' '' heartbeat.say
play 1 '' '^switchboard: heartbeat.say:4: differs$' heartbeat.say # a second time job/1 is there
grep -q '^expected beat.page{entries=\[\] more=false}$' err || complain "does not say what was expected"
grep -q '^received beat.page{entries=\[{name="job/1" state=ended' err || complain "does not say what came"

script unlike.say '12:00:01.0 - > heartbeat  beat.list{prefix="none"} #1
12:00:01.1 heartbeat > -  beat.page{entries=[*] more=*} #2 re 1'
play 1 '' 'unlike.say:2: differs' unlike.say # * is a value, and there is none
script like.say '12:00:01.0 - > heartbeat  beat.list{prefix="none"} #1
12:00:01.1 heartbeat > -  beat.page{entries=* more=*} #2 re 1'
play 0 '1 said, 1 answered' '' like.say
script error.say '12:00:01.0 - > heartbeat  beat.list{} #1
12:00:01.1 heartbeat > -  beat.page #2 re 1 err=BUSY'
play 1 '' 'error.say:2: differs' error.say
script nobody.say '12:00:01.0 - > nobody  beat.list{} #1
12:00:01.1 nobody > -  beat.page #2 re 1 err=NO_ROUTE'
play 0 '1 answered as written' '' nobody.say

script typo.say '# a comment

12:00:01.0 - > heartbeat  beat.lost{} #1'
play 2 '' 'typo.say:3:[0-9]*: expected the name of a message' typo.say
script early.say '12:00:01.1 heartbeat > -  beat.page{entries=[] more=*} #2 re 1'
play 2 '' 'early.say:1:1: expected an answer to a line above it' early.say
script misnamed.say '12:00:01.0 - > nobody  beat.list{} #1
12:00:01.1 nobody > -  beat.page #2 re 1 err=NO_ROUT'
play 2 '' 'misnamed.say:2:1: expected the name of an error' misnamed.say
play 2 '' 'nothing.say: cannot be read' nothing.say
exit $bad
