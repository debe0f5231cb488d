import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * An application with every kind of state that Kafka Streams keeps in changelogs. tests/streams/takeover has the same topology:
 * with the same application id one continues what the other has left.
 *
 * usage: TakeoverApp PREFIX SETTING=VALUE...          PREFIX is that of its topics
 *
 * Told by lines on its input: "commit" commits soon, "status" answers with the number of records processed, the application's
 * state and the number of records on their way to the broker, "describe" with the topology's text and a line with a dot. The
 * end of the input ends it.
 */
public final class TakeoverApp {
    private static final AtomicBoolean COMMIT = new AtomicBoolean();
    private static final AtomicLong ON_THE_WAY = new AtomicLong();
    private static final Serde<String> TEXT = Serdes.String();

    /** Counts what is sent and not acknowledged yet. */
    public static final class Counting implements ProducerInterceptor<byte[], byte[]> {
        @Override public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
            ON_THE_WAY.incrementAndGet();
            return record;
        }
        @Override public void onAcknowledgement(RecordMetadata metadata, Exception e) { ON_THE_WAY.decrementAndGet(); }
        @Override public void close() { }
        @Override public void configure(Map<String, ?> settings) { }
    }

    /** Each value with the one before it. Also where commits are asked for. */
    private static final class Previous implements FixedKeyProcessor<String, String, String> {
        private FixedKeyProcessorContext<String, String> context;
        private KeyValueStore<String, String> previous;

        @Override public void init(FixedKeyProcessorContext<String, String> context) {
            this.context = context;
            previous = context.getStateStore("previous");
            context.schedule(Duration.ofMillis(20), PunctuationType.WALL_CLOCK_TIME, now -> {
                if (COMMIT.getAndSet(false)) context.commit();
            });
        }
        @Override public void process(FixedKeyRecord<String, String> record) {
            String before = previous.get(record.key());
            if (record.value().startsWith("-")) previous.delete(record.key());
            else previous.put(record.key(), record.value());
            context.forward(record.withValue(before + ">" + record.value()));
        }
    }

    private final StreamsBuilder builder = new StreamsBuilder();
    private final String prefix;

    private TakeoverApp(String prefix) { this.prefix = prefix; }

    private KStream<String, String> stream(String topic) { return builder.stream(prefix + topic, Consumed.with(TEXT, TEXT)); }

    private <K, V> void to(KStream<K, V> stream, String topic, Serde<K> key, Serde<V> value) {
        stream.to(prefix + topic, Produced.with(key, value));
    }

    private void counts(KStream<String, String> events) {
        KTable<String, Long> counts = events.groupByKey().count(Materialized.as("counts"));
        to(counts.toStream(), "out-counts", TEXT, Serdes.Long());
        to(counts.suppress(Suppressed.<String>untilTimeLimit(Duration.ofSeconds(20), Suppressed.BufferConfig.maxRecords(1000))
            .withName("limited")).toStream(), "out-limited", TEXT, Serdes.Long());
        to(events.groupBy((key, value) -> value.substring(0, 1), Grouped.with("letters", TEXT, TEXT))
            .count(Materialized.as("letters")).toStream(), "out-letters", TEXT, Serdes.Long());
        to(events.processValues(Previous::new, "previous"), "out-previous", TEXT, TEXT);
    }

    private void windows(KStream<String, String> events) {
        KGroupedStream<String, String> grouped = events.groupByKey();
        TimeWindows tumbling = TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5));
        Serde<Windowed<String>> windowed = WindowedSerdes.timeWindowedSerdeFrom(String.class, 10_000);
        to(grouped.windowedBy(tumbling).count(Materialized.as("tumbling")).toStream(), "out-tumbling", windowed, Serdes.Long());
        to(grouped.windowedBy(tumbling.advanceBy(Duration.ofSeconds(4)))
            .aggregate(() -> "", (key, value, all) -> all + value.charAt(0),
                Materialized.<String, String, WindowStore<Bytes, byte[]>>
                    as("hopping").withValueSerde(TEXT).withCachingDisabled())
            .toStream(), "out-hopping", windowed, TEXT);
        to(grouped.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(5)))
            .count(Materialized.as("sliding")).toStream(), "out-sliding", windowed, Serdes.Long());
        to(grouped.windowedBy(tumbling).count(Materialized.as("closing"))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()).withName("closed"))
            .toStream(), "out-closed", windowed, Serdes.Long());
        // Not cached: Kafka then looks through the cache for all time since 1970, minutes long.
        to(grouped.windowedBy(tumbling).emitStrategy(EmitStrategy.onWindowClose())
            .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("emitting").withCachingDisabled())
            .toStream(), "out-emitted", windowed, Serdes.Long());
        // Kept for longer than they are needed: Kafka looks for what is older in its cache, but not below it.
        to(grouped.windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(3), Duration.ofSeconds(4)))
            .count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>as("sessions").withRetention(Duration.ofMinutes(2)))
            .toStream(), "out-sessions",
            WindowedSerdes.sessionWindowedSerdeFrom(String.class), Serdes.Long());
    }

    private void versions(KStream<String, String> events) {
        KTable<String, String> prices = builder.table(prefix + "prices", Consumed.with(TEXT, TEXT),
            Materialized.as(Stores.persistentVersionedKeyValueStore("prices", Duration.ofSeconds(60))));
        to(events.join(prices, (event, price) -> event + "@" + price, Joined.with(TEXT, TEXT, TEXT, "priced")),
            "out-priced", TEXT, TEXT);
        to(events.join(prices, (event, price) -> event + "@" + price,
            Joined.with(TEXT, TEXT, TEXT, "waited", Duration.ofSeconds(3))), "out-waited", TEXT, TEXT);
    }

    private void streamJoins() {
        KStream<String, String> left = stream("left");
        KStream<String, String> right = stream("right");
        JoinWindows near = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(4), Duration.ofSeconds(3));
        StreamJoined<String, String, String> serdes = StreamJoined.with(TEXT, TEXT, TEXT);
        ValueJoiner<String, String, String> both = (l, r) -> l + "+" + r;
        to(left.leftJoin(right, both, near, serdes.withName("left-join").withStoreName("left-join")), "out-left", TEXT, TEXT);
        to(left.outerJoin(right, both, near, serdes.withName("outer-join").withStoreName("outer-join")), "out-outer", TEXT, TEXT);
    }

    private void tableJoins() {
        KTable<String, String> first = builder.table(prefix + "first", Consumed.with(TEXT, TEXT), Materialized.as("first"));
        KTable<String, String> second = builder.table(prefix + "second", Consumed.with(TEXT, TEXT),
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("second").withCachingDisabled());
        to(first.outerJoin(second, (a, b) -> a + "&" + b, Named.as("tables"),
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("tables").withValueSerde(TEXT))
            .toStream(), "out-tables", TEXT, TEXT);
        KTable<String, String> orders = builder.table(prefix + "orders", Consumed.with(TEXT, TEXT), Materialized.as("orders"));
        KTable<String, String> products = builder.table(prefix + "products", Consumed.with(TEXT, TEXT),
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("products").withCachingDisabled());
        to(orders.leftJoin(products, order -> order.split(":")[0], (order, product) -> order + "=" + product,
            TableJoined.as("ordered"),
            Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("ordered").withValueSerde(TEXT))
            .toStream(), "out-orders", TEXT, TEXT);
    }

    private Topology topology() {
        builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("previous"), TEXT, TEXT));
        KStream<String, String> events = stream("events");
        counts(events);
        windows(events);
        versions(events);
        streamJoins();
        tableJoins();
        return builder.build();
    }

    private static long processed(KafkaStreams streams) {
        return streams.metrics().entrySet().stream()
            .filter(m -> m.getKey().name().equals("process-total") && m.getKey().group().equals("stream-thread-metrics"))
            .mapToLong(m -> ((Double) m.getValue().metricValue()).longValue()).sum();
    }

    private static void obey(KafkaStreams streams, Topology topology) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("commit")) COMMIT.set(true);
            // What was processed is looked at first: if nothing is on its way then, all that came of it is in the topics.
            if (line.equals("status")) System.out.println(processed(streams) + " " + streams.state() + " " + ON_THE_WAY.get());
            if (line.equals("describe")) System.out.println(topology.describe() + "\n.");
        }
    }

    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        p.put(StreamsConfig.producerPrefix("interceptor.classes"), Counting.class.getName());
        // What waits for wall clock is looked for with every record.
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        for (int i = 1; i < args.length; i++) {
            String[] setting = args[i].split("=", 2);
            p.put(setting[0], setting[1]);
        }
        Topology topology = new TakeoverApp(args[0]).topology();
        KafkaStreams streams = new KafkaStreams(topology, p);
        streams.start();
        obey(streams, topology);
        boolean closed = streams.close(CloseOptions
            .groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP).withTimeout(Duration.ofSeconds(60)));
        System.exit(closed && streams.state() == KafkaStreams.State.NOT_RUNNING ? 0 : 1);
    }
}
