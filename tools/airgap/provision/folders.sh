# Which folders of the host are seen inside the private root, at the same path. The root itself gives /usr, /etc, /var
# (and /bin, /lib …, which are links into /usr); everything else at the top is the host's, /run for its sockets.

# Sets $shared, and makes the places in the root where they go.
find_shared_folders() {
    local folder
    shared=()
    for folder in /*; do
        case $folder in
            /usr | /bin | /sbin | /lib* | /etc | /var | /boot | /lost+found) continue ;;
        esac
        if [[ -L $folder ]]; then
            [[ -L $root$folder ]] || ln -sfn "$(readlink "$folder")" "$root$folder"
        elif [[ -d $folder ]]; then
            [[ -d $root$folder ]] || mkdir -p "$root$folder"
            shared+=("$folder")
        fi
    done
    shared+=(/var/tmp)
    for folder in "$workspace" "$cache" "${HOME-}" "${TMPDIR-}" "$PWD"; do
        case $folder in
            /usr/* | /var/* | /etc/*) share_within_root "$folder" ;;
        esac
    done
}

# A folder that stands below /usr, /var or /etc on the host (a home in /var/lib, a workspace in /usr/src), unless the root
# has something of its own there.
share_within_root() {
    local above=$1
    while [[ -n $above ]]; do
        [[ " ${shared[*]} " != *" $above "* ]] || return 0
        above=${above%/*}
    done
    if [[ -d $1 && ! -e $root$1 ]]; then
        mkdir -p "$root$1"
        : >"$root$1/.of-the-host"
    fi
    [[ -d $1 && -e $root$1/.of-the-host ]] && shared+=("$1")
    return 0
}
