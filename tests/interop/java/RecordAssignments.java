import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;

/**
 * Records what Java's client assigns to random groups, and its hashes of random keys, for src/client's tests:
 *   javac -cp kafka-clients-4.3.1.jar:slf4j-api.jar -d DIR RecordAssignments.java
 *   java -cp DIR:kafka-clients-4.3.1.jar:slf4j-api.jar RecordAssignments tests/data/client
 * writes assignments.tsv and murmur2.tsv. The same every time.
 *
 * A case of assignments.tsv, fields separated by tabs, "-" for nothing:
 *   case    ASSIGNOR
 *   topic   NAME  PARTITIONS  RACKS              racks of partition 0, of 1, ...: "a+b,b+c"
 *   member  ID  INSTANCE  RACK  TOPICS  OWNED  GENERATION  USERDATA(hex)
 *   gets    ID  PARTITIONS                       as in OWNED: "t0:0,3;t1:2"
 */
public class RecordAssignments {
    static final Random random = new Random(20260431);

    static final class Member {
        String id;
        Optional<String> instance = Optional.empty();
        Optional<String> rack = Optional.empty();
        List<String> topics = new ArrayList<>();
        List<TopicPartition> owned = new ArrayList<>();
        int generation = -1;
    }

    static ConsumerPartitionAssignor make(String name) {
        switch (name) {
            case "range":
                return new RangeAssignor();
            case "roundrobin":
                return new RoundRobinAssignor();
            case "sticky":
                return new StickyAssignor();
            default:
                return new CooperativeStickyAssignor();
        }
    }

    static String text(List<TopicPartition> partitions) {
        TreeMap<String, TreeSet<Integer>> sorted = new TreeMap<>();
        for (TopicPartition tp : partitions)
            sorted.computeIfAbsent(tp.topic(), t -> new TreeSet<>()).add(tp.partition());
        StringBuilder out = new StringBuilder();
        sorted.forEach((topic, set) -> {
            if (out.length() > 0) out.append(';');
            out.append(topic).append(':').append(set.toString().replaceAll("[\\[\\] ]", ""));
        });
        return out.length() == 0 ? "-" : out.toString();
    }

    // As text(), but the order of the list is kept: it may matter.
    static String ordered(List<TopicPartition> partitions) {
        StringBuilder out = new StringBuilder();
        for (TopicPartition tp : partitions) {
            if (out.length() > 0) out.append(';');
            out.append(tp.topic()).append(':').append(tp.partition());
        }
        return out.length() == 0 ? "-" : out.toString();
    }

    static String hex(ByteBuffer bytes) {
        if (bytes == null) return "-";
        StringBuilder out = new StringBuilder();
        for (int i = bytes.position(); i < bytes.limit(); i++)
            out.append(String.format("%02x", bytes.get(i)));
        return out.length() == 0 ? "-" : out.toString();
    }

    static int below(int n) { return random.nextInt(n); }
    static boolean chance(int percent) { return below(100) < percent; }

    static Member newMember(int number, boolean racks) {
        Member m = new Member();
        m.id = "consumer-" + number + "-" + Integer.toHexString(random.nextInt());
        if (chance(20)) m.instance = Optional.of("i" + below(1000) + "-" + number);
        if (racks && chance(85)) m.rack = Optional.of("r" + below(3));
        return m;
    }

    static List<String> pick(List<String> names) {
        List<String> out = new ArrayList<>();
        for (String name : names)
            if (chance(60)) out.add(name);
        if (out.isEmpty()) out.add(names.get(below(names.size())));
        Collections.shuffle(out, random);
        return out;
    }

    // One group through some rounds: members come and go, topics grow.
    static void group(String assignor, boolean racks, boolean large, PrintStream out) {
        int topicCount = 1 + below(large ? 12 : 5);
        TreeMap<String, Integer> topics = new TreeMap<>();
        TreeMap<String, List<List<Integer>>> replicas = new TreeMap<>();
        for (int i = 0; i < topicCount; i++)
            topics.put((chance(30) ? "orders." : "t") + i, 1 + below(large ? 30 : 7));
        List<String> known = new ArrayList<>(topics.keySet());
        if (chance(25)) known.add("absent");
        boolean same = chance(50);
        List<String> all = pick(known);
        List<Member> members = new ArrayList<>();
        int next = 0;
        int first = 1 + below(large ? 20 : 6);
        for (int i = 0; i < first; i++) {
            Member m = newMember(next++, racks);
            m.topics = same ? new ArrayList<>(all) : pick(known);
            members.add(m);
        }
        int rounds = assignor.contains("sticky") ? 4 : 1;
        int replication = 1 + below(3);
        for (int round = 0; round < rounds; round++) {
            Map<String, List<TopicPartition>> result =
                run(assignor, racks, topics, replicas, replication, members, out);
            for (Member m : members) {
                if (chance(12)) continue; // missed this generation
                m.owned = new ArrayList<>(result.get(m.id));
                m.generation = round + 1;
            }
            if (chance(8) && members.size() > 1) { // two that claim the same
                members.get(0).owned = new ArrayList<>(members.get(1).owned);
                if (chance(50)) members.get(0).generation = members.get(1).generation;
            }
            if (chance(35) && members.size() > 1) members.remove(below(members.size()));
            int more = chance(50) ? 1 + below(2) : 0;
            for (int i = 0; i < more; i++) {
                Member m = newMember(next++, racks);
                m.topics = same ? new ArrayList<>(all) : pick(known);
                members.add(below(members.size() + 1), m);
            }
            if (!same && chance(30)) members.get(below(members.size())).topics = pick(known);
            if (chance(20)) topics.merge(known.get(0), 1 + below(4), Integer::sum);
            if (chance(8) && topics.size() > 1) topics.remove(topics.firstKey());
            if (chance(20)) Collections.shuffle(members, random);
        }
    }

    static Map<String, List<TopicPartition>> run(String name, boolean racks,
        Map<String, Integer> topics, Map<String, List<List<Integer>>> replicas, int replication,
        List<Member> members, PrintStream out) {
        Node[] nodes = new Node[4];
        for (int i = 0; i < 4; i++)
            nodes[i] = new Node(i, "h" + i, 9092, racks ? "r" + i % 3 : null);
        List<PartitionInfo> partitions = new ArrayList<>();
        out.println("case\t" + name);
        topics.forEach((topic, count) -> {
            List<List<Integer>> placed = replicas.computeIfAbsent(topic, t -> new ArrayList<>());
            List<String> texts = new ArrayList<>();
            for (int p = 0; p < count; p++) {
                if (placed.size() <= p) {
                    List<Integer> order = new ArrayList<>(Arrays.asList(0, 1, 2, 3));
                    Collections.shuffle(order, random);
                    placed.add(order.subList(0, replication));
                }
                Node[] on = placed.get(p).stream().map(i -> nodes[i]).toArray(Node[] ::new);
                partitions.add(new PartitionInfo(topic, p, on[0], on, on));
                List<String> names = new ArrayList<>();
                for (Node n : on) names.add(n.rack());
                texts.add(String.join("+", names));
            }
            out.println(
                "topic\t" + topic + "\t" + count + "\t" + (racks ? String.join(",", texts) : "-"));
        });
        Cluster cluster = new Cluster("c", Arrays.asList(nodes), partitions, Set.of(), Set.of());
        Map<String, Subscription> subscriptions = new HashMap<>();
        for (Member m : members) {
            ConsumerPartitionAssignor writer = make(name);
            boolean onlyUserData = name.equals("cooperative-sticky") && chance(15);
            if (m.generation >= 0) {
                writer.onAssignment(new Assignment(m.owned),
                    new ConsumerGroupMetadata("g", m.generation, m.id, m.instance));
            }
            ByteBuffer data = writer.subscriptionUserData(new HashSet<>(m.topics));
            List<TopicPartition> owned = name.equals("sticky") ? List.of() : m.owned;
            int generation = name.equals("sticky") || onlyUserData ? -1 : m.generation;
            Subscription s = new Subscription(m.topics, data, owned, generation, m.rack);
            s.setGroupInstanceId(m.instance);
            subscriptions.put(m.id, s);
            out.println("member\t" + m.id + "\t" + m.instance.orElse("-") + "\t"
                + m.rack.orElse("-") + "\t" + String.join(",", m.topics) + "\t" + ordered(owned)
                + "\t" + generation + "\t" + hex(data));
        }
        Map<String, Assignment> result =
            make(name).assign(cluster, new GroupSubscription(subscriptions)).groupAssignment();
        Map<String, List<TopicPartition>> back = new LinkedHashMap<>();
        for (Member m : members) {
            back.put(m.id, result.get(m.id).partitions());
            out.println("gets\t" + m.id + "\t" + text(result.get(m.id).partitions()));
        }
        return back;
    }

    public static void main(String[] args) throws Exception {
        try (PrintStream out = new PrintStream(args[0] + "/assignments.tsv", "UTF-8")) {
            for (String name : List.of("range", "roundrobin", "sticky", "cooperative-sticky")) {
                int groups = name.contains("sticky") ? 45 : 60;
                for (int i = 0; i < groups; i++) group(name, false, i % 8 == 7, out);
                for (int i = 0; i < groups / 2; i++) group(name, true, i % 8 == 7, out);
            }
        }
        try (PrintStream out = new PrintStream(args[0] + "/murmur2.tsv", "UTF-8")) {
            for (int length = 0; length < 40; length++) {
                byte[] key = new byte[length];
                random.nextBytes(key);
                out.println(hex(ByteBuffer.wrap(key)) + "\t" + Utils.murmur2(key) + "\t"
                    + Utils.toPositive(Utils.murmur2(key)) % 12);
            }
        }
    }
}
