"""kafka-topics."""

from lib.records import unique

# A reason that the broker gives in its own words.
OWN_WORDS = {"mask": lambda text: text.split(" : ")[0], "complaints": False}


def misuse(t, _):
    def same(*args, **options):
        t.same("topics", *args, **options)
    t.same("topics", bootstrap="", complaints=False)
    t.same("topics", "--list", bootstrap="", exits=1)
    for args in (
            (), ("--list", "--create"), ("--create",), ("--delete",), ("--list", "--if-exists"), ("--list", "--partitions", 3),
            ("--describe", "--if-not-exists"), ("--describe", "--topics-with-overrides", "--unavailable-partitions"),
            ("--alter", "--topic", "x"),
            ("--alter", "--topic", "x", "--partitions", 7, "--replication-factor", 2), ("--describe", "--if-exists"),
            ("--create", "--topic", "x", "--if-exists"), ("--create", "--topic", "x", "--exclude-internal"),
            ("--create", "--topic", "x", "--partitions", 2, "--replica-assignment", 1), ("--list", "--bogus"), ("--lis",),
            ("--list", "--topic"), ("--list", "--config", "a=b"), ("--delete", "--topic", "x", "--replica-assignment", 1),
            ("--create", "--topic", "x", "--under-replicated-partitions"), ("--create", "--topic", "x", "--partitions", "y"),
            ("--create", "--topic", "x", "--partitions", 0), ("--create", "--topic", "x", "--replication-factor", 0),
            ("--create", "--topic", "x", "--config", "bogus"), ("--create", "--topic", "x", "--topic", "y"),
            ("--create", "--topic", "x", "--replica-assignment", "1,a"), ("--list", "--command-config", "nosuch"),
            ("--create", "--topic", "x", "--replica-assignment", "1:1"),
            ("--create", "--topic", "x", "--replica-assignment", "1,1:2"), ("--describe", "--topic-id", "abc")):
        same(*args, exits=1)
    same("--alter", "--topic", "x", "--config", "a=b", exits=1, complaints=False)  # names its options in any order
    same("--version", exits=0)
    same("--help", complaints=False)


def life(t, _):
    """A topic from its creation to its end, and what may be wrong on the way."""
    name = unique("{me}-life")

    def same(*args, **options):
        t.same("topics", *args, **options)
    same("--create", "--topic", name, "--partitions", 3, "--replication-factor", 1, "--config", "retention.ms=1000", "--config",
         "cleanup.policy=compact", exits=0)
    same("--create", "--topic", name, exits=1)
    same("--create", "--topic", name, "--if-not-exists", exits=0)
    same("--create", f"--topic={name}.b_c", "-partitions", 2, exits=0)
    same("--create", "--topic", name + "assigned", "--replica-assignment", "1,1", exits=0)
    same("--create", "--topic", name + "2", "--replication-factor", 3, exits=1, **OWN_WORDS)
    same("--create", "--topic", name + "2", "--replica-assignment", "1:2", exits=1, **OWN_WORDS)
    same("--create", "--topic", name + "2", "--config", "bogus=1", exits=1)
    same("--create", "--topic", name + "2", "--config", "retention.ms=x", exits=1, **OWN_WORDS)
    same("--create", "--topic", "bad*name", exits=1, **OWN_WORDS)
    same("--list", "--topic", name + ".*", exits=0)
    same("--list", "--topic", f"{name},{name}assigned", exits=0)
    same("--list", "--topic", "nosuch", exits=0)
    same("--list", exits=0, mask=lambda text: "")
    same("--list", "--exclude-internal", exits=0, mask=lambda text: "")
    same("--describe", "--topic", name, exits=0, retry=True)
    same("--describe", "--topic", name + ".*", exits=0, sort=True)
    same("--describe", "--topic", "nosuch", exits=1)
    same("--describe", "--topic", "nosuch", "--if-exists", exits=0)
    same("--describe", "--topic-id", "ig0jVGmuTeqLAbZUTX0WbA", exits=1)
    for report in ("under-replicated-partitions", "unavailable-partitions", "under-min-isr-partitions",
                   "at-min-isr-partitions", "topics-with-overrides"):
        same("--describe", "--topic", name, f"--{report}", exits=0)
    same("--alter", "--topic", name, "--partitions", 4, exits=0)
    same("--alter", "--topic", name, "--partitions", 4, exits=1, **OWN_WORDS)
    same("--alter", "--topic", name, "--partitions", 2, exits=1, **OWN_WORDS)
    same("--alter", "--topic", name, "--partitions", 6, "--replica-assignment", "1,1,1,1,1,1", exits=0)
    same("--alter", "--topic", "nosuch", "--partitions", 2, exits=1)
    same("--alter", "--topic", "nosuch", "--partitions", 2, "--if-exists", exits=0)
    same("--describe", "--topic", name, exits=0, retry=True)
    same("--delete", "--topic", "nosuch", exits=1)
    same("--delete", "--topic", "nosuch", "--if-exists", exits=0)
    same("--delete", "--topic", name, exits=0)
    same("--delete", "--topic", name + ".+", exits=0)
    same("--list", "--topic", name + ".*", exits=0, retry=True)


CHECKS = {"topics misuse": misuse, "topics": life}
