#!/bin/sh
# Starts a Python program with the interpreter and the imports of its own runfiles.
set -eu

# Where the runfiles are: beside this launcher, around it (when it is data of another program), the same for what it is
# a link to, or where Bazel says. The environment comes last, since a program that was started by another inherits it.
program=$0
runfiles=""
while [ -z "$runfiles" ]; do
    if [ -d "$program.runfiles" ]; then
        runfiles="$program.runfiles"
        break
    fi
    case "$program" in
        *.runfiles/*) runfiles="${program%%.runfiles/*}.runfiles"; break ;;
    esac
    [ -L "$program" ] || break
    link=$(readlink "$program")
    case "$link" in
        /*) program="$link" ;;
        *) program="$(dirname "$program")/$link" ;;
    esac
done
runfiles="${runfiles:-${RUNFILES_DIR:-${TEST_SRCDIR:-}}}"
case "$runfiles" in
    /*) ;;
    "") echo >&2 "$0: its runfiles cannot be found: start it with 'bazel run' or 'bazel test'"; exit 1 ;;
    *) runfiles="$PWD/$runfiles" ;;
esac

path=""
while IFS= read -r import; do
    path="$path:$runfiles/$import"
done <<'IMPORTS'
%imports%
IMPORTS

export RUNFILES_DIR="$runfiles"
export PYTHONPATH="${path#:}"
# Sources and wheels are inputs of the build: nothing may be written beside them.
export PYTHONDONTWRITEBYTECODE=1
unset PYTHONHOME PYTHONSTARTUP || true
exec "$runfiles/%interpreter%" -s "$runfiles/%main%" "$@"
