# inside.sh ROOT COUNT FOLDER… PROGRAM ARGUMENTS…: in a mount namespace of its own, makes ROOT the root folder, read-only,
# with COUNT folders of the host in their places, and becomes PROGRAM. /.host/etc is the host's /etc: ROOT/etc has links
# there for what belongs to the machine.
set -euo pipefail
root=$1
shared=("${@:3:$2}")
shift $((2 + $2))
here=$PWD
PATH=/usr/sbin:/usr/bin:/sbin:/bin

mount_of_root() {
    if [[ -x $root/lib64/ld-linux-x86-64.so.2 ]]; then
        "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/mount" "$@"
    else
        "$root/lib/ld-linux-aarch64.so.1" --library-path "$root/usr/lib/aarch64-linux-gnu" "$root/usr/bin/mount" "$@"
    fi
}

mount_of_root --bind "$root" "$root" # pivot_root wants a mount
for folder in "${shared[@]}"; do
    mount_of_root --rbind "$folder" "$root$folder"
done
mount_of_root --rbind /etc "$root/.host/etc"
if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
    mount_of_root --bind /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi
mount_of_root -o remount,bind,ro "$root"

cd "$root"
pivot_root . .old
cd "$here"
umount --lazy /.old
exec "$@"
