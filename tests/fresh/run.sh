#!/usr/bin/env bash
# The README's commands on a machine that has never seen the project; run by `make
# test-fresh`: in a new clone of HEAD with an empty home folder and no pip cache, then, as
# root, in a bare Debian. Arguments, if any, are run instead of the two commands:
#     bash tests/fresh/run.sh "make setup"
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/fresh/home.sh

[ $# -gt 0 ] || set -- "make run" "make test"
# what the outer make hands down must not reach the clone
PATH=${PATH#"$PWD/.venv/bin:"}
unset "${!MAKE@}" "${!GRVSNN_@}" MFLAGS R_LIBS VIRTUAL_ENV

say() { printf 'fresh: %s\n' "$*"; }

work=$(mktemp -d -t grvsnn-fresh.XXXXXX)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/clone"
cp -r "$work/clone" "$work/for-debian"

say "in a new folder with an empty home: $*"
(
    use_home "$work/home"
    cd "$work/clone"
    for command in "$@"; do
        say "$command"
        bash -euc "$command"
    done
)
rm -rf "$work/clone"

if [ "$(id -u)" != 0 ]; then
    say "skipped the bare Debian: needs root"
elif ! unshare --mount true 2>/dev/null; then
    say "skipped the bare Debian: this machine lets nothing be mounted"
elif ! command -v debootstrap >/dev/null &&
    ! apt-get install -yq --no-install-recommends debootstrap >/dev/null 2>&1; then
    say "skipped the bare Debian: no debootstrap, and apt cannot install it"
else
    say "in a bare Debian: $*"
    # its mounts end with it
    unshare --mount bash tests/fresh/debian.sh "$work/for-debian" "$work/debian" "$@"
fi
