import math

from consumers.watch.core.umbrella import Umbrella, e_d_bh, least_of, umbrella_of


def excess(**values):
    return {name: math.log(value) for name, value in values.items()}


def test_the_more_series_stand_out_the_less_each_needs():
    assert e_d_bh(excess(a=1.0)) == ("a",)
    assert e_d_bh(excess(a=0.9, b=0.1)) == ()
    assert e_d_bh(excess(a=0.5, b=0.6)) == ("a", "b")
    assert e_d_bh(excess(a=0.26, b=0.26, c=0.26, d=0.26, e=0.01)) == ("a", "b", "c", "d")
    assert e_d_bh({"a": -math.inf, "b": 0.0}) == ("b",)
    assert e_d_bh({}) == ()


def test_an_umbrella_needs_many_and_a_good_part_of_all():
    assert (least_of(3), least_of(15), least_of(100)) == (5, 5, 30)
    five = {f"s{n}": math.log(0.3) for n in range(5)}

    assert umbrella_of(Umbrella(), 7, five) == Umbrella(7, ("s0", "s1", "s2", "s3", "s4"))
    assert umbrella_of(Umbrella(), 7, dict(list(five.items())[:4])) == Umbrella()
    assert umbrella_of(Umbrella(), 7, {**five, **{f"q{n}": -math.inf for n in range(20)}}).since < 0


def test_an_umbrella_stays_until_half_of_it_is_gone():
    names = [f"s{n}" for n in range(6)]
    up = umbrella_of(Umbrella(), 7, dict.fromkeys(names, 0.0))

    three = umbrella_of(up, 9, {name: 0.0 if name < "s3" else -math.inf for name in names})
    two = umbrella_of(three, 10, {name: 0.0 if name < "s2" else -math.inf for name in names})

    assert three == Umbrella(7, ("s0", "s1", "s2"))
    assert two == Umbrella()
