#!/bin/bash
# tutorial — does what a section of a README says, word for word, and compares what it prints.
#
#   usage: tutorial.sh MARKDOWN HEADING        in an empty folder; commands are found in PATH
#
#   ```LANGUAGE FILE   a file of that name is written
#   ```console         "$ command": it is run; the lines below it are what it prints. "…" stands for anything
#                      within a line, alone for any lines. Behind a command in the background ("&"), they are
#                      waited for.
set -u
set -m # "kill %2" means what it does at a terminal
exec </dev/null
steps=$(mktemp -d)
# shellcheck disable=SC2064 # the folder of now
trap "kill -9 \$(jobs -p) 2>/dev/null; rm -rf '$steps'" EXIT

# One file for each step: its command in N.run, what it is to print in N.want.
awk -v heading="## $2" -v steps="$steps" '
	/^## / { inside = $0 == heading; next }
	!inside { next }
	/^```/ {
		block = block == "" ? substr($1, 4) : ""
		file = block == "" ? "" : $2
		next
	}
	file != "" { print > file; next }
	block == "console" && /^\$ / { n++; print substr($0, 3) > sprintf("%s/%03d.run", steps, n); next }
	block == "console" { print > sprintf("%s/%03d.want", steps, n) }
	END { exit n == 0 }' "$1" || { echo "$1 has no section \"$2\" with commands"; exit 1; }

# Does FILE hold the lines of WANT?
prints() {
	awk -v any="…" '
		function fits(line, pattern,   part, n, i, at) {
			n = split(pattern, part, any)
			if (n < 2)
				return line == pattern
			if (substr(line, 1, length(part[1])) != part[1])
				return 0
			line = substr(line, length(part[1]) + 1)
			for (i = 2; i < n; i++) {
				if (!(at = index(line, part[i])))
					return 0
				line = substr(line, at + length(part[i]))
			}
			return length(line) >= length(part[n]) &&
				substr(line, length(line) - length(part[n]) + 1) == part[n]
		}
		FNR == NR { want[++n] = $0; next }
		{ got[++m] = $0 }
		END {
			for (i = j = 1; i <= n; i++) {
				if (want[i] == any) {
					skip = 1
					continue
				}
				while (skip && j <= m && !fits(got[j], want[i]))
					j++
				skip = 0
				if (j > m || !fits(got[j++], want[i]))
					exit 1
			}
			exit !(skip || j > m)
		}' "$1" "$2"
}

complain() {
	echo "$command"
	echo "should print:"
	cat "$want"
	echo "prints:"
	cat "$said"
	exit 1
}

for run in "$steps"/*.run; do
	command=$(cat "$run") want=${run%.run}.want said=${run%.run}.said
	touch "$want"
	if [ "${command%&}" != "$command" ]; then
		eval "${command%&} >$said 2>&1 &"
		pid=$! tries=0
		until [ ! -s "$want" ] || prints "$want" "$said"; do
			tries=$((tries + 1))
			{ [ $tries -lt 1000 ] && kill -0 $pid 2>/dev/null; } || complain
			sleep 0.02
		done
	else
		eval "$command" >"$said" 2>&1
		code=$?
		[ "${command#wait}" = "$command" ] || [ $code = 0 ] || complain
		prints "$want" "$said" || complain
	fi
done
