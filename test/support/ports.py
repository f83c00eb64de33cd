"""Ports of this host that nobody listens on."""
import socket


def free_ports(count):
    """Free together, so all different; whoever asks next may be given one of them."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
