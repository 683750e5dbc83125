"""Which addresses that strangers give us may be called."""

from ipaddress import ip_address

import pytest

from reporting import endpoints
from reporting.errors import EndpointRefused

#: None of these is a push service, however it is written.
HOSTILE = [
    "http://push.example.com/1",
    "ftp://push.example.com/1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "https://",
    "https:///1",
    "https://:443/1",
    "https://127.0.0.1/1",
    "https://127.1/1",
    "https://127.0.1/1",
    "https://0x7f.1/1",
    "https://0x7f000001/1",
    "https://2130706433/1",
    "https://0177.0.0.1/1",
    "https://017700000001/1",
    "https://0/1",
    "https://0.0.0.0/1",
    "https://127.0.0.1./1",
    "https://[::1]/1",
    "https://[::]/1",
    "https://[::ffff:127.0.0.1]/1",
    "https://[::ffff:7f00:1]/1",
    "https://[::ffff:169.254.169.254]/1",
    "https://[::127.0.0.1]/1",
    "https://[2002:7f00:1::]/1",
    "https://[64:ff9b::127.0.0.1]/1",
    "https://[64:ff9b::a9fe:a9fe]/1",
    "https://[fe80::1]/1",
    "https://[fe80::1%25lo]/1",
    "https://[fc00::1]/1",
    "https://[fd12:3456::1]/1",
    "https://[fec0::1]/1",
    "https://[ff02::1]/1",
    "https://[2001:db8::1]/1",
    "https://[2001:0:7f00:1::1]/1",
    "https://10.0.0.1/1",
    "https://10.1/1",
    "https://172.16.0.1/1",
    "https://172.31.255.255/1",
    "https://192.168.1.1/1",
    "https://192.0.0.1/1",
    "https://192.0.2.1/1",
    "https://198.18.0.1/1",
    "https://100.64.0.1/1",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.1/1",
    "https://0xa9fea9fe/1",
    "https://224.0.0.1/1",
    "https://240.0.0.1/1",
    "https://255.255.255.255/1",
    "https://localhost/1",
    "https://LOCALHOST/1",
    "https://localhost./1",
    "https://a.localhost/1",
    "https://redis/1",
    "https://redis./1",
    "https://printer.local/1",
    "https://metadata.google.internal/1",
    "https://user@push.example.com/1",
    "https://user:pass@127.0.0.1/1",
    "https://push.example.com@127.0.0.1/1",
    "https://127.0.0.1#@push.example.com/1",
    "https://push.example.com#@127.0.0.1/1",
    "https://push.example.com:22/1",
    "https://push.example.com:6379/1",
    "https://push.example.com:99999/1",
    "https://push.example.com:x/1",
    "https://push.example.com/a b",
    "https://push.example.com/\t1",
    "https://pu\u0161h.example.com/1",
    "https://\uff11\uff12\uff17.0.0.1/1",
    "https://[127.0.0.1]/1",
    "https://[::1/1",
    "//127.0.0.1/1",
    "127.0.0.1",
    "javascript:alert(1)",
    "https://push.example.com/" + "x" * 2000,
]


@pytest.mark.parametrize("url", HOSTILE)
def test_what_is_not_on_the_public_internet_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefused):
        endpoints.check(url)


@pytest.mark.parametrize("url", [each for each in HOSTILE if "//127.0.0.1/" not in each])
def test_a_trial_may_call_its_own_machine_and_no_more(url: str) -> None:
    """Its own by any number, none of the others."""
    try:
        endpoints.check(url, trial=True)
    except EndpointRefused:
        return
    assert "127" in url or "0x7f" in url or "2130706433" in url or "[::1]" in url or "017" in url


@pytest.mark.parametrize(
    "url",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def-_",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://web.push.apple.com/QGu",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2f",
        "https://fcm.googleapis.com:443/fcm/send/abc",
        "https://8.8.8.8/1",
        "https://[2606:4700:4700::1111]/1",
    ],
)
def test_push_services_are_called(url: str) -> None:
    endpoints.check(url)


@pytest.mark.parametrize("port", ["", ":8080"])
def test_a_trials_own_push_service(port: str) -> None:
    for scheme in ("http", "https"):
        endpoints.check(f"{scheme}://127.0.0.1{port}/1", trial=True)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False),
        ("2002:a00:1::1", False),
        ("::ffff:10.0.0.1", False),
        ("192.88.99.1", True),
        ("2001::1", False),
    ],
)
def test_ipv4_inside_ipv6_is_looked_at(text: str, public: bool) -> None:
    assert endpoints.is_public(ip_address(text)) is public
