"""kafka-cluster, kafka-features, kafka-metadata-quorum, kafka-broker-api-versions."""

import re


def cluster(t, node):
    def same(*args, **options):
        t.same("cluster", *args, **options)
    for args in ((), ("bogus",), ("cluster-id",), ("unregister", "--bootstrap-server", "x:1")):
        same(*args, bootstrap="", exits=1, alone=True)
    same("cluster-id", exits=0)
    same("list-endpoints", exits=0)
    if node.kind == "kafka":
        same("list-endpoints", "--include-fenced-brokers", exits=0)
        same("unregister", "--id", 9, exits=1, complaints=False)  # the client logs first


def numbers_aside(text):
    """Epochs and ends of the metadata log move on between two calls."""
    text = re.sub(r"Epoch: \d+", "Epoch: N", text)
    text = re.sub(r"(HighWatermark: +)\d+", r"\1N", text)
    text = re.sub(r"\b\d+ ms ago *", "AGE", text)
    return re.sub(r"\t\d+ *\t", "\tN\t", text)


def features(t, node):
    def same(*args, **options):
        t.same("features", *args, first=True, mask=numbers_aside, **options)
    same("describe", exits=0)
    same("version-mapping", "--release-version", "4.0", exits=0)
    same("feature-dependencies", "--feature", "group.version=1", exits=0)
    same("upgrade", exits=1)
    same("upgrade", "--feature", "transaction.version=2", exits=0)
    same("upgrade", "--feature", "transaction.version=2", "--dry-run", exits=0)
    same("upgrade", "--metadata", "4.3", exits=0)
    if node.kind == "kafka":  # ours says it in its own words
        same("upgrade", "--feature", "transaction.version=1", exits=1)
        same("upgrade", "--feature", "bogus=1", exits=1)
    same("downgrade", "--feature", "transaction.version=1", "--dry-run", exits=0)
    same("downgrade", "--feature", "transaction.version=1", exits=0)
    same("upgrade", "--release-version", "4.3", exits=0)
    same("disable", "--feature", "group.version", "--dry-run", exits=0)


def quorum(t, _):
    def same(*args, **options):
        t.same("metadata-quorum", *args, first=True, mask=numbers_aside, **options)
    same("describe", exits=1)
    same("describe", "--status", "--replication", exits=1)
    same("describe", "--status", exits=0)
    same("describe", "--replication", exits=0)
    same("describe", "--replication", "--human-readable", exits=0)


def api_versions(t, _):
    t.same("broker-api-versions", exits=0)
    t.same("broker-api-versions", "--bogus", exits=1)
    t.same("broker-api-versions", bootstrap="", complaints=False)


CHECKS = {"cluster": cluster, "features": features, "metadata-quorum": quorum, "broker-api-versions": api_versions}
