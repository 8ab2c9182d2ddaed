#!/bin/bash
# Tries the README's two commands on a machine that has nothing: a bare Debian 12 with its own Node 18 and npm 9.
# Usage, as root on Debian with debootstrap: test/rig/bare-machine.sh [FOLDER]     (default /var/tmp/feedferry-bare)
# Takes what is committed. Prints how long each step took; exits 0 where both commands worked. KEEP=1 keeps the folder.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

# Mounts and processes go away with these namespaces, however this ends.
if [ -z "${FEEDFERRY_BARE_INSIDE:-}" ]; then
  exec env FEEDFERRY_BARE_INSIDE=1 unshare --mount --pid --fork --kill-child bash "$0" "$@"
fi

tree=$(cd "$(dirname "$0")/../.." && pwd)
bare=${1:-/var/tmp/feedferry-bare}
suite=bookworm
mirror=${FEEDFERRY_DEBIAN_MIRROR:-http://deb.debian.org/debian}
url=http://127.0.0.1:8080/
start_seconds_max=120
stop_seconds_max=10

timings=()
step() { # NAME COMMAND...: runs it, keeps its time, and its output in $bare/var/log
  local name=$1 began=$SECONDS log="$bare/var/log/bare-${#timings[@]}.log"
  shift
  mkdir -p "${log%/*}"
  echo "== $name"
  if ! "$@" > "$log" 2>&1; then
    tail -n 60 "$log"
    printf '%s\n' "${timings[@]}" "$(printf '%4d s  FAILED: %s (its output: %s)' $((SECONDS - began)) "$name" "$log")"
    exit 1
  fi
  timings+=("$(printf '%4d s  %s' $((SECONDS - began)) "$name")")
}

inside() {
  chroot "$bare" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$@"
}
in_clone() { inside bash -c "cd /root/feedferry && $1"; }

# What this machine needs to reach the outside: certificates, apt's settings, npm's registry. No credentials.
lend_network_settings() {
  mkdir -p "$bare/etc/ssl/certs"
  cp -L /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/" 2> /dev/null || true
  cp /etc/resolv.conf /etc/hosts "$bare/etc/" 2> /dev/null || true
  apt-config dump Acquire | grep -E '^Acquire::(http|https|Check|Retries)' > "$bare/etc/apt/apt.conf.d/90host" || true
  if grep -q "^VERSION_CODENAME=$suite" /etc/os-release; then
    cp -r /etc/apt/sources.list /etc/apt/sources.list.d "$bare/etc/apt/" 2> /dev/null || true
  fi
  echo "registry=$(npm config get registry)" > "$bare/root/.npmrc"
  echo "cafile=/etc/ssl/certs/ca-certificates.crt" >> "$bare/root/.npmrc"
}

install_node() {
  inside apt-get -q update
  inside apt-get -q install -y --no-install-recommends nodejs npm git ca-certificates
  # The package has made its own list of certificates.
  cp -L /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/" 2> /dev/null || true
}

clone() {
  rm -rf "$bare/root/feedferry"
  git clone --quiet --no-hardlinks "$tree" "$bare/root/feedferry"
}

answers() {
  in_clone "node -e \"fetch('$url').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\""
}

# `npm ci && npm start`, until a page comes; then a signal, and it must end in time.
start_and_stop() {
  in_clone 'npm ci && exec npm start' &
  local pid=$! began=$SECONDS
  until answers; do
    kill -0 $pid 2> /dev/null || { echo 'it ended by itself'; return 1; }
    [ $((SECONDS - began)) -lt $start_seconds_max ] || { echo 'no page in time'; return 1; }
    sleep 0.5
  done
  echo "first page after $((SECONDS - began)) s"
  began=$SECONDS
  kill -TERM $pid
  while kill -0 $pid 2> /dev/null; do
    [ $((SECONDS - began)) -lt $stop_seconds_max ] || { echo 'SIGTERM did not end it'; return 1; }
    sleep 0.2
  done
}

if (exec 3<> /dev/tcp/127.0.0.1/8080) 2> /dev/null; then
  echo 'port 8080 is taken on this machine: end what listens there first'
  exit 1
fi
rm -rf --one-file-system "$bare"
mkdir -p "$bare"
step 'a bare Debian 12' debootstrap --variant=minbase "$suite" "$bare" "$mirror"
# A mount of its own, so that the test rig can make namespaces in there.
mount --bind "$bare" "$bare"
mount -t proc proc "$bare/proc"
mount --rbind /dev "$bare/dev"
lend_network_settings
step 'its Node, npm and git' install_node
echo "node $(inside node --version), npm $(inside npm --version)"
step 'git clone' clone
step 'npm ci && npm start, to the first page, and SIGTERM' start_and_stop
step 'git clone again' clone
step 'npm ci && npm test' in_clone 'npm ci && npm test'
grep -hE '^first page|^[0-9]+ passed, ' "$bare"/var/log/bare-*.log
if grep -hiE '^npm (warn|error)' "$bare"/var/log/bare-*.log; then echo 'npm warned: see above'; fi
printf '%s\n' "${timings[@]}"
umount --recursive --lazy "$bare"
[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$bare"
