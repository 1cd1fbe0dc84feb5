# Enters the private root and becomes Bazel there: the process keeps its id, so signals, exit codes and the terminal need
# nobody in between. Two entrances, found out once per machine:
#   namespaces   unshare and mounts (inside.sh); as an ordinary user through a user namespace
#   proot        where the kernel or a container forbids them; slower

source "$parts/folders.sh"
source "$parts/proot.sh"

enter_and_run() {
    local architecture multiarch python pip image_debs key value rc
    while IFS='=' read -r key value; do
        printf -v "$key" %s "$value"
    done <"$provision/facts"
    root=$provision/root
    find_shared_folders
    find_entrance

    export LAXAI_AIRGAP_PYTHON=$python LAXAI_AIRGAP_PIP=$pip LAXAI_AIRGAP_IMAGE_DEBS=$image_debs LAXAI_AIRGAP_ROOT=$root
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    # A user id without a name (a container's) is nobody to Bazel.
    export USER=${USER:-$(id -un 2>/dev/null || printf 'user%s' "$EUID")}
    # They name libraries, modules and a JDK of the host, which do not fit in here.
    unset LD_LIBRARY_PATH LD_PRELOAD PYTHONHOME PYTHONPATH JAVA_HOME

    # What Bazel is told on this way: the workspace's own registry and configuration, or LAXAI_REGISTRY's.
    rc=$airgap/told/$(printf '%s\n' "$workspace" "${LAXAI_REGISTRY-}" | cksum | tr -d ' ').bazelrc
    {
        # Rules under tools/airgap/modules find the interpreter by these.
        printf 'common "--repo_env=%s"\n' "LAXAI_AIRGAP_PYTHON=$python" "LAXAI_AIRGAP_PIP=$pip" \
            "LAXAI_AIRGAP_IMAGE_DEBS=$image_debs" "LAXAI_AIRGAP_ROOT=$root"
        if [[ -n ${LAXAI_REGISTRY-} ]]; then
            printf 'common --noenable_workspace\n'
            registry_bazelrc
        else
            printf 'common --config=airgap\ncommon "--registry=file://%s/tools/airgap/registry"\n' "${workspace// /%20}"
        fi
    } | write_bazelrc "$rc"
    # Wheels are source directories: BAZEL_TRACK_SOURCE_DIRECTORIES watches them whole.
    # The first four: Debian's bazel needs them. A server of another provision or entrance is not this one's: Bazel
    # restarts it when a startup option differs, and the property is one.
    set -- bazel --nosystem_rc --install_base=/usr/share/bazel --trust_install_base \
        --server_javabase=/usr/lib/jvm/default-java \
        --output_user_root="$airgap/bazel" --host_jvm_args=-DBAZEL_TRACK_SOURCE_DIRECTORIES=1 \
        --host_jvm_args="-Dlaxai.root=${provision##*/}-$entrance" \
        --bazelrc="$rc" "$@"
    if [[ / -ef $root ]]; then
        exec "$@" # what Bazel started starts Bazel: it is inside already
    fi
    "enter_with_$entrance" "$@"
}

find_entrance() {
    local record=$provision/entrance-$machine-$EUID
    if [[ -r $record ]] && read -r entrance <"$record"; then
        return
    fi
    for entrance in mounts user_namespace proot; do
        if (cd / && "enter_with_$entrance" true) >/dev/null 2>&1; then
            printf '%s\n' "$entrance" >"$record"
            return
        fi
    done
    fail "the private root cannot be entered: neither namespaces nor ptrace (proot) are allowed here" \
        "allow user namespaces (sysctl user.max_user_namespaces, a container's seccomp profile), or install bazelisk"
}

# of_root PROGRAM ARGUMENTS…: becomes (see $become) a program of the root's, by the root's own dynamic loader, from
# outside of it: nothing of the kind need be installed on the host.
become=(exec)
of_root() {
    local program=$1
    shift
    case $multiarch in
        x86_64-*) set -- "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/$multiarch" "$root$program" "$@" ;;
        aarch64-*) set -- "$root/lib/ld-linux-aarch64.so.1" --library-path "$root/usr/lib/$multiarch" "$root$program" "$@" ;;
    esac
    "${become[@]}" "$@"
}

# For root: a mount namespace is enough.
enter_with_mounts() {
    ((EUID == 0)) || return 1
    of_root /usr/bin/unshare --mount --propagation slave "$BASH" "$parts/inside.sh" "$root" "${#shared[@]}" "${shared[@]}" "$@"
}

# For everybody else: root of a user namespace of one's own, to mount, and oneself again afterwards.
enter_with_user_namespace() {
    local user group
    user=$EUID group=$(id -g)
    of_root /usr/bin/unshare --map-root-user --mount --propagation slave "$BASH" "$parts/inside.sh" "$root" "${#shared[@]}" "${shared[@]}" \
        unshare --map-user="$user" --map-group="$group" "$@"
}
