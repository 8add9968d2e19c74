"""Disks that lose power: file systems on images that can be copied at one instant.

    memory (RIG_FOLDER) > pool.img > loop > XFS with reflink > NAME.img > loop > ext4 or XFS > a daemon's data

`cp --reflink=always` of a mounted NAME.img takes a few milliseconds and sees the image as it is between two
block writes: what the disk of a machine holds when the power goes. What was not synced is not in it. Mounting
the copy replays the journal, as the machine would.
"""
import subprocess
from pathlib import Path

POOL_MIB = 6144
MKFS = {"ext4": ["mkfs.ext4", "-q", "-F", "-m", "0"], "xfs": ["mkfs.xfs", "-q", "-f"]}
# A copy has the same identity as its origin, which is mounted, too: XFS asks about that.
MOUNT = {"ext4": "loop", "xfs": "loop,nouuid"}


def run(*command):
    """Fails with what the command said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def made(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Disk:
    """A file system on an image of its own, mounted at `place`. Loop devices go with their mount."""

    def __init__(self, image, place, kind):
        self.image = Path(image)
        self.place = made(Path(place))
        self.kind = kind
        self.mounted = False

    def format(self, mib):
        run("truncate", "-s", f"{mib}M", self.image)
        run(*MKFS[self.kind], self.image)
        return self

    def mount(self):
        run("mount", "-t", self.kind, "-o", MOUNT[self.kind], self.image, self.place)
        self.mounted = True
        return self

    def unmount(self):
        if self.mounted:
            run("umount", self.place)
            self.mounted = False

    def copy(self, image, place):
        """The disk as it is at this instant, not mounted."""
        run("cp", "--reflink=always", self.image, image)
        return Disk(image, place, self.kind)

    def drop(self):
        self.unmount()
        self.image.unlink(missing_ok=True)


class Pool:
    """The XFS in memory on which the images are. CannotCut says what this machine does not have."""

    def __init__(self, folder):
        folder = Path(folder)
        self.folder = made(folder / "pool")
        image = folder / "pool.img"
        run("truncate", "-s", f"{POOL_MIB}M", image)
        try:
            run("mkfs.xfs", "-q", "-f", "-m", "reflink=1", image)
            # discard: what an image gives back is given back to memory.
            run("mount", "-t", "xfs", "-o", "loop,discard", image, self.folder)
        except (OSError, FileNotFoundError) as missing:
            raise CannotCut(f"no XFS on a loop device: {missing}") from missing
        probe = self.folder / "probe"
        probe.write_bytes(b"x" * 4096)
        try:
            run("cp", "--reflink=always", probe, self.folder / "copy")
        except OSError as missing:
            raise CannotCut(f"no reflink: {missing}") from missing

    def disk(self, name, place, kind="ext4", mib=512):
        return Disk(self.folder / f"{name}.img", place, kind).format(mib).mount()


class CannotCut(Exception):
    """This machine cannot do it; the text is the reason."""
