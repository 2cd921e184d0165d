from consumers.watch.outlook import STANDSTILL, Standing, noted, outlook, went_back

MINUTE = 60_000
L = 2 * MINUTE


def test_a_minute_is_decided_when_every_mark_has_passed_its_end_and_the_lateness():
    standings = {0: Standing(20 * MINUTE, 0.0), 1: Standing(13 * MINUTE, 0.0)}

    assert outlook(standings, L, 1.0).minute == 10
    standings[1] = Standing(13 * MINUTE - 1, 0.0)
    assert outlook(standings, L, 1.0).minute == 9


def test_a_known_partition_without_a_mark_is_waited_for_and_then_left_out():
    standings = noted({}, (0, 1), {0: 20 * MINUTE}, 0.0)
    assert outlook(standings, L, 1.0) == (None, ())

    standings = noted(standings, (0, 1), {0: 30 * MINUTE}, STANDSTILL)

    assert outlook(standings, L, STANDSTILL) == (27, (1,))


def test_where_all_stand_still_nothing_is_decided():
    standings = noted({}, (), {0: 20 * MINUTE, 1: 20 * MINUTE}, 0.0)

    assert outlook(standings, L, STANDSTILL) == (None, (0, 1))


def test_a_mark_that_moves_or_falls_back_begins_anew():
    standings = noted({}, (), {0: 5, 1: 5, 2: 5}, 0.0)

    after = noted(standings, (), {0: 5, 1: 6, 2: 4}, 9.0)

    assert [after[p].since for p in (0, 1, 2)] == [0.0, 9.0, 9.0]


def test_a_store_that_lost_a_mark_went_back():
    assert went_back({0: 5}, {})
    assert went_back({0: 5}, {0: 4})
    assert not went_back({0: 5}, {0: 6, 1: 1})
