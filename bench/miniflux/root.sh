#!/bin/bash
# Makes ROOT: a small Debian with Miniflux and PostgreSQL, with an empty data folder to copy from. Settings are
# PostgreSQL's own defaults but for memory, which is raised as its manual advises.
# Usage: root.sh ROOT      (root on Debian, with debootstrap; about 40 s)
#
# To be run inside `unshare --mount --pid --fork`, so that its mounts go away with that namespace.
set -euo pipefail
root=$1
suite=forky
mirror=${FEEDFERRY_DEBIAN_MIRROR:-http://deb.debian.org/debian}
new=$root.new

inside() { chroot "$new" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_postgres() { chroot --userspec=postgres:postgres "$new" env -i PATH="$(echo "$new"/usr/lib/postgresql/*/bin | sed "s|^$new||"):/usr/bin:/bin" LC_ALL=C.UTF-8 "$@"; }

rm -rf --one-file-system "$new" "$root"
mkdir -p "$new"
debootstrap --variant=minbase "$suite" "$new" "$mirror" /usr/share/debootstrap/scripts/sid

# Proxies and the like that this machine's apt needs.
apt-config dump Acquire | grep -E '^Acquire::(http|https|Check|Retries)' > "$new/etc/apt/apt.conf.d/90host" || true
printf '#!/bin/sh\nexit 101\n' > "$new/usr/sbin/policy-rc.d"
chmod +x "$new/usr/sbin/policy-rc.d"
mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"

inside apt-get -q update
mkdir -p "$new/etc/postgresql-common"
echo 'create_main_cluster = false' > "$new/etc/postgresql-common/createcluster.conf"
inside apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold postgresql miniflux
inside apt-get clean

inside install -d -m 700 -o postgres -g postgres /srv/template
as_postgres initdb --pgdata=/srv/template --auth=trust --username=postgres --locale=C.UTF-8 --encoding=UTF8
cat >> "$new/srv/template/postgresql.conf" <<'CONF'
listen_addresses = ''
shared_buffers = 512MB
max_wal_size = 4GB
CONF
as_postgres pg_ctl --pgdata=/srv/template --wait --options="-k /srv/template" --log=/srv/template/log start
as_postgres psql --host=/srv/template --username=postgres --quiet --command='create database miniflux'
as_postgres psql --host=/srv/template --username=postgres --dbname=miniflux --quiet --command='create extension hstore'
as_postgres pg_ctl --pgdata=/srv/template --wait --mode=fast stop
rm -f "$new/srv/template/log"

umount --lazy "$new/dev"
umount --lazy "$new/proc"
mv "$new" "$root"
