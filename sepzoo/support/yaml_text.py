"""YAML that others wrote."""

from __future__ import annotations

import yaml

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.types import Json


def parse_yaml(text: str) -> Json:
    """Return what a YAML text holds: plain values, lists and mappings alone.

    Raises:
        ValueError: it is no YAML, too long or too deep, holds an integer of more than 64 bits, or more values than
            allowed where each alias counts as what it stands for.

    Example:
        >>> parse_yaml("a: [1, 2]")
        {'a': [1, 2]}
        >>> parse_yaml("[" * 30 + "]" * 30)
        Traceback (most recent call last):
        ...
        ValueError: its YAML is nested more than 20 deep
    """
    if len(text) > BOUNDS.yaml:
        raise ValueError(f"its YAML has {len(text):,} characters, of which at most {BOUNDS.yaml:,} are allowed")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node)
        return loader.construct_document(node)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except (KeyError, AttributeError, TypeError, OverflowError) as error:
        # PyYAML's own constructors trip over a scalar that its tag does not fit, such as `!!bool perhaps`
        raise ValueError(f"a value that its type does not fit ({error})") from None


_TOO_DEEP = f"its YAML is nested more than {BOUNDS.yaml_depth} deep"
_INTEGER = "tag:yaml.org,2002:int"


def _check(root: yaml.Node) -> None:
    """Count the values level by level before any is made; one that holds itself has no last level."""
    level, count = [root], 0
    for _ in range(BOUNDS.yaml_depth):
        count += len(level)
        if count > BOUNDS.yaml_values:
            raise ValueError(
                f"its YAML has more than {BOUNDS.yaml_values:,} values, those behind aliases counted as often as named"
            )
        for node in level:
            if node.tag == _INTEGER and len(node.value) > len(str(BOUNDS.integer)) + 1:
                raise ValueError(f"its YAML has an integer of {len(node.value):,} digits")
        level = [inner for node in level for inner in _inside(node)]
    if level:
        raise ValueError(_TOO_DEEP)


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
