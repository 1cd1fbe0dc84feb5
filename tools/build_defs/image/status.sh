#!/usr/bin/env bash
# What --config=release writes into images, for Bazel's --workspace_status_command.
set -euo pipefail

commit=$(git rev-parse HEAD 2>/dev/null) || {
    echo "status.sh: error: this is no git repository, so a release has no commit to name: build without --config=release" >&2
    exit 1
}
[[ -z $(git status --porcelain) ]] || commit=$commit-dirty
echo "STABLE_LAXAI_COMMIT $commit"
version=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null) || exit 0
echo "STABLE_LAXAI_VERSION ${version#v}"
