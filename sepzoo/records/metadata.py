"""What a model's file carries so that it can be used without anything else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

from sepzoo.records.inputs import Features, Input, Inputs
from sepzoo.records.labels import as_labels
from sepzoo.records.outputs import Output, Said, replaced, said_outputs
from sepzoo.records.preprocessing import MINUS_ONE_TO_ONE, Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.arguments import shortened
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.json_text import parse_json
from sepzoo.support.types import Json

MEMBER = "sepzoo.json"


@dataclasses.dataclass(frozen=True)
class Metadata:
    """A model's name, its labels, what it takes, and what it gives.

    Attributes:
        name: registry name, or the model's own.
        labels: class names in the order of the outputs, composed (Unicode's NFC), or None where nobody said.
        preprocessing: from pixels to the input; None where it takes features, or nobody said. Of a model of several
            inputs, that of each picture whose input is not named.
        features: what it takes instead of pixels, or None.
        outputs: what it gives, one record an output; None where nobody said, and its graph must tell.
        several: what a model of several inputs takes, by their names, as far as somebody said.

    Example:
        >>> metadata = Metadata(name="mobilenet_v1", labels=("cat", "dog"), outputs=(Output("logits"),))
        >>> Metadata.from_json(metadata.to_json()) == metadata
        True
    """

    name: str
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = MINUS_ONE_TO_ONE
    features: Features | None = None
    outputs: tuple[Output, ...] | None = None
    several: tuple[Input, ...] = ()

    def __post_init__(self) -> None:
        if self.labels is not None:
            object.__setattr__(self, "labels", as_labels(self.labels, self.name))
        if self.preprocessing is not None and self.features is not None:
            raise SepzooError(
                f"{self.name}: expected pixels, with preprocessing, or features. Received: both. Leave one out."
            )

    @property
    def inputs(self) -> Inputs | None:
        """What the model takes, or None where nobody said."""
        return self.features or self.preprocessing

    @property
    def padded(self) -> bool:
        """Whether the input is series that may be shorter, with zeros behind them."""
        return self.features is not None and self.features.padded

    @property
    def sound(self) -> Sound | None:
        """How clips of sound become the input, or None where it takes no features of sound."""
        return None if self.features is None else self.features.sound

    def updated(
        self,
        *,
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
        features: Features | Mapping[str, Features] | None = None,
        outputs: Said = None,
    ) -> Metadata:
        """Return the record with what a caller says instead of its own; what is None stays.

        Inputs and outputs of a model that has several are said by their names, and those not named stay.

        Example:
            >>> Metadata("net", labels=("a", "b")).updated(outputs="logits").labels
            ('a', 'b')
        """
        named = {each.name: each for each in self.several}
        for of_inputs in (preprocessing, features):
            if isinstance(of_inputs, Mapping):
                named |= {name: Input(name, takes) for name, takes in of_inputs.items()}
        pixels = None if isinstance(preprocessing, Mapping) else preprocessing
        array = None if isinstance(features, Mapping) else features
        said: dict[str, object] = {
            "labels": None if labels is None else as_labels(labels, self.name) or None,
            "preprocessing": pixels,
            "features": array,
            "outputs": replaced(self.outputs, said_outputs(outputs)),
        }
        given = {name: value for name, value in said.items() if value is not None}
        if array is not None and pixels is None:
            given["preprocessing"] = None
        if pixels is not None and array is None:
            given["features"] = None
        return dataclasses.replace(self, **given, several=tuple(named.values()))  # type: ignore[arg-type]

    def renamed(self, inputs: Mapping[str | None, str | None], outputs: Mapping[str | None, str | None]) -> Metadata:
        """Return the record of a model that calls its inputs and outputs otherwise.

        Args:
            inputs: old name -> new name; those that are not in it stay.
            outputs: the same.

        Example:
            >>> metadata = Metadata("net", outputs=(Output("logits", "my age"), Output("values", "size")))
            >>> [each.name for each in metadata.renamed({}, {"my age": "my_age"}).outputs]
            ['my_age', 'size']
        """
        several = tuple(dataclasses.replace(each, name=str(inputs.get(each.name, each.name))) for each in self.several)
        said = tuple(dataclasses.replace(each, name=outputs.get(each.name, each.name)) for each in self.outputs or ())
        return dataclasses.replace(self, several=several, outputs=said or self.outputs)

    def require_preprocessing(self) -> Preprocessing:
        """Return the preprocessing.

        Raises:
            SepzooError: the model takes features, or nobody said.
        """
        if self.preprocessing is None:
            raise SepzooError(
                f"{self.name}: expected a file that says how pixels become its input. Received: one without. Open it "
                "with preprocessing=Preprocessing(mean=..., std=...) (on the command line: --preprocessing; "
                "as_they_are, where it normalizes them itself)."
            )
        return self.preprocessing

    def to_json(self) -> str:
        """Return the record as the text of a `sepzoo.json` member."""
        fields: dict[str, Json] = {
            "name": self.name,
            "labels": None if self.labels is None else list(self.labels),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.to_dict(),
        }
        if self.features is not None:
            fields["features"] = self.features.to_dict()
        if self.several:
            fields["inputs"] = [each.to_dict() for each in self.several]
        if self.outputs is not None:
            fields["outputs"] = [output.to_dict() for output in self.outputs]
        text = json.dumps(fields, indent=1, ensure_ascii=False)
        return text.encode(errors="backslashreplace").decode()  # what isn't Unicode as JSON's own escape, \udcXX

    @classmethod
    def from_json(cls, text: str | bytes) -> Metadata:
        """Return the record of a `sepzoo.json` member, of an earlier version too.

        Raises:
            SepzooError: the text is not such a member.
        """
        try:
            fields = parse_json(text)
            labels, preprocessing = fields["labels"], fields["preprocessing"]
            features, outputs = fields.get("features"), fields.get("outputs")
            if not isinstance(labels, list | None):
                raise TypeError(f"labels={shortened(labels)}")
            return cls(
                name=str(fields["name"]),
                labels=None if labels is None else tuple(labels),
                preprocessing=None if preprocessing is None else Preprocessing.from_dict(preprocessing),
                features=None if features is None else Features.from_dict(features),
                outputs=None if outputs is None else tuple(map(Output.from_dict, outputs)),
                several=tuple(map(Input.from_dict, fields.get("inputs", ()))),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise SepzooError(
                f"expected a {MEMBER} with name, labels and preprocessing. Received: {first_line(error).rstrip('.')}."
            ) from None
