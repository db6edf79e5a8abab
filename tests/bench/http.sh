#!/bin/sh
# http — a trivial JSON answer by the gateway and by nginx, in turns, one core each, wrk on the other.
#
#   usage: http.sh BENCH_HTTP [ROUNDS [SECONDS]]      needs wrk; nginx is left out where there is none
set -eu
bench=$1 rounds=${2:-3} seconds=${3:-3}
dir=$(mktemp -d)
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$dir"' EXIT

start() { # NAME COMMAND…: its first line is its port
	name=$1
	shift
	mkfifo "$dir/$name.out"
	taskset -c 0 "$@" >"$dir/$name.out" &
	pids="$pids $!"
	read -r port <"$dir/$name.out"
	echo "$name http://127.0.0.1:$port/api/health" >>"$dir/servers"
}

start gateway "$bench"
start gateway+log "$bench" "$dir/access"
if command -v nginx >/dev/null; then
	port=18099
	cat >"$dir/nginx.conf" <<-CONF
		worker_processes 1; daemon off; pid $dir/nginx.pid; error_log $dir/nginx.err;
		events { worker_connections 4096; }
		http {
		  access_log off; keepalive_requests 1000000000;
		  client_body_temp_path $dir/a; proxy_temp_path $dir/b; fastcgi_temp_path $dir/c;
		  uwsgi_temp_path $dir/d; scgi_temp_path $dir/e;
		  server { listen 127.0.0.1:$port;
		    location / { default_type application/json; return 200 '{"success":true,"status":"ok"}'; } }
		}
	CONF
	taskset -c 0 nginx -c "$dir/nginx.conf" 2>/dev/null &
	pids="$pids $!"
	echo "nginx http://127.0.0.1:$port/api/health" >>"$dir/servers"
fi

for round in $(seq "$rounds"); do
	while read -r name url; do
		taskset -c 1 wrk -t1 -c64 -d"${seconds}s" --latency "$url" >"$dir/wrk" || continue
		awk -v name="$name" '/99%/ { p99 = $2 } /Requests\/sec/ { print name, $2, p99 }' "$dir/wrk" |
			tee -a "$dir/results"
	done <"$dir/servers"
done
echo "median requests/s of $rounds rounds, 64 kept connections:"
sort -k1,1 -k2,2n "$dir/results" |
	awk '{ n[$1]++; v[$1, n[$1]] = $2 } END { for (s in n) printf "  %-12s %d\n", s, v[s, int((n[s] + 1) / 2)] }'
