# The interpreter: Debian 12's CPython 3.11 with its usr/ as the prefix, and pip (with setuptools and wheel) in a folder
# that goes on PYTHONPATH. Both are whole when they have their name.

unpack_interpreter() {
    local at=$work/interpreter deb version wheel of
    rm -rf "$at"
    mkdir -p "$at/unpacked" "$at/pip"
    for deb in "$work"/debs/interpreter/*.deb; do
        unpack "$deb" "$at/unpacked" 2>"$work/log" || failed_step "unpacking ${deb##*/}" "$work/log"
    done
    version=$(dpkg-deb --field "$work"/debs/interpreter/python3.11-minimal_*.deb Version)
    version=${version%%[-+~]*}
    of=$(cd "$work/debs/interpreter" && { ls *.deb && cat "$parts/interpreter.sh"; } | cksum)
    of=${of%% *}
    python=$airgap/python-$version-$of
    wheel=$(echo "$at"/unpacked/usr/share/python-wheels/pip-*.whl)
    pip=${wheel##*/pip-} && pip=$airgap/pip-${pip%%-*}-$of
    if [[ -d $python && -d $pip ]]; then
        return
    fi

    say "compiling Python's standard library"
    mkdir "$at/python"
    mv "$at"/unpacked/usr/{bin,lib} "$at/python"
    ln -s python3.11 "$at/python/bin/python3"
    # Debian's own: a link into /etc, and the mark that keeps pip out of the system's Python, which this is not.
    rm -f "$at/python/lib/python3.11/"{sitecustomize.py,EXTERNALLY-MANAGED}
    for wheel in "$at"/unpacked/usr/share/python-wheels/*.whl; do
        new_python "$at" -m zipfile -e "$wheel" "$at/pip"
    done
    # Compiled files that name no machine's folder and carry no time: the same bytes wherever they are made.
    new_python "$at" -m compileall -q -j 2 --invalidation-mode unchecked-hash -s "$at/python" -p /opt/python "$at/python/lib/python3.11"
    new_python "$at" -m compileall -q -j 2 --invalidation-mode unchecked-hash -s "$at/pip" -p /pip "$at/pip"

    rm -rf "$python" "$pip"
    mv -T "$at/python" "$python"
    mv -T "$at/pip" "$pip"
}

new_python() {
    local at=$1
    shift
    PYTHONHOME=$at/python PYTHONDONTWRITEBYTECODE=1 in_root_with "$at/python/bin/python3.11" -s "$@" >"$work/log" 2>&1 ||
        failed_step "preparing the interpreter" "$work/log"
}

in_root_with() {
    "$(root_loader "$new/root")" --library-path "$new/root/usr/lib/$multiarch" "$@"
}
