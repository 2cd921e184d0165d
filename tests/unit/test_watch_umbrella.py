import math

from consumers.watch.core.parameters import Parameters
from consumers.watch.core.umbrella import Umbrella, e_d_bh, least_of, umbrella_of

PARAMETERS = Parameters()


def up(before, tick, values):
    return umbrella_of(before, tick, values, len(values), PARAMETERS)


def excess(**values):
    return {name: math.log(value) for name, value in values.items()}


def test_the_more_series_stand_out_the_less_each_needs():
    assert e_d_bh(excess(a=5.0)) == ("a",)
    assert e_d_bh(excess(a=4.5, b=0.5)) == ()
    assert e_d_bh(excess(a=2.5, b=3.0)) == ("a", "b")
    assert e_d_bh(excess(a=1.3, b=1.3, c=1.3, d=1.3, e=0.9)) == ("a", "b", "c", "d")
    assert e_d_bh({"a": -math.inf, "b": 2.0}) == ("b",)
    assert e_d_bh({}) == ()


def test_an_umbrella_needs_many_and_a_good_part_of_all():
    assert (least_of(3), least_of(15), least_of(100)) == (5, 5, 30)
    five = {f"s{n}": math.log(1.1) for n in range(5)}
    quiet = {f"q{n}": -math.inf for n in range(20)}

    assert up(Umbrella(), 7, five) == Umbrella(7, ("s0", "s1", "s2", "s3", "s4"))
    assert up(Umbrella(), 7, dict(list(five.items())[:4])) == Umbrella()
    assert up(Umbrella(), 7, {**five, **quiet}) == Umbrella()


def test_an_umbrella_stays_until_half_of_it_has_been_gone_for_half_an_hour():
    names = [f"s{n}" for n in range(6)]
    risen = up(Umbrella(), 7, dict.fromkeys(names, 1.0))
    three = {name: 1.0 if name < "s3" else -math.inf for name in names}
    two = {name: 1.0 if name < "s2" else -math.inf for name in names}

    smaller = up(risen, 9, three)
    assert smaller == Umbrella(7, ("s0", "s1", "s2"))
    fading = smaller
    for tick in range(10, 40):
        fading = up(fading, tick, two)
        assert fading == Umbrella(7, ("s0", "s1", "s2"), tick - 9)
    assert up(fading, 40, three) == smaller
    assert up(fading, 40, two) == Umbrella()
