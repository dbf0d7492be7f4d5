"""The books of what was ordered, when nothing more can come of what was done so far."""

from harness import wait_state


def texts(simulator):
    """The prompts of all requests, accepted or not, in their order."""
    return [" ".join(item["text"] for item in request["body"]["content"] if item["type"] == "text")
            for request in simulator.requests(on="create")]


def check_orders(mount, simulator, *prompts):
    """An order that is written now has gone out, and before it these: each was billed once. So a late one shows."""
    simulator.hold("queued")
    count = sum(1 for path in mount.path.iterdir() if path.name.startswith("marker-"))
    marker = mount.folder(f"marker-{count}", f"marker {count}")
    wait_state(marker, "queued", "running", "succeeded")
    found = [text for text in texts(simulator) if not text.startswith("marker ")]
    assert found == list(prompts), found
    assert simulator.creates() == len(prompts) + count + 1
