"""No page gives other runs than it did when its results were stored, unless the golden file is written anew."""

import json

from golden_keys import FILE, designs


def test_every_page_gives_the_runs_and_rules_it_gave_before(tmp_path):
    before, now = json.loads(FILE.read_text(encoding="utf-8")), designs(tmp_path)
    assert before.keys() == now.keys()
    changed = [name for name, design in before.items() if design not in (now[name], "refused")]
    assert not changed
