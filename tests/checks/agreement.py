"""What the tests ask of the findings of a check."""


def disagreeing(table):
    return [row for row in table if not row["agrees"]]


def all_agree(outcomes):
    return outcomes["cases"] == outcomes["agreeing"] > 0
