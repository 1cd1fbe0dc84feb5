# Chooses how Bazel is run: sets $way (airgap, bazelisk or system), $why and, for the last two, $tool.
# Runs on macOS too, so: bash 3.2, and no tool that only GNU has.

# sha256 of bazelisk 1.26.0's release files, as two public repositories pin them, alike: bazelisk.hcl in
# cashapp/hermit-packages and buildscripts/s3_binary/hashes.py in mongodb/mongo.
bazelisk_version=1.26.0
bazelisk_sha256() {
    case $1 in
        linux-amd64) echo 6539c12842ad76966f3d493e8f80d67caa84ec4a000e220d5459833c967c12bc ;;
        linux-arm64) echo 54f85ef4c23393f835252cc882e5fea596e8ef3c4c2056b059f8067cd19f0351 ;;
        darwin-amd64) echo 5c77f33f91dd3df119d192175100cb5b50302eb7ee37859cbab79e10a76ccce8 ;;
        darwin-arm64) echo d1ca9911cc19e1f17483f93956908334f2b7f3dd13f20853417b68fc3c3eb370 ;;
    esac
}

registry_probe=https://bcr.bazel.build/bazel_registry.json
archive_probe=https://github.com/bazelbuild/platforms/releases/download/1.0.0/platforms-1.0.0.tar.gz

# The record of the choice; another registry is another choice.
choice_file() {
    local name=choice-$machine
    if [[ -n ${LAXAI_REGISTRY-} ]]; then
        name=$name-$(printf %s "$LAXAI_REGISTRY" | cksum | tr -d ' ')
    fi
    printf %s "$cache/$name"
}

forget_choice() {
    rm -f "$(choice_file)" "$airgap"/*/entrance-"$machine"-*
}

choose() {
    tool=
    if [[ -n ${LAXAI_REGISTRY-} && $LAXAI_REGISTRY != *://* ]]; then
        [[ -f $LAXAI_REGISTRY/bazel_registry.json ]] ||
            fail "LAXAI_REGISTRY=$LAXAI_REGISTRY: no bazel_registry.json there" "name the folder of a Bazel registry, or its URL"
    fi
    case ${LAXAI_BAZEL-} in
        "") ;;
        airgap) way=airgap why="LAXAI_BAZEL=airgap" && return ;;
        bazelisk)
            why="LAXAI_BAZEL=bazelisk"
            find_bazelisk || download_bazelisk ||
                fail "LAXAI_BAZEL=bazelisk, but it is not on the PATH and cannot be downloaded ($download_problem)" \
                    "install bazelisk, or use LAXAI_BAZEL=airgap"
            return
            ;;
        system)
            why="LAXAI_BAZEL=system"
            find_bazelisk || find_bazel || fail "LAXAI_BAZEL=system, but there is no bazelisk or bazel on the PATH" \
                "install one, or use LAXAI_BAZEL=airgap"
            return
            ;;
        *) fail "LAXAI_BAZEL=$LAXAI_BAZEL is not a way to run Bazel" "use airgap, bazelisk or system" ;;
    esac
    if [[ -n ${BAZEL-} ]]; then
        way=system tool=$BAZEL why="\$BAZEL is set"
        command -v "$tool" >/dev/null || fail "BAZEL=$BAZEL is not a program" "unset BAZEL, or set it to a Bazel"
        return
    fi
    local file
    file=$(choice_file)
    if [[ -r $file ]] && { read -r way && read -r tool && read -r why; } <"$file" &&
        [[ $way == airgap || -x $tool ]]; then
        return
    fi
    choose_anew
    mkdir -p "$cache" && printf '%s\n' "$way" "$tool" "$why" >"$file.$$" && mv -f "$file.$$" "$file" ||
        fail "the choice of a Bazel cannot be recorded in $cache" "make it writable, or set LAXAI_CACHE to another folder"
}

choose_anew() {
    way=airgap
    if [[ -n ${LAXAI_REGISTRY-} ]]; then
        why="LAXAI_REGISTRY is set"
        find_bazelisk || find_bazel || download_bazelisk ||
            { way=airgap why="LAXAI_REGISTRY is set, and there is no Bazel but the private root's"; }
        return
    fi
    local unreachable
    unreachable=$(unreachable_hosts)
    if [[ -n $unreachable ]]; then
        why="$unreachable cannot be reached"
        return
    fi
    why="the Bazel registry can be reached"
    find_bazelisk || find_bazel || download_bazelisk ||
        { way=airgap why="there is no bazelisk or bazel on the PATH, and bazelisk cannot be downloaded ($download_problem)"; }
}

find_bazelisk() {
    tool=$(command -v bazelisk) && [[ $tool == /* ]] && way=bazelisk
}

# A plain bazel counts from version 7 on: modules of this workspace need it. (A bazelisk that is called bazel says so too.)
find_bazel() {
    local version
    tool=$(command -v bazel) && [[ $tool == /* ]] || return
    version=$(cd "$workspace" && "$tool" --version 2>/dev/null) || version="no version"
    version=${version#bazel }
    if [[ ${version%%.*} =~ ^[0-9]+$ && ${version%%.*} -ge 7 ]]; then
        way=system
    else
        say "not using $tool: it says \"$version\", and this workspace needs Bazel 7 or later"
        return 1
    fi
}

# The hosts, of the registry's and a module archive's, that do not answer within three seconds.
unreachable_hosts() {
    local folder url host names=
    folder=$(mktemp -d) || return
    for url in "$registry_probe" "$archive_probe"; do
        host=${url#https://} host=${host%%/*}
        { answers "$url" || : >"$folder/$host"; } &
    done
    wait
    for host in "$folder"/*; do
        [[ -e $host ]] && names="${names:+$names and }${host##*/}"
    done
    rm -rf "$folder"
    printf %s "$names"
}

answers() {
    if command -v curl >/dev/null; then
        curl -fsSIL --max-time 3 -o /dev/null "$1" 2>/dev/null
    elif command -v wget >/dev/null; then
        timeout 3 wget -q --tries=1 --spider "$1" 2>/dev/null
    elif [[ -x /usr/lib/apt/apt-helper ]]; then
        local to status=0
        to=$(mktemp -d)
        timeout 3 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o APT::Sandbox::User=root \
            download-file "$1" "$to/file" >/dev/null 2>&1 || status=$?
        rm -rf "$to"
        return $status
    else
        return 1
    fi
}

download_bazelisk() {
    local os arch sha url file got
    download_problem=
    os=$(uname -s | tr '[:upper:]' '[:lower:]')
    case $(uname -m) in
        x86_64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) arch=$(uname -m) ;;
    esac
    sha=$(bazelisk_sha256 "$os-$arch")
    if [[ -z $sha ]]; then
        download_problem="no checksum is known for $os-$arch"
        return 1
    fi
    file=$cache/bazelisk-$bazelisk_version
    url=https://github.com/bazelbuild/bazelisk/releases/download/v$bazelisk_version/bazelisk-$os-$arch
    if [[ ! -x $file ]]; then
        say "downloading bazelisk $bazelisk_version (9 MB) to $cache"
        mkdir -p "$cache"
        if ! fetch "$url" "$file.$$"; then
            rm -f "$file.$$"
            download_problem="$url does not answer"
            return 1
        fi
        got=$({ sha256sum "$file.$$" 2>/dev/null || shasum -a 256 "$file.$$"; } | cut -d ' ' -f 1)
        if [[ $got != "$sha" ]]; then
            rm -f "$file.$$"
            download_problem="its checksum is $got, not $sha"
            return 1
        fi
        chmod +x "$file.$$" && mv -f "$file.$$" "$file"
    fi
    way=bazelisk tool=$file
}

fetch() {
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 5 -o "$2" "$1" 2>/dev/null
    elif command -v wget >/dev/null; then
        wget -q --tries=1 --connect-timeout=5 -O "$2" "$1"
    elif [[ -x /usr/lib/apt/apt-helper ]]; then
        /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::https::Timeout=5 download-file "$1" "$2" >/dev/null
    else
        return 1
    fi
}

describe_choice() {
    case $way in
        airgap) printf 'airgap: Debian'\''s Bazel in a private root under %s\n' "$airgap" ;;
        *) printf '%s: %s\n' "$way" "$tool" ;;
    esac
    printf 'because %s\n' "$why"
    [[ -z ${LAXAI_REGISTRY-} ]] || printf 'with the registry %s\n' "$(registry_url)"
    if [[ -n ${LAXAI_BAZEL-}${BAZEL-} ]]; then
        printf 'for as long as that is set\n'
    else
        printf 'recorded in %s; ./bazelw --redetect chooses again\n' "$(choice_file)"
    fi
}

registry_url() {
    case $LAXAI_REGISTRY in
        *://*) printf %s "$LAXAI_REGISTRY" ;;
        *) local folder && folder=$(cd "$LAXAI_REGISTRY" && pwd -P) && printf 'file://%s' "${folder// /%20}" ;;
    esac
}

# The lines of a bazelrc for LAXAI_REGISTRY: the registry, and the folder's own laxai.bazelrc where it has one.
registry_bazelrc() {
    printf 'common "--registry=%s"\n' "$(registry_url)"
    if [[ $LAXAI_REGISTRY != *://* ]]; then
        # A lock would hold this machine's paths.
        printf 'common --lockfile_mode=off\n'
    fi
    if [[ -f $LAXAI_REGISTRY/laxai.bazelrc ]]; then
        printf 'import "%s/laxai.bazelrc"\n' "$(cd "$LAXAI_REGISTRY" && pwd -P)"
    fi
}

# write_bazelrc FILE: standard input becomes FILE, untouched where it says the same already.
write_bazelrc() {
    local text
    text=$(cat)
    if [[ ! -f $1 || $(cat "$1") != "$text" ]]; then
        mkdir -p "$(dirname "$1")" && printf '%s\n' "$text" >"$1.$$" && mv -f "$1.$$" "$1"
    fi
}

run_outside() {
    if [[ -n ${LAXAI_REGISTRY-} ]]; then
        local rc
        rc=$(choice_file).bazelrc
        registry_bazelrc | write_bazelrc "$rc"
        exec "$tool" --bazelrc="$rc" "$@"
    fi
    exec "$tool" "$@"
}
