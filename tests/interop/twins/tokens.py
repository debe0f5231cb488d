"""kafka-delegation-tokens. Brokers give tokens only to users who have logged in: what is compared is how both say so."""

import tempfile
from pathlib import Path


def tokens(t, _):
    with tempfile.TemporaryDirectory() as home:
        file = Path(home, "client.properties")
        file.write_text("")
        given = ("--command-config", str(file))

        def same(*args, **options):
            t.same("delegation-tokens", *args, **options)
        t.same("delegation-tokens", bootstrap="", complaints=False)
        t.same("delegation-tokens", "--describe", *given, bootstrap="", exits=1)
        same(exits=1)
        same("--describe", exits=1)
        same("--describe", "--command-config", f"{home}/nosuch", exits=1)
        same("--version", exits=0, complaints=False)
        create, renew = ("--create", "--max-life-time-period", -1), ("--renew", "--hmac", "YWJj", "--renew-time-period", -1)
        expire = ("--expire", "--hmac", "YWJj", "--expiry-time-period", -1)
        for args in (
                ("--create", "--describe"), ("--create",), ("--renew",), ("--renew", "--hmac", "YWJj"), ("--expire",),
                ("--expire", "--hmac", "YWJj"), ("--bogus",), ("--describe", "--hmac", "x"), (*create, "--hmac", "x"),
                (*create, "--renew-time-period", 5), (*renew, "--max-life-time-period", 3), (*renew, "--expiry-time-period", 3),
                (*expire, "--renew-time-period", 3), ("--describe", "--max-life-time-period", 3),
                ("--describe", "--owner-principal", "bogus"), (*create, "--renewer-principal", "bogus"),
                ("--renew", "--hmac", "a", "--renew-time-period", -1),
                create, (*create, "--renewer-principal", "User:a", "--renewer-principal", "User:b"),
                (*create, "--owner-principal", "User:c"), renew, expire, ("--describe",),
                ("--describe", "--owner-principal", "User:a", "--owner-principal", "User:b")):
            same(*args, *given, exits=1)


CHECKS = {"delegation-tokens": tokens}
