"""What an answer means, and when the next try is."""

import pytest

from consumers.notify.core.answers import DELAYS, Answer, delay_ms, outcome, retry_after

NOW = 1_772_452_800_000


def after(answer, kind="webhook", attempts=1):
    return outcome(kind, answer, "key", attempts, NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_two_hundred_is_delivered(status):
    assert after(Answer(status)).stage == "sent"


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(408), Answer(None, error="x")])
def test_what_may_pass_is_tried_again_on_the_schedule(answer):
    for attempts in range(1, len(DELAYS)):
        found = after(answer, attempts=attempts)
        wait = (found.next_at - NOW) / 1000
        assert found.stage == "waiting"
        assert 0.8 * DELAYS[attempts] <= wait <= 1.2 * DELAYS[attempts]
    assert after(answer, attempts=len(DELAYS)).stage == "dead"


def test_the_schedule_lasts_more_than_three_days_and_spreads():
    assert sum(DELAYS) > 3 * 86_400
    assert len({delay_ms(f"k{n}", 3) for n in range(50)}) > 40


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_does_not_pass_is_final(status):
    found = after(Answer(status))
    assert (found.stage, found.disable) == ("dead", "")


def test_gone_switches_the_channel_off():
    assert after(Answer(410)).disable == "the receiver answered 410: gone"


def test_redirects_are_not_followed():
    assert after(Answer(302)) == ("dead", "302: redirects are not followed", 0, "", 0, ())


def test_a_refusal_of_ours_is_final():
    assert after(Answer(None, error="refused: no", refused=True)).said == "refused: no"


def test_too_many_holds_the_whole_channel_as_long_as_asked():
    found = after(Answer(429, retry_after="120"))
    assert found.blocked_until == found.next_at == NOW + 120_000
    assert after(Answer(429)).blocked_until == NOW + 60_000
    assert after(Answer(503, retry_after="7200")).next_at == NOW + 7_200_000
    assert after(Answer(429, retry_after="999999999")).blocked_until == NOW + 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("5", 5000),
        (" 5 ", 5000),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1e9", 0),
        ("Mon, 02 Mar 2026 12:00:30 GMT", 30_000),
        ("Mon, 02 Mar 2026 12:00:30", 30_000),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(text, ms):
    assert retry_after(text, NOW) == ms


@pytest.mark.parametrize(
    ("kind", "body", "stage"),
    [
        ("dingtalk", b'{"errcode":0,"errmsg":"ok"}', "sent"),
        ("dingtalk", b'{"errcode":130101,"errmsg":"send too fast"}', "waiting"),
        ("dingtalk", b'{"errcode":310000,"errmsg":"sign not match"}', "dead"),
        ("feishu", b'{"code":0,"msg":"success"}', "sent"),
        ("feishu", b'{"StatusCode":0,"StatusMessage":"success"}', "sent"),
        ("feishu", b'{"code":11232,"msg":"frequency limited"}', "waiting"),
        ("feishu", b'{"code":19021,"msg":"sign match fail"}', "dead"),
        ("wecom", b'{"errcode":0}', "sent"),
        ("wecom", b'{"errcode":45009}', "waiting"),
        ("wecom", b'{"errcode":93000}', "dead"),
        ("wecom", b"<html>", "waiting"),
        ("dingtalk", b"[]", "waiting"),
        ("dingtalk", b'{"errcode":"0"}', "waiting"),
    ],
)
def test_two_hundred_of_a_bot_is_delivered_only_with_code_nought(kind, body, stage):
    found = after(Answer(200, body), kind)
    assert found.stage == stage
    assert bool(found.blocked_until) == (
        stage == "waiting" and b"code" in body and b'"0"' not in body
    )
