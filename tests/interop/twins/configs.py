"""kafka-configs."""

from lib.records import unique


def misuse(t, _):
    def same(*args, **options):
        t.same("configs", *args, **options)
    t.same("configs", bootstrap="", complaints=False)
    t.same("configs", "--describe", "--entity-type", "topics", bootstrap="", exits=1)
    for args in (
            (), ("--describe",), ("--describe", "--alter"), ("--describe", "--entity-type", "bogus"),
            ("--describe", "--broker", "x"), ("--alter", "--broker", "x", "--add-config", "a=b"),
            ("--describe", "--topic", "a", "--client", "c"), ("--describe", "--topic", "a", "--add-config", "a=b"),
            ("--alter", "--topic", "a"), ("--alter", "--entity-type", "topics", "--add-config", "a=b"),
            ("--alter", "--topic", "a", "--add-config", "retention.ms"), ("--bogus",), ("--describe", "--topic"),
            ("--alter", "--ip", "notanip", "--add-config", "connection_creation_rate=5"),
            ("--alter", "--entity-type", "topics", "--entity-name", "a", "--add-config-file", "nosuch")):
        same(*args, exits=1)
    same("--version", exits=0, complaints=False)


def resources(t, _):
    topic = unique("{me}-conf")
    t.same("topics", "--create", "--topic", topic, "--partitions", 1, exits=0)

    def same(*args, **options):
        t.same("configs", *args, **options)

    def topic_config(*args, **options):
        same("--describe", "--topic", topic, *args, exits=0, retry=True, **options)
    topic_config()
    same("--alter", "--topic", topic, "--add-config", "retention.ms=5000,cleanup.policy=[compact,delete]", exits=0)
    topic_config()
    topic_config("--all")
    same("--alter", "--entity-type", "topics", "--entity-name", topic, "--delete-config", "retention.ms", exits=0)
    same("--describe", "--entity-type", "topics", "--entity-name", topic, exits=0, retry=True)
    same("--alter", "--topic", topic, "--delete-config", "retention.bytes", exits=0)
    same("--alter", "--topic", topic, "--add-config", "bogus=1", exits=1)
    same("--alter", "--topic", topic, "--add-config", "retention.ms=x", exits=1)
    same("--alter", "--topic", "nosuch", "--add-config", "retention.ms=1", exits=1)
    same("--describe", "--topic", "nosuch", exits=0)
    same("--describe", "--broker", 1, exits=0)
    same("--describe", "--broker", 7, exits=0)
    same("--describe", "--entity-type", "brokers", exits=0)
    same("--describe", "--broker-defaults", exits=0)
    same("--alter", "--broker", 1, "--add-config", "log.cleaner.threads=2", exits=0)
    same("--describe", "--entity-type", "brokers", "--entity-name", 1, exits=0, retry=True)
    same("--alter", "--broker", 1, "--delete-config", "log.cleaner.threads", exits=0)
    same("--alter", "--broker-defaults", "--add-config", "log.cleaner.backoff.ms=14000", exits=0)
    same("--describe", "--entity-type", "brokers", "--entity-default", exits=0, retry=True)
    same("--alter", "--broker-defaults", "--delete-config", "log.cleaner.backoff.ms", exits=0)
    same("--describe", "--broker", 1, "--all", exits=0)
    group = unique("{me}-group")
    same("--alter", "--group", group, "--add-config", "consumer.session.timeout.ms=46000", exits=0)
    same("--describe", "--group", group, exits=0, retry=True)
    same("--alter", "--group", group, "--delete-config", "consumer.session.timeout.ms", exits=0)
    same("--alter", "--client-metrics", "{me}-m", "--add-config", "interval.ms=1000", exits=0)
    same("--describe", "--client-metrics", "{me}-m", exits=0, retry=True)
    same("--alter", "--client-metrics", "{me}-m", "--delete-config", "interval.ms", exits=0)


def quotas(t, node):
    if node.kind != "kafka":
        return  # not served yet

    def same(*args, **options):
        t.same("configs", *args, **options)
    client, user = unique("{me}-c"), unique("{me}-u")
    same("--alter", "--client", client, "--add-config", "producer_byte_rate=1024", exits=0)
    same("--describe", "--client", client, exits=0, retry=True)
    same("--alter", "--user", user, "--client", client, "--add-config", "consumer_byte_rate=20480000,request_percentage=5",
         exits=0)
    same("--describe", "--user", user, "--client", client, exits=0, retry=True)
    same("--alter", "--user", user, "--entity-type", "clients", "--entity-default", "--add-config", "request_percentage=0.5",
         exits=1)
    same("--alter", "--entity-type", "users", "--entity-name", user, "--entity-type", "clients", "--entity-default",
         "--add-config", "request_percentage=0.5", exits=0)
    same("--describe", "--entity-type", "users", "--entity-name", user, "--entity-type", "clients", exits=0, retry=True,
         sort=True)
    same("--alter", "--client", client, "--delete-config", "producer_byte_rate", exits=0)
    same("--alter", "--client", client, "--delete-config", "bogus", exits=1)
    same("--alter", "--ip", "1.2.3.4", "--add-config", "connection_creation_rate=5", exits=0)
    same("--describe", "--ip", "1.2.3.4", exits=0, retry=True)
    same("--describe", "--entity-type", "ips", exits=0)


def refused(t, node):
    """A cluster that has neither quotas nor passwords."""
    if node.kind == "kafka":
        return
    t.same("configs", "--describe", "--entity-type", "users", exits=1)
    t.same("configs", "--alter", "--user", "u", "--add-config", "producer_byte_rate=5", exits=1)
    t.same("configs", "--alter", "--user", "u", "--add-config", "SCRAM-SHA-256=[password=pw]", exits=1)


def passwords(t, node):
    if node.kind != "kafka":
        return  # not served yet
    user = unique("{me}-s")

    def same(*args, **options):
        t.same("configs", *args, **options)
    sha_256, sha_512 = "SCRAM-SHA-256", "SCRAM-SHA-512"
    same("--alter", "--user", user, "--add-config", f"{sha_256}=[iterations=8192,password=pw]", exits=0)
    same("--alter", "--user", user, "--add-config", f"{sha_512}=[password=a,b=c]", exits=0)
    same("--describe", "--user", user, exits=0, retry=True)
    same("--alter", "--user", user, "--add-config", f"{sha_256}=[password=pw],{sha_512}=[password=pw]", exits=1)
    for wrong in (f"{sha_256}=[iterations=100,password=pw]", f"{sha_256}=[iterations=8192]", f"{sha_256}=x",
                  f"{sha_256}=[iterations=,password=pw]", f"{sha_256}=[password=]", f"{sha_256}=[iterations=20000,password=pw]",
                  "SCRAM-SHA-1=[password=pw]", f"{sha_256}=[password=pw],producer_byte_rate=5",
                  f"{sha_256}=[password=pw],bogus=5", "bogus=5", f"{sha_256}=[password=pw,iterations=x]"):
        same("--alter", "--user", user, "--add-config", wrong, exits=0 if wrong.endswith("=x]") else 1)
    same("--alter", "--user-defaults", "--add-config", f"{sha_256}=[password=pw]", exits=1)
    same("--alter", "--client", user, "--add-config", f"{sha_256}=[password=pw]", exits=1)
    same("--alter", "--user", user, "--client", user, "--add-config", f"{sha_256}=[password=pw]", exits=1)
    same("--alter", "--user", user, "--delete-config", "bogus", exits=1)
    same("--alter", "--user", user, "--delete-config", f"{sha_512},producer_byte_rate", exits=1)
    same("--alter", "--user", user, "--delete-config", sha_256, exits=0)
    same("--alter", "--user", user, "--delete-config", sha_256, exits=1)
    same("--alter", "--user", user, "--add-config", "producer_byte_rate=1000", exits=0)
    same("--describe", "--user", user, exits=0, retry=True)
    same("--describe", "--user", "nosuch", exits=0)
    same("--describe", "--user-defaults", exits=0)
    same("--alter", "--ip", "1.2.3.4", "--add-config", "producer_byte_rate=3", exits=1)
    same("--alter", "--ip", "1.2.3.4", "--delete-config", "bogus", exits=1)
    same("--alter", "--client", user, "--add-config", "connection_creation_rate=3", exits=1)
    same("--alter", "--user", user, "--delete-config", "producer_byte_rate", exits=0)
    same("--alter", "--user", user, "--delete-config", sha_512, exits=0)
    same("--describe", "--user", user, exits=0, retry=True)


def client_metrics(t, node):
    def same(*args, **options):
        t.same("client-metrics", *args, **options)
    t.same("client-metrics", bootstrap="", complaints=False)
    t.same("client-metrics", "--list", bootstrap="", exits=1)
    for args in ((), ("--bogus",), ("--alter",), ("--alter", "--name", "x", "--generate-name"), ("--delete",), ("--delete",
                                                                                                                "--list"),
                 ("--alter", "--name", "x", "--interval", "x"), ("--describe", "--interval", 5), ("--list", "--name", "x"),
                 ("--delete", "--name", "x", "--match", "y")):
        same(*args, exits=1)
    same("--version", exits=0, complaints=False)
    name = unique("{me}-cm")

    def altered(*args, **options):
        same("--alter", "--name", name, *args, exits=0, complaints=False, **options)
        same("--describe", "--name", name, exits=0, complaints=False, retry=True)
    same("--describe", "--name", name, exits=0, complaints=False)
    altered("--interval", 1000, "--metrics", "a", "--metrics", "b", "--match", "client_id=x,client_software_name=y")
    altered("--interval=", "--metrics", "c,d")
    same("--list", exits=0, complaints=False, retry=True)
    same("--describe", exits=0, complaints=False, retry=True, sort=True)
    if node.kind == "kafka":  # ours says it in its own words
        for args in (("--interval", 5), ("--match", "bogus=x")):
            same("--alter", "--name", name, *args, exits=1)
    altered("--interval=", "--metrics=", "--match=")
    same("--alter", "--name", name, "--interval", 1000, exits=0, complaints=False)
    same("--delete", "--name", name, exits=0, complaints=False)
    same("--delete", "--name", name, exits=0, complaints=False)
    same("--list", exits=0, complaints=False, retry=True)
    same("--alter", "--generate-name", "--interval", 2000, exits=0, complaints=False)


CHECKS = {"client-metrics": client_metrics, "configs misuse": misuse, "configs": resources, "configs quotas": quotas,
          "configs passwords": passwords, "configs refused": refused}
