#!/usr/bin/env bash
# Pushes an image: [--repository R] [--tag T …] [flags of crane push]
set -euo pipefail

if [[ -d $0.runfiles ]]; then
    runfiles=$0.runfiles
elif [[ $0 == *.runfiles/* ]]; then
    runfiles=${0%%.runfiles/*}.runfiles
else
    runfiles=${RUNFILES_DIR:?"the runfiles of $0 cannot be found: start it with bazel run"}
fi

repository="%repository%"
repository_file="%repository_file%"
remote_tags="%remote_tags%"
[[ -z $repository && -n $repository_file ]] && repository=$(tr -d '\n' < "$runfiles/$repository_file")

value_of() {
    if [[ $# -lt 2 ]]; then
        echo >&2 "error: $1 needs a value"
        exit 2
    fi
}

tags=()
flags=()
arguments=()
while [[ $# -gt 0 ]]; do
    case $1 in
        -r | --repository) value_of "$@"; repository=$2; shift 2 ;;
        --repository=*) repository=${1#--repository=}; shift ;;
        -t | --tag) value_of "$@"; tags+=("$2"); shift 2 ;;
        --tag=*) tags+=("${1#--tag=}"); shift ;;
        --platform) value_of "$@"; flags+=("$1" "$2"); shift 2 ;;
        --allow-nondistributable-artifacts | --insecure | -v | --verbose) flags+=("$1"); shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done

if [[ -z $repository ]]; then
    echo >&2 "error: no repository is set: pass --repository"
    exit 1
fi
if [[ -n $remote_tags ]]; then
    while read -r tag || [[ -n $tag ]]; do
        [[ -n $tag ]] && tags+=("$tag")
    done < "$runfiles/$remote_tags"
fi

image=$runfiles/%image%
digest=$(jq --raw-output '.manifests[0].digest' "$image/index.json")
crane push "${flags[@]}" "$image" "$repository@$digest" "${arguments[@]}"
for tag in "${tags[@]}"; do
    crane tag "${flags[@]}" "$repository@$digest" "$tag"
done
