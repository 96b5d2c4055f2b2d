"""The ACL we give out, in a real Mosquitto: a gateway has its own topics and nobody else's."""

import queue
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from contract import topics
from contract.topics import Lane

ACL = Path(__file__).parents[3] / "deploy" / "mosquitto.acl"
USERS = {"hub": "h", "enrol": "e", "gw-a": "a", "gw-b": "b"}
WAIT_S = 10


class Client:
    """A connected client; `heard` holds the (topic, payload) pairs it got."""

    def __init__(self, port: int, user: str) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._granted: queue.Queue[int] = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(user, USERS[user])
        self._client.on_message = lambda _c, _u, message: self.heard.put((message.topic, message.payload))
        self._client.on_subscribe = lambda _c, _u, _m, codes, _p: self._granted.put(codes[0].value)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, 1)
        self._granted.get(timeout=WAIT_S)

    def publish(self, topic: str) -> None:
        self._client.publish(topic, b"x", 1).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def clients(start_mosquitto) -> Iterator[dict[str, Client]]:
    broker = start_mosquitto(settings=f"acl_file {ACL}", users=USERS)
    clients = {user: Client(broker.port, user) for user in USERS}
    yield clients
    for client in clients.values():
        client.close()


def test_a_gateway_is_heard_on_its_own_topics_only(clients):
    clients["hub"].subscribe("campus/v1/#")
    own = [*[topics.up("school", "gw-a", lane) for lane in Lane], topics.state("school", "gw-a"),
           topics.enrol_request("school", "gw-a")]
    others = [topics.up("school", "gw-b", Lane.EVENT), topics.state("school", "gw-b"),
              topics.cmd("school", "gw-b"), topics.ack("school", "gw-a"), topics.cmd("school", "gw-a"),
              topics.up("other", "gw-a", Lane.LIVE), "campus/v1/school/gw-a/up/live/more"]
    for topic in [*others, *own]:
        clients["gw-a"].publish(topic)
    assert [clients["hub"].heard.get(timeout=WAIT_S)[0] for _ in own] == own
    assert clients["hub"].heard.empty()


def test_a_gateway_hears_what_is_meant_for_it_only(clients):
    clients["gw-b"].subscribe("campus/v1/#")
    clients["gw-b"].subscribe(topics.cmd("school", "gw-b"))
    clients["hub"].publish(topics.cmd("school", "gw-a"))
    clients["gw-a"].publish(topics.up("school", "gw-a", Lane.LIVE))
    clients["hub"].publish(topics.cmd("school", "gw-b"))
    assert clients["gw-b"].heard.get(timeout=WAIT_S)[0] == topics.cmd("school", "gw-b")


def test_a_stranger_may_only_ask_to_be_let_in(clients):
    clients["hub"].subscribe("campus/v1/#")
    clients["enrol"].subscribe(topics.enrol_reply("school", "gw-new"))
    clients["enrol"].publish(topics.up("school", "gw-a", Lane.EVENT))
    clients["enrol"].publish(topics.state("school", "gw-new"))
    clients["enrol"].publish(topics.enrol_request("school", "gw-new"))
    assert clients["hub"].heard.get(timeout=WAIT_S)[0] == topics.enrol_request("school", "gw-new")
    clients["hub"].publish(topics.enrol_reply("school", "gw-new"))
    assert clients["enrol"].heard.get(timeout=WAIT_S)[0] == topics.enrol_reply("school", "gw-new")
