#!/usr/bin/env python3
"""Our tools under Kafka's names beside Kafka's own: the same command lines, the same output and exit status.

Against a node of ours, or with --broker kafka against Apache Kafka. Ends with a line that says how much faster ours are."""

import sys

from lib.check import Checks, parse, parser
from lib.node import Node
from lib.tools import CLASSES, PACKAGE, Tools
from twins import (acls, cluster, configs, consoles, controllers, files, groups, metadata_shell, offline, offsets, perf, reassign,
                   replicas, servers, share_groups, streams_groups, tokens, topics, transactions, verifiable)
from twins.compare import Twins

CLASSES.update({"storage": "kafka.tools.StorageTool", "acls": PACKAGE + "AclCommand",
                "delegation-tokens": PACKAGE + "DelegationTokenCommand", "leader-election": PACKAGE + "LeaderElectionCommand"})
FAMILIES = {"offline": offline, "topics": topics, "configs": configs, "offsets": offsets, "groups": groups, "cluster": cluster,
            "transactions": transactions, "acls": acls, "reassign": reassign, "consoles": consoles, "perf": perf,
            "share-groups": share_groups, "streams-groups": streams_groups, "verifiable": verifiable,
            "controllers": controllers, "tokens": tokens, "replicas": replicas,
            "metadata-shell": metadata_shell, "servers": servers}
# What Apache Kafka needs to keep ACLs and give out delegation tokens; ours serves neither yet.
KAFKA = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS",
         "delegation.token.secret.key": "twins"}


def main():
    p = parser(__doc__)
    p.add_argument("--families", default=",".join([*FAMILIES, "files"]), help="which of them (default: all)")
    args = parse(p)
    checks = Checks(args.only)
    wanted = args.families.split(",")
    # Without the verification a transaction can be left to hang.
    settings = {"transaction.partition.verification.enable": "false", **(KAFKA if args.broker == "kafka" else {})}
    with Tools() as tools, Node(settings=settings) as node:
        twins = Twins(tools, node.address)
        for family in wanted:
            if family in FAMILIES:
                for name, check in FAMILIES[family].CHECKS.items():
                    checks.run(name, check, twins, node)
        if "files" in wanted and checks.run("dump-log: fill", files.fill, twins, node):
            checks.run("dump-log: every file", files.dump_all, twins, node)
    status = checks.finish()
    print(f"Kafka's tools took {twins.java_seconds:.1f} s without the start of their JVM, ours {twins.our_seconds:.1f} s with "
          "the start of their process")
    return status


if __name__ == "__main__":
    sys.exit(main())
