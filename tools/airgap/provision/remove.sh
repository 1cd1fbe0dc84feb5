# Removes the private root and everything that Bazel built with it. Bazel makes outputs read-only, so plain rm does not do.

remove_airgap() {
    if [[ ! -e $airgap ]]; then
        say "nothing to remove: $airgap does not exist"
        return
    fi
    stop_servers
    chmod -R u+w "$airgap" 2>/dev/null || true
    rm -rf "$airgap" || fail "$airgap cannot be removed" "remove it by hand"
    say "removed $airgap"
}

# A server that lives in the private root keeps its process id in its output base.
stop_servers() {
    local file pid
    for file in "$airgap"/bazel/*/server/server.pid.txt; do
        [[ -r $file ]] && read -r pid <"$file" || [[ -n ${pid-} ]] || continue
        if [[ $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) == *"--output_user_root=$airgap/"* ]]; then
            kill "$pid" 2>/dev/null || true
        fi
    done
}
