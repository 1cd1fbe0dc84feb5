# Entering the private root with proot, which traces every system call of what it starts.

# For machines that allow neither. proot traces what it starts, and ends when the last process that it traces ends: a
# Bazel server that is started by the call itself would keep that call from returning. So the server is started first,
# by a proot that stays behind with it.
enter_with_proot() {
    local binds=() folder
    for folder in "${shared[@]}"; do
        binds+=(-b "$folder")
    done
    binds+=(-b /etc:/.host/etc)
    if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
        binds+=(-b /etc/ssl/certs/ca-certificates.crt)
    fi
    # Its faster way of tracing ends programs with a bus error on current kernels.
    export PROOT_NO_SECCOMP=1
    if [[ $1 == bazel ]]; then
        start_server_with_proot "$@"
    fi
    proot_and_forward "$@"
}

# proot ignores the signals that are sent to it, so this shell waits beside it and passes them on to the program. The
# terminal's Ctrl-C reaches the program by itself.
proot_and_forward() {
    local pid_file status=0
    pid_file=$(mktemp "$airgap/pid-XXXXXX")
    become=()
    # env, because a shell's background job is started with the interrupt signal ignored.
    of_root /usr/bin/proot -r "$root" "${binds[@]}" -w "$PWD" env --default-signal=INT,QUIT \
        sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$pid_file" "$@" <&0 &
    trap 'forward TERM' TERM
    trap 'forward HUP' HUP
    if [[ -t 0 || -t 1 || -t 2 ]]; then
        trap : INT
    else
        trap 'forward INT' INT
    fi
    # A signal ends the wait, not the program.
    while wait $! && status=0 || status=$?; kill -0 $! 2>/dev/null; do :; done
    rm -f "$pid_file"
    exit "$status"
}

forward() {
    local pid=
    read -r pid <"$pid_file" && kill -s "$1" "$pid" 2>/dev/null || true
}

start_server_with_proot() {
    local startup=() started
    startup=("$1")
    shift
    while [[ ${1-} == -* ]]; do
        startup+=("$1")
        case $1 in
            --output_base | --output_user_root | --bazelrc | --host_jvm_args | --max_idle_secs | --server_javabase)
                startup+=("${2-}") && shift
                ;;
        esac
        shift
    done
    started=$(mktemp -u "$airgap/started-XXXXXX")
    (
        become=(setsid)
        of_root /usr/bin/proot -r "$root" "${binds[@]}" -w "$PWD" \
            sh -c 'started=$1; shift; "$@" version; : >"$started"' sh "$started" "${startup[@]}" </dev/null >"$airgap/proot.log" 2>&1 &
        while [[ ! -e $started ]] && kill -0 $! 2>/dev/null; do
            sleep 0.05
        done
    )
    rm -f "$started"
}
