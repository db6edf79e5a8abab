#!/bin/sh
# lock.sh MSGC — a number keeps its meaning: new ones are added, nothing else gets through.
set -u
msgc=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# schema LINES-OF-MESSAGE-OPEN…: call.msg with these fields
schema() {
	printf 'group call 2\nmessage open 1\n  "Text."\n' > call.msg
	for line; do printf '  %s\n' "$line" >> call.msg; done
}

# expect WHAT STATUS TEXT: run, and compare status and words
expect() {
	said=$("$msgc" --lock numbers call.msg 2>&1)
	status=$?
	case $said in
	*"$3"*) [ $status -eq "$2" ] && return ;;
	esac
	printf '%s: expected %s "%s", got %s "%s"\n' "$1" "$2" "$3" $status "$said"
	failed=1
}

same() {
	printf '%s\n' "$2" | diff -u - numbers > diff || { echo "$1:"; cat diff; failed=1; }
}

locked='# kept
message call.open 1
field call.open 1 call str
field call.open 2 rate u32'
echo '# kept' > numbers
schema '1 call str 64 "id"' '2 rate u32 "Hz"'
expect 'new numbers are added' 0 ''
same 'new numbers are added' "$locked"
expect 'nothing new, nothing written' 0 ''
same 'nothing new, nothing written' "$locked"

schema '1 call str 128 "another bound"' '2 rate? u32 1..2 "optional, a range"'
expect 'bounds are no part of the wire' 0 ''
schema '1 call str 64 "id"' '2 speed u32 "Hz"'
expect 'a number reused' 1 'call.msg:5: number 2 of call.open was `rate u32` (numbers:4) and is now `speed u32`'
schema '1 call str 64 "id"' '2 rate u64 "Hz"'
expect 'a type changed' 1 'call.msg:5: number 2 of call.open was `rate u32` (numbers:4) and is now `rate u64`'
schema '1 call str 64 "id"' '2 rate u32 list 4 "Hz"'
expect 'a list made of it' 1 'is now `rate u32[]`'
schema '1 call str 64 "id"'
expect 'a field gone' 1 'call.msg:2: field 2 rate u32 of call.open (numbers:4) is gone'
schema '1 call str 64 "id"' 'retired 2 "was the rate"'
expect 'a field retired' 0 ''
schema '1 call str 64 "id"' '2 rate u32 "Hz"' '3 codec u8 "coding"'
expect 'one more' 0 ''
same 'one more' "$locked
field call.open 3 codec u8"

echo "$locked" > numbers
schema '1 call str 64 "id"' '2 rate u32 "Hz"'
sed -i 's/open 1/close 1/' call.msg
expect 'a message number reused' 1 'call.msg:2: message number 1 was call.open (numbers:2)'
sed -i 's/close 1/open 3/' call.msg
expect 'a message renumbered' 1 'call.msg:2: call.open had number 1 (numbers:2) and has now 3'
printf 'group call 2\nretired 1 "the whole message went"\n' > call.msg
expect 'a message retired' 0 ''
printf 'group call 2\n' > call.msg
expect 'a message gone' 1 'call.msg:1: message 1 of call.open (numbers:2) is gone'
printf 'group other 3\n' > other.msg
said=$("$msgc" --lock numbers other.msg 2>&1) && { echo 'a group gone: went unseen'; failed=1; }

# As git leaves it when two branches added lines: any order, some twice.
schema '1 call str 64 "id"' '2 rate u32 "Hz"'
printf 'field call.open 2 rate u32\nmessage call.open 1\nfield call.open 1 call str\nmessage call.open 1\n' > numbers
expect 'any order, lines twice' 0 ''
printf 'message call.open 1\nfield call.open 2 rate u32\nfield call.open 2 speed u16\n' > numbers
expect 'two branches, one number' 1 'numbers:3: field call.open 2 is also given in line 2'
echo 'field call.open' > numbers
expect 'a broken line' 1 'numbers:1: not a line of the number lock'
exit $failed
