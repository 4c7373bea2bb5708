"""An RTSP server of numbered frames, on Debian's GStreamer: run by the system's Python.

It needs the packages python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base, -good and
-ugly; its exit status is 77 without them. Its address is rtsp://127.0.0.1:PORT/live, and it
says when it is ready.
"""

import argparse
import sys
import threading
import time

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
except (ImportError, ValueError) as error:
    print(error, file=sys.stderr)
    sys.exit(77)

FPS = 100  # clients look at some twenty frames before they give the first
VIDEO = (
    "appsrc name=frames is-live=true format=time ! videoconvert"
    " ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1"
)
SOUND = "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8"

ELEMENTS = ("appsrc", "videoconvert", "x264enc", "rtph264pay", "alawenc", "rtppcmapay")


class Frames:
    """Pushes frames whose left half tells their number (0..24), their right half the server's."""

    def __init__(self, appsrc, options):
        self.appsrc, self.mark = appsrc, options.mark
        self.sizes, self.each = options.sizes, options.each
        self.count, self.wh = 0, None

    def run(self):
        """Pushes at the rate of a camera; the server's own thread may wait for a frame."""
        while self.push():
            time.sleep(1 / FPS)

    def push(self):
        """The next frame; False when nobody takes it any more."""
        wh = self.sizes[min(self.count // self.each, len(self.sizes) - 1)]
        if wh != self.wh:
            self.wh = wh
            caps = f"video/x-raw,format=GRAY8,width={wh[0]},height={wh[1]},framerate={FPS}/1"
            self.appsrc.set_property("caps", Gst.Caps.from_string(caps))
        half = wh[0] // 2
        row = bytes([luma(self.count % 25)]) * half + bytes([luma(self.mark)]) * half
        self.count += 1
        buffer = Gst.Buffer.new_wrapped(row * wh[1])
        # Not by the clock (do-timestamp): before the pipeline plays that may be hours ahead.
        buffer.pts = self.count * Gst.SECOND // FPS
        return self.appsrc.emit("push-buffer", buffer) == Gst.FlowReturn.OK


def luma(number):
    """The video-range luma that decodes to the grey 5 + 10 * number."""
    return round(16 + (5 + 10 * number) * 219 / 255)


class Camera(GstRtspServer.RTSPMediaFactory):
    """Makes the pipeline behind the address."""

    def __init__(self, options):
        super().__init__()
        self.options = options
        self.set_shared(True)
        self.connect("media-configure", self.fill)

    def do_create_element(self, _url):
        return Gst.parse_launch(f"( {SOUND if self.options.sound_only else VIDEO} )")

    def fill(self, _factory, media):
        appsrc = media.get_element().get_by_name("frames")
        if appsrc is not None:
            frames = Frames(appsrc, self.options)
            threading.Thread(target=frames.run, daemon=True).start()


def size(text):
    """Width and height of WIDTHxHEIGHT."""
    width, height = text.split("x")
    return int(width), int(height)


def protect(server, camera, user, password, *, basic):
    """Lets in nobody but this user."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "driver")
    auth = GstRtspServer.RTSPAuth()
    if basic:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST, by its number: an enum of GstRtsp
        auth.add_digest(user, password, token)
    server.set_auth(auth)
    rights = "driver,media.factory.access=true,media.factory.construct=true"
    camera.add_role_from_structure(Gst.Structure.new_from_string(rights))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--mark", type=int, default=0)
    parser.add_argument("--sizes", type=size, nargs="+", default=[(64, 48)])
    parser.add_argument("--each", type=int, default=50, help="frames of a size")
    parser.add_argument("--sound-only", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--basic", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing:
        print(f"GStreamer has no {', '.join(missing)}", file=sys.stderr)
        sys.exit(77)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    camera = Camera(options)
    if options.user:
        protect(server, camera, options.user, options.password, basic=options.basic)
    server.get_mount_points().add_factory("/live", camera)
    if not server.attach(None):
        raise SystemExit(f"port {options.port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
