#!/usr/bin/env bash
# Set up everything `make run` and `make test` need; run by `make setup`.
#
# Steps that are done are skipped: each leaves a stamp named by the hash of what it
# installed. As root on Debian or Ubuntu, missing system packages come through apt;
# otherwise a line says what the lack means.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
RLIB=.rlib
LOCKS=envs/locks
PIP=("$VENV/bin/python" -m pip --quiet --disable-pip-version-check)
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

say() { printf 'setup: %s\n' "$*"; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    say "installing through apt: $*"
    # a fresh image has no package lists
    DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update -q >/dev/null 2>&1 &&
            DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@" >/dev/null; }
}

stamp() { printf '%s/.stamp-%s-%s' "$VENV" "$1" "$(cat "${@:2}" | sha256sum | cut -c1-16)"; }

make_venv() {
    local python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { say "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -m pip --version >/dev/null 2>&1 && return
    rm -rf "$VENV"
    # Debian's python3 has no ensurepip without python3-venv
    "$python" -m venv "$VENV" >/dev/null 2>&1 || {
        rm -rf "$VENV"
        can_apt && apt_install python3-venv && "$python" -m venv "$VENV"
    } || { say "cannot make a virtual environment: install the package python3-venv"; exit 1; }
}

install_python_packages() {
    local done_stamp
    done_stamp=$(stamp python "$LOCKS/requirements.txt")
    [ -e "$done_stamp" ] && return
    say "installing the locked Python packages into $VENV"
    "${PIP[@]}" install --require-hashes --no-deps -r "$LOCKS/requirements.txt"
    touch "$done_stamp"
}

install_torch() {
    local done_stamp build
    done_stamp=$(stamp torch "$LOCKS/torch.txt" "$LOCKS/cuda.txt")
    [ -e "$done_stamp" ] && return
    say "installing torch"
    local index=()
    # without an NVIDIA card, prefer the much smaller CPU build where its index answers
    command -v nvidia-smi >/dev/null || index=(--extra-index-url "$TORCH_CPU_INDEX")
    "${PIP[@]}" install --retries 1 --require-hashes --no-deps "${index[@]}" \
        -r "$LOCKS/torch.txt" 2>/dev/null ||
        "${PIP[@]}" install --require-hashes --no-deps -r "$LOCKS/torch.txt"
    build=$("$VENV/bin/python" -c 'from importlib.metadata import version; print(version("torch"))')
    if [ "$(uname -sm)" = "Linux x86_64" ] && [[ $build != *+cpu ]]; then
        "${PIP[@]}" install --require-hashes --no-deps -r "$LOCKS/cuda.txt"
    fi
    touch "$done_stamp"
}

install_compiler() {
    command -v "${CC:-cc}" >/dev/null && return
    if can_apt && apt_install gcc libc6-dev; then return; fi
    say "no C compiler: the sampler and the network run on their slower fallbacks"
}

install_r() {
    [ "${GRVSNN_SETUP_R:-1}" = 1 ] || return 0
    if ! command -v Rscript >/dev/null; then
        can_apt && apt_install r-base-core r-base-dev ||
            { say "no R: the Bayesian methods run on the native backend"; return 0; }
    fi
    local done_stamp
    done_stamp=$(stamp r "$LOCKS/r.txt")
    if [ ! -e "$done_stamp" ]; then
        say "installing rpy2"
        if "${PIP[@]}" install --require-hashes --no-deps --no-build-isolation \
            -r "$LOCKS/r.txt" >"$VENV/rpy2.log" 2>&1; then
            touch "$done_stamp"
        else
            say "rpy2 cannot be built (see $VENV/rpy2.log): the Bayesian methods run on the native backend"
            return 0
        fi
    fi
    install_bglr
}

install_bglr() {
    R_LIBS="$RLIB" Rscript -e 'quit(status = !requireNamespace("BGLR", quietly = TRUE))' \
        >/dev/null 2>&1 && return
    # asked once: a stamp spares later runs the wait for a CRAN that does not answer
    [ -e "$VENV/.stamp-cran-asked" ] && return
    mkdir -p "$RLIB"
    say "installing the R package BGLR into $RLIB"
    if ! timeout 600 Rscript -e \
        'options(timeout = 20); install.packages("BGLR", lib = commandArgs(TRUE), repos = "https://cloud.r-project.org")' \
        "$RLIB" >"$VENV/bglr.log" 2>&1 || [ ! -d "$RLIB/BGLR" ]; then
        say "CRAN does not answer: the Bayesian methods run on the native backend" \
            "(remove $VENV/.stamp-cran-asked to try again)"
    fi
    touch "$VENV/.stamp-cran-asked"
}

make_venv
install_compiler
install_python_packages
install_torch
install_r
