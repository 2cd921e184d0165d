import pytest

from groundswell.errors import InputError
from training.functions import choose_tasks, derive, find_function, shipped, source_of


def names(wanted, values):
    return [task.name for task in choose_tasks(wanted, values)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"sentiment": {"neutral"}, "topic": {"macro"}, "note": {"x"}}, ["sentiment", "topic"]),
        ({"sentiment": {"neutral"}, "entities": set()}, ["entities", "sentiment"]),
        ({"entities": {"PER", "LOC"}}, ["entities"]),
        ({"sentiment": set(), "topic": {"macro"}}, ["topic"]),
        ({"targeted_sentiment": {"positive"}}, ["targeted_sentiment"]),
    ],
)
def test_functions_are_chosen_by_the_fields_that_occur(values, expected):
    assert names([], values) == expected


def test_only_the_first_function_of_a_field_is_the_default():
    assert names([], {"entities": {"PER"}}) == ["entities"]
    assert names(["entities_finance"], {"entities": {"PER"}}) == ["entities_finance"]


def test_labels_that_no_shipped_function_knows_are_derived():
    (task,) = choose_tasks([], {"topic": {"IPO", "Fed | Central Banks"}})

    assert task.index == {"Fed | Central Banks": 0, "IPO": 1}


def test_types_that_a_token_function_does_not_know_are_not_guessed():
    with pytest.raises(InputError, match=r"holds COMPANY, PERSON, but entities knows PER, ORG"):
        choose_tasks([], {"entities": {"PERSON", "COMPANY"}})
    assert names(["sentiment"], {"entities": {"PERSON"}}) == ["sentiment"]


def test_a_shipped_name_a_file_and_derivation_stand_side_by_side(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(source_of("topic")[1].replace(b"name: topic\n", b"name: subject\n"))

    chosen = names(["sentiment", str(file), "mood=derive"], {"mood": {"a", "b"}})

    assert chosen == ["mood", "sentiment", "subject"]


def test_a_file_without_a_suffix_is_read(tmp_path):
    file = tmp_path / "mine"
    file.write_bytes(source_of("sentiment")[1])

    assert find_function(str(file)) == find_function("sentiment")


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(InputError, match=r"moods: neither a file nor .*entities, .*topic"):
        choose_tasks(["moods"], {})


def test_a_name_in_the_file_is_the_files_own():
    assert all(find_function(name).name == name for name in shipped())


def test_a_blank_label_gets_a_description():
    task = derive("mood", ["a", " "])

    assert [label.description for label in task.function.labels] == ["a", "label"]
    assert task.index == {"a": 0, " ": 1}
