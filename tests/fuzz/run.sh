#!/bin/sh
# run — one fuzz target for some seconds; what it finds goes to the build folder, never to the tree.
#
#   usage: run.sh TARGET SECONDS CORPUS FOUND DICTIONARY
set -eu
target=$1 seconds=$2 corpus=$3 found=$4 dict=$5
mkdir -p "$found/inputs"
exec "$target" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
	-verbosity=0 -artifact_prefix="$found/" -dict="$dict" "$found/inputs" "$corpus"
