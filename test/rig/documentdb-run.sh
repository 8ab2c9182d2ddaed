#!/bin/sh
# Runs PostgreSQL in ROOT on a fresh copy of the template, in the foreground, reachable by a socket in ROOT/srv/RUN.
# Usage: documentdb-run.sh ROOT RUN, inside `unshare --mount --pid --ipc --fork --kill-child`: when that process is
# killed, the kernel ends every server process and takes the mounts and shared memory away.
set -eu
root=$1
run=$2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp -a "$root/srv/template" "$root/srv/$run"
chroot --userspec=postgres:postgres "$root" \
  /usr/lib/postgresql/18/bin/postgres -D "/srv/$run" -k "/srv/$run" \
  -c deadlock_timeout=20ms -c "documentdb.localhost_connection_string=host=/srv/$run"
