"""No page gives other runs than it did when its results were stored, unless the golden file is written anew."""

import json

import pytest
from golden_keys import FILE, designs


def changed(before, now):
    return [name for name, design in now.items() if before[name] not in (design, "refused")]


def test_every_page_gives_the_runs_and_rules_it_gave_before(tmp_path):
    """On its own images at every size; on others at the smallest."""
    before = json.loads(FILE.read_text(encoding="utf-8"))
    now = designs(tmp_path, lambda profile, name: not name or profile == "smoke")
    assert {name for name in before if name.endswith((" quick", " full")) or " smoke" in name} == now.keys()
    assert not changed(before, now)


@pytest.mark.slow
def test_every_page_gives_the_runs_and_rules_it_gave_before_on_all_images(tmp_path):
    before, now = json.loads(FILE.read_text(encoding="utf-8")), designs(tmp_path)
    assert before.keys() == now.keys()
    assert not changed(before, now)
