"""What is one story, and what only looks like it."""

import pytest

from consumers.news.core.alike import likeness
from consumers.news.core.sketch import sketch_of
from consumers.news.core.words import Kind, bare, words_of
from tests.story_world import BODY, WIRE


def why(a, b, bodies=("", ""), names=()):
    one, two = (
        sketch_of(title, body, "The Tally", names)
        for title, body in zip((a, b), bodies, strict=True)
    )
    forth, back = likeness(one, two), likeness(two, one)
    assert (forth.why, forth.share) == (back.why, back.share)
    return forth.why


@pytest.mark.parametrize(
    "title",
    [
        f"UPDATE 1-{WIRE}",
        f"BREAKING: {WIRE}",
        f"{WIRE} - The Tally",
        f"{WIRE} (Northline News)",
        f"{WIRE} | Quay Street Post",
        WIRE.upper(),
        WIRE.title(),
        "Norvik Shipping wins ten-year charter for three gas carriers",
        "Norvik Shipping’s win: ten-year charter for three gas carriers",
    ],
)
def test_the_same_headline_in_other_clothes_is_the_same(title):
    assert why(WIRE, title) in ("same", "title")


@pytest.mark.parametrize(
    "title",
    [
        "Norvik Shipping secures ten-year charter for three gas carriers",
        "Norvik Shipping wins ten-year charter for three gas carriers, sources say",
        "Norvik Shipping wins ten-year charter for gas carriers",
        "Norvik wins a ten-year charter for three gas carriers in March",
    ],
)
def test_an_edited_headline_is_the_same_story(title):
    assert why(WIRE, title) == "title"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (WIRE, "Aldermoor Shipping wins ten-year charter for three gas carriers"),
        (WIRE, "Norvik Shipping loses ten-year charter for three gas carriers"),
        (WIRE, "Norvik Shipping wins two-year charter for three gas carriers"),
        (WIRE, "Norvik Shipping denies ten-year charter for three gas carriers"),
        ("Ostmark Energy to cut 200 jobs at its plant", "Ostmark Energy to cut 300 jobs at its plant"),
        ("Ostmark profit falls 12% in second quarter", "Ostmark profit falls 1.2% in second quarter"),
        ("Brandt agrees to buy Lowe for cash, report says", "Lowe agrees to buy Brandt for cash, report says"),
        ("Stocks fall while bonds rise in early trade", "Stocks rise while bonds fall in early trade"),
        ("Regulator approves merger of Brandt and Lowe", "Regulator rejects merger of Brandt and Lowe"),
        ("Bank did not breach capital rules, court finds", "Bank did breach capital rules, court finds"),
        ("Bank didn't breach capital rules, court finds", "Bank did breach capital rules, court finds"),
        ("Norvik raises its dividend after review", "Norvik raises its outlook after review"),
        ("Norvik Shipping Wins Charter For Gas Carriers", "Aldermoor Shipping Wins Charter For Gas Carriers"),
        ("央行上调基准利率二十五个基点", "央行下调基准利率二十五个基点"),
        ("华芯科技上半年净利润增长百分之二十", "海川科技上半年净利润增长百分之二十"),
    ],
)  # fmt: skip
def test_the_same_words_with_another_meaning_are_another_story(a, b):
    assert why(a, b) in ("conflict", "other")


def test_short_headlines_are_one_only_when_they_are_the_same():
    assert why("Oil slips", "Oil slips") == "same"
    assert why("Oil slips", "Oil slips again") == "other"


def test_under_a_standing_headline_the_bodies_decide():
    other = BODY.replace("Norvik", "Aldermoor")
    strange = "Bonds were little changed in quiet trade before the meeting of the central bank on Thursday"

    assert why("Market report", "Market report", (BODY, strange)) == "other"
    assert why("Market report", "Market report", (BODY, other)) == "same"
    assert why(WIRE, WIRE, (BODY, strange)) == "same"
    assert why(WIRE, WIRE, (BODY, "")) == "same"


def test_a_body_finds_its_like_under_another_headline():
    another = "Gas fleet finds a customer for a decade"
    words = BODY.split()

    assert why(WIRE, another, (BODY, BODY)) == "body"
    assert why(WIRE, another, (BODY, " ".join(words[: len(words) * 85 // 100]))) == "body"
    assert why(WIRE, WIRE + " - report", (BODY, " ".join(words[: len(words) // 3]))) != "other"


def test_a_template_filled_anew_is_another_story():
    template = (
        "{0} said on Tuesday that its net profit for the three months to {1} came to {2} million dollars, "
        "against {3} million in the same period of the year before, while its sales reached {4} million. The "
        "board proposes a dividend of {5} cents a share, to be paid to holders of record on the date of the "
        "meeting. The shares have traded on the exchange at {6} since then."
    )
    one = template.format("Norvik Shipping", "March", 84, 79, 412, 31, "Oslo")
    two = template.format("Ostmark Energy", "June", 12, 17, 98, 4, "Vienna")

    assert why("Norvik posts results for the quarter", "Ostmark posts results", (one, two)) not in (
        "body",
        "same",
        "title",
    )


def test_a_standing_line_below_every_item_of_a_column_joins_nothing():
    line = "Our columnist answers the questions of readers about their shares, one after another, at once"

    asked = "Ask our columnist: is Norvik a buy?"
    assert why(asked, "Ask our columnist: is Ostmark a buy?", (line, line)) == "conflict"
    assert why(asked, "Nothing shared by it", (line, line)) == "other"


def test_names_that_the_model_found_are_names_whatever_their_case():
    deal = "wins ten-year charter for three gas carriers"
    a, b = f"norvik {deal}", f"ostmark {deal}"

    assert why(a, b) == "title"
    assert why(a, b, names=["norvik", "ostmark"]) == "conflict"


def test_an_item_without_a_title_goes_by_the_beginning_of_its_body():
    assert likeness(sketch_of("", BODY), sketch_of("", BODY)).why == "same"
    assert likeness(sketch_of("", ""), sketch_of("", "")).why == "other"


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("UPDATE 2-Norvik sinks", "Norvik sinks"),
        ("Exclusive: Norvik sinks", "Norvik sinks"),
        ("Norvik sinks - the tally", "Norvik sinks"),
        ("Norvik sinks - Oslo Times", "Norvik sinks"),
        ("Norvik sinks - Aldermoor", "Norvik sinks - Aldermoor"),
        ("Norvik sinks (NVK)", "Norvik sinks (NVK)"),
        ("Update", "Update"),
        ("Briefly, Norvik sinks", "Briefly, Norvik sinks"),
    ],
)
def test_what_outlets_put_around_a_title_is_taken_off(title, left):
    assert bare(title, "The Tally") == left


def test_kinds_of_words():
    words = words_of("Norvik didn't raise its 1,200.50 target, says Brandt")

    assert [(word.text, word.kind.name) for word in words] == [
        ("norvik", "MAYBE"),
        ("not", "NOT"),
        ("didn't", "PLAIN"),
        ("raise", "UP"),
        ("1200.5", "NUMBER"),
        ("target", "PLAIN"),
        ("brandt", "NAME"),
    ]
    assert words_of("利率")[0].kind is Kind.MAYBE
