#!/usr/bin/env bash
# Debian's SLURM and munge for `make test-slurm`; its services are not started.
set -euo pipefail

[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
    echo "make test-slurm: needs root and apt-get to install SLURM" >&2
    exit 1
}
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # asked by Debian's packages whether a service may start
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -q
apt-get install -yq --no-install-recommends slurmctld slurmd slurm-client munge
