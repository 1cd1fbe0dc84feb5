# Where bazelw keeps things. Everything that the airgap way makes is below $airgap.

if [[ -z ${LAXAI_CACHE-} && -z ${XDG_CACHE_HOME-} && -z ${HOME-} ]]; then
    fail "HOME is not set, so there is no folder to keep Bazel in" "set LAXAI_CACHE to a folder with 4 GB of space"
fi
cache=${LAXAI_CACHE:-${XDG_CACHE_HOME:-${HOME-}/.cache}/laxai}
if [[ $cache != /* ]]; then
    cache=$PWD/$cache
fi
airgap=$cache/airgap
machine=${HOSTNAME:-localhost} # a cache folder may be shared between machines that differ
