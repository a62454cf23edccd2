#!/usr/bin/env bash
# Hold the locked packages to the public list of known weaknesses; run by `make audit`.
# Says that it is skipped where the list or the tool cannot be reached.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOL=pip-audit==2.9.0
LIST=https://pypi.org/pypi/pip-audit/json

skip() {
    printf 'audit: skipped, %s\n' "$*"
    exit 0
}

python - "$LIST" <<'END' || skip "no network"
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=10).close()
except OSError:
    sys.exit(1)
END
# isolated: the tool's own packages stay out of .venv
uv tool run --quiet "$TOOL" --version >/dev/null 2>&1 || skip "$TOOL cannot be had"
for lock in requirements torch; do
    uv tool run --quiet "$TOOL" --disable-pip --require-hashes -r "envs/locks/$lock.txt"
done
