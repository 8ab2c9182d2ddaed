#!/bin/sh
# Runs PostgreSQL in ROOT on a fresh copy of the empty data folder, in the foreground, reachable by a socket in
# ROOT/srv/RUN. Usage: database.sh ROOT RUN [SETTING=VALUE ...], inside `unshare --mount --pid --ipc --fork --kill-child`:
# when that process is killed, everything it started and mounted goes away.
set -eu
root=$1
run=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp -a "$root/srv/template" "$root/srv/$run"
for setting in "$@"; do echo "$setting" >> "$root/srv/$run/postgresql.conf"; done
postgres=$(echo "$root"/usr/lib/postgresql/*/bin/postgres | sed "s|^$root||")
exec chroot --userspec=postgres:postgres "$root" "$postgres" -D "/srv/$run" -k "/srv/$run"
