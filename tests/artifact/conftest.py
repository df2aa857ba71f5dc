"""What the process that reads files answers is what its function answers here, where coverage of its lines is seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sepzoo.artifact.inspection import checking
from sepzoo.support.child import Child


@pytest.fixture(autouse=True)
def _answered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Child.ask

    def twice(child: Child, question: Any, **more: Any) -> Any:
        answer = ask(child, question, **more)  # first, under its limits: what goes over them is not read here
        assert json.loads(json.dumps(checking.answer(question))) == answer
        return answer

    monkeypatch.setattr(Child, "ask", twice)
