#!/bin/sh
# Starts a Python program with the interpreter and the imports of its own runfiles.
set -eu

# Where the runfiles are: beside this launcher, around it (when it is data of another program), or where Bazel says.
# The environment comes last, since a program that was started by another inherits the other's.
if [ -d "$0.runfiles" ]; then
    runfiles="$0.runfiles"
else
    case "$0" in
        *.runfiles/*) runfiles="${0%%.runfiles/*}.runfiles" ;;
        *) runfiles="${RUNFILES_DIR:-${TEST_SRCDIR:-}}" ;;
    esac
fi
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
