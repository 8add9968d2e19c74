"""A small network: every machine in a network namespace of its own, all on one bridge.

    this namespace (the judge): bridge 10.77.0.1 ── veth ── machine: eth0 10.77.0.N

Rules and queues are set inside the machines, so that they are gone with them. A machine talks to every other
one; what is cut is cut at one machine, by the address of the other.
"""
import subprocess
from itertools import count

from rig.disk import run

NET = "10.77.0"
BRIDGE = "hub"
_names = count(1)


class Machine:
    """One namespace. `prefix` runs a program in it."""

    def __init__(self, name, number):
        self.name = name
        self.address = f"{NET}.{number}"
        self.prefix = ["ip", "netns", "exec", name]
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"v{number}", "master", BRIDGE, "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "set", "eth0", "up")

    def run(self, *command):
        return run(*self.prefix, *command)

    def rules(self, chain_rules):
        """Sets packet rules: {"input" | "output": [rule]}. Returns what takes exactly these away."""
        table = f"fault{next(_names)}"
        lines = [f"table inet {table} {{"]
        for hook, rules in chain_rules.items():
            lines += [f"chain {hook} {{ type filter hook {hook} priority 0;", *rules, "}"]
        text = "\n".join([*lines, "}"])
        done = subprocess.run([*self.prefix, "nft", "-f", "-"], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"nft: {done.stderr}")
        return lambda: self.run("nft", "delete", "table", "inet", table)

    def cut(self, other, incoming=True, outgoing=True):
        """Packets between it and the other get lost, in these directions."""
        rules = {}
        if incoming:
            rules["input"] = [f"ip saddr {other.address} drop;"]
        if outgoing:
            rules["output"] = [f"ip daddr {other.address} drop;"]
        return self.rules(rules)

    def reset(self, other):
        """Whatever it sends to the other by TCP is answered with a reset."""
        return self.rules({"output": [f"ip daddr {other.address} meta l4proto tcp reject with tcp reset;"]})

    def kill_sockets(self, other):
        """Its connections with the other end at once, as if the kernel had aborted them."""
        self.run("ss", "-K", "dst", other.address)

    def slow(self, kbit):
        """What it sends goes out at this rate."""
        self.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", f"{kbit}kbit", "burst", "3kb", "latency", "1s")
        return lambda: self.run("tc", "qdisc", "del", "dev", "eth0", "root")


class Network:
    """Machines by name, numbered from 10."""

    def __init__(self, names):
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{NET}.1/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        self.machines = {name: Machine(name, number) for number, name in enumerate(names, 10)}

    def __getitem__(self, name):
        return self.machines[name]
