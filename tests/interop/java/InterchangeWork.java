import java.io.DataInputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.StreamsGroupHeartbeatRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.OffsetCommitRequest;
import org.apache.kafka.common.requests.OffsetCommitResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.StreamsGroupHeartbeatRequest;
import org.apache.kafka.common.requests.StreamsGroupHeartbeatResponse;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The work that interchange.py has clients do:
 *   fill [SASL]          topics, records, groups and settings of every kind (on Apache Kafka)
 *   advance ROUND        goes on with topics, producers and groups where they stand (on either)
 *   kafka-only ROUND     goes on with share and streams groups
 *   transact ROUND       a committed and an aborted transaction of one id, and offsets in one
 *   open ID, finish ID   leaves a transaction open; commits it, from the same producer object
 */
final class InterchangeWork {
    // In the past, and not so far that brokers would forget the producers.
    static final long TIME = System.currentTimeMillis() - 3_600_000;
    static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
    static final int SPREAD = 8;
    // They live as long as ToolServer: through stops and changes of the broker.
    static final Map<String, KafkaProducer<String, String>> kept = new ConcurrentHashMap<>();

    static String address;
    static Admin admin;

    static KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(Interchange.properties(address, pairs), new StringSerializer(), new StringSerializer());
    }

    static Properties saslProperties(String sasl) {
        return Interchange.properties(sasl, "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"admin\";");
    }

    static NewTopic topic(String name, int partitions, String... pairs) {
        Map<String, String> configs = new HashMap<>(Map.of("retention.ms", "-1"));
        for (int i = 0; i < pairs.length; i += 2) configs.put(pairs[i], pairs[i + 1]);
        return new NewTopic(name, partitions, (short) 1).configs(configs);
    }

    static void alter(ConfigResource.Type type, String name, String key, String value) throws Exception {
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(type, name),
            List.of(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET)))).all().get();
    }

    /** Headers, null keys and values, small segments. */
    static void orders(int from, int to) throws Exception {
        try (KafkaProducer<String, String> p = producer()) {
            for (int i = from; i < to; i++) {
                var r = new ProducerRecord<>("orders", i % 2, TIME + i * 1000L, i % 5 == 0 ? null : "o" + i,
                    i % 7 == 0 ? null : "order number " + i + " for customer " + i % 13);
                if (i % 3 == 0) r.headers().add(new RecordHeader("trace", ("t" + i).getBytes())).add(new RecordHeader("nil", null));
                p.send(r);
                if (i % 4 == 3) p.flush();
            }
        }
    }

    static void codecs(String round) throws Exception {
        for (String codec : CODECS) {
            String idempotent = codec.equals("gzip") ? "false" : "true";
            try (var p = producer("compression.type", codec, "linger.ms", "200", "enable.idempotence", idempotent, "acks", "all")) {
                for (int i = 0; i < 20; i++)
                    p.send(new ProducerRecord<>("codecs", 0, TIME + i, "k" + i, "value value value " + codec + round + i));
            }
        }
    }

    static void compacted(int rounds, int tombstones) {
        try (var p = producer("linger.ms", "0")) {
            for (int r = 0; r < rounds; r++) {
                for (int k = 0; k < 10; k++) {
                    boolean gone = k < tombstones && r == rounds - 1;
                    p.send(new ProducerRecord<>("compacted", 0, "user-" + k, gone ? null : "profile " + k + " round " + r));
                }
                p.flush();
            }
        }
    }

    static void log(String topic, String round, int count) throws Exception {
        try (var p = producer("linger.ms", "50")) {
            for (int i = 0; i < count; i++) p.send(new ProducerRecord<>(topic, 0, TIME + i, "k", round + " v" + i));
        }
    }

    /** One producer object, with its id and its sequence, through all stops. */
    static void goOn(String round) throws Exception {
        var p = kept.computeIfAbsent("long", k -> producer("linger.ms", "0", "delivery.timeout.ms", "60000"));
        for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>("long", 0, TIME + i, "long", round + "." + i)).get();
    }

    /** Requests with several partitions, which is what Millrace's journal is for. */
    static void spread(String round) throws Exception {
        try (var p = producer("linger.ms", "200")) {
            for (int i = 0; i < 5; i++) {
                for (int t = 0; t < SPREAD; t++) p.send(new ProducerRecord<>("spread", t, TIME + i, "s" + t, round + "." + i));
                p.flush();
            }
        }
    }

    static void transact(String round) throws Exception {
        try (var p = producer("transactional.id", "tx-a")) {
            p.initTransactions();
            for (int i = 0; i < 4; i++) {
                p.beginTransaction();
                for (int j = 0; j < 3; j++) p.send(new ProducerRecord<>("txn", "a" + j, round + ": " + i + "." + j));
                p.flush();
                if (i % 2 == 0) p.commitTransaction(); else p.abortTransaction();
            }
            p.beginTransaction();
            p.send(new ProducerRecord<>("txn", "x", round + ": with offsets")).get();
            long at = 10 + Long.parseLong(round);
            p.sendOffsetsToTransaction(Map.of(new TopicPartition("orders", 0), new OffsetAndMetadata(at, Optional.of(0), "in tx")),
                new ConsumerGroupMetadata("g-tx"));
            p.commitTransaction();
        }
    }

    static void open(String id) throws Exception {
        var p = producer("transactional.id", id, "transaction.timeout.ms", "7200000");
        p.initTransactions();
        p.beginTransaction();
        for (int i = 0; i < 3; i++) p.send(new ProducerRecord<>("open", "open", id + " " + i)).get();
        p.send(new ProducerRecord<>("txn", "open", id)).get();
        kept.put(id, p);
    }

    static void finish(String id) throws Exception {
        try (var p = kept.remove(id)) {
            p.send(new ProducerRecord<>("open", "open", id + " last")).get();
            p.commitTransaction();
        }
    }

    /** Reads on from where the group stands to the end, and commits. Fails when it does not begin there. */
    static void consume(String group, String... pairs) throws Exception {
        Properties p = Interchange.properties(address, pairs);
        p.put("group.id", group);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        Map<TopicPartition, Long> first = new HashMap<>();
        Map<TopicPartition, Optional<Integer>> epochs = new HashMap<>();
        try (var c = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            if (group.equals("g-regex")) c.subscribe(new SubscriptionPattern("ord.*")); else c.subscribe(List.of("orders"));
            long deadline = System.currentTimeMillis() + 120_000;
            boolean done = false;
            while (!done) {
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(100))) {
                    first.putIfAbsent(new TopicPartition(r.topic(), r.partition()), r.offset());
                    epochs.put(new TopicPartition(r.topic(), r.partition()), r.leaderEpoch());
                }
                var ends = c.endOffsets(c.assignment());
                done = c.assignment().size() == 2;
                for (TopicPartition t : c.assignment()) done &= c.position(t) >= ends.get(t);
                if (System.currentTimeMillis() > deadline) throw new IllegalStateException(group + " did not reach the end");
            }
            Map<TopicPartition, OffsetAndMetadata> commit = new HashMap<>();
            for (TopicPartition t : c.assignment())
                commit.put(t, new OffsetAndMetadata(c.position(t), epochs.getOrDefault(t, Optional.empty()), "of " + t.partition()));
            c.commitSync(commit);
            var starts = c.beginningOffsets(c.assignment());
            for (var e : first.entrySet()) {
                OffsetAndMetadata from = committed.get(e.getKey());
                long wanted = Math.max(from == null ? 0 : from.offset(), starts.get(e.getKey()));
                if (e.getValue() != wanted) throw new IllegalStateException(group + " began at " + e + ", not at " + wanted);
            }
        }
    }

    static void consumeAll() throws Exception {
        consume("g-classic", "group.protocol", "classic", "group.instance.id", "static-1", "client.rack", "r1",
            "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        consume("g-plain", "group.protocol", "classic");
        // The feature level says whether the broker has the new protocol.
        if (!admin.describeFeatures().featureMetadata().get().finalizedFeatures().containsKey("group.version")) return;
        consume("g-consumer", "group.protocol", "consumer", "client.rack", "r1");
        consume("g-regex", "group.protocol", "consumer", "group.remote.assignor", "range");
    }

    static void share(int count) throws Exception {
        int n = 0;
        Properties p = Interchange.properties(address, "group.id", "g-share", "share.acknowledgement.mode", "explicit");
        try (var c = new KafkaShareConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            c.subscribe(List.of("orders"));
            long deadline = System.currentTimeMillis() + 120_000;
            while (n < count) {
                for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(300)))
                    c.acknowledge(r, n++ % 4 == 1 ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
                c.commitSync();
                if (System.currentTimeMillis() > deadline) throw new IllegalStateException("g-share got " + n + " records");
            }
        }
    }

    /** Requests that no client class makes without Kafka Streams. */
    static AbstractResponse call(AbstractRequest request) throws Exception {
        RequestHeader header = new RequestHeader(request.apiKey(), request.version(), "interchange", 1);
        ByteBuffer bytes = request.serializeWithHeader(header);
        String[] parts = address.split(":");
        try (Socket socket = new Socket(parts[0], Integer.parseInt(parts[1]))) {
            OutputStream out = socket.getOutputStream();
            out.write(ByteBuffer.allocate(4 + bytes.remaining()).putInt(bytes.remaining()).put(bytes).array());
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            return AbstractResponse.parseResponse(ByteBuffer.wrap(answer), header);
        }
    }

    static int streamsBeat(String member, int epoch) throws Exception {
        var data = new StreamsGroupHeartbeatRequestData().setGroupId("g-streams").setMemberId(member).setMemberEpoch(epoch);
        if (epoch == 0) {
            data.setRebalanceTimeoutMs(60_000).setProcessId("process").setActiveTasks(List.of()).setStandbyTasks(List.of())
                .setWarmupTasks(List.of()).setClientTags(List.of())
                .setTopology(new StreamsGroupHeartbeatRequestData.Topology().setEpoch(1).setSubtopologies(List.of(
                    new StreamsGroupHeartbeatRequestData.Subtopology().setSubtopologyId("0").setSourceTopics(List.of("orders")))));
        }
        var answer = (StreamsGroupHeartbeatResponse) call(new StreamsGroupHeartbeatRequest.Builder(data)
            .build(ApiKeys.STREAMS_GROUP_HEARTBEAT.latestVersion()));
        if (answer.data().errorCode() != 0) throw new IllegalStateException("streams heartbeat: " + answer.data());
        return answer.data().memberEpoch();
    }

    static void streams(long offset) throws Exception {
        String member = Uuid.randomUuid().toString();
        int epoch = streamsBeat(member, 0);
        var partition = new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(offset)
            .setCommittedLeaderEpoch(0).setCommittedMetadata("streams");
        var data = new OffsetCommitRequestData().setGroupId("g-streams").setMemberId(member).setGenerationIdOrMemberEpoch(epoch)
            .setTopics(List.of(new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("orders").setPartitions(List.of(partition))));
        var answer = (OffsetCommitResponse) call(OffsetCommitRequest.Builder.forTopicNames(data).build((short) 9));
        if (!answer.errorCounts().keySet().equals(Set.of(org.apache.kafka.common.protocol.Errors.NONE)))
            throw new IllegalStateException("streams commit: " + answer.data());
        streamsBeat(member, -1);
    }

    static void settings(String sasl, boolean tokens) throws Exception {
        alter(ConfigResource.Type.BROKER, "1", "log.cleaner.threads", "1");
        alter(ConfigResource.Type.BROKER, "", "message.max.bytes", "2000000");
        alter(ConfigResource.Type.GROUP, "g-consumer", "consumer.session.timeout.ms", "46000");
        alter(ConfigResource.Type.CLIENT_METRICS, "cm", "interval.ms", "60000");
        alter(ConfigResource.Type.CLIENT_METRICS, "cm", "metrics", "org.apache.kafka.consumer.,org.apache.kafka.producer.");
        admin.alterClientQuotas(List.of(
            new ClientQuotaAlteration(new ClientQuotaEntity(Map.of("user", "alice", "client-id", "c1")),
                List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1048576.0))),
            new ClientQuotaAlteration(new ClientQuotaEntity(Map.of("ip", "10.1.2.3")),
                List.of(new ClientQuotaAlteration.Op("connection_creation_rate", 7.0))),
            new ClientQuotaAlteration(new ClientQuotaEntity(Collections.singletonMap("user", null)),
                List.of(new ClientQuotaAlteration.Op("consumer_byte_rate", 5e6))))).all().get();
        admin.alterUserScramCredentials(List.of(
            new UserScramCredentialUpsertion("alice", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"),
            new UserScramCredentialUpsertion("bob", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192), "secret"))).all().get();
        admin.createAcls(List.of(
            new AclBinding(new ResourcePattern(ResourceType.TOPIC, "ord", PatternType.PREFIXED),
                new AccessControlEntry("User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW)),
            new AclBinding(new ResourcePattern(ResourceType.CLUSTER, "kafka-cluster", PatternType.LITERAL),
                new AccessControlEntry("User:mallory", "10.0.0.1", AclOperation.ALL, AclPermissionType.DENY)))).all().get();
        if (!tokens) return;
        try (Admin known = Admin.create(saslProperties(sasl))) {
            known.createDelegationToken().delegationToken().get();
        }
    }

    static void fill(String sasl, boolean newGroups) throws Exception {
        String small = "internal.segment.bytes";
        admin.createTopics(List.of(
            topic("orders", 2, small, "2048", "index.interval.bytes", "128"),
            topic("compacted", 1, "cleanup.policy", "compact", small, "1024", "index.interval.bytes", "128",
                "min.cleanable.dirty.ratio", "0.01", "max.compaction.lag.ms", "1000", "file.delete.delay.ms", "1500"),
            topic("txn", 1, small, "1500", "index.interval.bytes", "128"), topic("open", 1),
            topic("codecs", 1, "index.interval.bytes", "0"), topic("long", 1),
            topic("logappend", 1, "message.timestamp.type", "LogAppendTime"),
            topic("converted", 1, "compression.type", "zstd"), topic("gone", 1), topic("empty", 3),
            topic("spread", SPREAD))).all().get();
        orders(0, 200);
        codecs("0");
        log("logappend", "0", 10);
        log("converted", "0", 10);
        log("gone", "0", 5);
        compacted(30, 3);
        goOn("0");
        transact("0");
        consumeAll();
        if (newGroups) {
            alter(ConfigResource.Type.GROUP, "g-share", "share.auto.offset.reset", "earliest");
            share(10);
            streams(5);
        }
        admin.createPartitions(Map.of("logappend", NewPartitions.increaseTo(2))).all().get();
        admin.deleteRecords(Map.of(new TopicPartition("orders", 0), RecordsToDelete.beforeOffset(33))).all().get();
        admin.deleteTopics(List.of("gone")).all().get();
        settings(sasl, sasl != null);
    }

    static void advance(String round) throws Exception {
        int n = Integer.parseInt(round);
        goOn(round);
        orders(200 + n * 20, 220 + n * 20);
        codecs(round);
        log("logappend", round, 5);
        log("converted", round, 5);
        compacted(2, n % 3);
        consumeAll();
        admin.createTopics(List.of(topic("round-" + n, 1, "segment.ms", "600000" + n))).all().get();
        if (n > 1) admin.deleteTopics(List.of("round-" + (n - 1))).all().get();
        alter(ConfigResource.Type.TOPIC, "empty", "max.message.bytes", String.valueOf(1_000_000 + n));
        admin.deleteRecords(Map.of(new TopicPartition("orders", 1), RecordsToDelete.beforeOffset(10L + n))).all().get();
    }

    static void run(String where, String command, List<String> args) throws Exception {
        address = where;
        try (Admin mine = Admin.create(Interchange.properties(where))) {
            admin = mine;
            switch (command) {
                case "fill" -> fill(args.get(0).isEmpty() ? null : args.get(0), args.get(1).equals("new-groups"));
                case "advance" -> advance(args.get(0));
                case "kafka-only" -> { share(3); streams(5 + Long.parseLong(args.get(0))); }
                case "spread" -> spread(args.get(0));
                case "transact" -> transact(args.get(0));
                case "open" -> open(args.get(0));
                case "finish" -> finish(args.get(0));
                default -> throw new IllegalArgumentException(command);
            }
        }
    }
}
