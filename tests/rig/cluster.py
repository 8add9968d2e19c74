"""Daemons of a rig, and what its judge asks them."""
import time

from baton_client import BatonError, Connection, ConnectionLost, Consumer
from proto import broker_pb2 as broker
from trio import BIN, Daemon

# Room for operators; the disks of a rig are small.
DISK_FREE_MIN = "16MiB"
PAGE = 1000


class RigDaemon(Daemon):
    """A daemon somewhere: `place` is the prefix that runs it there, `variables` its environment (preloads)."""

    def __init__(self, folder, program, name, arguments=(), data=None, place=(), variables=None, address=None):
        super().__init__(folder, program, name, ["--disk-free-min", DISK_FREE_MIN, *arguments])
        self.data = data or self.data
        self.place = list(place)
        self.variables = dict(variables or {})
        self.address = address

    def command(self):
        words = [f"{key}={value}" for key, value in self.variables.items()]
        return [*self.place, *(["env", *words] if words else []), str(BIN / self.program),
                "--listen", self.address or "127.0.0.1:0", "--data", str(self.data), *self.arguments]

    def registered(self):
        """A manager in this life: before it, the ledger speaks of its last one."""
        return " registered " in self.said()


class Cluster:
    """A center and managers with their data under `folder`/NAME/data, on loopback ports that they keep."""

    def __init__(self, folder, logs, variables=None, managers=3):
        self.center = RigDaemon(logs, "baton-center", "center", data=folder / "center/data", variables=variables)
        self.managers = [RigDaemon(logs, "baton-manager", f"m{n}", ["--name", f"m{n}"], folder / f"m{n}/data",
                                   variables=variables) for n in range(1, managers + 1)]
        logs.mkdir(exist_ok=True)

    def daemons(self):
        return [self.center, *self.managers]

    def start(self):
        """The center first, since managers need its address; then the managers at once."""
        self.center.start()
        for manager in self.managers:
            manager.arguments[:] = [word for word in manager.arguments if not word.startswith("--center=")]
            manager.arguments.append(f"--center={self.center.address}")
            manager.launch()
        for manager in self.managers:
            manager.await_listening()
        return self

    def addresses(self):
        return [manager.address for manager in self.managers]

    def kill(self):
        for daemon in self.daemons():
            if daemon.alive():
                daemon.process.kill()
        for daemon in self.daemons():
            daemon.kill()


class Asker:
    """Asks a cluster by the protocol, at any manager that answers. NoAnswer after `seconds`."""

    def __init__(self, addresses, seconds=30):
        self.addresses = addresses
        self.seconds = seconds
        self._connection = None

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def ask(self, **query):
        deadline = time.monotonic() + self.seconds
        turn = 0
        while True:
            try:
                if not self._connection:
                    self._connection = Connection(self.addresses[turn % len(self.addresses)], 3)
                return self._connection.query(**query)[0]
            except (ConnectionLost, BatonError, OSError) as broken:
                self.close()
                turn += 1
                if time.monotonic() > deadline:
                    raise NoAnswer(f"{query}: {broken}") from broken
                time.sleep(0.03)

    def managers(self):
        return list(self.ask(manager_list=broker.ManagerList()).managers.manager)

    def queue(self, name):
        """Its row, or None while it does not exist."""
        page = self.ask(queue_list=broker.QueueList(prefix=name, limit=10)).queues
        return next((row for row in page.queue if row.name == name), None)

    def task(self, task):
        return self.ask(task_show=broker.TaskShow(task=task)).task

    def tasks(self, queue, state):
        """All tasks of a queue in a state."""
        found, cursor = [], ""
        while True:
            page = self.ask(task_list=broker.TaskList(queue=queue, state=state, limit=PAGE, cursor=cursor)).tasks
            found += page.task
            cursor = page.next
            if not cursor:
                return found

    def center(self):
        return self.ask(center_status=broker.CenterStatus()).center


def all_reported(asker, managers):
    """Whether all are up and the ledger knows of everything that they have."""
    if not all(manager.alive() and manager.registered() for manager in managers):
        return False
    rows = asker.managers()
    return len(rows) == len(managers) and all(row.up and row.lag == 0 for row in rows)


def drain(address, queue, seconds):
    """Claims everything that is ready, without finishing it: {task: payload}. One session takes 1,024."""
    taken = {}
    deadline = time.monotonic() + seconds
    while True:
        connection = Connection(address, seconds)
        try:
            consumer = Consumer(queue, 1024, 60000)
            consumer.attach(connection, seconds)
            before = len(taken)
            while len(taken) - before < 1024:
                claim = consumer.claim(0.0) or consumer.claim(0.15)
                if claim is None:
                    break
                taken[claim.task] = claim.payload
            # What was granted and is on its way counts, too.
            taken.update((claim.task, claim.payload) for claim in consumer.end_wait())
            if len(taken) - before < 1024:
                return taken
        finally:
            connection.close()
        if time.monotonic() > deadline:
            raise NoAnswer(f"more than {len(taken)} tasks are ready in {queue}")


class NoAnswer(Exception):
    """The cluster did not answer in time."""
