#!/bin/bash
# Builds the fuzz targets and runs each for a while, one after another.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/tools/lib.sh"

usage() { cat <<'U'
usage: tools/fuzz.sh [--keep] [SECONDS] [TARGET...]
  SECONDS   for each target, 600 if not given
  TARGET    e.g. request, storage_fuzz; all if none is given
  --keep    afterwards add to fuzz/corpus/<target> the inputs that reach code which those there do not

One line a target: executions, code edges and features covered, CPU seconds, and what was found. An input that broke a target is
in build/fuzz/found/<target>: mend the code, then put it into fuzz/corpus/<target>, where ./test replays it from then on.
U
}

keep="" seconds=600 targets=()
for argument in "$@"; do
    case $argument in
    -h | --help) usage; exit 0 ;;
    --keep) keep=1 ;;
    -*) usage >&2; die "no such option: $argument" ;;
    *[!0-9]*) targets+=("${argument%_fuzz}_fuzz") ;;
    *) seconds=$argument ;;
    esac
done

need_packages build
cd "$root"
mapfile -t all < <(find src sim -name '*_fuzz.cc' -printf '%f\n' | sed 's|\.cc$||' | sort)
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")
for target in "${targets[@]}"; do
    [[ " ${all[*]} " == *" $target "* ]] || die "no such target: $target (there are: ${all[*]})"
done
build fuzz "${targets[@]}"

# Short stacks of allocations and a small quarantine: a third faster.
export ASAN_OPTIONS=malloc_context_size=3:quarantine_size_mb=32
export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 UBSAN_OPTIONS=print_stacktrace=1
TIMEFORMAT='cpu %U %S'
failed=""
printf '\n%-22s %12s %8s %9s %7s  %s\n' target executions edges features cpu_s found
for target in "${targets[@]}"; do
    work=build/fuzz/corpus/$target found=build/fuzz/found/$target log=build/fuzz/$target.log
    mkdir -p "$work" "$found"
    folders=("$work")
    for folder in "fuzz/corpus/$target" "build/fuzz/fuzz_seeds/$target"; do
        [ -d "$folder" ] && folders+=("$folder")
    done
    # Damages to a set of files, one after another: long inputs are wanted from the start.
    options=()
    [ "$target" = storage_fuzz ] && options+=(-len_control=0)
    code=0
    { time "build/fuzz/bin/$target" -max_total_time="$seconds" -print_final_stats=1 -malloc_limit_mb=64 -rss_limit_mb=1024 \
        -timeout=10 "${options[@]}" -artifact_prefix="$found/" "${folders[@]}"; } >"$log" 2>&1 || code=$?
    what=nothing
    [ $code = 0 ] || { what="FAILED, see $log"; failed=1; }
    awk -v target="$target" -v what="$what" '
        match($0, /cov: [0-9]+ ft: [0-9]+/) { split(substr($0, RSTART, RLENGTH), part, " "); edges = part[2]; features = part[4] }
        /^stat::number_of_executed_units:/ { runs = $2 }
        /^cpu / { cpu = $2 + $3 }
        END { printf "%-22s %12d %8d %9d %7.0f  %s\n", target, runs, edges, features, cpu, what }' "$log"
    if [ -n "$keep" ] && [ $code = 0 ]; then
        # Only for edges, not for how often they are taken: that would be thousands of inputs.
        mkdir -p "fuzz/corpus/$target"
        "build/fuzz/bin/$target" -merge=1 -use_counters=0 "fuzz/corpus/$target" "${folders[@]}" >>"$log" 2>&1
    fi
done
[ -z "$failed" ]
