#!/usr/bin/env bash
# Loads an image into the container engine of this machine.
set -euo pipefail

if [[ -d $0.runfiles ]]; then
    runfiles=$0.runfiles
elif [[ $0 == *.runfiles/* ]]; then
    runfiles=${0%%.runfiles/*}.runfiles
else
    runfiles=${RUNFILES_DIR:?"the runfiles of $0 cannot be found: start it with bazel run"}
fi
[[ $runfiles == /* ]] || runfiles=$PWD/$runfiles
export RUNFILES_DIR=$runfiles

loader="%loader%"
if [[ -n $loader ]]; then
    engine=$runfiles/$loader
else
    for engine in docker podman nerdctl ""; do
        [[ -n $engine ]] && command -v "$engine" > /dev/null && break
    done
fi
if [[ -z $engine ]]; then
    echo >&2 "error: none of docker, podman and nerdctl is on the PATH (inside the private root, in the airgap way)."
    echo >&2 "Build the archive instead, with --output_groups=tarball, and load it where an engine is."
    exit 1
fi

"$engine" load --input <(
    "$runfiles/%archive%" --image="$runfiles/%image%" --tags="$runfiles/%tags%" --format=%format% --output=-
)
