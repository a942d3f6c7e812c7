import importlib
import re
from pathlib import Path

import pytest

import cnn_study
from cnn_study import collection
from cnn_study.data.registry import DATASETS
from cnn_study.errors import InputError
from cnn_study.report.references import bibtex, citations, find, get, references

EXPERIMENTS = collection.load()
SOURCES = sorted({number.source for each in EXPERIMENTS for claim in each.claims for number in claim.published})
LIBRARY = Path(cnn_study.__file__).parent
METHODS = [*sorted((LIBRARY / "analysis").glob("*.py")), LIBRARY / "figures" / "survival.py"]


@pytest.mark.parametrize("source", SOURCES)
def test_every_published_source_has_an_entry(source):
    assert find(source), f"add {source!r} to references.bib"


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_every_source_in_the_text_of_an_experiment_has_an_entry(experiment):
    text = f"{importlib.import_module(f'experiments.{experiment.name}').__doc__} {experiment.claims}"
    known = {reference.cited for reference in references().values()}
    assert set(citations(" ".join(text.split()))) <= known


@pytest.mark.parametrize("file", METHODS, ids=lambda file: file.name)
def test_every_source_of_a_method_has_an_entry(file):
    known = {reference.cited for reference in references().values()}
    assert set(citations(" ".join(file.read_text(encoding="utf-8").split()))) <= known


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_every_data_set_has_the_entry_it_names(dataset):
    reference = get(dataset.citation_key)
    assert reference.fields["year"] in dataset.citation
    assert reference.fields["title"].replace("{", "").replace("}", "") in dataset.citation
    for author in reference.authors:
        assert author.split(",")[0] in dataset.citation


def test_every_entry_is_complete_and_is_found_by_what_the_text_calls_it():
    entries = references()
    assert len(entries) == bibtex().count("@")
    assert list(entries) == sorted(entries)
    assert len({reference.cited for reference in entries.values()}) == len(entries)
    for key, reference in entries.items():
        surname, year = reference.cited
        assert re.fullmatch(rf"{surname.lower().replace(' ', '')}{year}\w+", key)
        assert find(f"{surname} {year}, Table 1") == reference
        assert {"author", "title", "year"} <= set(reference.fields)
        assert {"journal", "booktitle", "institution", "publisher"} & set(reference.fields)


def test_braces_balance():
    assert bibtex().count("{") == bibtex().count("}")
    for reference in references().values():
        assert all(value.count("{") == value.count("}") for value in reference.fields.values())


def test_what_the_text_calls_a_source_is_recognized():
    text = "As in Somebody, Else & Other 2012 (see Kayhan & van Gemert 2020; LeCun et al. 1998), not in the 2012 code."
    assert list(citations(text)) == [("Somebody", "2012"), ("Kayhan", "2020"), ("LeCun", "1998")]
    assert find("the 2012 code") is None
    assert find("Nobody 1999") is None
    with pytest.raises(InputError, match="no entry 'nobody'"):
        get("nobody")


def test_an_entry_in_words_has_accents_and_no_markup():
    assert get("scherer2010evaluation").text == (
        "Dominik Scherer, Andreas Müller, Sven Behnke (2010): Evaluation of Pooling Operations in Convolutional "
        "Architectures for Object Recognition. Artificial Neural Networks - ICANN 2010, Lecture Notes in Computer "
        "Science 6354, Springer, pp. 92-101."
    )
    assert get("student1908probable").text == (
        "Student (1908): The Probable Error of a Mean. Biometrika 6(1), pp. 1-25."
    )
