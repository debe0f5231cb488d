"""What describes the node: broker-api-versions, cluster, features, metadata-quorum."""

import re


def api_versions(tools, node):
    out = tools.ok("broker-api-versions").out
    assert re.search(rf"127.0.0.1:{node.port} \(id: \d+ rack: null isFenced: false\) -> \(", out), out[:300]
    with node.wire() as wire:
        served = wire.api_versions()
    for key in (0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18, 19, 20, 32):
        assert re.search(rf"\({key}\): \d+ to {served[key][1]} \[usable: \d+\]", out), f"API {key} is not usable"


def cluster(tools, node):
    assert re.search(r"Cluster ID: [\w-]{22}$", tools.ok("cluster", "cluster-id").out.strip())
    assert re.search(rf"127.0.0.1 +{node.port} +null +unfenced +broker", tools.ok("cluster", "list-endpoints").out)


def features(tools, node):
    out = tools.ok("features", "describe").out
    assert re.search(r"metadata.version\s+SupportedMinVersion: \S+\s+SupportedMaxVersion: 4.3-IV0\s+"
                     r"FinalizedVersionLevel: 4.3-IV0", out), out
    assert re.search(r"group.version\s.*FinalizedVersionLevel: 1", out), out


def quorum(tools, node):
    out = tools.ok("metadata-quorum", "describe", "--status").out
    assert re.search(r"LeaderId: +\d+", out) and re.search(r"HighWatermark: +[1-9]", out), out
    assert re.search(r"CurrentVoters: +\[\{\"id\": \d+", out), out
    out = tools.ok("metadata-quorum", "describe", "--replication").out
    assert re.search(r"^\d+ .*Leader", out, re.MULTILINE), out


CHECKS = {"cluster: broker-api-versions": api_versions, "cluster: id and endpoints": cluster,
          "cluster: features": features, "cluster: metadata-quorum": quorum}
