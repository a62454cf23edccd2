#!/usr/bin/env bash
# Set up everything `make run` and `make test` need; run by `make setup`.
#
# Steps that are done are skipped: each leaves a stamp named by the hash of what it
# installed. As root on Debian or Ubuntu, missing system packages come through apt;
# otherwise a line says what the lack means. GRVSNN_SETUP_R=0 leaves R alone.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
RLIB=${GRVSNN_RLIB:-.rlib}
LOCKS=envs/locks
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

say() { printf 'setup: %s\n' "$*"; }

fail() {
    say "$*" >&2
    exit 1
}

# Run a command; its own words are shown only when it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [ "$status" = 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    return "$status"
}

pip_install() {
    quietly "$VENV/bin/python" -m pip --quiet --disable-pip-version-check \
        install --require-hashes --no-deps "$@"
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    local install=(apt-get -o Acquire::http::Timeout=20 install -yq --no-install-recommends)
    export DEBIAN_FRONTEND=noninteractive
    say "installing through apt: $*"
    # a fresh image has no package lists
    "${install[@]}" "$@" >/dev/null 2>&1 || {
        quietly apt-get -o Acquire::http::Timeout=20 update -q && quietly "${install[@]}" "$@"
    }
}

stamp() { printf '%s/.stamp-%s-%s' "$VENV" "$1" "$(cat "${@:2}" | sha256sum | cut -c1-16)"; }

make_venv() {
    local python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -m pip --version >/dev/null 2>&1 && return
    rm -rf "$VENV"
    # Debian's python3 has no ensurepip without python3-venv
    "$python" -m venv "$VENV" >/dev/null 2>&1 || {
        rm -rf "$VENV"
        can_apt && apt_install python3-venv && "$python" -m venv "$VENV"
    } || fail "cannot make a virtual environment: install the package python3-venv"
}

install_python_packages() {
    local done_stamp
    done_stamp=$(stamp python "$LOCKS/requirements.txt")
    [ -e "$done_stamp" ] && return
    say "installing the locked Python packages into $VENV"
    pip_install -r "$LOCKS/requirements.txt"
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
    pip_install --retries 1 "${index[@]}" -r "$LOCKS/torch.txt" 2>/dev/null ||
        pip_install -r "$LOCKS/torch.txt"
    build=$("$VENV/bin/python" -c 'from importlib.metadata import version; print(version("torch"))')
    if [ "$(uname -sm)" = "Linux x86_64" ] && [[ $build != *+cpu ]]; then
        pip_install -r "$LOCKS/cuda.txt"
    fi
    touch "$done_stamp"
}

install_compiler() {
    command -v "${CC:-cc}" >/dev/null && return
    if can_apt && apt_install gcc libc6-dev; then return; fi
    say "no C compiler: the sampler and the network run on their slower fallbacks"
}

# An inherited R_HOME may be that of another R.
r_home() { env -u R_HOME R RHOME; }

install_r() {
    [ "${GRVSNN_SETUP_R:-1}" = 1 ] || return 0
    install_debian_r
    if ! command -v R >/dev/null; then
        say "no R: the Bayesian methods run on the native backend"
        return 0
    fi
    build_bridge
    install_bglr
}

# Debian's R, what BGLR imports (CRAN's own MASS is for newer versions of R), what rpy2 is
# compiled against, and what R's tests need.
install_debian_r() {
    local packages=(r-base-core r-base-dev r-cran-mass r-cran-truncnorm) headers
    can_apt || return 0
    # R from elsewhere has no use for Debian's packages
    if command -v R >/dev/null && [ "$(r_home)" != /usr/lib/R ]; then return 0; fi
    headers=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    if [[ $headers = /usr/include/* ]]; then packages+=("${headers##*/}-dev"); fi
    apt_install_missing "${packages[@]}" || return 0
    apt_install_missing r-cran-testthat r-cran-lintr ||
        say "the tests of the R code are skipped"
}

apt_install_missing() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

# Start R inside Python by the module named, and print R's version.
start_r() {
    R_HOME=$(r_home) "$VENV/bin/python" - "$1" 2>"$VENV/bridge.log" <<'END'
import importlib, sys
module = importlib.import_module(sys.argv[1])
if module.__name__ == "rpy2.rinterface":
    module.initr()
    print(module.baseenv["R.version.string"][0])
else:
    print(module.r("R.version.string")[0])
END
}

build_bridge() {
    local done_stamp version
    done_stamp=$(stamp bridge "$LOCKS/r_build.txt" "$LOCKS/r.txt")
    # the quicker half of rpy2 finds out whether R was changed since
    [ -e "$done_stamp" ] && start_r rpy2.rinterface >/dev/null && return
    rm -f "$VENV"/.stamp-bridge-*
    say "building rpy2"
    # without cffi the build succeeds and leaves the bridge out; a wheel of such a build may
    # lie in pip's cache
    pip_install -r "$LOCKS/r_build.txt"
    # where headers are missing, cffi reaches R without a compiler
    pip_build_rpy2 2>/dev/null || RPY2_CFFI_MODE=ABI pip_build_rpy2 ||
        fail_bridge "rpy2 cannot be built"
    version=$(start_r rpy2.robjects) ||
        fail_bridge "rpy2 cannot start R: $(tail -n 1 "$VENV/bridge.log")"
    say "rpy2 starts $version"
    touch "$done_stamp"
}

pip_build_rpy2() {
    R_HOME=$(r_home) pip_install --no-build-isolation --no-cache-dir --force-reinstall \
        -r "$LOCKS/r.txt"
}

fail_bridge() {
    say "$1" >&2
    fail "R is here, so the bridge to it must work; GRVSNN_SETUP_R=0 does without R"
}

install_bglr() {
    export R_LIBS=$RLIB${R_LIBS:+:$R_LIBS}
    Rscript -e 'quit(status = !requireNamespace("BGLR", quietly = TRUE))' >/dev/null 2>&1 &&
        return
    mkdir -p "$RLIB"
    say "installing the R package BGLR into $RLIB"
    local log=$VENV/bglr.log
    LANGUAGE=en timeout 600 Rscript envs/install_bglr.R "$RLIB" >"$log" 2>&1 && return
    say "no BGLR, the Bayesian methods run on the native backend; R said:" \
        "$(grep -E '^(ERROR|Error)|not available' "$log" | tail -n 1 || tail -n 1 "$log")" \
        "(all of it in $log; the next set-up tries again)"
}

make_venv
install_compiler
install_python_packages
install_torch
install_r
