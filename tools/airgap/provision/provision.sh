# Makes the private root, once. A provision is a folder named after a hash of what it is made from, and is renamed to that
# name when it is whole: so it is there or not there, whenever this is cut off.
#
#   $airgap/<key>/root          the root file system
#   $airgap/<key>/facts         python=…, pip=…, image_debs=…: the folders that follow
#   $airgap/python-3.11.x-<of>/ the interpreter, and pip-…/ beside it; <of> is a hash of what they are made from, so that
#                               a new provision has the same ones where nothing about them changed
#   $airgap/image-debs-<of>/    the packages of image-packages.txt, as downloaded
#   $airgap/told/               a bazelrc per workspace: see enter.sh
#   $airgap/bazel/              what Bazel itself keeps and builds
#   $airgap/work/               while provisioning; what it downloaded is used again after an interruption

provision_if_needed() {
    local key
    key=$(cat "$parts"/{packages.txt,interpreter-packages.txt,image-packages.txt,root.sh,interpreter.sh} | cksum)
    key=${key%% *}
    provision=$airgap/$key
    if [[ ! -d $provision ]]; then
        mkdir -p "$airgap" 2>/dev/null || fail "$airgap cannot be made" "set LAXAI_CACHE to a folder that you may write to"
        exec {lock}>"$airgap/lock"
        if ! flock -n "$lock"; then
            say "waiting for another bazelw that is provisioning"
            flock "$lock"
        fi
        if [[ ! -d $provision ]]; then
            (make_provision)
        fi
        exec {lock}>&-
    fi
    # Which workspace used this provision last, and when: what old_provisions asks.
    { printf '%s\n' "$workspace" >"$provision/used"; } 2>/dev/null ||
        fail "$provision cannot be written" "make it writable for this user, or set LAXAI_CACHE to another folder"
}

make_provision() {
    local started=$SECONDS
    source "$parts/packages.sh"
    source "$parts/root.sh"
    source "$parts/interpreter.sh"
    set -E
    trap 'say "error: line $LINENO of $(basename "${BASH_SOURCE[0]}") failed: $BASH_COMMAND"' ERR
    trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
    trap 'exit 143' TERM
    trap 'exit 130' INT
    export LC_ALL=C
    umask 022
    work=$airgap/work
    new=$work/new
    rm -rf "$new"
    mkdir -p "$new/root" "$work/debs/root/partial" "$work"/debs/{interpreter,image}/partial

    check_architecture
    say "taking Debian's own Bazel, because $why"
    say "it goes into a private root under $airgap; nothing else on this machine changes"
    find_mirror
    resolve_packages
    announce
    download_packages
    unpack_root
    mend_root
    unpack_interpreter
    keep_image_debs
    write_facts
    mv -T "$new" "$provision"
    remove_old_provisions
    rm -rf "$work"
    say "provisioned in $((SECONDS - started)) s"
}

check_architecture() {
    architecture=$(dpkg --print-architecture 2>/dev/null) ||
        fail "the airgap way needs a Debian system (there is no dpkg here)" "install bazelisk, or use a Debian machine or container"
    case $architecture in
        amd64) multiarch=x86_64-linux-gnu ;;
        arm64) multiarch=aarch64-linux-gnu ;;
        *) fail "the airgap way knows amd64 and arm64, and this machine is $architecture" "use LAXAI_BAZEL=bazelisk or system" ;;
    esac
}

# What is about to happen, and whether the disk has room for it.
announce() {
    local free needed seconds
    free=$(free_bytes)
    # Debian counts installed sizes in kB, rounded up per file; the packages are on disk beside what they unpack to.
    needed=$((download_bytes - have_bytes + unpacked_bytes + 200000000))
    seconds=$(((download_bytes - have_bytes) / index_speed + unpacked_bytes / 25000000 + 10))
    say "to download: $(mb $((download_bytes - have_bytes))) in $package_count packages, from $mirror"
    say "disk: $(mb "$needed") needed while unpacking, $(mb "$free") free in $airgap"
    say "time: about $seconds s, at the speed at which the package lists came"
    ((free > needed)) ||
        fail "not enough disk: $(mb "$needed") needed in $airgap, $(mb "$free") free" "free some, or set LAXAI_CACHE to a folder on another disk"
}

free_bytes() {
    printf %d $(($(df --output=avail -k "$airgap" | tail -n 1) * 1024))
}

# failed_step WHAT LOG: names a full disk as such. (On a full disk the log may be empty.)
failed_step() {
    if (($(free_bytes) < 1000000)) || grep -q 'No space left on device' "$2"; then
        fail "the disk of $airgap became full while $1" "free some space, or set LAXAI_CACHE to a folder on another disk; the next call goes on from here"
    fi
    sed 's/^/  /' "$2" | tail -n 12 >&2
    fail "$1 failed (last lines above)" "run it again; if it fails again, ./bazelw --airgap-remove starts from nothing"
}

# The packages that rules_oci's stand-in makes a base image of stay packed; apt has checked them.
keep_image_debs() {
    image_debs=$(cd "$work/debs/image" && ls *.deb | cksum)
    image_debs=$airgap/image-debs-${image_debs%% *}
    rmdir "$work/debs/image/partial" 2>/dev/null || true
    [[ -d $image_debs ]] || mv -T "$work/debs/image" "$image_debs"
}

write_facts() {
    printf '%s\n' "architecture=$architecture" "multiarch=$multiarch" "python=$python" "pip=$pip" "image_debs=$image_debs" >"$new/facts"
    printf '%s\n' "$workspace" >"$new/used"
}

# An old provision goes when the workspace that used it last is this one or is gone, or when nobody used it for a month.
remove_old_provisions() {
    local old user
    for old in "$airgap"/[0-9]*/; do
        old=${old%/}
        [[ $old != "$provision" && -f $old/used ]] || continue
        read -r user <"$old/used" || true
        if [[ $user == "$workspace" || ! -d $user || -n $(find "$old/used" -mtime +30) ]]; then
            say "removing an older provision, $old"
            rm -rf "$old"
        fi
    done
    for old in "$airgap"/{python,pip,image-debs}-*; do
        grep -qxF -e "python=$old" -e "pip=$old" -e "image_debs=$old" "$airgap"/[0-9]*/facts || rm -rf "$old"
    done
}
