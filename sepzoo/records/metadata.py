"""What a model's file must carry so that it can be used from the file alone."""

from __future__ import annotations

import dataclasses
import json

from sepzoo.records.preprocessing import MINUS_ONE_TO_ONE, Preprocessing
from sepzoo.support.errors import SepzooError

MEMBER = "sepzoo.json"


@dataclasses.dataclass(frozen=True)
class Metadata:
    """A model's name, its labels, and what its input expects.

    Attributes:
        name: registry name, or the model's own.
        labels: class names in the order of the outputs, or None where nobody said.
        preprocessing: from pixels to the input.

    Example:
        >>> metadata = Metadata(name="mobilenet_v1", labels=("cat", "dog"))
        >>> Metadata.from_json(metadata.to_json()) == metadata
        True
    """

    name: str
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing = MINUS_ONE_TO_ONE

    def to_json(self) -> str:
        """Return the record as the text of a `sepzoo.json` member."""
        fields = {
            "name": self.name,
            "labels": None if self.labels is None else list(self.labels),
            "preprocessing": self.preprocessing.to_dict(),
        }
        text = json.dumps(fields, indent=1, ensure_ascii=False)
        return text.encode(errors="backslashreplace").decode()  # what isn't Unicode as JSON's own escape, \udcXX

    @classmethod
    def from_json(cls, text: str | bytes) -> Metadata:
        """Return the record of a `sepzoo.json` member.

        Raises:
            SepzooError: the text is not such a member.
        """
        try:
            fields = json.loads(text)
            labels = fields["labels"]
            return cls(
                name=str(fields["name"]),
                labels=None if labels is None else tuple(str(label) for label in labels),
                preprocessing=Preprocessing.from_dict(fields["preprocessing"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SepzooError(f"expected a {MEMBER} with name, labels and preprocessing. Received: {error}.") from None
