"""Named checks: each prints PASS or FAIL with its name; a failed one does not stop the next."""

import argparse
import os
import time
import traceback


class Checks:
    def __init__(self, only=""):
        self.only, self.passed, self.failed = only, 0, []

    def run(self, name, action, *args):
        """Runs action(*args); an exception is a failure. True when it passed."""
        if self.only and self.only not in name:
            return True
        begin = time.monotonic()
        try:
            action(*args)
        except Exception as e:  # noqa: BLE001: whatever went wrong is the check's result
            self.failed.append(name)
            where = traceback.extract_tb(e.__traceback__)[-1]
            why = str(e) or type(e).__name__
            print(f"FAIL {name}: {why} ({os.path.basename(where.filename)}:{where.lineno})", flush=True)
            return False
        self.passed += 1
        print(f"PASS {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        return True

    def finish(self):
        """Prints the sum; the exit status."""
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        if self.failed:
            print("failed: " + ", ".join(self.failed))
        return 1 if self.failed or not self.passed else 0


def parser(text):
    p = argparse.ArgumentParser(description=text)
    p.add_argument("--broker", choices=("millrace", "kafka"), help="what to test (default millrace)")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
                   help="a setting of every node that is started; may be given again")
    p.add_argument("--only", default="", help="only checks with this in their name")
    return p


def parse(p):
    args = p.parse_args()
    if args.broker:
        os.environ["MILLRACE_TEST_BROKER"] = args.broker
    if args.settings:
        os.environ["MILLRACE_TEST_SETTINGS"] = "\n".join(args.settings)
    return args


def eventually(condition, seconds=60.0, what="condition", interval=0.05):
    """Polls until condition() is true; returns its value. A condition that raises is not yet true."""
    end = time.monotonic() + seconds
    why = ""
    while True:
        try:
            value = condition()
            if value:
                return value
        except (AssertionError, OSError, EOFError) as e:
            why = f" ({e})"
        assert time.monotonic() < end, f"{what} was not reached within {seconds:.0f} s{why}"
        time.sleep(interval)
