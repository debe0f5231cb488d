#!/bin/bash
# Measures broker CPU, throughput and memory with Kafka's perf tools, ours beside Apache Kafka.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case " $* " in *" --help "* | *" -h "*) ;; *)
    "$root/tests/interop/setup" java driver
    "$root/run" --no-serve
    ;;
esac
exec python3 "$root/bench/perf_tools.py" "$@"
