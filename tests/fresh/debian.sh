#!/usr/bin/env bash
# Make a Debian with nothing but Python and make in it, and run commands there in a clone:
#     debian.sh CLONE NEW-FOLDER COMMAND...
# The way to the network is this machine's: resolver, proxies, certificates, pip's settings.
# Run by run.sh in a mount namespace of its own.
set -euo pipefail

SUITE=bookworm
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt

clone=$1
debian=$2
shift 2

log=$debian.log
debootstrap --variant=minbase --include=make,python3 "$SUITE" "$debian" "$MIRROR" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2 && exit 1; }

for file in /etc/resolv.conf /etc/hosts; do cp -L "$file" "$debian$file"; done
apt-config dump Acquire | grep -E 'Proxy|Verify|CaInfo' >"$debian/etc/apt/apt.conf.d/90host" || true
network=("PIP_NO_CACHE_DIR=1")
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!name:-}" ]; then network+=("$name=${!name}"); fi
done
if [ -f "$CERTIFICATES" ]; then
    # not in its own place, where a package would write over it
    install -D -m 644 "$CERTIFICATES" "$debian/etc/ssl/host.crt"
    for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE; do
        network+=("$name=/etc/ssl/host.crt")
    done
fi

# pip's settings, from whatever files and variables, and the local paths that they name
settings=$(python3 -m pip config list)
{
    echo "[global]"
    sed -nE "s/\\\\n/ /g; s/^[^.]*\.([a-z-]+)='(.*)'$/\1 = \2/p" <<<"$settings" |
        grep -vE '^(cert|no-cache-dir|config-file) ' | sort -u -t= -k1,1
} >"$debian/etc/pip.conf"
for path in $(grep -oE '(/[[:alnum:]._-]+)+' <<<"$settings" | sort -u); do
    # an index's files lie beside it
    path=${path%/simple}
    if [ -f "$path" ]; then
        install -D -m 644 "$path" "$debian$path"
    elif [ -d "$path" ]; then
        mkdir -p "$debian$path"
        mount --bind "$path" "$debian$path"
    fi
done

mount --rbind /dev "$debian/dev"
mount -t proc proc "$debian/proc"
mv "$clone" "$debian/root/clone"
for command in "$@"; do
    printf 'fresh: %s\n' "$command"
    chroot "$debian" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${network[@]}" bash -euc "cd /root/clone; $command"
done
