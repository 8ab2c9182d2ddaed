#!/bin/bash
# Makes ROOT: a small Debian with PostgreSQL and the DocumentDB extension, and a ready data folder to copy from.
# Usage: documentdb-root.sh ROOT RECIPE      (root on Debian, with debootstrap)
#
# To be run inside `unshare --mount --pid --fork`: what it mounts goes away with that namespace, so a killed run leaves
# no mount behind. It builds beside ROOT and renames at the very end: a folder named ROOT is always a whole one.
# What it installs is recorded in ROOT/feedferry-rig-recipe, which `documentdb.ts` compares with this file's hash.
set -euo pipefail
root=$1
recipe=$2
suite=forky
mirror=${FEEDFERRY_DEBIAN_MIRROR:-http://deb.debian.org/debian}
pg=/usr/lib/postgresql/18/bin
new=$root.new

say() { echo "rig: $*" >&2; }
inside() { chroot "$new" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_postgres() { chroot --userspec=postgres:postgres "$new" env -i PATH="$pg:/usr/bin:/bin" LC_ALL=C.UTF-8 "$@"; }

# Another run may have made it while this one waited for the lock.
if [ "$(cat "$root/feedferry-rig-recipe" 2>/dev/null)" = "$recipe" ]; then exit 0; fi
rm -rf --one-file-system "$new" "$root"
mkdir -p "$new"

say "making a small Debian for the MongoDB-compatible server (about 40 s, once)"
# The script of `sid` serves for every newer suite, also where this machine's debootstrap has not heard of it.
debootstrap --variant=minbase "$suite" "$new" "$mirror" /usr/share/debootstrap/scripts/sid

# Proxies and the like that this machine's apt needs.
apt-config dump Acquire | grep -E '^Acquire::(http|https|Check|Retries)' > "$new/etc/apt/apt.conf.d/90host" || true
printf '#!/bin/sh\nexit 101\n' > "$new/usr/sbin/policy-rc.d"
chmod +x "$new/usr/sbin/policy-rc.d"
mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"

say 'installing PostgreSQL with DocumentDB'
inside apt-get -q update
mkdir -p "$new/etc/postgresql-common"
echo 'create_main_cluster = false' > "$new/etc/postgresql-common/createcluster.conf"
inside apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql-18-documentdb
inside apt-get clean

say 'making the data folder that every run copies'
template=/srv/template
inside install -d -m 700 -o postgres -g postgres "$template"
as_postgres initdb --pgdata="$template" --auth=trust --username=postgres --no-sync --locale=C.UTF-8 --encoding=UTF8
cat >> "$new$template/postgresql.conf" <<'CONF'
shared_preload_libraries = 'pg_cron, pg_documentdb_core, pg_documentdb'
cron.database_name = 'postgres'
cron.launch_active_jobs = off
listen_addresses = ''
# Nothing outlives a run, so nothing is synced: a power cut may lose it, `kill -9` of a client may not.
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 30min
shared_buffers = 256MB
max_connections = 60
autovacuum_naptime = 20s
log_min_messages = warning
log_min_error_statement = panic
# Cursors of sorted and grouped results, which would otherwise pin a connection.
documentdb.useFileBasedPersistedCursors = on
documentdb.defaultCursorExpiryTimeLimitSeconds = 600
CONF
as_postgres pg_ctl --pgdata="$template" --wait --options="-k $template" --log="$template/log" start
as_postgres psql --host="$template" --username=postgres --quiet --command='create extension documentdb cascade' 2>&1
as_postgres pg_ctl --pgdata="$template" --wait --mode=fast stop
rm -f "$new$template/log"

umount --lazy "$new/dev"
umount --lazy "$new/proc"
echo "$recipe" > "$new/feedferry-rig-recipe"
mv "$new" "$root"
