"""Checks of what was ordered, after all earlier changes have taken effect."""

from harness import wait_state


def texts(simulator):
    """The prompts of all create requests in their order, accepted or not."""
    return [" ".join(item["text"] for item in request["body"]["content"] if item["type"] == "text")
            for request in simulator.requests(on="create")]


def check_orders(mount, simulator, *prompts):
    """Checks that exactly these orders were sent and billed once, after an order that is written
    now has been sent. A late order shows, too."""
    simulator.hold("queued")
    count = sum(1 for path in mount.path.iterdir() if path.name.startswith("marker-"))
    marker = mount.folder(f"marker-{count}", f"marker {count}")
    wait_state(marker, "queued", "running", "succeeded")
    found = [text for text in texts(simulator) if not text.startswith("marker ")]
    assert found == list(prompts), found
    assert simulator.creates() == len(prompts) + count + 1
