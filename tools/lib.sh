# Functions that ./run, ./test and ./check share. Sourced with `root` set to the repository.
# shellcheck shell=bash disable=SC2154

jobs=${MILLRACE_JOBS:-$(nproc)}
cache=${MILLRACE_CACHE:-$HOME/.cache/millrace}

say() { if [ -t 1 ]; then printf '\033[1m== %s\033[0m\n' "$*"; else printf '== %s\n' "$*"; fi; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# missing_packages USE...: "package<TAB>why" for each package of these uses that this machine lacks.
missing_packages() {
    local use package command why installed
    installed=" $(dpkg-query -W -f='${Package}/${db:Status-Status} ' 2>/dev/null || true)"
    while read -r use package command why; do
        [[ " $* " == *" $use "* ]] || continue
        [[ $command != - ]] && command -v "$command" >/dev/null && continue
        [[ $installed == *" $package/installed "* ]] || printf '%s\t%s\n' "$package" "$why"
    done < <(grep -v '^#' "$root/tools/packages.txt")
}

# need_packages USE...: installs what tools/packages.txt lists for these uses; silent when nothing is missing.
need_packages() {
    local lines names sudo=()
    lines=$(missing_packages "$@")
    [ -z "$lines" ] && return
    command -v apt-get >/dev/null || die "this is not Debian: please install yourself:
$lines"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "run this once as root, or install sudo; it needs:
$lines"
        sudo=(sudo)
    fi
    say "Installing packages with apt"
    printf '%s\n' "$lines" | awk -F'\t' '{ printf "   %-26s %s\n", $1, $2 }'
    mapfile -t names < <(cut -f1 <<< "$lines")
    local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y)
    "${apt[@]}" update
    "${apt[@]}" install --no-install-recommends "${names[@]}" >/dev/null
}

# build PRESET [TARGET...]: configures once, builds with progress.
build() {
    local preset=$1 log
    shift
    if [ ! -f "$root/build/$preset/build.ninja" ]; then
        say "Configuring $preset"
        mkdir -p "$root/build"
        log=$root/build/configure-$preset.log
        cmake --preset "$preset" -S "$root" >"$log" 2>&1 || { cat "$log" >&2; die "configuring $preset failed"; }
    fi
    say "Building $preset"
    (cd "$root" && NINJA_STATUS='[%f/%t, %es] ' cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"})
}
