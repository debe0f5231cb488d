"""dump-log on every file that a node has left."""

from lib.check import eventually
from lib.records import unique

DECODERS = {"__cluster_metadata": "--cluster-metadata-decoder", "__consumer_offsets": "--offsets-decoder",
            "__transaction_state": "--transaction-log-decoder", "__share_group_state": "--share-group-state-decoder"}


def fill(t, node):
    """Something of every kind: batches of several codecs, a group with offsets, transactions that end both ways."""
    topic = unique("dumped")
    t.tools.ok("topics", "--create", "--topic", topic, "--config", "index.interval.bytes=500", "--bootstrap-server", t.address,
               bootstrap="")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        t.tools.ok("producer-perf-test", "--topic", topic, "--num-records", 300, "--record-size", 50, "--throughput", -1,
                   "--bootstrap-server", t.address, "--command-property", f"compression.type={codec}", "batch.size=2000",
                   bootstrap="")
    t.tools.ok("producer-perf-test", "--topic", topic, "--num-records", 200, "--record-size", 50, "--throughput", -1,
               "--bootstrap-server", t.address, "--transactional-id", "dumped", "--transaction-duration-ms", 50, bootstrap="")
    t.tools.ok("console-consumer", "--topic", topic, "--group", topic, "--from-beginning", "--max-messages", 1500,
               "--timeout-ms", 60000, "--bootstrap-server", t.address, bootstrap="")
    node.stop()


def dump_all(t, node):
    """All files of the node's directory; those without content are left out, as Kafka's tool gives up on them."""
    endings = {".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"}
    files = [f for f in sorted(node.dir.rglob("*")) if f.suffix in endings and f.is_file() and f.stat().st_size]
    assert len(files) > 10, f"only {len(files)} files"
    for file in files:
        log = file.with_suffix(".log")
        if file.suffix in (".index", ".timeindex") and not log.stat().st_size:
            continue
        topic = "__cluster_metadata" if file.suffix == ".checkpoint" else file.parent.name.rsplit("-", 1)[0]
        decoder = DECODERS.get(topic, "--print-data-log")
        t.same("dump-log", decoder, "--files", file, bootstrap="", mask=lambda text: text, exits=0)
    some = next(f for f in files if f.parent.name.startswith("dumped-") and f.suffix == ".log")
    index = some.with_suffix(".index")
    for args in (("--deep-iteration",), (), ("--max-bytes", "5000"), ("--print-data-log", "--skip-record-metadata"),
                 ("--cluster-metadata-decoder", "--max-bytes", "3000")):
        t.same("dump-log", "--files", some, *args, bootstrap="", exits=0)
    # Its records have no keys.
    t.same("dump-log", "--files", some, "--offsets-decoder", bootstrap="", exits=1)
    for args in (("--index-sanity-check",), ("--verify-index-only",)):
        t.same("dump-log", "--files", f"{index},{some.with_suffix('.timeindex')}", *args, bootstrap="", exits=0)
    damaged = some.parent / "00000000000000009999.log"
    damaged.write_bytes(some.read_bytes()[:3333])
    t.same("dump-log", "--files", damaged, bootstrap="", exits=0)
    flipped = bytearray(damaged.read_bytes())
    flipped[100] ^= 1
    damaged.write_bytes(flipped)
    t.same("dump-log", "--files", damaged, bootstrap="", exits=0)
    damaged.unlink()
