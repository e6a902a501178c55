#!/bin/sh
# Makes the environment that the Makefile's commands run in:  bootstrap.sh runtime|dev
#
# Needs a POSIX shell and a supported Python with venv, nothing else. PYTHON names the interpreter
# (default python3), VENV the environment (default .venv). The only network access is pip's own. Says
# everything on stderr, so that the stdout of `make bench` is the benchmark's.
#
# The state of the environment is kept in $VENV/.resnet_bench: "unfinished" from before the first file
# is laid until after the last one, then what was installed, for which Python, where and from what. An
# environment that is still right costs one start of its Python; one that was interrupted, moved or
# belongs to another Python is made again from nothing; after a change of pyproject.toml or
# constraints.txt pip brings it up to date. A folder that is not ours is left alone.

set -eu

SUPPORTED='Python 3.11, 3.12 or 3.13'
VERSION='import platform, sys; print("%s %d.%d" % ((platform.python_implementation(),) + tuple(sys.version_info[:2])))'

say() { printf 'resnet_bench: %s\n' "$1" >&2; }

fail() {
    say "$1"
    exit 1
}

# "CPython 3.12", or nothing where $1 does not start (a version manager's shim may exist and refuse).
version_of() { "$1" -c "$VERSION" 2>/dev/null </dev/null || true; }

# Debian ships venv without the ensurepip it needs: asking for venv alone would not notice.
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null; }

# Sets `python` and `version` to what PYTHON names; for the default also tries the versioned names.
choose_python() {
    set -- "$PYTHON"
    [ "$PYTHON" != python3 ] || set -- python3 python3.13 python3.12 python3.11
    problem='' missing=''
    for python; do
        version=$(version_of "$python")
        case $version in
            'CPython 3.11' | 'CPython 3.12' | 'CPython 3.13')
                if can_make_venv "$python"; then
                    [ "$python" = "$PYTHON" ] || say "$problem: using $python ($version)."
                    return
                fi
                : "${missing:=$python (${version}) lacks the venv and ensurepip modules}"
                : "${problem:=$missing}"
                : "${package:=python${version#CPython }-venv}"
                ;;
            '') : "${problem:=$python was not found or does not start}" ;;
            *) : "${problem:=$python is $version and $SUPPORTED is needed}" ;;
        esac
    done
    [ -z "$missing" ] || fail "$missing: install them (Debian, Ubuntu: apt-get install $package) and repeat."
    fail "$problem. Install $SUPPORTED, or name one: make PYTHON=/path/to/python3.12 ..."
}

sources() { cat pyproject.toml constraints.txt | cksum; }

mark() { printf '%s\n' "$@" >"$marker"; }

# Reads the marker: what is there, and whether the environment it describes is this one, still working.
read_marker() {
    have='' have_version='' have_place='' have_sources=''
    [ -f "$marker" ] || return 0
    {
        IFS= read -r have || return 0
        IFS= read -r have_version || return 0
        IFS= read -r have_place || return 0
        IFS= read -r have_sources || return 0
    } <"$marker"
}

# A finished environment, here, whose own Python still runs and is the one asked for.
is_whole() {
    [ -n "$have_sources" ] && [ "$have_place" = "$(cd "$VENV" && pwd -P)" ] &&
        [ "$have_version" = "$(version_of "$VENV/bin/python")" ] &&
        { [ "$PYTHON" = python3 ] || [ "$have_version" = "$(version_of "$PYTHON")" ]; }
}

# Everything but the marker first: removal that is interrupted leaves a folder that is known as ours.
empty() { find "$VENV" -mindepth 1 -maxdepth 1 ! -name "${marker##*/}" -exec rm -rf {} +; }

leave_nothing() {
    status=$?
    trap - EXIT
    if [ "$have" = unfinished ]; then
        empty
        rm -rf "$VENV"
    fi
    exit "$status"
}

create() {
    choose_python
    say "making $VENV with $python ($version) and installing into it: some minutes."
    mkdir -p "$VENV"
    have=unfinished
    mark unfinished
    empty
    "$python" -m venv "$VENV" </dev/null >&2 || fail "$python -m venv $VENV failed."
}

# A failed update leaves the old environment to its user, but marked, so that the next call makes it anew.
update() {
    say "bringing $VENV up to date."
    version=$have_version
    mark unfinished
}

# Byte code is compiled now: TensorFlow's first import takes twelve seconds without it.
pip_install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --compile \
        --constraint constraints.txt "$@" </dev/null >&2 ||
        fail "pip could not install into $VENV: its message stands above. Repeat the command to start over."
}

# The build backend is pinned like the rest: installed first, then used in place of an unpinned copy.
install() {
    case $1 in
        dev) target='.[dev]' ;;
        *) target='.' ;;
    esac
    pip_install setuptools
    pip_install --no-build-isolation --editable "$target"
    mark "$1" "$version" "$(cd "$VENV" && pwd -P)" "$(sources)"
    have=$1
}

case ${1-} in
    runtime | dev) wanted=$1 ;;
    *) fail "usage: bootstrap.sh runtime|dev" ;;
esac

cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
marker=$VENV/.resnet_bench
# Packages found through these would count as installed.
unset PYTHONPATH PYTHONHOME

read_marker
if is_whole; then
    if [ "$have_sources" = "$(sources)" ] && { [ "$have" = dev ] || [ "$have" = "$wanted" ]; }; then
        exit 0
    fi
    update
    # What the environment could do before, it can do after.
    [ "$have" != dev ] || wanted=dev
else
    if [ ! -e "$marker" ] && [ -e "$VENV" ] && ! rmdir "$VENV" 2>/dev/null; then
        fail "$VENV exists and was not made by this Makefile: move it away, or choose another with make VENV=.venv-bench ..."
    fi
    have=''
    trap leave_nothing EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    create
fi
install "$wanted"
