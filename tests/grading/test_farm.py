"""Grading on this machine opens nothing to the network."""

import urllib.error
import urllib.request

import psutil
import pytest

from course_lib.grading.farm import Farm


def listening():
    found = psutil.Process().net_connections(kind="inet")
    return {c.laddr for c in found if c.status == psutil.CONN_LISTEN}


def test_nothing_listens_but_to_this_machine_and_no_page_tells_of_the_tasks():
    before = listening()
    with Farm(2) as farm:
        farm._connect()
        opened = listening() - before
        assert {address.ip for address in opened} <= {"127.0.0.1"}
        for address in opened:
            for page in ("/info/main/workers.html", "/json/counts.json", "/metrics", "/health"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://{address.ip}:{address.port}{page}", timeout=10)
