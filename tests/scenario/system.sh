# system.sh — a small system for a scenario, to be sourced: a hub in a folder of its own, programs
# that are started in the background, and their ends.
#
#   hub                            start a hub; $bus is what --bus wants
#   begin NAME LINE COMMAND …      start COMMAND, wait until it has said LINE (a pattern) in NAME.log
#   end NAME                       SIGTERM, and $? is how it ended
#
# $switchboard, $dir (the folder the script is in) are set by here; at the end nothing is left over.
switchboard=$(realpath "$1")
dir=$(mktemp -d)
chmod 0700 "$dir"
mkdir -m 0700 "$dir/bus"
bus=ipc://$dir/bus/hub
pids=
bad=0
# shellcheck disable=SC2064 # the folder of now
trap 'for p in $pids; do kill -9 "${p#*=}" 2>/dev/null; done; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset DATABASE_URL SWITCHBOARD_LISTEN SWITCHBOARD_STATE

# Wait until FILE has a line that PATTERN fits, as long as process PID lives: line FILE PATTERN PID
line() {
	tries=0
	until grep -qE -- "$2" "$1" 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -gt 1000 ] || ! kill -0 "$3" 2>/dev/null; then
			grep -qE -- "$2" "$1" && return
			echo "no line '$2' in $1:"
			cat "$1"
			exit 1
		fi
		sleep 0.02
	done
}

begin() {
	name=$1 pattern=$2
	shift 2
	"$@" >"$name.log" 2>&1 </dev/null &
	pid=$!
	pids="$pids $name=$pid"
	line "$name.log" "$pattern" "$pid"
}

hub() {
	begin hub 'listening endpoint=' "$switchboard" hub --ipc "$dir/bus/hub"
}

pid_of() {
	for p in $pids; do
		[ "${p%%=*}" != "$1" ] || echo "${p#*=}"
	done
}

end() {
	kill -TERM "$(pid_of "$1")"
	wait "$(pid_of "$1")"
}

complain() {
	echo "$*"
	bad=1
}

# try CODE OUT ERR COMMAND …: OUT and ERR are patterns of what is printed; "" stands for nothing.
try() {
	code=$1 want_out=$2 want_err=$3
	shift 3
	"$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] || complain "$*: ended with $got, not $code: $(cat err)"
	said out "$want_out" "$*"
	said err "$want_err" "$*"
}

said() {
	if [ -z "$2" ]; then
		[ ! -s "$1" ] || complain "$3: said on std$1: $(head -n 1 "$1")"
	else
		grep -qE -- "$2" "$1" || complain "$3: did not say '$2' on std$1 but: $(cat "$1")"
	fi
}
