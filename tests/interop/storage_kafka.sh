#!/bin/sh
# Has Apache Kafka's own tools check files that our storage wrote: batches, index entries against batches, producer snapshots.
#
#   tests/interop/storage_kafka.sh KAFKA [BUILD_DIR]        KAFKA: a command that runs kafka tools, `KAFKA dump-log --files ...`
set -eu
kafka=$1
build=${2:-build/debug}
dir=$(mktemp -d)/data
trap 'rm -rf "$(dirname "$dir")"' EXIT
MILLRACE_SAMPLE_DIR=$dir "$build/bin/storage_test" --test-case="a sample directory for Kafka*" >/dev/null
failed=0
for topic in d1/orders-0 d1/txn-0 d2/codecs-0 d2/logappend-0; do
    logs=$(ls "$dir/$topic"/*.log | paste -sd,)
    others=$(ls "$dir/$topic"/*.index "$dir/$topic"/*.timeindex "$dir/$topic"/*.snapshot | paste -sd,)
    out=$(dirname "$dir")/out
    "$kafka" dump-log --deep-iteration --files "$logs" >"$out"
    if grep -q 'isvalid: false' "$out" || ! grep -q 'producerId: 900' "$out"; then
        echo "FAIL $topic: batches"
        failed=1
    fi
    # Prints mismatches between index entries and the log, and fails on a broken snapshot.
    "$kafka" dump-log --files "$others" >"$out" 2>&1 || failed=1
    "$kafka" dump-log --index-sanity-check --files "$(ls "$dir/$topic"/*.index | paste -sd,)" >>"$out" 2>&1 || failed=1
    if grep -iE 'mismatch|out of order|exception|corrupt' "$out"; then
        echo "FAIL $topic: indexes"
        failed=1
    fi
    echo "checked $topic"
done
[ $failed = 0 ] && echo "all sound"
exit $failed
