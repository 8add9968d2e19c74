#!/usr/bin/python3
"""A process with some sessions (sessions.py), each on a thread of its own; ends on SIGTERM, giving back claims."""
import argparse
import random
import signal
import threading

from rig.record import Recorder
from rig.sessions import Session


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--managers", required=True, help="HOST:PORT,...")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--record", required=True, help="file to append events to")
    parser.add_argument("--seed", required=True)
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--lease-ms", type=int, default=3000)
    options = parser.parse_args()

    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    record = Recorder(options.record, options.name)
    managers = options.managers.split(",")
    sessions = [Session(f"{options.name}.{number}", managers, options.queue, record,
                        random.Random(f"{options.seed}-{number}"), options.window, options.lease_ms)
                for number in range(options.sessions)]

    def work(session):
        session.run(over.is_set)
        session.leave()

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
