# Which packages, from which mirror: apt with a state of its own, as it is on the host but for what apt.conf below says.

# The suite and the packages of a list: its first word per line, without comments.
list_suite() {
    awk '$1 == "suite" { print $2 }' "$parts/$1"
}

list_packages() {
    awk '{ sub(/#.*/, "") } NF == 1 && $1 !~ /^-/ { print $1 }' "$parts/$1"
}

# Lines that begin with "-": packages that others depend on, and that are left out.
list_left_out() {
    awk '{ sub(/#.*/, "") } $1 ~ /^-/ { print substr($1, 2) }' "$parts/$1"
}

# apt_for SUITE COMMAND ARGUMENTS…
apt_for() {
    local suite=$1
    shift
    APT_CONFIG=$work/apt/$suite/apt.conf "$@"
}

# make_apt SUITE URI: the state of an apt that knows that suite only. Proxies, certificates, passwords and the like come
# from the host's own configuration; its hooks do not, since they change the host.
make_apt() {
    local at=$work/apt/$1 signed_by= keyring
    mkdir -p "$at/lists/partial" "$at/cache/archives/partial"
    : >"$at/status"
    for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [[ -r $keyring ]] && signed_by="[signed-by=$keyring] "
    done
    printf 'deb %s%s %s main\n' "$signed_by" "$2" "$1" >"$at/sources.list"
    {
        apt-config dump | grep '^Acquire::' | grep -v '^Acquire::\(IndexTargets\|Changelogs\|Languages\|GzipIndexes\|CompressionTypes\)'
        cat <<END
Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$at/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::State "$at"; Dir::State::status "$at/status"; Dir::Cache "$at/cache"; Dir::Log "$at";
APT::Architecture "$architecture"; APT::Architectures { "$architecture"; };
APT::Install-Recommends "false"; APT::Install-Suggests "false"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::GzipIndexes "false"; Acquire::Retries "2";
// A mirror may be a frozen copy, which is past its date; signatures are checked all the same.
Acquire::Check-Valid-Until "false"; Acquire::Check-Date "false";
END
    } >"$at/apt.conf"
}

# Sets $mirror, the first archive among the host's sources that has both suites, and has their package lists fetched;
# $index_speed is what they came at, in bytes per second.
find_mirror() {
    local uri tried= root_suite interpreter_suite
    root_suite=$(list_suite packages.txt)
    interpreter_suite=$(list_suite interpreter-packages.txt)
    for uri in $(host_archives); do
        say "fetching the package lists of $root_suite and $interpreter_suite (20 MB) from $uri"
        tried="${tried:+$tried, }$uri"
        : >"$work/log"
        if fetch_lists "$root_suite" "$uri" && fetch_lists "$interpreter_suite" "$uri"; then
            mirror=$uri
            # "Fetched 10.2 MB in 1s (7,797 kB/s)"; where little was fetched, a guess.
            index_speed=$(awk '/^Fetched/ && $2 >= 5 && $3 == "MB" { gsub(/[(,]/, ""); n = $(NF - 1) * ($NF ~ /^MB/ ? 1e6 : 1e3)
                if (n > s) s = n } END { printf "%d", (s > 1e5 ? s : 8e6) }' "$work/log")
            return
        fi
        grep -q 'No space left on device' "$work/log" && failed_step "fetching the package lists" "$work/log"
    done
    [[ -n $tried ]] || fail "apt has no sources on this machine, so there is no mirror to take Bazel from" \
        "add a Debian mirror to /etc/apt/sources.list.d, or install bazelisk"
    awk '/^[EW]:/ && n++ < 4 { print "  " $0 }' "$work/log" >&2
    fail "no Debian mirror: none of apt's sources ($tried) has the suites $root_suite and $interpreter_suite, or none answers" \
        "check the network and apt's configuration, or install bazelisk where the Bazel registry can be reached"
}

# The archives that the host's apt takes packages from, whether or not it has fetched their lists.
host_archives() {
    mkdir -p "$work/no-lists/partial"
    apt-get update --print-uris -o Dir::State::lists="$work/no-lists" -o Debug::NoLocking=1 2>/dev/null |
        sed -n "s#^'\(.*\)/dists/.*/main/binary-.*#\1#p" | awk '!seen[$0]++'
}

# fetch_lists SUITE URI
fetch_lists() {
    make_apt "$1" "$2"
    apt_for "$1" apt-get update -q -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 >>"$work/log" 2>&1 &&
        ls "$work/apt/$1/lists/"*_Packages >/dev/null 2>>"$work/log"
}

# Writes the lists of packages; sets $download_bytes, $have_bytes, $unpacked_bytes and $package_count.
resolve_packages() {
    local interpreter_suite
    root_suite=$(list_suite packages.txt)
    interpreter_suite=$(list_suite interpreter-packages.txt)
    check_bazel_version
    [[ $(list_suite image-packages.txt) == "$interpreter_suite" ]] ||
        fail "image-packages.txt and interpreter-packages.txt name different suites" "name the same one: images hold that interpreter"
    apt_for "$root_suite" apt-get install --simulate -q $(list_packages packages.txt) >"$work/simulated" 2>"$work/log" ||
        failed_step "finding the packages of $root_suite" "$work/log"
    awk '$1 == "Inst" { print $2 "=" substr($3, 2) }' "$work/simulated" |
        grep -v "^\($(list_left_out packages.txt | paste -s -d '|' | sed 's/|/\\|/g')\)=" >"$work/root-packages"
    list_packages interpreter-packages.txt >"$work/interpreter-packages"
    list_packages image-packages.txt >"$work/image-packages"
    package_count=$(cat "$work"/{root,interpreter,image}-packages | wc -l)
    read -r download_bytes unpacked_bytes < <({
        apt_for "$root_suite" apt-cache show --no-all-versions $(cat "$work/root-packages")
        apt_for "$interpreter_suite" apt-cache show --no-all-versions $(cat "$work"/{interpreter,image}-packages)
    } | awk '/^Size:/ { d += $2 } /^Installed-Size:/ { u += $2 * 1024 } END { printf "%d %d\n", d, u }')
    forget_replaced root "$root_suite"
    forget_replaced interpreter "$interpreter_suite"
    forget_replaced image "$interpreter_suite"
    have_bytes=$(downloaded_bytes)
}

# forget_replaced KIND SUITE: an interrupted call may have left packages that the mirror has replaced since.
forget_replaced() {
    local deb
    mkdir -p "$work/debs/$1"
    apt_for "$2" apt-get download --print-uris $(cat "$work/$1-packages") 2>"$work/log" |
        awk '{ print $2 }' >"$work/$1-files"
    for deb in "$work/debs/$1"/*.deb; do
        [[ ! -e $deb ]] || grep -qxF -- "${deb##*/}" "$work/$1-files" || rm -f "$deb"
    done
}

check_bazel_version() {
    local version
    version=$(apt_for "$root_suite" apt-cache policy bazel-bootstrap | awk '$1 == "Candidate:" { print $2 }')
    case ${version:-"(none)"} in
        7.*) ;;
        "(none)") fail "Debian $root_suite on $mirror has no Bazel (no package bazel-bootstrap)" "install bazelisk, or use another mirror" ;;
        *) fail "Debian $root_suite on $mirror has Bazel $version, and this workspace needs 7.x" \
            "install bazelisk, or name a suite that has 7.x in tools/airgap/provision/packages.txt" ;;
    esac
}

# Packages that an interrupted call downloaded already count.
downloaded_bytes() {
    find "$work/debs" -type f -printf '%s\n' 2>/dev/null | awk '{ s += $1 } END { printf "%d", s }'
}

download_packages() {
    local pid status=0 suite
    suite=$(list_suite interpreter-packages.txt)
    (
        cd "$work/debs/root" && apt_for "$root_suite" apt-get download -q $(cat "$work/root-packages") &&
            cd ../interpreter && apt_for "$suite" apt-get download -q $(cat "$work/interpreter-packages") &&
            cd ../image && apt_for "$suite" apt-get download -q $(cat "$work/image-packages")
    ) >"$work/log" 2>&1 &
    pid=$!
    progress "downloading $(mb "$download_bytes")" "$download_bytes" downloaded_bytes "$pid"
    wait "$pid" || status=$?
    ((status == 0)) || failed_step "downloading the packages" "$work/log"
}
