"""dump-log and metadata-shell on the files of a stopped node: Kafka's own readers must find nothing to complain about.

These checks stop the node, so they run last."""

import re

from lib.check import eventually
from lib.records import unique

COMPLAINTS = ("isvalid: false", "are not found in", "corrupt", "Corrupt", "Exception", "Found non-consecutive", "Mismatches",
              "mismatch", "Could not", "Unable to", "Skipping")


def dump(tools, *args, files):
    out = tools.ok("dump-log", "--files", ",".join(map(str, files)), *args, bootstrap="")
    for complaint in COMPLAINTS:
        assert complaint not in out.text, next(line for line in out.text.splitlines() if complaint in line)
    return out.out


def first(directory, ending):
    return directory / ("0" * 20 + ending)


class Files:
    """Written through the node before it stops; looked at after."""

    def __init__(self, tools, node):
        self.topic, self.group = unique("files"), unique("group")
        tools.ok("topics", "--create", "--topic", self.topic, "--config", "retention.ms=77777777")
        for codec in ("none", "zstd"):
            tools.ok("producer-perf-test", "--topic", self.topic, "--num-records", 3000, "--record-size", 100,
                     "--throughput", -1, "--command-property", f"compression.type={codec}", "batch.size=4000")
        tools.ok("console-consumer", "--topic", self.topic, "--group", self.group, "--from-beginning",
                 "--max-messages", 6000, "--timeout-ms", 90000)
        node.stop()
        self.partition = node.dir / f"{self.topic}-0"
        self.metadata = node.dir / "__cluster_metadata-0"
        self.dir = node.dir
        self.tools = tools

    def segment(self):
        out = dump(self.tools, "--print-data-log", "--deep-iteration", files=[first(self.partition, ".log")])
        offsets = [int(n) for n in re.findall(r"^\| offset: (\d+) ", out, re.MULTILINE)]
        assert offsets == list(range(6000)), f"{len(offsets)} offsets"
        assert "compresscodec: none" in out and "compresscodec: zstd" in out

    def indexes(self):
        files = [first(self.partition, ".index"), first(self.partition, ".timeindex")]
        dump(self.tools, "--index-sanity-check", files=files)
        dump(self.tools, "--verify-index-only", files=files)
        out = dump(self.tools, files=files)
        assert len(re.findall(r"^offset: \d+ position: \d+", out, re.MULTILINE)) > 5, "the offset index is nearly empty"
        assert re.search(r"^timestamp: \d+ offset: \d+", out, re.MULTILINE), "the time index is empty"

    def producer_snapshot(self):
        found = sorted(self.partition.glob("*.snapshot"))
        assert found and found[-1].name == f"{6000:020}.snapshot", f"snapshots: {[f.name for f in found]}"
        out = dump(self.tools, files=found[-1:])
        assert len(re.findall(r"^producerId: \d+ ", out, re.MULTILINE)) == 2, out

    def checkpoints(self):
        text = (self.partition / "leader-epoch-checkpoint").read_text().splitlines()
        assert text[0] == "0" and int(text[1]) == len(text) - 2 and text[2].split()[1] == "0", text
        assert re.search(r"version: 0\ntopic_id: [\w-]{22}", (self.partition / "partition.metadata").read_text())
        recovery = (self.dir / "recovery-point-offset-checkpoint").read_text()
        assert f"{self.topic} 0 6000" in recovery, recovery
        watermark = (self.dir / "replication-offset-checkpoint").read_text()
        assert f"{self.topic} 0 6000" in watermark, watermark
        assert (self.dir / ".kafka_cleanshutdown").exists(), "no mark of a clean shutdown"
        meta = dict(line.split("=", 1) for line in (self.dir / "meta.properties").read_text().splitlines()
                    if "=" in line)
        assert meta["version"] == "1" and {"cluster.id", "node.id", "directory.id"} <= set(meta), meta

    def offsets_topic(self):
        logs = [f for f in self.dir.glob("__consumer_offsets-*/*.log") if f.stat().st_size]
        out = dump(self.tools, "--offsets-decoder", files=logs)
        commits = re.findall(rf'"data":{{"group":"{self.group}","topic":"{self.topic}","partition":0}}}} '
                             r'payload: {"version":"\d+","data":{"offset":(\d+)', out)
        assert commits and commits[-1] == "6000", out[-800:]
        assert f'key: {{"type":"2","data":{{"group":"{self.group}"}}}}' in out, "no record of the group itself"

    def metadata_log(self):
        out = dump(self.tools, "--cluster-metadata-decoder", files=[first(self.metadata, ".log")])
        assert re.search(rf'"type":"TOPIC_RECORD","version":\d+,"data":{{"name":"{self.topic}"', out), out[-500:]
        for kind in ("FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "PARTITION_RECORD", "CONFIG_RECORD"):
            assert f'"type":"{kind}"' in out, f"no {kind}"
        assert "LeaderChange" in out
        for snapshot in sorted(self.metadata.glob("*.checkpoint"))[-1:]:
            dump(self.tools, "--cluster-metadata-decoder", files=[snapshot])
        dump(self.tools, "--cluster-metadata-decoder", files=[self.dir / "bootstrap.checkpoint"])

    def metadata_shell(self):
        def shell(*command):
            result = self.tools.alone("metadata-shell", "--snapshot", first(self.metadata, ".log"), *command,
                                      bootstrap=False)
            assert result.exit == 0 and "Exception" not in result.text, result.text[-600:]
            return result.out
        # The shell sometimes runs its command before it has shown itself all of the image (with Kafka's files too).
        tree = eventually(lambda: found if "/image/topics/byName/" in (found := shell("find", "/image")) else "", 180,
                          "topics in the shell's tree").splitlines()
        for wanted in (f"/image/topics/byName/{self.topic}/0", f"/image/configs/TOPIC:{self.topic}/retention.ms",
                       "/image/features/metadataVersion"):
            assert wanted in tree, f"no {wanted} in: {tree[:3000]}"
        assert any(re.fullmatch(r"/image/cluster/brokers/\d+", line) for line in tree)
        where = f"/image/topics/byName/{self.topic}/0"
        partition = eventually(lambda: found if "replicas" in (found := shell("cat", where)) else "", 180, where)
        assert re.search(r"replicas=\[\d+\], .*leaderRecoveryState=RECOVERED", partition), partition


def run(checks, tools, node):
    """All of them; the node is stopped afterwards."""
    held = []

    def prepare(*_):
        held.append(Files(tools, node))
    if not checks.run("files: write and stop", prepare):
        return
    files = held[0]
    for name, check in (("segment", files.segment), ("indexes", files.indexes),
                        ("producer snapshot", files.producer_snapshot), ("checkpoints", files.checkpoints),
                        ("__consumer_offsets", files.offsets_topic), ("metadata log", files.metadata_log),
                        ("metadata-shell", files.metadata_shell)):
        checks.run(f"files: {name}", check)
