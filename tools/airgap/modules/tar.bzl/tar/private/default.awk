# The changes that mtree_mutate makes by itself, to one line after the other. Another script gets them with
# @include "default". Variables: strip_prefix, package_dir, mtime, owner, ownername, group, groupname.

# Sets a keyword that the line has.
function set_keyword(keyword, value,    i) {
    for (i = 2; i <= NF; i++)
        if (index($i, keyword "=") == 1)
            $i = keyword "=" value
}

# Folders that package_dir adds are written once, before the first entry that is no folder.
function print_package_folders(    folders, count, i, path, owners) {
    if (owner != "") owners = owners " uid=" owner
    if (group != "") owners = owners " gid=" group
    if (ownername != "") owners = owners " uname=" ownername
    if (groupname != "") owners = owners " gname=" groupname
    count = split(package_dir, folders, "/")
    for (i = 1; i <= count; i++) {
        path = path (i > 1 ? "/" : "") folders[i]
        print path "/ type=dir mode=0755 time=" (mtime != "" ? mtime : 946699200) owners
    }
}

/^#/ || NF == 0 { print; next }

{
    is_folder = / type=dir( |$)/

    if (strip_prefix != "") {
        path = $1
        sub(/\/+$/, "", path)
        if (path == strip_prefix || index(path, strip_prefix "/") != 1)
            next
        path = substr(path, length(strip_prefix) + 2)
        # The slash makes libarchive read a folder at the top as a full path, not as "enter this folder".
        $1 = path (is_folder ? "/" : "")
    }

    if (mtime != "") set_keyword("time", mtime)
    if (owner != "") set_keyword("uid", owner)
    if (ownername != "") set_keyword("uname", ownername)
    if (group != "") set_keyword("gid", group)
    if (groupname != "") set_keyword("gname", groupname)

    if (package_dir != "") {
        if (!is_folder && !package_folders_are_printed) {
            print_package_folders()
            package_folders_are_printed = 1
        }
        $1 = package_dir "/" $1
    }
}
