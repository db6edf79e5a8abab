#!/bin/sh
# cli — the promises of the command line: what goes to stdout, what to stderr, and how it ends.
#
#   usage: cli.sh SWITCHBOARD
set -u
switchboard=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset DATABASE_URL SWITCHBOARD_LISTEN SWITCHBOARD_STATE
bad=0

# try CODE OUT ERR ARG …: OUT and ERR are patterns of what is printed; "" stands for nothing.
try() {
	code=$1 out=$2 err=$3
	shift 3
	"$switchboard" "$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] || complain "ended with $got, not $code" "$@"
	said out "$out" "$@"
	said err "$err" "$@"
}

said() {
	file=$1 want=$2
	shift 2
	if [ -z "$want" ]; then
		[ ! -s "$file" ] || complain "said on std$file: $(head -n 1 "$file")" "$@"
	else
		grep -qE -- "$want" "$file" || complain "did not say \"$want\" on std$file but: $(head -n 1 "$file")" "$@"
	fi
}

complain() {
	why=$1
	shift
	echo "switchboard $*: $why"
	bad=1
}

# help
try 0 '^usage: switchboard COMMAND' '' --help
try 0 '^usage: switchboard COMMAND' '' -h
try 0 '^usage: switchboard COMMAND' '' help
try 2 '' '^usage: switchboard COMMAND'
try 0 '^usage: switchboard config check' '' config check --help
try 0 '^usage: switchboard config check' '' config check --nonsense -h
try 0 '^usage: switchboard config check' '' help config check
try 0 '  config explain ' '' help config
try 0 '  config explain ' '' config --help
try 2 '' '  config explain ' config
try 0 '^switchboard [0-9]' '' version
try 0 '^switchboard [0-9]' '' --version
try 0 '^\{"version":"[0-9.]+"\}$' '' version --json

# what is not understood: the nearest known word, and 2
try 2 '' '"cofnig"; did you mean "config"\?' cofnig
try 2 '' '"config chekc"; did you mean "config check"\?' config chekc
try 2 '' '"frobnicate"; see switchboard help' frobnicate
try 2 '' 'unknown option --cofnig; did you mean --config\?' config check --cofnig x
try 2 '' 'unknown option --xyzzy; see' config check --xyzzy
try 2 '' 'unknown option -x; see' config check -x
try 2 '' '--config needs a value' config check --config
try 2 '' '--json takes no value' config check --json=yes
try 2 '' '"more" is one word too many' config check more
try 2 '' 'config explain needs KEY' config explain
try 2 '' 'no completions for "csh"' completion csh
try 2 '^\{"error":"USAGE","detail":".*did you mean' '' config check --cofnig x --json

# configuration
try 0 '^sound: ' '' config check
printf 'lisen = 1:1\nbus\n    hubs = 9\n' >bad.cfg
try 78 '' '^switchboard: bad.cfg:1: unknown key "lisen"; did you mean "listen"\?$' config check --config bad.cfg
try 78 '' 'bad.cfg:3: bus.hubs = "9" is not a number from 1 to 4' config check --config=bad.cfg
try 78 '^\{"error":"CONFIG","detail":"bad.cfg:1: ' '' config check --config bad.cfg --json
try 78 '' 'nowhere.cfg: cannot be read' config check --config nowhere.cfg
printf 'listen = [::1]:9\ndatabase\n    url = postgres://u:canary@h/d\n' >good.cfg
try 0 '^listen = \[::1\]:9$' '' config explain listen --config good.cfg
try 0 'from: good.cfg:1' '' config explain listen --config good.cfg
try 0 '"key":"listen","value":"\[::1\]:9","origin":"good.cfg:1"' '' config show --config good.cfg --json
try 4 '' 'no key "listne"; did you mean "listen"' config explain listne
DATABASE_URL=postgres://u:canary@h/other
export DATABASE_URL
try 0 'from: environment DATABASE_URL' '' config explain database.url --config good.cfg
try 0 '^database.url +\*\*\* ' '' config show --config good.cfg
for how in show "show --json" "explain database.url"; do
	# shellcheck disable=SC2086 # words
	if "$switchboard" config $how --config good.cfg 2>&1 | grep -q canary; then
		echo "config $how shows a secret"
		bad=1
	fi
done

# completions parse
"$switchboard" completion bash >completion.bash
words=$(bash -c '. ./completion.bash; COMP_WORDS=(switchboard config ""); COMP_CWORD=2; _switchboard; echo "${COMPREPLY[*]}"')
case " $words " in
*" check "*) ;;
*) complain "offers \"$words\" behind config" completion bash ;;
esac

# a reader that leaves early ends it in silence
"$switchboard" config show 2>err | head -n 1 >out
[ ! -s err ] || complain "was not silent on a closed pipe" config show

exit $bad
