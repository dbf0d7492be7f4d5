"""Says yes to everything, MS milliseconds late: nginx asks here before it answers. usage: delay.py
PORT MS

No byte of a video passes through it, so it adds latency to a request without reducing the
throughput.
"""

import asyncio
import sys


async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(int(sys.argv[2]) / 1000)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
