"""How large what others wrote may be: sizes are compared with these before anything is unpacked or allocated."""

from __future__ import annotations

import dataclasses

_KIB, _MIB, _GIB = 2**10, 2**20, 2**30


@dataclasses.dataclass(frozen=True)
class Bounds:
    """One bound an attribute, in bytes where nothing else is said; `docs/security.md` gives the table.

    Attributes:
        unpacked: of all arrays or members of a file together; of the weights that a network asks for, one that `build`
            makes of its arguments too. The largest network with published weights that the zoo reads (VGG16) takes
            half a GiB.
        unpacked_floor: below it no ratio counts: short files of zeros compress well.
        unpacked_ratio: unpacked bytes for one byte of the file. Weights hardly compress; pruned ones by ten.
        members: of an archive, datasets of an HDF5 file, arrays, tensors, operators. The deepest networks have
            thousands.
        directory: of an archive, which is read whole when it is opened. That of 100,000 members has some 10 MB.
        json: text of a configuration or a header. That of a network with 1,000 layers has 2 MB.
        json_depth: lists and objects inside one another. A nested model adds about five.
        yaml: text of a recipe. The shipped ones have 1 to 2 KB.
        yaml_depth: lists and mappings inside one another. A recipe has three.
        yaml_values: of a recipe, those behind aliases counted as often as they are named.
        integer: largest, and its negative the smallest, in a recipe: 64 bits.
        image_side: pixels of a network's input, each way. Larger pictures are resized to it.
        inputs: values of a network's input at once: a picture of the largest sides with four channels.
        labels: text of a label file. ImageNet's 21,841 names have 1 MB.
        pixels: of a picture that is decoded.
        tensor: one tensor of a `.tflite` file, weights or activations; what one layer of a Keras model gives for one
            sample; and all memory that a `.tflite` or `.onnx` file takes to run once, beside four times its size.
        memory: that the checking process may have, its libraries included.
        seconds: of computing that it may take for one file.
        bytes_a_second: that a disk gives it at least; its time on the clock is `seconds` and what reading takes.

    Example:
        >>> BOUNDS.unpacked // 2**30
        4
    """

    unpacked: int = 4 * _GIB
    unpacked_floor: int = 64 * _MIB
    unpacked_ratio: int = 100
    members: int = 100_000
    directory: int = 16 * _MIB
    json: int = 64 * _MIB
    json_depth: int = 200
    yaml: int = 64 * _KIB
    yaml_depth: int = 20
    yaml_values: int = 10_000
    integer: int = 2**63 - 1
    image_side: int = 8192
    inputs: int = 4 * 8192**2
    labels: int = 16 * _MIB
    pixels: int = 2**27
    tensor: int = 1 * _GIB
    memory: int = 3 * _GIB
    seconds: int = 9
    bytes_a_second: int = 20 * 10**6

    def allowed(self, stored: int) -> int:
        """Return how many bytes may come out of a file of `stored` bytes, weights that it makes Keras allocate too.

        Example:
            >>> BOUNDS.allowed(10**6)
            167108864
        """
        return min(self.unpacked, self.unpacked_floor + self.unpacked_ratio * stored)

    def check_unpacked(self, unpacked: int, stored: int) -> None:
        """See that so many bytes may come out of a file of `stored` bytes.

        Raises:
            ValueError: they are more than `unpacked`, or than `unpacked_ratio` allows.

        Example:
            >>> BOUNDS.check_unpacked(10**9, 10**6)
            Traceback (most recent call last):
            ...
            ValueError: it unpacks to 1,000,000,000 bytes, of which at most 167,108,864 are allowed for its size
        """
        allowed = self.allowed(stored)
        if unpacked > allowed:
            raise ValueError(f"it unpacks to {unpacked:,} bytes, of which at most {allowed:,} are allowed for its size")

    def check_tensor(self, size: int) -> None:
        """See that one tensor has no more than `tensor` bytes.

        Raises:
            ValueError: it has more.
        """
        if size > self.tensor:
            raise ValueError(f"it takes {size:,} bytes for a sample, of which at most {self.tensor:,} are allowed")

    def check_run(self, memory: int, stored: int) -> None:
        """See that running a file of `stored` bytes once took no more memory than one tensor and its weights.

        Raises:
            ValueError: it took more than `tensor`, and four times the file's size.
        """
        allowed = self.tensor + 4 * stored
        if memory > allowed:
            raise ValueError(f"it takes {memory:,} bytes to run once, of which at most {allowed:,} are allowed")

    def check_count(self, what: str, count: int) -> None:
        """See that a file holds no more than `members` of something.

        Raises:
            ValueError: it holds more.
        """
        if count > self.members:
            raise ValueError(f"it has {count:,} {what}, of which at most {self.members:,} are allowed")


BOUNDS = Bounds()
"""Those that hold."""
