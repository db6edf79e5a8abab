#!/bin/sh
# first_actor — the tutorial of actors/README.md does what it says: in a scratch copy of the tree its
# commands are run and its files are written, in order, word for word.
#
#   usage: first_actor.sh ROOT
set -eu
root=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git -C "$root" ls-files -z --cached --others --exclude-standard |
	(cd "$root" && tar --null --ignore-failed-read -T - -cf -) | tar -xf - -C "$scratch"
cd "$scratch"

# Each marked block of the text becomes a file: 01.run, 02.fails, 03.file (its first line says where).
awk '
/^<!-- turnstile: / {
	what = $0
	sub(/^<!-- turnstile: /, "", what)
	sub(/ -->$/, "", what)
	kind = what == "run" ? "run" : what == "run, fails" ? "fails" : "file"
	next
}
what != "" && /^```/ && !within {
	within = 1
	out = sprintf("block.%02d.%s", ++n, kind)
	if (kind == "file")
		print what > out
	next
}
within && /^```/ { within = 0; what = ""; close(out); next }
within { print > out }
' actors/README.md

blocks=0
for block in block.*; do
	blocks=$((blocks + 1))
	case $block in
	*.run)
		sh -eu "$block" >log 2>&1 || { cat log; echo "should pass:"; cat "$block"; exit 1; }
		;;
	*.fails)
		if sh -eu "$block" >log 2>&1; then
			echo "should fail:"
			cat "$block"
			exit 1
		fi
		grep -q turnstile log || { cat log; echo "does not say what failed"; exit 1; }
		;;
	*.file)
		file=$(sed 1q "$block")
		grep -qx "$file" written 2>/dev/null || : >"$file" # the first block begins the file anew
		echo "$file" >>written
		sed 1d "$block" >>"$file"
		;;
	esac
done
[ "$blocks" -eq 10 ] || { echo "the text has $blocks blocks: has a mark been lost?"; exit 1; }
grep -q "turnstile" proto/schema/numbers || { echo "no numbers were locked"; exit 1; }
echo "first actor: $blocks steps of the text hold"
