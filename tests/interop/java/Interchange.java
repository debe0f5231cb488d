import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeProducersResult;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListStreamsGroupOffsetsSpec;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What interchange.py runs inside ToolServer, against whichever broker listens on ADDRESS:
 *   Interchange ADDRESS records          every record in both isolation levels, with the log's start, end and stable offset
 *   Interchange ADDRESS groups           every group's committed offsets
 *   Interchange ADDRESS state [SASL]     what only Apache Kafka serves today: ACLs, quotas, users, tokens, configs, ...
 *   Interchange ADDRESS fill|advance|... see InterchangeWork
 * The first three print JSON with sorted keys, so that two of them can be compared as they are.
 */
public final class Interchange {
    static final ObjectMapper json = new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

    static Properties properties(String address, String... pairs) {
        Properties p = new Properties();
        p.put("bootstrap.servers", address);
        p.put("default.api.timeout.ms", "90000");
        for (int i = 0; i < pairs.length; i += 2) p.put(pairs[i], pairs[i + 1]);
        return p;
    }

    static String text(byte[] bytes) { return bytes == null ? "null" : Base64.getEncoder().encodeToString(bytes); }

    static String text(ConsumerRecord<byte[], byte[]> r) {
        StringBuilder out = new StringBuilder();
        out.append(r.offset()).append('|').append(r.timestampType()).append('|').append(r.timestamp()).append('|')
            .append(r.leaderEpoch().orElse(-1)).append('|').append(text(r.key())).append('|').append(text(r.value()));
        for (Header h : r.headers()) out.append('|').append(h.key()).append('=').append(text(h.value()));
        return out.toString();
    }

    /** All of these partitions, up to their ends. */
    static Map<TopicPartition, List<String>> read(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        Map<TopicPartition, List<String>> found = new HashMap<>();
        ends.keySet().forEach(t -> found.put(t, new ArrayList<>()));
        Set<TopicPartition> left = new HashSet<>(ends.keySet());
        consumer.assign(ends.keySet());
        consumer.seekToBeginning(ends.keySet());
        long deadline = System.currentTimeMillis() + 90_000;
        while (true) {
            left.removeIf(t -> consumer.position(t) >= ends.get(t));
            if (left.isEmpty()) return found;
            for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(100)))
                found.get(new TopicPartition(r.topic(), r.partition())).add(text(r));
            if (System.currentTimeMillis() > deadline) throw new IllegalStateException("not read to the end: " + left + " of " + ends);
        }
    }

    static Map<String, Object> records(String address) throws Exception {
        TreeMap<String, Object> all = new TreeMap<>();
        List<TopicPartition> partitions = new ArrayList<>();
        try (Admin admin = Admin.create(properties(address))) {
            // Not the coordinators' own topics: they write to them at each start.
            List<String> names = admin.listTopics().names().get().stream().filter(n -> !n.startsWith("__")).toList();
            for (var topic : admin.describeTopics(names).allTopicNames().get().values())
                topic.partitions().forEach(p -> partitions.add(new TopicPartition(topic.name(), p.partition())));
        }
        for (String isolation : List.of("read_uncommitted", "read_committed")) {
            Properties p = properties(address, "isolation.level", isolation, "auto.offset.reset", "earliest",
                "enable.auto.commit", "false", "fetch.max.wait.ms", "50");
            try (KafkaConsumer<byte[], byte[]> consumer =
                     new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                Map<TopicPartition, Long> starts = consumer.beginningOffsets(partitions);
                Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
                var found = read(consumer, ends);
                for (TopicPartition t : partitions)
                    all.put(t + " " + isolation, Map.of("start", starts.get(t), "end", ends.get(t), "records", found.get(t)));
            }
        }
        return all;
    }

    static String text(OffsetAndMetadata o) {
        return o == null ? "none" : o.offset() + " epoch " + o.leaderEpoch().orElse(-1) + " \"" + o.metadata() + "\"";
    }

    static Map<String, String> texts(Map<TopicPartition, OffsetAndMetadata> offsets) {
        TreeMap<String, String> all = new TreeMap<>();
        offsets.forEach((t, o) -> all.put(t.toString(), text(o)));
        return all;
    }

    /** Of the groups named: the offsets that OffsetFetch knows, whatever the group's type. */
    static Map<String, Object> groups(String address, List<String> names) throws Exception {
        TreeMap<String, Object> all = new TreeMap<>();
        try (Admin admin = Admin.create(properties(address))) {
            for (String name : names)
                all.put(name, texts(admin.listConsumerGroupOffsets(Map.of(name, new ListConsumerGroupOffsetsSpec()))
                    .partitionsToOffsetAndMetadata(name).get()));
        }
        return all;
    }

    interface Lister { void put(String key, Callable<?> value) throws Exception; }

    static Collection<String> sorted(Collection<?> values) {
        TreeSet<String> all = new TreeSet<>();
        values.forEach(v -> all.add(String.valueOf(v)));
        return all;
    }

    static void groupState(Admin admin, Lister state) throws Exception {
        for (GroupListing group : admin.listGroups().all().get()) {
            String name = group.groupId();
            GroupType type = group.type().orElseThrow();
            state.put("group " + name, () -> type + " " + group.protocol() + " " + group.isSimpleConsumerGroup());
            if (type == GroupType.SHARE) {
                state.put("share group " + name, () -> {
                    var g = admin.describeShareGroups(List.of(name)).all().get().get(name);
                    return g.groupState() + " " + g.groupEpoch() + " " + g.targetAssignmentEpoch();
                });
                state.put("share offsets " + name, () -> {
                    TreeMap<String, Long> offsets = new TreeMap<>();
                    admin.listShareGroupOffsets(Map.of(name, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(name).get()
                        .forEach((t, info) -> offsets.put(t.toString(), info == null ? -1 : info.startOffset()));
                    return offsets;
                });
            }
            if (type == GroupType.STREAMS) {
                state.put("streams group " + name, () -> {
                    var g = admin.describeStreamsGroups(List.of(name)).all().get().get(name);
                    return g.groupState() + " " + g.groupEpoch() + " " + g.topologyEpoch() + " " + g.subtopologies();
                });
                state.put("streams offsets " + name, () -> texts(admin.listStreamsGroupOffsets(
                    Map.of(name, new ListStreamsGroupOffsetsSpec())).partitionsToOffsetAndMetadata(name).get()));
            }
            if (type == GroupType.CONSUMER) {
                state.put("consumer group " + name, () -> {
                    var g = admin.describeConsumerGroups(List.of(name)).all().get().get(name);
                    return g.groupState() + " " + g.partitionAssignor();
                });
            }
        }
    }

    static void securityState(Admin admin, String address, String sasl, Lister state) throws Exception {
        state.put("acls", () -> sorted(admin.describeAcls(AclBindingFilter.ANY).values().get()));
        state.put("quotas", () -> sorted(admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().entrySet()));
        state.put("scram", () -> sorted(admin.describeUserScramCredentials().all().get().values()));
        if (sasl == null) return;
        try (Admin known = Admin.create(InterchangeWork.saslProperties(sasl))) {
            state.put("tokens", () -> sorted(known.describeDelegationToken().delegationTokens().get()));
        }
    }

    static Map<String, Object> state(String address, String sasl) throws Exception {
        TreeMap<String, Object> all = new TreeMap<>();
        Lister state = (key, value) -> all.put(key, value.call());
        try (Admin admin = Admin.create(properties(address))) {
            groupState(admin, state);
            securityState(admin, address, sasl, state);
            state.put("features", () -> sorted(admin.describeFeatures().featureMetadata().get().finalizedFeatures().entrySet()));
            for (ConfigResource resource : admin.listConfigResources().all().get()) {
                if (resource.type() == ConfigResource.Type.BROKER_LOGGER) continue;
                List<String> set = new ArrayList<>();
                admin.describeConfigs(List.of(resource)).all().get().get(resource).entries().stream()
                    .filter(e -> e.source().name().startsWith("DYNAMIC")).forEach(e -> set.add(e.name() + "=" + e.value() + " " + e.source()));
                state.put("config " + resource, () -> sorted(set));
            }
            for (var topic : admin.describeTopics(admin.listTopics().names().get()).allTopicNames().get().values())
                state.put("topic " + topic.name(), () -> topic.topicId() + " " + topic.partitions().size());
            Set<String> ids = new HashSet<>();
            for (TransactionListing t : admin.listTransactions().all().get()) ids.add(t.transactionalId());
            for (var t : admin.describeTransactions(ids).all().get().entrySet()) {
                var d = t.getValue();
                state.put("transaction " + t.getKey(), () -> d.state() + " " + d.producerId() + " " + d.producerEpoch() + " "
                    + d.transactionTimeoutMs() + " " + sorted(d.topicPartitions()));
            }
        }
        return all;
    }

    /** The producers that a partition's leader knows: both brokers serve this. */
    static Map<String, Object> producers(String address) throws Exception {
        TreeMap<String, Object> all = new TreeMap<>();
        try (Admin admin = Admin.create(properties(address))) {
            List<TopicPartition> partitions = new ArrayList<>();
            // Not the coordinators' own topics: they write to them at each start.
            List<String> names = admin.listTopics().names().get().stream().filter(n -> !n.startsWith("__")).toList();
            for (var topic : admin.describeTopics(names).allTopicNames().get().values())
                topic.partitions().forEach(p -> partitions.add(new TopicPartition(topic.name(), p.partition())));
            for (var e : admin.describeProducers(partitions).all().get().entrySet()) {
                DescribeProducersResult.PartitionProducerState s = e.getValue();
                TreeSet<String> found = new TreeSet<>();
                s.activeProducers().forEach(p -> found.add(p.producerId() + " epoch " + p.producerEpoch() + " sequence "
                    + p.lastSequence() + " time " + p.lastTimestamp() + " coordinator " + p.coordinatorEpoch().orElse(-1)
                    + " open " + p.currentTransactionStartOffset().orElse(-1)));
                all.put(e.getKey().toString(), found);
            }
        }
        return all;
    }

    public static void main(String[] args) throws Exception {
        String address = args[0];
        switch (args[1]) {
            case "records" -> System.out.println(json.writeValueAsString(records(address)));
            case "groups" -> System.out.println(json.writeValueAsString(groups(address, List.of(args).subList(2, args.length))));
            case "producers" -> System.out.println(json.writeValueAsString(producers(address)));
            case "state" -> System.out.println(json.writeValueAsString(state(address, args.length > 2 ? args[2] : null)));
            default -> InterchangeWork.run(address, args[1], List.of(args).subList(2, args.length));
        }
    }
}
