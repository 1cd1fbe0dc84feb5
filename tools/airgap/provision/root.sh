# Unpacks the packages into $new/root and mends what their maintainer scripts, which do not run, would have done.

# Documentation and translations are of no use to a build; that is a tenth of the files.
left_out=(--exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/info --exclude=./usr/share/locale
    --exclude=./usr/share/lintian --exclude=./usr/share/bug --exclude=./usr/share/icons --exclude=./usr/share/nodejs)

# unpack DEB FOLDER
unpack() {
    dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --no-same-owner "${left_out[@]}"
}

unpack_root() {
    local root=$new/root pid status=0
    # base-files first: it makes /bin, /lib and so on links to their places under /usr.
    unpack "$(echo "$work"/debs/root/base-files_*.deb)" "$root" 2>"$work/log" || failed_step "unpacking base-files" "$work/log"
    : >"$work/unpacked"
    (
        set -o pipefail
        unpack_all() {
            local deb
            for deb; do
                unpack "$deb" "$root" || { echo "cannot unpack $deb" >&2 && return 1; }
                stat -c %s "$deb" >>"$work/unpacked"
            done
        }
        # Largest first, dealt to two workers in turn.
        mapfile -t debs < <(ls -S "$work"/debs/root/*.deb | grep -v /base-files_)
        for i in "${!debs[@]}"; do
            ((i % 2)) && odd+=("${debs[i]}") || even+=("${debs[i]}")
        done
        unpack_all "${odd[@]}" &
        other=$!
        unpack_all "${even[@]}" || exit
        wait "$other"
    ) 2>"$work/log" &
    pid=$!
    progress "unpacking" "$download_bytes" unpacked_so_far "$pid"
    wait "$pid" || status=$?
    ((status == 0)) || failed_step "unpacking the packages" "$work/log"
}

unpacked_so_far() {
    awk '{ s += $1 } END { printf "%d", s }' "$work/unpacked"
}

mend_root() {
    local root=$new/root file
    find "$root" -perm /6000 -exec chmod ug-s {} +

    # update-alternatives
    link_first "$root/usr/bin/awk" gawk mawk
    link_first "$root/usr/bin/cc" gcc
    link_first "$root/usr/bin/c++" g++
    link_first "$root/usr/bin/java" ../lib/jvm/default-java/bin/java

    # ca-certificates; the host's own bundle goes over this one where it has one
    mkdir -p "$root/etc/ssl/certs"
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    ln -sfn /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"

    # ca-certificates-java: without it, Bazel's own downloads know no authority. Frozen at what the host trusts now, and
    # without a password, since Java opens its default list with none.
    local trusted=/etc/ssl/certs/ca-certificates.crt
    [[ -s $trusted ]] || trusted=$root$trusted
    mkdir -p "$root/etc/ssl/certs/java"
    in_root /usr/bin/openssl pkcs12 -export -nokeys -in "$trusted" -jdktrust anyExtendedKeyUsage \
        -certpbe NONE -nomac -passout pass: -out "$root/etc/ssl/certs/java/cacerts" 2>"$work/log" || failed_step "making Java's list of authorities" "$work/log"
    chmod 644 "$root/etc/ssl/certs/java/cacerts"

    # Debian's settings for its Bazel, which bazelw replaces: left in place, Bazel warns that it does not read them.
    rm -f "$root/etc/bazel/bazelrc"

    # What belongs to the machine: enter.sh puts the host's /etc under /.host.
    mkdir -p "$root/.host/etc" "$root/.old" "$root"/{dev,proc,sys,run,tmp,var/tmp}
    for file in passwd group hosts hostname resolv.conf localtime pip.conf gitconfig machine-id; do
        ln -sfn "/.host/etc/$file" "$root/etc/$file"
    done
    [[ -e $root/etc/nsswitch.conf ]] || printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$root/etc/nsswitch.conf"
    ln -sfn /proc/self/mounts "$root/etc/mtab"

    in_root /usr/sbin/ldconfig -r "$root" 2>"$work/log" || failed_step "running ldconfig" "$work/log"
    in_root /usr/bin/bash -c true 2>"$work/log" || failed_step "starting the root's bash" "$work/log"
}

# in_root PROGRAM ARGUMENTS…: a program of the new root, by that root's own loader; enters nothing.
in_root() {
    local program=$1
    shift
    "$(root_loader "$new/root")" --library-path "$new/root/usr/lib/$multiarch" "$new/root$program" "$@"
}

root_loader() {
    case $multiarch in
        x86_64-*) printf %s "$1/lib64/ld-linux-x86-64.so.2" ;;
        aarch64-*) printf %s "$1/lib/ld-linux-aarch64.so.1" ;;
    esac
}

# link_first LINK TARGETS…: LINK points to the first target that is there.
link_first() {
    local link=$1 target
    shift
    [[ ! -e $link ]] || return 0
    for target; do
        if [[ -e ${link%/*}/$target ]]; then
            ln -sfn "$target" "$link"
            return
        fi
    done
}
