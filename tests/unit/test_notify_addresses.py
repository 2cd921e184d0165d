"""Where messages may be sent to, and the ways around it that do not lead there."""

import pytest

from consumers.notify.channels.outside import Outside
from consumers.notify.core.addresses import bad_url, networks, odd_host, refusal
from tests.receivers import certificate, receiving

LOOPBACK = networks(["127.0.0.0/8"])

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:0:0:0:0:80ff:fffe",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address):
    assert refusal(address) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_what_is_public_is_not(address):
    assert refusal(address) is None


def test_the_operator_may_name_networks():
    assert refusal("10.1.2.3", networks(["10.1.0.0/16"])) is None
    assert refusal("10.2.2.3", networks(["10.1.0.0/16"])) is not None
    assert refusal("::ffff:10.1.2.3", networks(["10.1.0.0/16"])) is not None
    assert refusal("169.254.169.254", LOOPBACK) is not None


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.5",
        "1.2.3.256",
        "010.0.0.1",
        "[::g]",
        "",
        ".",
        "a b",
    ],
)
def test_a_host_that_is_an_odd_number_is_not_looked_up(host):
    assert odd_host(host) is not None


def test_a_host_with_a_name_or_a_plain_address_is():
    for host in ("example.com", "example.com.", "1.2.3.4", "[::1]", "a.b1", "xn--fiq228c.test"):
        assert odd_host(host) is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "//example.com",
        "https://u:p@example.com/",
        "https://user@127.0.0.1/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://0x7f.1/",
        "https:///path",
        "nonsense",
    ],
)
def test_a_url_that_is_none_of_the_web_is_refused(url):
    assert bad_url(url) is not None


async def nowhere(_host, _port):
    raise AssertionError("it is not looked up")


async def test_nothing_odd_is_looked_up():
    for url in ("https://2130706433/", "https://0177.0.0.1/", "ftp://a.test/", "https://a\t.test/"):
        answer = await Outside(lookup=nowhere).post(url, b"", {})
        assert answer.refused, url


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_inside_is_refused(address):
    async def inside(_host, _port):
        return ["93.184.216.34", address]

    answer = await Outside(lookup=inside).post("https://rebind.test/", b"", {})
    assert answer.refused
    assert "public internet" in answer.error


async def test_the_loopback_itself_is_refused():
    async with receiving() as receiver:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{receiver.port}/"
            assert (await Outside().post(url, b"", {})).refused
    assert receiver.calls == []


async def test_the_address_that_was_checked_is_the_one_that_is_called():
    looked = []

    async def rebinding(_host, _port):
        looked.append(1)
        return ["127.0.0.1"] if len(looked) == 1 else ["127.0.0.2"]

    async with receiving() as receiver:
        url = f"http://name.test:{receiver.port}/hook"
        answer = await Outside(LOOPBACK, lookup=rebinding).post(url, b"x", {})
    assert (answer.status, len(looked)) == (200, 1)
    assert receiver.calls[0].headers["host"] == f"name.test:{receiver.port}"


async def test_tls_is_with_the_name_and_not_with_the_address(tmp_path):
    server, client = certificate(tmp_path, "name.test")

    async def here(_host, _port):
        return ["127.0.0.1"]

    async with receiving(tls=server) as receiver:
        outside = Outside(LOOPBACK, lookup=here, trust=client)
        good = await outside.post(f"https://name.test:{receiver.port}/", b"x", {})
        bad = await outside.post(f"https://other.test:{receiver.port}/", b"x", {})
        unknown = await Outside(LOOPBACK, lookup=here).post(
            f"https://name.test:{receiver.port}/", b"x", {}
        )
    assert good.status == 200
    assert (bad.status, unknown.status) == (None, None)
    assert len(receiver.calls) == 1


async def test_plain_http_goes_only_where_the_operator_says():
    async def public(_host, _port):
        return ["93.184.216.34"]

    answer = await Outside(LOOPBACK, lookup=public).post("http://a.test/", b"", {})
    assert answer.error == "refused: it must begin with https://"


async def test_redirects_are_not_followed():
    def away(_call):
        return 302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""

    async with receiving(away) as receiver:
        assert (await Outside(LOOPBACK).post(receiver.url, b"", {})).status == 302
    assert len(receiver.calls) == 1


async def test_what_hangs_closes_early_or_floods_is_an_answer_too():
    async with receiving(lambda _c: "hang") as receiver:
        answer = await Outside(LOOPBACK, seconds=0.2).post(receiver.url, b"", {})
        assert answer.error == "no answer within 0.2 s"
    async with receiving(lambda _c: "close") as receiver:
        assert (await Outside(LOOPBACK).post(receiver.url, b"", {})).status is None
    async with receiving(lambda _c: (200, {}, b"x" * 1_000_000)) as receiver:
        answer = await Outside(LOOPBACK).post(receiver.url, b"", {})
        assert (answer.status, len(answer.body)) == (200, 4096)
    gone = await Outside(LOOPBACK).post(receiver.url, b"", {})
    assert (gone.status, gone.refused) == (None, False)


async def test_a_name_that_is_not_there_is_tried_again():
    answer = await Outside().post("https://no-such-name.invalid/", b"", {})
    assert (answer.status, answer.refused) == (None, False)
