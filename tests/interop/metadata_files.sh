#!/bin/bash
# Apache Kafka's own readers on the files of the metadata node: dump-log on the log, the snapshots and
# bootstrap.checkpoint, metadata-shell on the newest snapshot. The files come from controller_test.
# Needs what tests/interop/setup fetches. usage: metadata_files.sh [controller_test]
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build/debug/bin/controller_test}
kafka=${MILLRACE_CACHE:-$HOME/.cache/millrace}/kafka
[ -d "$kafka/libs" ] || { echo "the test clients are not fetched yet: run tests/interop/setup" >&2; exit 2; }
tool() { java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$kafka/log4j2.properties" \
    -cp "$kafka/libs/*" "$@" 2>/dev/null; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
MILLRACE_KEEP_DIR="$dir" "$program" -tc='a snapshot is taken*' >/dev/null
log=$dir/__cluster_metadata-0
newest=$(ls "$log"/*.checkpoint | tail -1)

files=$(ls "$log"/*.log "$log"/*.checkpoint "$dir"/bootstrap.checkpoint | paste -sd,)
dump=$(tool org.apache.kafka.tools.DumpLogSegments --cluster-metadata-decoder --files "$files")
if grep -E 'isvalid: false|[Cc]orrupt|Exception|Could not|mismatch' <<<"$dump"; then exit 1; fi
[ "$(grep -c 'PARTITION_RECORD' <<<"$dump")" -ge 200 ] || { echo "partitions are missing in the dump"; exit 1; }

topics=$(tool org.apache.kafka.shell.MetadataShell --snapshot "$newest" ls image/topics/byName | grep -c '^t[0-9]')
[ "$topics" -eq 50 ] || { echo "metadata-shell found $topics topics"; exit 1; }
partition=$(tool org.apache.kafka.shell.MetadataShell --snapshot "$newest" cat image/topics/byName/t1/1)
[[ $partition == *leader=1* ]] || { echo "metadata-shell found no leader"; exit 1; }
echo "PASS metadata files"
