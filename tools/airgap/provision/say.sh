# What bazelw says, always on standard error: standard output belongs to Bazel.

say() {
    printf 'bazelw: %s\n' "$*" >&2
}

# fail WHAT WHAT-TO-DO: one line; 36 is Bazel's own exit code for a problem of the machine, not of the build.
fail() {
    printf 'bazelw: error: %s – %s\n' "$1" "$2" >&2
    exit 36
}

mb() {
    printf '%d MB' $((($1 + 999999) / 1000000))
}

# progress LABEL TOTAL MEASURE PID: until the process PID ends, shows how much of TOTAL the command MEASURE prints.
# A line that is rewritten on a terminal, a new line every ten seconds elsewhere.
progress() {
    local label=$1 total=$2 measure=$3 pid=$4 started=$SECONDS shown=-10 done_ left
    while kill -0 "$pid" 2>/dev/null; do
        done_=$($measure)
        left=
        if ((SECONDS > started + 2 && done_ > 0 && done_ < total)); then
            left=", about $(((SECONDS - started) * (total - done_) / done_ + 1)) s left"
        fi
        if [[ -t 2 ]]; then
            printf '\rbazelw: %s: %d %%%s\033[K' "$label" $((total ? done_ * 100 / total : 0)) "$left" >&2
        elif ((SECONDS >= shown + 10)); then
            ((shown < 0)) || printf 'bazelw: %s: %d %%%s\n' "$label" $((total ? done_ * 100 / total : 0)) "$left" >&2
            shown=$SECONDS
        fi
        sleep 0.5
    done
    [[ -t 2 ]] && printf '\r\033[K' >&2
    return 0
}
