# Sourced by run.sh and .ci/run.

# Give what follows a home folder of its own and no pip cache. pip's settings stay (they say
# where packages come from), and so does a Python that is found by way of the old home.
use_home() {
    local file python
    python=${PYTHON:-$(python3 -c 'import sys; print(sys.executable)')}
    for file in "${XDG_CONFIG_HOME:-${HOME:-}/.config}/pip/pip.conf" "${HOME:-}/.pip/pip.conf"; do
        if [ -f "$file" ]; then export PIP_CONFIG_FILE=${PIP_CONFIG_FILE:-$file}; fi
    done
    mkdir -p "$1"
    export HOME=$1 PIP_NO_CACHE_DIR=1
    # nor Python's own settings: one that writes no byte code hid a start that failed
    unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME "${!PYTHON@}"
    export PYTHON=$python
}
