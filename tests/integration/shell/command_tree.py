"""The commands of a program as its own --help tells them: what manual pages and completions are compared with."""
import re
import subprocess

FLAG_LINE = re.compile(r"^  (-[\w-]+(?:,-[\w-]+)*)(?:\{\w+\})?(?: |$)")
VERB_LINE = re.compile(r"^  ([a-z][\w-]*)(?: |$)")


class Command:
    """One command: its words, the names of its flags, its verbs."""

    def __init__(self, program, words):
        self.words = words
        done = subprocess.run([str(program), *words[1:], "--help"], capture_output=True, text=True, timeout=60, check=True)
        self.help = done.stdout
        self.flags = [name for line in self._section("Options:") for match in [FLAG_LINE.match(line)] if match
                      for name in match.group(1).split(",")]
        names = [match.group(1) for line in self._section("Subcommands:") for match in [VERB_LINE.match(line)] if match]
        self.verbs = [Command(program, [*words, name]) for name in names]

    def _section(self, title):
        lines = self.help.splitlines()
        if title not in lines:
            return []
        rest = lines[lines.index(title) + 1:]
        return rest[:rest.index("")] if "" in rest else rest

    def all(self):
        """This command, and everything below it."""
        yield self
        for verb in self.verbs:
            yield from verb.all()

    def __str__(self):
        return " ".join(self.words)
